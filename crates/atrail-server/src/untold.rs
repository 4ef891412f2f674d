//! Sessions that no client knows of, because the answer could not be written or the client had disconnected. They end,
//! so that they count against nobody's limit.

use std::pin::Pin;
use std::task::{Context, Poll};

use atrail_model::{SessionId, UserId};
use atrail_store::{ErrorKind, Session, Store};
use axum::body::{Body, HttpBody};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

/// A new session that ends when this value is dropped, unless the connection has received its answer.
#[derive(Debug)]
pub(crate) struct Untold {
    store: Store,
    owner: UserId,
    session: SessionId,
    is_told: bool,
}

impl Untold {
    /// Creates the value for a session that no client knows yet.
    pub(crate) fn new(store: &Store, session: &Session) -> Self {
        Self {
            store: store.clone(),
            owner: session.owner,
            session: session.id,
            is_told: false,
        }
    }

    /// Returns the answer that reports the session, with a body that keeps the session once it is sent.
    pub(crate) fn until_sent(self, answer: Response) -> Response {
        answer.map(|body| Body::new(Telling { body, untold: self }))
    }
}

impl Drop for Untold {
    fn drop(&mut self) {
        if self.is_told {
            return;
        }
        let (store, owner, session) = (self.store.clone(), self.owner, self.session);
        tokio::spawn(async move {
            match store.delete_session(owner, session).await {
                Ok(()) => {
                    tracing::info!(%session, "the client never received its new session: the server ended it")
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => tracing::error!(
                    %session,
                    error = &error as &dyn std::error::Error,
                    "the client never received its new session, and the server cannot end it: it stays until it expires"
                ),
            }
        });
    }
}

/// The body of an answer that reports a session.
#[derive(Debug)]
struct Telling {
    body: Body,
    untold: Untold,
}

impl HttpBody for Telling {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let next = Pin::new(&mut self.body).poll_frame(context);
        self.untold.is_told |= matches!(next, Poll::Ready(Some(Ok(_))));
        next
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use atrail_model::{Hours, ManualClock, Scope, Target};
    use atrail_store::{NewSession, StoreSettings};
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn a_session_that_nobody_was_told_of_ends() {
        let dir = tempfile::tempdir().unwrap();
        let now = "2017-07-25T10:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::new(now));
        let settings = StoreSettings::new(dir.path().join("data"));
        let store = Store::open_dir(settings, clock).await.unwrap();
        let account = store.tenancy().create_account("acme", now).await;
        let day = "2017-07-25".parse().unwrap();
        let scope = Scope {
            target: Target::Account(account.unwrap().id),
            days: atrail_model::DayRange::new(day, day).unwrap(),
            hours: Hours::ALL,
        };
        let owner = UserId::generate();
        let untold = async || {
            let new = NewSession {
                owner,
                space: None,
                scope,
                user: "ann".to_owned(),
                since: std::collections::BTreeMap::new(),
                id: None,
            };
            Untold::new(&store, &store.create_session(new).await.unwrap())
        };
        let answer = || Response::new(Body::from("told"));
        let open = async || store.sessions(owner, None).await.unwrap().len();

        let told = untold().await.until_sent(answer());
        assert_eq!(to_bytes(told.into_body(), 9).await.unwrap(), "told");
        drop(untold().await);
        drop(untold().await.until_sent(answer()));
        let mut left = open().await;
        for _ in 0..600 {
            if left == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            left = open().await;
        }
        assert_eq!(left, 1, "the one that was told of stays");
    }
}

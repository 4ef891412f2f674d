//! Reads the rest of a body that no handler reads.
//!
//! The server answers a refused request while the client still sends the body. If the server then closed the connection
//! with unread bytes, the system would reset it, and many clients would lose the answer. So the server reads and drops
//! a little more.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header::EXPECT;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt;
use hyper::body::{Frame, SizeHint};

/// The most that the server reads of such a body, and for how long.
const DROPPED_MAX_BYTES: usize = 16 << 20;
const DROPPED_MAX_TIME: Duration = Duration::from_secs(3);

/// Serves a request, and drops the unread rest of its body in the background.
pub(crate) async fn drop_rest(request: Request, next: Next) -> Response {
    // A client that waits for permission to send the body has not sent it.
    if request.headers().contains_key(EXPECT) || request.body().is_end_stream() {
        return next.run(request).await;
    }
    next.run(request.map(|body| Body::new(Watched(Some(body)))))
        .await
}

/// A body; `None` after its end or an error.
struct Watched(Option<Body>);

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.0 = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Some(body) => body.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let Some(rest) = self.0.take().filter(|rest| !rest.is_end_stream()) else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // The task ends soon, by itself; nothing waits for it.
            runtime.spawn(tokio::time::timeout(DROPPED_MAX_TIME, read_and_drop(rest)));
        }
    }
}

async fn read_and_drop(body: Body) {
    let mut stream = body.into_data_stream();
    let mut left = DROPPED_MAX_BYTES;
    while let Some(Ok(chunk)) = stream.next().await {
        match left.checked_sub(chunk.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

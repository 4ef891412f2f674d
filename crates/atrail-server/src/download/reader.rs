//! Who takes the bytes of a download, whether they may go on doing so, and that it is on record.

use std::ops::Range;
use std::sync::Arc;

use atrail_model::LoginId;
use atrail_store::{Session, StoreError};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};

use crate::app::App;
use crate::audit::{Actor, Answer, Unwritten};
use crate::auth::access::may_go_on_reading;
use crate::auth::principal::Principal;

/// Why an answer that had begun was cut.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cut {
    /// The bytes cannot be had.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The login has ended, or its user's role is gone.
    #[error("the reader's login or role has ended")]
    NotAllowed,
    /// Nobody can say whether the reader may go on.
    #[error("the reader's rights cannot be looked up: {0}")]
    Unknown(String),
    /// The end of the download cannot be put on record.
    #[error("that the download is complete cannot be put on record")]
    Unrecorded(#[from] Unwritten),
}

/// A login that reads a session.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    app: Arc<App>,
    login: LoginId,
    actor: Actor,
    session: Arc<Session>,
}

impl Reader {
    /// A principal who reads a session, which is as it stood when the download was opened.
    pub(crate) fn new(app: &Arc<App>, principal: &Principal, session: Session) -> Self {
        Self {
            app: Arc::clone(app),
            login: principal.login(),
            actor: principal.actor(),
            session: Arc::new(session),
        }
    }

    /// The bytes of this range until the login or the role ends: before each chunk is handed on, the reader's standing is
    /// asked for, which is remembered for seconds and costs nothing in between. It is returned once it is on record that the
    /// range is read, and its last chunk handed on once it is on record that all is: whoever has the whole has left a trace.
    pub(crate) async fn watch(
        self,
        range: Range<u64>,
        bytes: impl Stream<Item = Result<Bytes, Cut>> + Send + 'static,
    ) -> Result<impl Stream<Item = Result<Bytes, Cut>> + Send + 'static, Unwritten> {
        let audit = &self.app.audit;
        let position = range.start;
        let answer = audit.reads(&self.session, self.login, &self.actor, range);
        let watched = Watched {
            answer: answer.await?,
            bytes: bytes.boxed(),
            position,
            reader: self,
        };
        Ok(stream::try_unfold(watched, |mut watched| async {
            let next = watched.next().await?;
            Ok(next.map(|chunk| (chunk, watched)))
        }))
    }

    async fn allow(&self) -> Result<(), Cut> {
        match may_go_on_reading(&self.app, self.login, self.session.scope.target).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Cut::NotAllowed),
            Err(error) => Err(Cut::Unknown(error.chain())),
        }
    }
}

/// Bytes on their way to a reader.
struct Watched {
    reader: Reader,
    answer: Answer,
    bytes: BoxStream<'static, Result<Bytes, Cut>>,
    position: u64,
}

impl Watched {
    async fn next(&mut self) -> Result<Option<Bytes>, Cut> {
        let Some(chunk) = self.bytes.try_next().await? else {
            return Ok(None);
        };
        self.reader.allow().await?;
        let start = self.position;
        self.position += chunk.len() as u64;
        self.answer.hand_out(start..self.position).await?;
        Ok(Some(chunk))
    }
}

//! The reader of a download: checks for each chunk whether the reader may continue, and records the download.

use std::ops::Range;
use std::sync::Arc;

use atrail_model::LoginId;
use atrail_store::{Session, StoreError};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};

use crate::app::App;
use crate::audit::{Actor, Answer, Unwritten};
use crate::auth::principal::Principal;
use crate::auth::watch::{Ended, Watch};

/// Why the server cut an answer that it had begun.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cut {
    /// The store cannot read the bytes.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The reader may not continue.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// The server cannot record the end of the download.
    #[error("cannot record the download")]
    Unrecorded(#[from] Unwritten),
}

/// A login that reads a session.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    app: Arc<App>,
    login: LoginId,
    watch: Watch,
    actor: Actor,
    session: Arc<Session>,
}

impl Reader {
    /// Creates the reader for a principal and a session, whose state is that at the opening of the download.
    pub(crate) fn new(app: &Arc<App>, principal: &Principal, session: Session) -> Self {
        Self {
            app: Arc::clone(app),
            login: principal.login(),
            watch: Watch::of_download(app, principal, session.scope.target),
            actor: principal.actor(),
            session: Arc::new(session),
        }
    }

    /// Streams the bytes of this range until the login or the role ends: before it passes on a chunk, it checks the
    /// reader's standing, which is cached for seconds and costs nothing in between. It returns once the start of the
    /// reading is durable, and passes on the last chunk that the reader lacks once the end of the reading is durable:
    /// a reader of the whole download has left a record.
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
}

/// The state of a stream to a reader.
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
        self.reader.watch.allow().await?;
        let start = self.position;
        self.position += chunk.len() as u64;
        self.answer.hand_out(start..self.position).await?;
        Ok(Some(chunk))
    }
}

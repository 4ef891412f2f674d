//! Who takes the bytes of a download, whether they may go on doing so, and that it is on record.

use std::ops::Range;
use std::sync::Arc;

use atrail_store::{LoginId, Session, StoreError};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};

use crate::app::App;
use crate::audit::{Actor, Unwritten};
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

    /// To be awaited before the answer with bytes from this place on: the download's start is on record then.
    pub(crate) async fn begin(&self, position: u64) -> Result<(), Unwritten> {
        let audit = &self.app.audit;
        audit
            .download_begins(&self.session, &self.actor, position)
            .await
    }

    /// The same bytes, which begin at this place, until the login or the role ends: before each chunk is handed on, the
    /// reader's standing is asked for, which is remembered for seconds and costs nothing in between. The last chunk is
    /// handed on once the download's end is on record: whoever has the whole has left a trace.
    pub(crate) fn watch(
        self,
        mut position: u64,
        bytes: impl Stream<Item = Result<Bytes, Cut>> + Send + 'static,
    ) -> impl Stream<Item = Result<Bytes, Cut>> + Send + 'static {
        bytes.and_then(move |chunk| {
            let reader = self.clone();
            let start = position;
            position += chunk.len() as u64;
            let handed_out = start..position;
            async move {
                reader.allow().await?;
                reader.note(handed_out).await?;
                Ok(chunk)
            }
        })
    }

    async fn note(&self, bytes: Range<u64>) -> Result<(), Unwritten> {
        let audit = &self.app.audit;
        audit.hands_out(&self.session, &self.actor, bytes).await
    }

    async fn allow(&self) -> Result<(), Cut> {
        match may_go_on_reading(&self.app, self.login, self.session.scope.target).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Cut::NotAllowed),
            Err(error) => Err(Cut::Unknown(error.chain())),
        }
    }
}

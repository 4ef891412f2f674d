//! Who takes the bytes of a download, and whether they may go on doing so.

use std::sync::Arc;

use atrail_model::Target;
use atrail_store::{LoginId, StoreError};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};

use crate::app::App;
use crate::auth::access::may_go_on_reading;

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
}

/// A login that reads a target.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    app: Arc<App>,
    login: LoginId,
    target: Target,
}

impl Reader {
    pub(crate) fn new(app: &Arc<App>, login: LoginId, target: Target) -> Self {
        Self {
            app: Arc::clone(app),
            login,
            target,
        }
    }

    /// The same bytes, until the login or the role ends: before each chunk is handed on, the reader's standing is asked
    /// for, which is remembered for seconds and costs nothing in between.
    pub(crate) fn watch(
        self,
        bytes: impl Stream<Item = Result<Bytes, Cut>> + Send + 'static,
    ) -> impl Stream<Item = Result<Bytes, Cut>> + Send + 'static {
        bytes.and_then(move |chunk| {
            let reader = self.clone();
            async move { reader.allow().await.map(|()| chunk) }
        })
    }

    async fn allow(&self) -> Result<(), Cut> {
        match may_go_on_reading(&self.app, self.login, self.target).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Cut::NotAllowed),
            Err(error) => Err(Cut::Unknown(error.chain())),
        }
    }
}

//! Watches whether a caller may still read a target, while the server works on a long answer.

use std::sync::Arc;
use std::time::Duration;

use atrail_model::{LoginId, Target};

use super::access::may_go_on_reading;
use super::browser;
use super::principal::Principal;
use crate::app::App;
use crate::error::ApiError;

/// Time between two checks while nothing is handed out.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why the caller may not continue to read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// The login has ended, or its user has lost the role.
    #[error("the reader's login has ended, or the role is gone")]
    NotAllowed,
    /// The server cannot look up whether the reader may continue.
    #[error("cannot look up the reader's rights: {0}")]
    Unknown(String),
}

impl From<Ended> for ApiError {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::NotAllowed => Self::unauthenticated(
                "your login, or your role, ended while the server worked on the answer",
            ),
            Ended::Unknown(_) => {
                Self::unavailable("the server cannot look up your rights: try again in a moment")
                    .because(ended)
            }
        }
    }
}

/// A login that reads a target.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    app: Arc<App>,
    login: LoginId,
    target: Target,
    /// Whether the work is a use of a browser's login.
    is_use: bool,
}

impl Watch {
    pub(crate) fn new(app: &Arc<App>, principal: &Principal, target: Target) -> Self {
        Self {
            app: Arc::clone(app),
            login: principal.login(),
            target,
            is_use: false,
        }
    }

    /// The same for a download: it is a use of a browser's login, which would otherwise end for want of use while a large
    /// download is in progress.
    pub(crate) fn of_download(app: &Arc<App>, principal: &Principal, target: Target) -> Self {
        Self {
            is_use: principal.browser().is_some(),
            ..Self::new(app, principal, target)
        }
    }

    /// Returns whether the login may continue to read. The standing is cached for seconds, so that a check costs
    /// nothing in between.
    pub(crate) async fn allow(&self) -> Result<(), Ended> {
        match may_go_on_reading(&self.app, self.login, self.target).await {
            Ok(true) => {
                if self.is_use {
                    let now = self.app.clock.moment();
                    browser::used(&self.app, self.login, now).await;
                }
                Ok(())
            }
            Ok(false) => Err(Ended::NotAllowed),
            Err(error) => Err(Ended::Unknown(error.chain())),
        }
    }

    /// Returns once the login may no longer read.
    pub(crate) async fn until_ended(&self) -> Ended {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Err(ended) = self.allow().await {
                return ended;
            }
        }
    }
}

//! The settings of the console.

use std::path::PathBuf;
use std::time::Duration;

/// The settings of the console, which the server shows in a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleSettings {
    /// Whether the server serves the console. Without it no browser can log in.
    pub is_on: bool,
    /// The login of a browser ends this long after its last use.
    pub idle_ttl: Duration,
    /// The login of a browser ends this long after it began, however often it is used.
    pub max_ttl: Duration,
    /// A login is fresh this long after it began: changes of retention, holds, roles and keys want a fresh one.
    pub fresh_ttl: Duration,
    /// Serves the pages from this directory instead, for those who edit them. Builds for debugging alone read it.
    pub dir: Option<PathBuf>,
}

impl ConsoleSettings {
    /// Returns whether the server serves the console: a build without it never does.
    pub(crate) const fn is_served(&self) -> bool {
        cfg!(feature = "console") && self.is_on
    }
}

impl Default for ConsoleSettings {
    fn default() -> Self {
        Self {
            is_on: true,
            idle_ttl: Duration::from_secs(30 * 60),
            max_ttl: Duration::from_secs(12 * 3600),
            fresh_ttl: Duration::from_secs(15 * 60),
            dir: None,
        }
    }
}

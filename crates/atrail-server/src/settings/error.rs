//! An invalid setting.

pub(super) const INSECURE: &str = "server.insecure_http";

/// A setting is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {why}")]
pub struct SettingError {
    /// The name of the setting in the configuration file.
    pub name: &'static str,
    /// Why the value is invalid.
    pub why: String,
}

impl SettingError {
    /// Returns whether the error is that the server would speak plain HTTP with other machines.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        self.name == INSECURE
    }
}

//! What is wrong with a setting.

pub(super) const INSECURE: &str = "server.insecure_http";

/// A setting has a value that the server cannot work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {why}")]
pub struct SettingError {
    /// The setting as the configuration file names it.
    pub name: &'static str,
    /// What is wrong with it.
    pub why: String,
}

impl SettingError {
    /// Whether what is refused is to speak plain HTTP with other machines.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        self.name == INSECURE
    }
}

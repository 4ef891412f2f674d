//! Runs blocking work.

use crate::error::{CliError, Result};

/// Runs work that blocks, such as hashing a file, so that Ctrl-C still works.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| CliError::failed("an internal task failed").because(error))?
}

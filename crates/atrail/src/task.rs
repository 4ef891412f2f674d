//! Runs work that blocks, and work that Ctrl-C ends.

use crate::error::{CliError, Exit, Result};

/// Runs work that blocks, such as hashing a file, so that Ctrl-C still works.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| CliError::failed("an internal task failed").because(error))?
}

/// Runs work until it ends, or until Ctrl-C: then it drops the work and returns [`Exit::Interrupted`].
pub(crate) async fn until_interrupted<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        biased;
        done = work => done,
        () = interrupted() => Err(CliError::new(Exit::Interrupted, "interrupted")),
    }
}

/// Returns at Ctrl-C.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

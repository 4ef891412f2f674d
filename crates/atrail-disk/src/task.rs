//! Runs work beside its requester.

use tokio::task::JoinHandle;

use crate::error::{Result, StoreError};
use crate::low_priority::{Priority, spawn_low};

/// Runs work that would block the threads that answer.
pub async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    joined(tokio::task::spawn_blocking(work)).await
}

/// As [`off_thread`], for work that occupies a core for a while.
pub async fn off_thread_low<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    joined(spawn_low(Priority::Lowest, work)).await
}

/// Whether other requests wait for a piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// They proceed, and take a core before it.
    Proceed,
    /// They wait, for example for a transaction that it is part of: at a lower priority it would keep all of them waiting.
    Wait,
}

/// Runs work that occupies a core for a while, with the priority that suits those who wait for it.
pub async fn off_thread_beside<T: Send + 'static>(
    others: Others,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match others {
        Others::Proceed => off_thread_low(work).await,
        Others::Wait => off_thread(work).await,
    }
}

/// Returns the outcome of a task. A task that panicked may have done part of its work; one that was cancelled ended
/// with the store.
pub async fn joined<T>(task: JoinHandle<Result<T>>) -> Result<T> {
    match task.await {
        Ok(outcome) => outcome,
        Err(error) if error.is_panic() => Err(StoreError::Panicked),
        Err(_) => Err(StoreError::Closed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test]
    #[allow(clippy::panic, reason = "that is what is tested")]
    async fn a_panic_does_not_pass_for_a_store_that_shuts_down() {
        let broken = off_thread::<()>(|| panic!("planted")).await.unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::Broken, "{broken}");
        let cancelled = tokio::spawn(std::future::pending::<Result<()>>());
        cancelled.abort();
        let closed = joined(cancelled).await.unwrap_err();
        assert_eq!(closed.kind(), ErrorKind::Unavailable, "{closed}");
    }
}

//! Waits for other machines, for callers that block.
//!
//! Some seams have methods that block: a caller on a thread of its own, or one at a start, waits for a disk. Where they need
//! another machine, their futures run here, on a thread beside the runtime: a runtime whose last thread waits for its own
//! connections would wait for ever.

use std::io;
use std::sync::mpsc;

use tokio::runtime::{Builder, Runtime};

/// A thread on which futures run.
#[derive(Debug)]
pub(crate) struct Beside(Option<Runtime>);

impl Beside {
    /// Starts the thread.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("atrail-beside")
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Blocks the calling thread until the future has ended.
    pub(crate) fn wait<T, E>(
        &self,
        future: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> io::Result<T>
    where
        T: Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        let (sender, receiver) = mpsc::sync_channel(1);
        let Some(runtime) = &self.0 else {
            return Err(io::Error::other("the store is closed"));
        };
        runtime.spawn(async move {
            // The receiver waits below.
            let _ = sender.send(future.await);
        });
        let outcome = receiver.recv();
        outcome.map_err(io::Error::other)?.map_err(io::Error::other)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // It may be dropped where nothing may block.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The runtime's only thread waits, and the future ends nevertheless.
    #[tokio::test]
    async fn a_blocked_runtime_does_not_block_what_it_waits_for() {
        let beside = Beside::start().unwrap();
        let waited = beside.wait(async {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            Ok::<_, io::Error>(7)
        });
        assert_eq!(waited.unwrap(), 7);
        let failed = beside.wait(async { Err::<(), _>(io::Error::other("why")) });
        assert!(failed.unwrap_err().to_string().contains("why"));
    }

    #[tokio::test]
    async fn a_future_that_panics_is_a_failure() {
        let beside = Beside::start().unwrap();
        let failed = beside.wait(async {
            assert!(std::hint::black_box(false), "planted");
            Ok::<_, io::Error>(())
        });
        failed.unwrap_err();
    }
}

//! Threads for work that occupies a core for a while. They have a lower priority than those that answer, so that a small
//! request waits for none of it, however many cores such work could fill.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// The priority of work below that of the threads that answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// For one short piece of work of a request, such as the check of a password.
    Low,
    /// For work whose amount its requester chooses: large bodies, objects of the archive.
    Lowest,
}

impl Priority {
    /// Returns by how much the niceness (sched(7)) exceeds that of the process: each step gives a thread a fifth less of a
    /// core that others want.
    const fn steps(self) -> i32 {
        match self {
            Self::Low => 5,
            Self::Lowest => 10,
        }
    }

    fn threads(self) -> Option<&'static Runtime> {
        static LOW: OnceLock<Option<Runtime>> = OnceLock::new();
        static LOWEST: OnceLock<Option<Runtime>> = OnceLock::new();
        let threads = match self {
            Self::Low => &LOW,
            Self::Lowest => &LOWEST,
        };
        let start = || {
            let threads = Builder::new_current_thread()
                .thread_name(format!("nice-{}", self.steps()))
                .on_thread_start(move || lower(self.steps()))
                .build();
            threads
                .inspect_err(|error| tracing::warn!(%error, "heavy work runs with normal priority"))
                .ok()
        };
        threads.get_or_init(start).as_ref()
    }
}

/// Runs work that would block the threads that answer, with this priority.
pub fn spawn_low<T: Send + 'static>(
    priority: Priority,
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    match priority.threads() {
        Some(threads) => threads.spawn_blocking(work),
        None => tokio::task::spawn_blocking(work),
    }
}

/// The greatest niceness.
#[cfg(target_os = "linux")]
const NICEST: i32 = 19;

/// Lowers the priority of the calling thread, which alone these calls concern on Linux.
#[cfg(target_os = "linux")]
fn lower(steps: i32) {
    use rustix::process::{getpriority_process, setpriority_process};
    let lowered = getpriority_process(None)
        .and_then(|now| setpriority_process(None, now.saturating_add(steps).min(NICEST)));
    if let Err(error) = lowered {
        tracing::warn!(%error, "heavy work runs with normal priority");
    }
}

/// Elsewhere the priority is that of the whole process.
#[cfg(not(target_os = "linux"))]
const fn lower(_: i32) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn heavy_work_yields_and_the_threads_that_answer_do_not() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let here = niceness();
        for priority in [Priority::Low, Priority::Lowest] {
            let there = spawn_low(priority, niceness).await.unwrap();
            let lowered = (here + priority.steps()).min(NICEST);
            assert_eq!(there, lowered, "{priority:?}");
        }
        assert_eq!(niceness(), here);
        let other = tokio::task::spawn_blocking(niceness).await.unwrap();
        assert_eq!(other, here, "the control");
    }
}

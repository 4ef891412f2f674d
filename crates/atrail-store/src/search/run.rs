//! Runs the pieces of a search on a few threads of low priority.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use atrail_disk::{Priority, StoreError, spawn_low};
use tokio::runtime::Handle;

use super::blocks::Blocks;
use super::budget::Limits;
use super::error::Stop;
use super::job::{Asked, Job, Sink, Worker};
use super::types::Searched;

/// Does all jobs that the sinks still need, in their order, with one thread for each sink. Returns the sinks.
pub(super) async fn run<S: Sink>(
    asked: &Arc<Asked>,
    limits: &Limits,
    jobs: Vec<Job>,
    sinks: Vec<S>,
) -> Result<(Vec<S>, Searched), Stop> {
    let (jobs, next) = (Arc::new(jobs), Arc::new(AtomicUsize::new(0)));
    let handle = Handle::current();
    let mut threads = Vec::with_capacity(sinks.len());
    for mut sink in sinks {
        let permits = Arc::clone(&asked.core.search_threads);
        let permit = permits.acquire_owned().await;
        let mut worker = Worker {
            asked: Arc::clone(asked),
            limits: limits.clone(),
            blocks: Blocks::new(Arc::clone(&asked.core), handle.clone()),
            searched: Searched::default(),
        };
        let (jobs, next) = (Arc::clone(&jobs), Arc::clone(&next));
        threads.push(spawn_low(Priority::Lowest, move || {
            let _permit = permit;
            loop {
                let nth = next.fetch_add(1, Ordering::Relaxed);
                let Some(job) = jobs.get(nth) else { break };
                if !sink.needs(job.oldest, job.newest) {
                    continue;
                }
                if let Err(stop) = worker.run(job, &mut sink) {
                    // The others need not go on.
                    next.store(jobs.len(), Ordering::Relaxed);
                    return Err(stop);
                }
            }
            Ok((sink, worker.searched))
        }));
    }
    let mut outcome = Ok((Vec::with_capacity(threads.len()), Searched::default()));
    for thread in threads {
        let done = match thread.await {
            Ok(done) => done,
            Err(error) if error.is_panic() => Err(StoreError::Panicked.into()),
            Err(_) => Err(StoreError::Closed.into()),
        };
        match (done, &mut outcome) {
            (Ok((sink, searched)), Ok((sinks, sum))) => {
                sinks.push(sink);
                sum.add(&searched);
            }
            (Err(stop), Ok(_)) => outcome = Err(stop),
            (_, Err(_)) => {}
        }
    }
    outcome
}

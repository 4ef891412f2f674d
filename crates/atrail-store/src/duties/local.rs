//! Duties within one process.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};
use parking_lot::Mutex;
use tokio::sync::{Mutex as Turn, Notify, OwnedMutexGuard};

use super::{Claim, Duties, Duty};

/// A map of mutexes.
#[derive(Debug, Clone, Default)]
pub(crate) struct LocalDuties(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    /// Notified when the last claim ends.
    rest: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The duties that a task has or waits for.
    turns: HashMap<Duty, Arc<Turn<()>>>,
    /// The number of claims so far.
    claims: u64,
    held: u64,
}

/// A task that has a duty, or waits for it.
struct Entry {
    inner: Arc<Inner>,
    duty: Duty,
    turn: Option<Arc<Turn<()>>>,
}

/// A task that has the duty. Its fields are dropped in this order.
struct Held {
    guard: Option<OwnedMutexGuard<()>>,
    entry: Entry,
}

impl LocalDuties {
    fn enter(&self, duty: Duty) -> (Entry, Arc<Turn<()>>) {
        let mut state = self.0.state.lock();
        let turn = Arc::clone(state.turns.entry(duty).or_default());
        let entry = Entry {
            inner: Arc::clone(&self.0),
            duty,
            turn: Some(Arc::clone(&turn)),
        };
        (entry, turn)
    }
}

impl Entry {
    fn claimed(self, guard: OwnedMutexGuard<()>) -> Claim {
        let mut state = self.inner.state.lock();
        state.claims += 1;
        state.held += 1;
        let number = state.claims;
        drop(state);
        Claim {
            duty: self.duty,
            number,
            _held: Box::new(Held {
                guard: Some(guard),
                entry: self,
            }),
        }
    }
}

impl Duties for LocalDuties {
    fn claim(&self, duty: Duty) -> BoxFuture<'_, Claim> {
        async move {
            let (entry, turn) = self.enter(duty);
            let guard = turn.lock_owned().await;
            entry.claimed(guard)
        }
        .boxed()
    }

    fn try_claim(&self, duty: Duty) -> BoxFuture<'_, Option<Claim>> {
        async move {
            let (entry, turn) = self.enter(duty);
            let guard = turn.try_lock_owned().ok()?;
            Some(entry.claimed(guard))
        }
        .boxed()
    }

    fn rest(&self) -> BoxFuture<'_, ()> {
        async move {
            loop {
                let told = self.0.rest.notified();
                tokio::pin!(told);
                // The future is notified from here on, also of a claim that ends before it is awaited.
                told.as_mut().enable();
                if self.0.state.lock().held == 0 {
                    return;
                }
                told.await;
            }
        }
        .boxed()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.guard.take());
        let inner = &self.entry.inner;
        let mut state = inner.state.lock();
        state.held -= 1;
        if state.held == 0 {
            inner.rest.notify_waiters();
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut state = self.inner.state.lock();
        drop(self.turn.take());
        let turn = state.turns.get(&self.duty);
        // No other task can enter meanwhile.
        if turn.is_some_and(|turn| Arc::strong_count(turn) == 1) {
            state.turns.remove(&self.duty);
        }
    }
}

#[cfg(test)]
impl LocalDuties {
    /// Returns the number of duties that tasks have or wait for.
    pub(super) fn count(&self) -> usize {
        self.0.state.lock().turns.len()
    }
}

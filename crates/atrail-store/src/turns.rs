//! Limits how many tasks of heavy computation run at once, and lets keys take turns: requests of a busy key wait behind
//! those of others.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Lets keys take turns; each key has a queue of its own.
#[derive(Debug)]
pub struct Turns<K>(Arc<Shared<K>>)
where
    K: Copy + Eq + Hash;

#[derive(Debug)]
struct Shared<K> {
    at_once: usize,
    /// Maximum running tasks of one key.
    at_once_of_key: usize,
    /// Maximum waiting requests of one key.
    waiting_of_key: usize,
    /// Maximum waiting requests of all keys.
    waiting: usize,
    state: Mutex<State<K>>,
}

#[derive(Debug)]
struct State<K> {
    running: usize,
    running_of: HashMap<K, usize>,
    waiting: usize,
    queues: HashMap<K, VecDeque<oneshot::Sender<()>>>,
    /// The keys that have a queue, in the order of their turns.
    order: VecDeque<K>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub struct Turn<K>
where
    K: Copy + Eq + Hash,
{
    shared: Arc<Shared<K>>,
    key: K,
}

/// Too many requests are waiting already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowd;

impl<K: Copy + Eq + Hash> Turns<K> {
    /// Creates turns: this many at once, this many waiting with one key, and this many waiting in all.
    #[must_use]
    pub fn new(at_once: usize, waiting_of_key: usize, waiting: usize) -> Self {
        Self::with_part(at_once, at_once, waiting_of_key, waiting)
    }

    /// Creates turns of which one key never has more than `at_once_of_key`, even while others are free.
    #[must_use]
    pub fn with_part(
        at_once: usize,
        at_once_of_key: usize,
        waiting_of_key: usize,
        waiting: usize,
    ) -> Self {
        Self(Arc::new(Shared {
            at_once,
            at_once_of_key,
            waiting_of_key,
            waiting,
            state: Mutex::new(State {
                running: 0,
                running_of: HashMap::new(),
                waiting: 0,
                queues: HashMap::new(),
                order: VecDeque::new(),
            }),
        }))
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// When the maximum of waiting requests is reached.
    pub async fn take(&self, key: K) -> Result<Turn<K>, Crowd> {
        let called = {
            let mut state = self.0.state.lock();
            if state.running < self.0.at_once && state.may_run(key, self.0.at_once_of_key) {
                state.begin(key);
                return Ok(Turn {
                    shared: Arc::clone(&self.0),
                    key,
                });
            }
            let of_key = state.queues.get(&key).map_or(0, VecDeque::len);
            if of_key >= self.0.waiting_of_key || state.waiting >= self.0.waiting {
                state.forget_the_gone();
                let of_key = state.queues.get(&key).map_or(0, VecDeque::len);
                if of_key >= self.0.waiting_of_key || state.waiting >= self.0.waiting {
                    return Err(Crowd);
                }
            }
            let (call, called) = oneshot::channel();
            if !state.queues.contains_key(&key) {
                state.order.push_back(key);
            }
            state.queues.entry(key).or_default().push_back(call);
            state.waiting += 1;
            Called {
                shared: Arc::clone(&self.0),
                key,
                call: called,
            }
        };
        called.wait().await
    }

    /// Returns how many tasks run, and how many requests wait.
    #[must_use]
    pub fn taken(&self) -> (usize, usize) {
        let state = self.0.state.lock();
        (state.running, state.waiting)
    }
}

impl<K: Copy + Eq + Hash> State<K> {
    fn may_run(&self, key: K, at_once_of_key: usize) -> bool {
        self.running_of.get(&key).copied().unwrap_or_default() < at_once_of_key
    }

    fn begin(&mut self, key: K) {
        self.running += 1;
        *self.running_of.entry(key).or_default() += 1;
    }

    fn end(&mut self, key: K) {
        self.running -= 1;
        if let Some(running) = self.running_of.get_mut(&key) {
            *running -= 1;
            if *running == 0 {
                self.running_of.remove(&key);
            }
        }
    }

    /// Ends the turn of a key and passes it on. Skips requests that are gone, and keys that have their part.
    ///
    /// Where nobody could run before, the end of one turn lets one request run: the one that gets it.
    fn pass_on(&mut self, from: K, at_once_of_key: usize) {
        self.end(from);
        let mut looked_at = 0;
        while looked_at < self.order.len() {
            let Some(key) = self.order.pop_front() else {
                return;
            };
            if !self.may_run(key, at_once_of_key) {
                self.order.push_back(key);
                looked_at += 1;
                continue;
            }
            let Some(queue) = self.queues.get_mut(&key) else {
                continue;
            };
            let next = queue.pop_front();
            if queue.is_empty() {
                self.queues.remove(&key);
            } else {
                self.order.push_back(key);
            }
            let Some(next) = next else { continue };
            self.waiting -= 1;
            if next.send(()).is_ok() {
                self.begin(key);
                return;
            }
        }
    }

    /// Removes requests that have stopped waiting.
    fn forget_the_gone(&mut self) {
        for queue in self.queues.values_mut() {
            queue.retain(|call| !call.is_closed());
        }
        self.queues.retain(|_, queue| !queue.is_empty());
        let queues = &self.queues;
        self.order.retain(|key| queues.contains_key(key));
        self.waiting = queues.values().map(VecDeque::len).sum();
    }
}

/// A waiting request. A call that arrives when it no longer listens is passed on.
struct Called<K: Copy + Eq + Hash> {
    shared: Arc<Shared<K>>,
    key: K,
    call: oneshot::Receiver<()>,
}

impl<K: Copy + Eq + Hash> Called<K> {
    async fn wait(mut self) -> Result<Turn<K>, Crowd> {
        // The sender is dropped only with its call, or with the state that `self` keeps alive.
        let called = (&mut self.call).await;
        called
            .map(|()| Turn {
                shared: Arc::clone(&self.shared),
                key: self.key,
            })
            .map_err(|_| Crowd)
    }
}

impl<K: Copy + Eq + Hash> Drop for Called<K> {
    fn drop(&mut self) {
        // Under the lock, a call has either arrived, or finds the channel closed.
        let mut state = self.shared.state.lock();
        self.call.close();
        if self.call.try_recv().is_ok() {
            state.pass_on(self.key, self.shared.at_once_of_key);
        }
    }
}

impl<K: Copy + Eq + Hash> Drop for Turn<K> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.pass_on(self.key, self.shared.at_once_of_key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Log = Arc<Mutex<Vec<(u8, usize)>>>;

    /// Waits for a turn, and records it.
    fn ask(
        turns: &Arc<Turns<u8>>,
        key: u8,
        number: usize,
        log: &Log,
    ) -> tokio::task::JoinHandle<()> {
        let (turns, log) = (Arc::clone(turns), Arc::clone(log));
        tokio::spawn(async move {
            let Ok(_turn) = turns.take(key).await else {
                return;
            };
            log.lock().push((key, number));
            tokio::task::yield_now().await;
        })
    }

    async fn until_waiting(turns: &Turns<u8>, count: usize) {
        while turns.0.state.lock().waiting != count {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn one_who_comes_last_with_a_key_of_its_own_is_next() {
        let (turns, log) = (Arc::new(Turns::new(1, 100, 100)), Log::default());
        let first = turns.take(0).await.unwrap();
        let mut asked = Vec::new();
        for number in 0..50 {
            asked.push(ask(&turns, 1, number, &log));
            until_waiting(&turns, number + 1).await;
        }
        asked.push(ask(&turns, 2, 0, &log));
        until_waiting(&turns, 51).await;
        drop(first);
        for one in asked {
            one.await.unwrap();
        }
        let order = log.lock().clone();
        assert_eq!(order.len(), 51, "all had their turn");
        let place = order.iter().position(|(key, _)| *key == 2);
        assert!(place.is_some_and(|place| place <= 1), "{order:?}");
        let first: Vec<_> = order.iter().filter(|(key, _)| *key == 1).collect();
        assert!(first.is_sorted(), "within a key by coming");
    }

    #[tokio::test]
    async fn no_more_run_at_once_than_may_and_whoever_gives_up_loses_nothing_for_others() {
        let (turns, log) = (Arc::new(Turns::new(2, 3, 5)), Log::default());
        let running = [turns.take(1).await.unwrap(), turns.take(1).await.unwrap()];
        let asked: Vec<_> = (0..3).map(|number| ask(&turns, 1, number, &log)).collect();
        until_waiting(&turns, 3).await;
        assert_eq!(turns.take(1).await.unwrap_err(), Crowd, "three wait");
        assert!(log.lock().is_empty(), "two run");
        for one in &asked {
            one.abort();
        }
        for one in asked {
            assert!(one.await.is_err());
        }
        let mine = ask(&turns, 1, 99, &log);
        until_waiting(&turns, 1).await;
        drop(running);
        mine.await.unwrap();
        assert_eq!(*log.lock(), [(1, 99)]);
        let state = turns.0.state.lock();
        assert_eq!((state.running, state.waiting), (0, 0));
    }

    #[tokio::test]
    async fn a_key_has_no_more_than_its_part_and_delays_nobody_else() {
        let turns = Turns::with_part(3, 2, 9, 9);
        let first = [turns.take(1).await.unwrap(), turns.take(1).await.unwrap()];
        let mut third = Box::pin(turns.take(1));
        assert!(
            futures_util::poll!(third.as_mut()).is_pending(),
            "one is free"
        );
        let other = turns.take(2).await.unwrap();
        let mut later = Box::pin(turns.take(3));
        assert!(futures_util::poll!(later.as_mut()).is_pending());
        assert_eq!(turns.taken(), (3, 2));
        // The one who waited longer has its part, so the other is next.
        drop(other);
        let later = later.await.unwrap();
        assert!(futures_util::poll!(third.as_mut()).is_pending());
        // The end of a turn of its own lets it run, though another turn was free before.
        drop(later);
        assert!(futures_util::poll!(third.as_mut()).is_pending());
        let [one, two] = first;
        drop(one);
        let third = third.await.unwrap();
        drop((two, third));
        let state = turns.0.state.lock();
        assert_eq!((state.running, state.waiting), (0, 0));
        assert!(state.running_of.is_empty());
    }

    #[tokio::test]
    async fn a_call_that_nobody_hears_is_passed_on() {
        let turns = Turns::new(1, 9, 9);
        let turn = turns.take(1).await.unwrap();
        let mut deaf = Box::pin(turns.take(1));
        let mut next = Box::pin(turns.take(2));
        for waiting in [&mut deaf, &mut next] {
            assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        }
        drop(turn);
        // Called, and dropped before it noticed.
        drop(deaf);
        assert!(futures_util::poll!(next.as_mut()).is_ready());
    }
}

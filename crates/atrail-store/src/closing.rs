//! Domains that end: nobody appends to one while its emptiness is being checked, nor after it has ended.
//!
//! A sender is authorized before its events arrive, and the end of an account may come in between. The check waits for
//! appends that have begun, so that it sees their events. Later appends are refused: temporarily, and for good when the
//! domain has ended.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use atrail_disk::{Result, StoreError};
use atrail_model::Domain;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The domains with appends in progress, and those that accept no more.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    /// Notified when the last append to a domain that is being closed has ended.
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    appends: HashMap<Domain, u64>,
    /// The number of closings of each closed domain.
    closed: HashMap<Domain, u64>,
    /// The domains that were closed for ever.
    ended: HashSet<Domain>,
}

/// An append in progress.
#[derive(Debug)]
pub(crate) struct Open {
    inner: Arc<Inner>,
    domain: Domain,
}

/// Domains that accept no events as long as this lives.
#[derive(Debug)]
pub(crate) struct Closed {
    inner: Arc<Inner>,
    domains: HashSet<Domain>,
}

impl Closing {
    /// Begins an append.
    ///
    /// # Errors
    /// `NotFound` when the domain has ended; `Ending` while a caller tries to end it.
    pub(crate) fn enter(&self, domain: Domain) -> Result<Open> {
        let mut state = self.inner.state.lock();
        if state.ended.contains(&domain) {
            return Err(StoreError::NotFound {
                what: domain.to_string(),
            });
        }
        if state.closed.contains_key(&domain) {
            return Err(StoreError::Ending);
        }
        *state.appends.entry(domain).or_default() += 1;
        Ok(Open {
            inner: Arc::clone(&self.inner),
            domain,
        })
    }

    /// Closes domains, and returns when no append to them is in progress.
    pub(crate) async fn close(&self, domains: HashSet<Domain>) -> Closed {
        {
            let mut state = self.inner.state.lock();
            for domain in &domains {
                *state.closed.entry(*domain).or_default() += 1;
            }
        }
        let closed = Closed {
            inner: Arc::clone(&self.inner),
            domains,
        };
        loop {
            let ended = self.inner.ended.notified();
            tokio::pin!(ended);
            // The future is notified from here on, also of an append that ends before it is awaited.
            ended.as_mut().enable();
            if self.is_quiet(&closed.domains) {
                return closed;
            }
            ended.await;
        }
    }

    fn is_quiet(&self, domains: &HashSet<Domain>) -> bool {
        let state = self.inner.state.lock();
        !domains.iter().any(|one| state.appends.contains_key(one))
    }
}

impl Closed {
    /// Closes the domains for good: they have ended.
    pub(crate) fn for_ever(self) {
        let mut state = self.inner.state.lock();
        state.ended.extend(&self.domains);
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        let mut state = self.inner.state.lock();
        for domain in &self.domains {
            if let Some(count) = state.closed.get_mut(domain) {
                *count -= 1;
                if *count == 0 {
                    state.closed.remove(domain);
                }
            }
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut state = self.inner.state.lock();
        let Some(count) = state.appends.get_mut(&self.domain) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            state.appends.remove(&self.domain);
            if state.closed.contains_key(&self.domain) {
                self.inner.ended.notify_waiters();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use atrail_model::AccountId;

    use super::*;

    fn domain() -> Domain {
        Domain::Account(AccountId::generate())
    }

    #[tokio::test]
    async fn an_append_under_way_is_waited_for_and_a_later_one_refused() {
        let closing = Arc::new(Closing::default());
        let (ending, other) = (domain(), domain());
        let append = closing.enter(ending).unwrap();
        let _elsewhere = closing.enter(other).unwrap();
        let closes = tokio::spawn({
            let closing = Arc::clone(&closing);
            async move { closing.close(HashSet::from([ending])).await }
        });
        // The closing has begun as soon as appends are refused.
        while closing.enter(ending).is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(!closes.is_finished(), "an append is under way");
        assert!(closing.enter(other).is_ok(), "others go on");
        drop(append);
        let closed = tokio::time::timeout(Duration::from_secs(60), closes);
        let closed = closed.await.unwrap().unwrap();
        let meanwhile = closing.enter(ending).unwrap_err();
        assert!(matches!(meanwhile, StoreError::Ending), "{meanwhile}");
        drop(closed);
        assert!(closing.enter(ending).is_ok(), "it did not end after all");
    }

    #[tokio::test]
    async fn what_has_ended_stays_so() {
        let closing = Closing::default();
        let ending = domain();
        closing.close(HashSet::from([ending])).await.for_ever();
        let late = closing.enter(ending).unwrap_err();
        assert!(matches!(late, StoreError::NotFound { .. }), "{late}");
        // A second attempt to end it does not reopen it.
        drop(closing.close(HashSet::from([ending])).await);
        assert!(closing.enter(ending).is_err());
    }
}

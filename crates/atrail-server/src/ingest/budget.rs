//! The bytes that all requests together may hold in memory.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;

/// Bytes that one permit stands for.
const UNIT_BYTES: usize = 4096;

/// How much is left for requests with events.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

impl Budget {
    /// A budget of this many bytes.
    pub(crate) fn new(size_bytes: usize) -> Self {
        let units = (size_bytes / UNIT_BYTES).min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(units)))
    }

    /// A share of nothing yet.
    pub(crate) fn share(&self) -> Share {
        Share {
            budget: self.clone(),
            permit: None,
        }
    }
}

/// What one request holds; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    permit: Option<OwnedSemaphorePermit>,
}

impl Share {
    /// Makes the share at least this large. It never waits: requests that wait for each other's memory would wait for
    /// ever.
    pub(crate) fn cover(&mut self, size_bytes: usize) -> Result<(), ApiError> {
        let held = self
            .permit
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = size_bytes.div_ceil(UNIT_BYTES).saturating_sub(held);
        if missing == 0 {
            return Ok(());
        }
        let more = u32::try_from(missing)
            .ok()
            .and_then(|units| {
                Arc::clone(&self.budget.0)
                    .try_acquire_many_owned(units)
                    .ok()
            })
            .ok_or_else(|| {
                ApiError::unavailable("too many events are on their way: try again in a moment")
            })?;
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }

    /// Gives back what goes beyond this size.
    fn shrink_to(&mut self, size_bytes: usize) {
        if let Some(permit) = &mut self.permit {
            let spare = permit
                .num_permits()
                .saturating_sub(size_bytes.div_ceil(UNIT_BYTES));
            drop(permit.split(spare));
        }
    }

    /// The bytes with the share that they need: it is given back when the last of them is sent, however slowly they are
    /// read.
    pub(crate) fn hold(mut self, bytes: Vec<u8>) -> Bytes {
        self.shrink_to(bytes.capacity());
        Bytes::from_owner(Held {
            bytes,
            _share: self,
        })
    }
}

/// Bytes that keep their share.
struct Held {
    bytes: Vec<u8>,
    _share: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_holds_another_cannot_until_it_is_given_back() {
        let budget = Budget::new(10 * UNIT_BYTES);
        let mut one = budget.share();
        one.cover(6 * UNIT_BYTES).unwrap();
        one.cover(UNIT_BYTES).unwrap();
        let mut two = budget.share();
        two.cover(4 * UNIT_BYTES).unwrap();
        assert!(two.cover(4 * UNIT_BYTES + 1).is_err());
        drop(one);
        two.cover(10 * UNIT_BYTES).unwrap();
    }

    #[test]
    fn held_bytes_keep_what_they_need_until_the_last_of_them_goes() {
        let budget = Budget::new(10 * UNIT_BYTES);
        let mut one = budget.share();
        one.cover(9 * UNIT_BYTES).unwrap();
        let held = one.hold(vec![7; 3 * UNIT_BYTES]);
        let part = held.slice(1..2);
        drop(held);
        let mut two = budget.share();
        two.cover(7 * UNIT_BYTES).unwrap();
        assert!(two.cover(8 * UNIT_BYTES).is_err());
        drop(part);
        two.cover(10 * UNIT_BYTES).unwrap();
    }
}

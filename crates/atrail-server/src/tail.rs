//! Tails: answers that go on as long as events become durable.

mod filter;
mod follower;
mod position;

use std::collections::HashMap;
use std::sync::Arc;

use atrail_api::ErrorCode;
use atrail_model::UserId;
use atrail_store::Secrets;
use parking_lot::Mutex;

use crate::error::ApiError;
pub(crate) use filter::Filter;
pub(crate) use follower::{Follower, TAIL_BYTES};
use position::{Positions, PositionsError};

/// Number of tails that a user may have at the same time.
const OF_A_USER: usize = 8;
/// Number of tails that all users may have.
const OF_ALL: usize = 200;

/// The tails of the server.
#[derive(Debug)]
pub(crate) struct Tails {
    pub(crate) positions: Positions,
    seats: Arc<Mutex<Seats>>,
}

#[derive(Debug, Default)]
struct Seats {
    taken: usize,
    by_user: HashMap<UserId, usize>,
}

impl Tails {
    /// Opens the positions of this process and of the one before.
    ///
    /// # Errors
    /// When the secrets are not available.
    pub(crate) fn open(secrets: &dyn Secrets, is_shared: bool) -> Result<Self, PositionsError> {
        Ok(Self {
            positions: Positions::open(secrets, is_shared)?,
            seats: Arc::default(),
        })
    }

    /// Returns the right to one more tail, until it is dropped.
    pub(crate) fn seat(&self, user: UserId) -> Result<Seat, ApiError> {
        let refused = |detail: String| {
            let error = ApiError::new(ErrorCode::TooMany, detail);
            Err(error.retry_after(5))
        };
        let mut seats = self.seats.lock();
        let own = seats.by_user.get(&user).copied().unwrap_or(0);
        if own >= OF_A_USER {
            return refused(format!(
                "you follow events {own} times already: end one of these"
            ));
        }
        if seats.taken >= OF_ALL {
            return refused("too many follow events: try again later".to_owned());
        }
        seats.taken += 1;
        *seats.by_user.entry(user).or_default() += 1;
        Ok(Seat {
            user,
            seats: Arc::clone(&self.seats),
        })
    }
}

/// The right to one tail.
#[derive(Debug)]
pub(crate) struct Seat {
    user: UserId,
    seats: Arc<Mutex<Seats>>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.seats.lock();
        seats.taken -= 1;
        if let Some(own) = seats.by_user.get_mut(&self.user) {
            *own -= 1;
            if *own == 0 {
                seats.by_user.remove(&self.user);
            }
        }
    }
}

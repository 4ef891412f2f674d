//! Chooses the events that are written next: accounts take turns, so that an account that sends much does not delay the
//! others.

use std::collections::{HashMap, VecDeque};

use atrail_model::AccountId;

use super::append::Append;

/// Bytes of events written with one fsync, unless one request alone has more.
const ROUND_BYTES: usize = 8 << 20;
/// Bytes of one account among them, with the same exception: the next round, and thus everybody else, waits while they
/// are written.
const ACCOUNT_BYTES: usize = 1 << 20;

/// Waiting appends, by account.
#[derive(Default)]
pub(super) struct Lanes {
    waiting: HashMap<AccountId, VecDeque<Append>>,
    /// The accounts with waiting appends, in the order of their turns.
    order: VecDeque<AccountId>,
}

impl Lanes {
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Adds an append behind the others of its account.
    pub(super) fn put(&mut self, append: Append) {
        let account = append.batch.account;
        let lane = self.waiting.entry(account).or_default();
        if lane.is_empty() {
            self.order.push_back(account);
        }
        lane.push_back(append);
    }

    /// Removes and returns the appends to write next: of each account in turn up to its limit, as long as there is
    /// room.
    pub(super) fn round(&mut self) -> Vec<Append> {
        let mut round = Vec::new();
        let mut round_bytes = 0;
        for _ in 0..self.order.len() {
            if round_bytes >= ROUND_BYTES {
                break;
            }
            let Some(account) = self.order.pop_front() else {
                break;
            };
            let lane = self.waiting.entry(account).or_default();
            let mut lane_bytes = 0;
            while lane_bytes < ACCOUNT_BYTES
                && let Some(append) = lane.pop_front()
            {
                lane_bytes += append.size_bytes();
                round.push(append);
            }
            round_bytes += lane_bytes;
            if lane.is_empty() {
                self.waiting.remove(&account);
            } else {
                self.order.push_back(account);
            }
        }
        round
    }
}

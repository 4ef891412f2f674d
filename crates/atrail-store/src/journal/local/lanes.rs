//! Whose events are written next: accounts take turns, so that one who sends much does not keep others waiting for it.

use std::collections::{HashMap, VecDeque};

use atrail_model::AccountId;

use super::append::Append;

/// Bytes of events that are written with one fsync, unless one request alone has more.
const ROUND_BYTES: usize = 8 << 20;
/// Bytes of one account's among them, likewise: it is for so long that the next round, and with it everybody else, waits.
const ACCOUNT_BYTES: usize = 1 << 20;

/// Appends that wait, by account.
#[derive(Default)]
pub(super) struct Lanes {
    waiting: HashMap<AccountId, VecDeque<Append>>,
    /// The accounts that have something waiting, in the order of their turns.
    order: VecDeque<AccountId>,
}

impl Lanes {
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Adds one behind those of its account.
    pub(super) fn put(&mut self, append: Append) {
        let account = append.batch.account;
        let lane = self.waiting.entry(account).or_default();
        if lane.is_empty() {
            self.order.push_back(account);
        }
        lane.push_back(append);
    }

    /// Takes out what is written next: of each account in turn what may be, as long as there is room.
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

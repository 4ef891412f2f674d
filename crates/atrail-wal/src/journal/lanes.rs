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
    /// Whether a large append has waited for a round of small ones.
    large_is_next: bool,
}

/// Reports whether an append alone has more than an account's share of a round.
fn is_large(append: &Append) -> bool {
    append.size_bytes() > ACCOUNT_BYTES
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
    /// room. A large append is written by itself, in turn with rounds of small ones: whoever sends little waits for the
    /// large one in progress, and not for another.
    pub(super) fn round(&mut self) -> Vec<Append> {
        let first_is_large = |account| {
            let first = self.waiting.get(account).and_then(VecDeque::front);
            first.is_some_and(is_large)
        };
        let large = self.order.iter().filter(|account| first_is_large(*account));
        let large = large.count();
        let takes_large = large > 0 && (self.large_is_next || large == self.order.len());
        self.large_is_next = large > 0 && !takes_large;
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
                && (lane.front()).is_some_and(|next| is_large(next) == takes_large)
                && let Some(append) = lane.pop_front()
            {
                lane_bytes += append.size_bytes();
                round.push(append);
            }
            round_bytes += if takes_large && lane_bytes > 0 {
                ROUND_BYTES
            } else {
                lane_bytes
            };
            if lane.is_empty() {
                self.waiting.remove(&account);
            } else {
                self.order.push_back(account);
            }
        }
        round
    }
}

#[cfg(test)]
mod tests {
    use atrail_evidence::leaf_hash;
    use atrail_model::Domain;
    use bytes::Bytes;

    use super::*;
    use crate::NewEvent;
    use crate::journal::Batch;

    fn append(account: u8, size_bytes: usize) -> Append {
        let account = AccountId::from_bytes([account; 16]);
        let line = Bytes::from("x".repeat(size_bytes));
        let event = NewEvent {
            day: "2017-07-24".parse().expect("a day"),
            hour: atrail_model::Hour::new(7).expect("an hour"),
            leaf: leaf_hash(&line),
            line,
        };
        let batch = Batch {
            account,
            domain: Domain::Account(account),
            seals: 0,
            events: vec![event],
        };
        let (done, _) = tokio::sync::oneshot::channel();
        Append { batch, done }
    }

    #[test]
    fn a_large_append_is_written_alone_and_small_ones_before_the_next() {
        let mut lanes = Lanes::default();
        for _ in 0..2 {
            lanes.put(append(1, 3 * ACCOUNT_BYTES));
        }
        lanes.put(append(1, 1));
        lanes.put(append(2, 3 * ACCOUNT_BYTES));
        lanes.put(append(3, 1));
        lanes.put(append(4, 1));
        let mut rounds = Vec::new();
        while !lanes.is_empty() {
            let round = lanes.round();
            let accounts = round
                .iter()
                .map(|append| append.batch.account.as_bytes()[0]);
            let mut accounts: Vec<_> = accounts.collect();
            accounts.sort_unstable();
            rounds.push(accounts);
            if rounds.len() == 2 {
                lanes.put(append(3, 1));
            }
        }
        // The small append of the account that sends large ones stays behind them.
        assert_eq!(
            rounds,
            [vec![3, 4], vec![1], vec![3], vec![2], vec![1], vec![1]]
        );
    }
}

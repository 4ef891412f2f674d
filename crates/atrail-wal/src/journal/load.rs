//! The amount of work that sealing has to do, by account.

use std::collections::HashMap;

use atrail_model::{AccountId, Domain};
use tokio::sync::Notify;

use super::Ripe;

/// How many hours may gather before they are sealed, whatever their size.
pub(super) const SEAL_AT_HOURS: u64 = 4096;
/// New events wait when this many times the sealing threshold is unsealed.
pub(super) const ROOM_FACTOR: u64 = 3;

/// The amount of work that sealing has to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) bytes: u64,
    /// Each hour of each domain becomes an object of its own.
    pub(super) hours: u64,
}

impl Load {
    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            hours: self.hours + other.hours,
        }
    }

    pub(super) const fn minus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes - other.bytes,
            hours: self.hours - other.hours,
        }
    }

    /// Returns the load that suffices for sealing.
    pub(super) const fn ripe(seal_at_bytes: u64) -> Self {
        Self {
            bytes: seal_at_bytes,
            hours: SEAL_AT_HOURS,
        }
    }

    /// Reports whether this load suffices for sealing, and by which measure.
    pub(super) const fn is_ripe(self, seal_at_bytes: u64) -> Option<Ripe> {
        let enough = Self::ripe(seal_at_bytes);
        if self.bytes >= enough.bytes {
            Some(Ripe::Bytes)
        } else if self.hours >= enough.hours {
            Some(Ripe::Hours)
        } else {
            None
        }
    }

    /// Returns the limit of unsealed load.
    pub(super) const fn room(seal_at_bytes: u64) -> Self {
        let Self { bytes, hours } = Self::ripe(seal_at_bytes);
        Self {
            bytes: bytes.saturating_mul(ROOM_FACTOR),
            hours: hours * ROOM_FACTOR,
        }
    }

    /// Reports whether one of its numbers has reached the limit's.
    pub(super) const fn is_at_least(self, limit: Self) -> bool {
        self.bytes >= limit.bytes || self.hours >= limit.hours
    }
}

/// The unsealed load, by account.
#[derive(Debug, Default)]
pub(super) struct Loads {
    owners: HashMap<Domain, AccountId>,
    by_account: HashMap<AccountId, Load>,
    all: Load,
}

/// An account may have this many times the remaining hours unsealed: two thirds of all when it is alone. Then as much
/// waits to be sealed as is being sealed.
const PART_OF_HOURS: u64 = 2;
/// An account may have this many times the remaining bytes unsealed: eight ninths of all when it is alone, so that the
/// next objects are few and large. However many accounts want all, some room stays free for one that has little.
const PART_OF_BYTES: u64 = 8;

impl Loads {
    /// Returns an empty load, with these owners of domains.
    pub(super) fn of(owners: impl Iterator<Item = (Domain, AccountId)>) -> Self {
        Self {
            owners: owners.collect(),
            ..Self::default()
        }
    }

    pub(super) const fn all(&self) -> Load {
        self.all
    }

    pub(super) fn add(&mut self, domain: Domain, load: Load) {
        let owned = self.by_account.entry(self.owner(domain)).or_default();
        *owned = owned.plus(load);
        self.all = self.all.plus(load);
    }

    pub(super) fn remove(&mut self, domain: Domain, load: Load) {
        let owner = self.owner(domain);
        if let Some(owned) = self.by_account.get_mut(&owner) {
            *owned = owned.minus(load);
            if *owned == Load::default() {
                self.by_account.remove(&owner);
            }
        }
        self.all = self.all.minus(load);
    }

    /// Reports whether the account may add events.
    pub(super) fn has_room(&self, account: AccountId, limit: Load) -> bool {
        if self.all.is_at_least(limit) {
            return false;
        }
        let free = limit.minus(self.all);
        let owned = self.by_account.get(&account).copied().unwrap_or_default();
        owned.bytes <= free.bytes.saturating_mul(PART_OF_BYTES)
            && owned.hours <= free.hours.saturating_mul(PART_OF_HOURS)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_account.is_empty() && self.all == Load::default()
    }

    fn owner(&self, domain: Domain) -> AccountId {
        match domain {
            Domain::Account(account) => account,
            // A space whose owner is not known yet counts as an account of its own.
            Domain::Space(space) => self
                .owners
                .get(&domain)
                .copied()
                .unwrap_or_else(|| AccountId::from_bytes(*space.as_bytes())),
        }
    }
}

/// Waits until there is room. `made` is notified whenever there is more.
pub(super) async fn wait_for_room(made: &Notify, has_room: impl Fn() -> bool) {
    loop {
        let more = made.notified();
        tokio::pin!(more);
        // Before the look, so that no notification is missed.
        more.as_mut().enable();
        if has_room() {
            return;
        }
        more.await;
    }
}

//! The keys of events in runs.

use atrail_evidence::LeafHash;
use atrail_model::Domain;

/// The key of an event in runs: the first twenty bytes of its leaf hash, with its domain mixed in. An attacker needs
/// 2^80 tries for two events with one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key(pub(super) [u8; Self::LEN]);

impl Key {
    pub(super) const LEN: usize = 20;

    pub(super) fn of(domain: Domain, leaf: &LeafHash) -> Self {
        let mut key = [0; Self::LEN];
        key.copy_from_slice(&leaf.0[..Self::LEN]);
        key.iter_mut()
            .zip(guid_of(&domain))
            .for_each(|(byte, g)| *byte ^= g);
        Self(key)
    }

    /// Returns the part by which runs are sorted first.
    pub(super) fn prefix(&self) -> u64 {
        let first = self.0.first_chunk().expect("a key has twenty bytes");
        u64::from_be_bytes(*first)
    }
}

pub(super) const fn guid_of(domain: &Domain) -> &[u8; 16] {
    match domain {
        Domain::Space(id) => id.as_bytes(),
        Domain::Account(id) => id.as_bytes(),
    }
}

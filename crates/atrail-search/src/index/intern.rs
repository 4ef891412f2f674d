//! Texts by number: each different text once.

use ahash::RandomState;
use twox_hash::XxHash64;

/// The hash of what filters hold: XXH64 without a seed.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    XxHash64::oneshot(0, bytes)
}

/// Different texts in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Interner {
    bytes: Vec<u8>,
    /// Where each text ends.
    ends: Vec<u32>,
    /// Numbers of texts plus one, by hash; a power of two, at most three quarters of them used.
    table: Vec<u32>,
    /// Senders choose the texts, but cannot choose them to collide.
    random: RandomState,
    /// The number that was returned last: many texts come twice in a row.
    last: u32,
}

impl Interner {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns all texts, one after the other.
    pub(super) fn texts(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns where a text is in [`Self::texts`].
    pub(super) fn range(&self, number: u32) -> std::ops::Range<usize> {
        let number = number as usize;
        let from = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        from as usize..self.ends[number] as usize
    }

    fn get(&self, number: u32) -> &[u8] {
        &self.bytes[self.range(number)]
    }

    /// Forgets all texts, and keeps the room.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.table.fill(0);
        self.last = 0;
    }

    /// Returns the number of a text, and whether it is new.
    pub(super) fn intern(&mut self, text: &[u8]) -> (u32, bool) {
        if !self.ends.is_empty() && self.get(self.last) == text {
            return (self.last, false);
        }
        if (self.ends.len() + 1) * 4 > self.table.len() * 3 {
            self.grow();
        }
        let at = self.find(text);
        let is_new = self.table[at] == 0;
        if is_new {
            self.bytes.extend_from_slice(text);
            self.ends.push(super::bytes::narrow(self.bytes.len()));
            self.table[at] = super::bytes::narrow(self.ends.len());
        }
        self.last = self.table[at] - 1;
        (self.last, is_new)
    }

    /// Returns the place of a text in the table: its own, or a free one.
    fn find(&self, text: &[u8]) -> usize {
        let mask = self.table.len() - 1;
        let mut at = self.random.hash_one(text) as usize & mask;
        while self.table[at] != 0 && self.get(self.table[at] - 1) != text {
            at = (at + 1) & mask;
        }
        at
    }

    fn grow(&mut self) {
        let room = (self.table.len() * 2).max(16);
        self.table.clear();
        self.table.resize(room, 0);
        for number in 0..super::bytes::narrow(self.ends.len()) {
            let at = self.find(self.get(number));
            self.table[at] = number + 1;
        }
    }
}

/// A set of hashes.
#[derive(Debug)]
pub(super) struct Hashes {
    /// Members by their place; 0 is free. A power of two, at most half of them used.
    table: Vec<u64>,
    len: usize,
    /// An odd number that senders cannot know: their words' hashes do not meet in one place.
    random: u64,
    has_zero: bool,
}

impl Default for Hashes {
    fn default() -> Self {
        Self {
            table: Vec::new(),
            len: 0,
            random: RandomState::new().hash_one(0) | 1,
            has_zero: false,
        }
    }
}

impl Hashes {
    /// Adds a hash.
    pub(super) fn insert(&mut self, hash: u64) {
        if hash == 0 {
            self.has_zero = true;
            return;
        }
        if (self.len + 1) * 2 > self.table.len() {
            let members: Vec<u64> = self.members().collect();
            let room = (self.table.len() * 2).max(1024);
            self.table.clear();
            self.table.resize(room, 0);
            for hash in members {
                self.put(hash);
            }
        }
        if self.put(hash) {
            self.len += 1;
        }
    }

    /// Reports whether the hash is new.
    fn put(&mut self, hash: u64) -> bool {
        let mask = self.table.len() - 1;
        let mut at = (hash.wrapping_mul(self.random) >> 32) as usize & mask;
        while self.table[at] != 0 {
            if self.table[at] == hash {
                return false;
            }
            at = (at + 1) & mask;
        }
        self.table[at] = hash;
        true
    }

    fn members(&self) -> impl Iterator<Item = u64> + '_ {
        self.table.iter().copied().filter(|hash| *hash != 0)
    }

    /// Empties the set into a list, and keeps the room.
    pub(super) fn take(&mut self) -> Vec<u64> {
        let mut members: Vec<u64> = self.members().collect();
        members.extend(self.has_zero.then_some(0));
        self.table.fill(0);
        self.len = 0;
        self.has_zero = false;
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_one_number() {
        let mut texts = Interner::default();
        for round in 0..2 {
            for number in 0..5000_u32 {
                let text = format!("text {number}");
                assert_eq!(texts.intern(text.as_bytes()), (number, round == 0));
                assert_eq!(texts.intern(text.as_bytes()), (number, false));
            }
        }
        assert_eq!((texts.len(), texts.get(77)), (5000, &b"text 77"[..]));
        assert_eq!(texts.intern(b""), (5000, true));
        texts.clear();
        assert_eq!(texts.intern(b"text 3"), (0, true));
        assert_eq!(texts.len(), 1);
    }

    #[test]
    fn a_set_has_each_hash_once() {
        let mut set = Hashes::default();
        for hash in (0..3000).chain(0..3000) {
            set.insert(hash);
        }
        let mut members = set.take();
        members.sort_unstable();
        assert_eq!(members, (0..3000).collect::<Vec<u64>>());
        assert!(set.take().is_empty());
    }
}

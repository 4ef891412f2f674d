//! A split block Bloom filter: rules out most absent keys, for one cache line of memory.
//!
//! As described by Putze, Sanders and Singler ("Cache-, Hash- and Space-Efficient Bloom Filters", 2007), with one bit
//! in each of a block's eight words. Keys are parts of SHA-256 hashes, so their bits are used as they are.

use super::key::Key;

const WORDS: usize = 8;
pub(super) const BLOCK_LEN: usize = WORDS * 4;
/// Twelve bits a key: about one absent key of 250 is looked up in vain.
const KEYS_PER_BLOCK: u64 = 256 / 12;

/// The set of keys that may be present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    blocks: Vec<[u32; WORDS]>,
}

impl Filter {
    /// Returns an empty filter for this many keys.
    pub(super) fn new(keys: u64) -> Self {
        let blocks = usize::try_from(keys.div_ceil(KEYS_PER_BLOCK).max(1))
            .expect("runs are far smaller than memory can be");
        Self {
            blocks: vec![[0; WORDS]; blocks],
        }
    }

    pub(super) fn insert(&mut self, key: &Key) {
        let block = self.block_of(key);
        for (word, bit) in self.blocks[block].iter_mut().zip(bits_of(key)) {
            *word |= bit;
        }
    }

    pub(super) fn may_contain(&self, key: &Key) -> bool {
        let block = &self.blocks[self.block_of(key)];
        block
            .iter()
            .zip(bits_of(key))
            .all(|(word, bit)| word & bit != 0)
    }

    pub(super) const fn size_bytes(&self) -> usize {
        self.blocks.len() * BLOCK_LEN
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let words = self.blocks.iter().flatten();
        words.for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
    }

    /// Decodes the output of [`Self::encode`]; returns `None` when the length is not a number of blocks.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (blocks, rest) = bytes.as_chunks::<BLOCK_LEN>();
        let read = |block: &[u8; BLOCK_LEN]| {
            let mut words = [0; WORDS];
            for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
                *word = u32::from_le_bytes(*bytes);
            }
            words
        };
        let blocks: Vec<_> = blocks.iter().map(read).collect();
        (rest.is_empty() && !blocks.is_empty()).then_some(Self { blocks })
    }

    fn block_of(&self, key: &Key) -> usize {
        let bits = u64::from(u32::from_le_bytes(part(key, 8)));
        // Scales the 32 bits to the number of blocks without a division.
        usize::try_from((bits * self.blocks.len() as u64) >> 32)
            .expect("below the number of blocks")
    }
}

/// Returns one bit for each word, from bits of the key that choose neither the block nor the order of keys.
fn bits_of(key: &Key) -> [u32; WORDS] {
    let bits = u64::from_le_bytes(part(key, 12));
    std::array::from_fn(|word| 1 << ((bits >> (word * 5)) & 31))
}

fn part<const N: usize>(key: &Key, from: usize) -> [u8; N] {
    key.0[from..from + N]
        .try_into()
        .expect("a key has twenty bytes")
}

#[cfg(test)]
mod tests {
    use atrail_evidence::leaf_hash;
    use atrail_model::{Domain, SpaceId};

    use super::*;

    fn keys(from: u32, count: u32) -> impl Iterator<Item = Key> {
        let domain = Domain::Space(SpaceId::from_bytes([7; 16]));
        (from..from + count).map(move |n| Key::of(domain, &leaf_hash(&n.to_le_bytes())))
    }

    #[test]
    fn it_has_what_was_put_in_and_little_else() {
        let mut filter = Filter::new(10_000);
        keys(0, 10_000).for_each(|key| filter.insert(&key));
        assert!(keys(0, 10_000).all(|key| filter.may_contain(&key)));
        let wrong = keys(10_000, 100_000)
            .filter(|key| filter.may_contain(key))
            .count();
        assert!(wrong < 1_500, "{wrong} of 100,000");
        let mut bytes = Vec::new();
        filter.encode(&mut bytes);
        assert_eq!(bytes.len(), filter.size_bytes());
        assert_eq!(Filter::decode(&bytes), Some(filter));
        assert_eq!(Filter::decode(&bytes[1..]), None);
    }
}

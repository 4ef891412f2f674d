//! The Merkle tree over a segment's events.

use sha2::{Digest, Sha256};

use crate::{Hash, LeafHash};

/// The RFC 6962 §2.1 Merkle tree hash of a list of leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Root(pub [u8; 32]);

/// Computes a Merkle tree hash leaf by leaf, in memory logarithmic in their number.
#[derive(Debug, Clone, Default)]
pub struct TreeHasher {
    /// Roots of complete subtrees, largest first; their sizes are the one-bits of `count`.
    complete: Vec<[u8; 32]>,
    count: u64,
}

impl TreeHasher {
    /// Adds the next leaf.
    pub fn push(&mut self, leaf: LeafHash) {
        let mut node = leaf.0;
        for _ in 0..self.count.trailing_ones() {
            let left = self
                .complete
                .pop()
                .expect("a one-bit of the count has its subtree");
            node = parent(&left, &node);
        }
        self.complete.push(node);
        self.count += 1;
    }

    /// Adds the next leaf, and gives the roots of all complete subtrees that it completes: the leaf itself first.
    pub fn push_completing(&mut self, leaf: LeafHash) -> Vec<Hash> {
        let mut completed = vec![leaf.into()];
        let mut node = leaf.0;
        for level in 0..self.count.trailing_ones() as usize {
            let left = self.complete[self.complete.len() - 1 - level];
            node = parent(&left, &node);
            completed.push(Hash(node));
        }
        self.push(leaf);
        completed
    }

    /// The tree as bytes: its count, 8 bytes big-endian, then the roots of its complete subtrees, largest first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.count.to_be_bytes().to_vec();
        self.complete
            .iter()
            .for_each(|root| bytes.extend_from_slice(root));
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote; `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (count, rest) = bytes.split_first_chunk::<8>()?;
        let count = u64::from_be_bytes(*count);
        let (roots, cut) = rest.as_chunks::<32>();
        let fits = cut.is_empty() && roots.len() == count.count_ones() as usize;
        fits.then(|| Self {
            complete: roots.to_vec(),
            count,
        })
    }

    /// How many leaves were added.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The root over all leaves so far; of none, the hash of the empty string.
    #[must_use]
    pub fn root(&self) -> Root {
        let mut rightmost_first = self.complete.iter().rev();
        let Some(last) = rightmost_first.next() else {
            return Root(Sha256::digest([]).into());
        };
        Root(rightmost_first.fold(*last, |right, left| parent(left, &right)))
    }
}

/// Leaves of a subtree whose hash is kept for a segment.
pub const SUBTREE_LEAVES: u64 = 1024;

/// Computes the root of a segment, and the hashes of its subtrees of [`SUBTREE_LEAVES`] leaves each, the last of which may
/// have less.
#[derive(Debug, Clone, Default)]
pub struct SegmentTree {
    /// Over the roots of the subtrees that are complete.
    above: TreeHasher,
    /// The subtree at hand.
    below: TreeHasher,
    subtrees: Vec<Hash>,
}

impl SegmentTree {
    /// Adds the next event.
    pub fn push(&mut self, leaf: LeafHash) {
        self.below.push(leaf);
        if self.below.count() == SUBTREE_LEAVES {
            self.end_subtree();
        }
    }

    /// The root and the subtree hashes.
    #[must_use]
    pub fn finish(mut self) -> (Root, Vec<Hash>) {
        if self.below.count() > 0 {
            self.end_subtree();
        }
        (self.above.root(), self.subtrees)
    }

    fn end_subtree(&mut self) {
        let root = std::mem::take(&mut self.below).root();
        self.above.push(LeafHash(root.0));
        self.subtrees.push(root.into());
    }
}

/// RFC 6962 §2.1: SHA-256(0x01 ‖ left ‖ right).
pub(crate) fn parent(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update([0x01]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaf_hash;

    /// The recursive definition of RFC 6962 §2.1, to the letter.
    fn by_definition(leaves: &[LeafHash]) -> [u8; 32] {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => one.0,
            many => {
                let split = many.len().next_power_of_two() / 2;
                parent(
                    &by_definition(&many[..split]),
                    &by_definition(&many[split..]),
                )
            }
        }
    }

    #[test]
    fn agrees_with_the_definition_at_every_size() {
        let leaves: Vec<_> = (0..1100_u32).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let mut tree = TreeHasher::default();
        for size in 0..=leaves.len() {
            assert_eq!(tree.root().0, by_definition(&leaves[..size]), "size {size}");
            if let Some(leaf) = leaves.get(size) {
                tree.push(*leaf);
            }
        }
        assert_eq!(tree.count(), 1100);
    }

    /// The seven-leaf log of the Certificate Transparency reference implementation's tests.
    #[test]
    fn agrees_with_the_published_vector() {
        let inputs: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let mut tree = TreeHasher::default();
        inputs.iter().for_each(|input| tree.push(leaf_hash(input)));
        let hex: String = tree.root().0.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(
            hex,
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
        );
    }
}

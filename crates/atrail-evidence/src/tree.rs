//! Merkle trees, built leaf by leaf.

use sha2::{Digest, Sha256};

use crate::hash::{Hash, parent};
use crate::leaf::LeafHash;

/// Number of events that each subtree hash of a segment covers; the last may cover fewer.
pub const SUBTREE_LEAVES: u64 = 1024;

/// The RFC 6962 §2.1 Merkle tree hash of a list of leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Root(pub [u8; 32]);

impl From<Root> for Hash {
    fn from(root: Root) -> Self {
        Self(root.0)
    }
}

impl From<Hash> for Root {
    fn from(hash: Hash) -> Self {
        Self(hash.0)
    }
}

/// Computes a Merkle tree hash leaf by leaf, in memory logarithmic in their number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeHasher {
    /// Roots of complete subtrees, largest first; their sizes are the one-bits of `count`.
    complete: Vec<Hash>,
    count: u64,
}

impl TreeHasher {
    /// Adds the next leaf.
    pub fn push(&mut self, leaf: LeafHash) {
        self.add(leaf, |_| ());
    }

    /// Adds the next leaf. Returns the roots of all complete subtrees that it completes: that of level 0, which is the
    /// leaf itself, then those of the levels above.
    pub fn push_completing(&mut self, leaf: LeafHash) -> Vec<Hash> {
        let mut completed = Vec::new();
        self.add(leaf, |root| completed.push(root));
        completed
    }

    fn add(&mut self, leaf: LeafHash, mut completes: impl FnMut(Hash)) {
        let mut node = Hash::from(leaf);
        completes(node);
        for _ in 0..self.count.trailing_ones() {
            let left = self
                .complete
                .pop()
                .expect("a one-bit of the count has its subtree");
            node = parent(&left, &node);
            completes(node);
        }
        self.complete.push(node);
        self.count += 1;
    }

    /// Returns the number of added leaves.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Returns the root over all leaves so far; without leaves, the hash of the empty string.
    #[must_use]
    pub fn root(&self) -> Root {
        fold(&self.complete).map_or_else(|| Root(Sha256::digest([]).into()), Root::from)
    }

    /// Serializes the state: the count (8 bytes, big-endian), then the roots of the complete subtrees, largest first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let roots = self.complete.iter().flat_map(|root| root.0);
        self.count.to_be_bytes().into_iter().chain(roots).collect()
    }

    /// Restores the state that [`TreeHasher::to_bytes`] wrote; returns `None` for bytes of the wrong length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (count, roots) = bytes.split_first_chunk()?;
        let count = u64::from_be_bytes(*count);
        let (roots, rest) = roots.as_chunks();
        let is_whole = rest.is_empty() && roots.len() as u64 == u64::from(count.count_ones());
        is_whole.then(|| Self {
            complete: roots.iter().copied().map(Hash).collect(),
            count,
        })
    }
}

/// Computes the root over complete subtrees of descending size; returns `None` for none.
pub(crate) fn fold(subtrees: &[Hash]) -> Option<Hash> {
    let (last, before) = subtrees.split_last()?;
    let mut node = *last;
    for left in before.iter().rev() {
        node = parent(left, &node);
    }
    Some(node)
}

/// Computes the root over a list of leaves.
pub(crate) fn root_of(leaves: impl IntoIterator<Item = LeafHash>) -> Root {
    let mut tree = TreeHasher::default();
    leaves.into_iter().for_each(|leaf| tree.push(leaf));
    tree.root()
}

/// The tree over a segment's events, with the hash of each run of [`SUBTREE_LEAVES`] of them.
#[derive(Debug, Clone, Default)]
pub struct SegmentTree {
    runs: Vec<Hash>,
    last: TreeHasher,
}

impl SegmentTree {
    /// Adds the next event.
    pub fn push(&mut self, leaf: LeafHash) {
        self.last.push(leaf);
        if self.last.count() == SUBTREE_LEAVES {
            self.runs.push(self.last.root().into());
            self.last = TreeHasher::default();
        }
    }

    /// Returns the root of the segment, and the hashes of its runs.
    #[must_use]
    pub fn finish(mut self) -> (Root, Vec<Hash>) {
        if self.last.count() > 0 {
            self.runs.push(self.last.root().into());
        }
        (root_of_runs(&self.runs), self.runs)
    }
}

/// Computes the root of a segment from the hashes of its runs.
pub(crate) fn root_of_runs(runs: &[Hash]) -> Root {
    root_of(runs.iter().map(|run| LeafHash(run.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaf_hash;

    fn leaves(count: u32) -> Vec<LeafHash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    /// Computes the tree hash by the recursive definition of RFC 6962 §2.1, to the letter.
    fn by_definition(leaves: &[LeafHash]) -> Hash {
        match leaves {
            [] => Hash(Sha256::digest([]).into()),
            [one] => (*one).into(),
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
        let leaves = leaves(1100);
        let mut tree = TreeHasher::default();
        for size in 0..=leaves.len() {
            let root = Hash::from(tree.root());
            assert_eq!(root, by_definition(&leaves[..size]), "size {size}");
            assert_eq!(TreeHasher::from_bytes(&tree.to_bytes()), Some(tree.clone()));
            if let Some(leaf) = leaves.get(size) {
                tree.push(*leaf);
            }
        }
        assert_eq!(tree.count(), 1100);
    }

    #[test]
    fn a_leaf_completes_the_subtrees_that_end_with_it() {
        let leaves = leaves(300);
        let mut tree = TreeHasher::default();
        for (index, leaf) in leaves.iter().enumerate() {
            let completed = tree.push_completing(*leaf);
            let expected = (0..9_usize)
                .map(|level| 1 << level)
                .filter(|size| (index + 1) % size == 0)
                .map(|size| by_definition(&leaves[index + 1 - size..=index]));
            assert_eq!(completed, expected.collect::<Vec<_>>(), "leaf {index}");
        }
    }

    #[test]
    fn refuses_a_state_of_another_length() {
        let mut tree = TreeHasher::default();
        leaves(5).into_iter().for_each(|leaf| tree.push(leaf));
        let mut bytes = tree.to_bytes();
        assert_eq!(TreeHasher::from_bytes(&bytes[..7]), None);
        assert_eq!(TreeHasher::from_bytes(&bytes[..bytes.len() - 1]), None);
        bytes.extend([0; 32]);
        assert_eq!(TreeHasher::from_bytes(&bytes), None);
    }

    #[test]
    fn runs_of_a_segment_give_its_root() {
        for count in [0, 1, 1023, 1024, 1025, 2048, 2049, 5000] {
            let leaves = leaves(count);
            let mut segment = SegmentTree::default();
            leaves.iter().for_each(|leaf| segment.push(*leaf));
            let (root, runs) = segment.finish();
            assert_eq!(root, Root::from(by_definition(&leaves)), "{count} events");
            let expected: Vec<_> = leaves.chunks(1024).map(by_definition).collect();
            assert_eq!(runs, expected, "{count} events");
        }
    }

    /// The eight-leaf log from the tests of the Certificate Transparency reference implementation.
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
        let root = root_of(inputs.iter().map(|input| leaf_hash(input)));
        assert_eq!(
            crate::hex(&root.0),
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
        );
    }
}

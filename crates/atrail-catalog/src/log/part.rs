//! The part of the tree over all days that an append changes.

use atrail_evidence::{Hash, days};

use super::layout::PART_LEVEL;

/// Leaves of a part.
const DAYS: usize = 1 << PART_LEVEL;

/// A subtree over the days of one part, with all its nodes: a day that changes costs a path of hashes.
#[derive(Debug)]
pub(super) struct Part {
    /// The root is at 1, the children of a node at twice its place and the place after it.
    nodes: Vec<Hash>,
}

impl Part {
    /// Creates a part from the leaves of its days with entries, given with their places in it.
    pub(super) fn new(leaves: impl Iterator<Item = (u32, Hash)>) -> Self {
        let mut part = Self {
            nodes: vec![days::empty(0); 2 * DAYS],
        };
        for (place, leaf) in leaves {
            part.nodes[DAYS + place as usize] = leaf;
        }
        for node in (1..DAYS).rev() {
            part.hash(node);
        }
        part
    }

    /// Replaces the leaf of the day at this place.
    pub(super) fn set(&mut self, place: u32, leaf: Hash) {
        let mut node = DAYS + place as usize;
        self.nodes[node] = leaf;
        while node > 1 {
            node /= 2;
            self.hash(node);
        }
    }

    pub(super) fn root(&self) -> Hash {
        self.nodes[1]
    }

    fn hash(&mut self, node: usize) {
        self.nodes[node] = days::node(&self.nodes[2 * node], &self.nodes[2 * node + 1]);
    }
}

#[cfg(test)]
mod tests {
    use atrail_evidence::leaf_hash;

    use super::*;

    #[test]
    fn the_root_is_that_of_the_whole_subtree_after_every_change() {
        let leaf = |day: u32| Hash::from(leaf_hash(&day.to_be_bytes()));
        let root = |days: &[u32]| {
            let leaves: Vec<_> = days.iter().map(|day| (*day, leaf(*day))).collect();
            days::subtree(0, PART_LEVEL, &leaves)
        };
        let mut part = Part::new(std::iter::empty());
        assert_eq!(part.root(), root(&[]));
        part.set(255, leaf(255));
        assert_eq!(part.root(), root(&[255]));
        part.set(0, leaf(0));
        assert_eq!(part.root(), root(&[0, 255]));
        let mut other = Part::new([(0, leaf(0)), (7, leaf(1))].into_iter());
        assert_ne!(other.root(), root(&[0, 7]), "the control");
        other.set(7, leaf(7));
        assert_eq!(other.root(), root(&[0, 7]));
    }
}

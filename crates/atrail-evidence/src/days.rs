//! The tree over all days of a domain: 65,536 leaves, one for each day since 1970-01-01.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::hash::{Hash, parent};
use crate::tree::Root;

/// Number of levels above the leaves.
pub const LEVELS: u8 = 16;

/// Returns the leaf of a day whose list has `size` entries, at least one, and this root.
#[must_use]
pub fn leaf(size: u64, root: Root) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0x00]);
    hasher.update(size.to_be_bytes());
    hasher.update(root.0);
    Hash(hasher.finalize().into())
}

/// Returns the root of a subtree of `1 << level` days, all without entries; for level 0, the leaf of such a day.
#[must_use]
pub fn empty(level: u8) -> Hash {
    let leaf = Hash(Sha256::digest([0x00]).into());
    (0..level).fold(leaf, |node, _| parent(&node, &node))
}

/// Returns the node above two neighbours.
#[must_use]
pub fn node(left: &Hash, right: &Hash) -> Hash {
    parent(left, right)
}

/// Returns the root, at level `top`, of one subtree. `nodes` are the nodes of level `bottom` in it with entries below
/// them, with their positions within that subtree, in ascending order; all other nodes are empty.
#[must_use]
pub fn subtree(bottom: u8, top: u8, nodes: &[(u32, Hash)]) -> Hash {
    let mut empty = empty(bottom);
    let mut nodes = nodes.to_vec();
    for _ in bottom..top {
        let mut above: Vec<(u32, Hash)> = Vec::with_capacity(nodes.len());
        for pair in nodes.chunk_by(|left, right| left.0 >> 1 == right.0 >> 1) {
            let node = match pair {
                [(_, left), (_, right)] => parent(left, right),
                [(index, left), ..] if index & 1 == 0 => parent(left, &empty),
                [(_, right), ..] => parent(&empty, right),
                [] => continue,
            };
            above.push((pair[0].0 >> 1, node));
        }
        nodes = above;
        empty = parent(&empty, &empty);
    }
    nodes.first().map_or(empty, |(_, root)| *root)
}

/// Returns the level and index of each subtree whose root is part of the range proof of these days, in order.
#[must_use]
pub fn range_nodes(first: u16, last: u16) -> Vec<(u8, u32)> {
    fn visit(level: u8, index: u32, days: (u32, u32), nodes: &mut Vec<(u8, u32)>) {
        match position(level, index, days) {
            Position::Outside => nodes.push((level, index)),
            Position::Day => {}
            Position::Across => {
                visit(level - 1, index * 2, days, nodes);
                visit(level - 1, index * 2 + 1, days, nodes);
            }
        }
    }
    let mut nodes = Vec::new();
    visit(LEVELS, 0, (first.into(), last.into()), &mut nodes);
    nodes
}

/// Computes the root over all days from the leaves of a range of days and its proof; returns `None` when the proof has
/// the wrong length.
pub fn range_root(
    first: u16,
    last: u16,
    leaf: impl FnMut(u16) -> Hash,
    proof: &[Hash],
) -> Option<Hash> {
    struct Walk<'a, F> {
        days: (u32, u32),
        leaf: F,
        proof: std::slice::Iter<'a, Hash>,
    }
    impl<F: FnMut(u16) -> Hash> Walk<'_, F> {
        fn root(&mut self, level: u8, index: u32) -> Option<Hash> {
            match position(level, index, self.days) {
                Position::Outside => self.proof.next().copied(),
                Position::Day => u16::try_from(index).ok().map(&mut self.leaf),
                Position::Across => {
                    let left = self.root(level - 1, index * 2)?;
                    let right = self.root(level - 1, index * 2 + 1)?;
                    Some(parent(&left, &right))
                }
            }
        }
    }
    let mut walk = Walk {
        days: (first.into(), last.into()),
        leaf,
        proof: proof.iter(),
    };
    let root = walk.root(LEVELS, 0)?;
    walk.proof.next().is_none().then_some(root)
}

/// Computes the range proof of one day from the leaves of a range that contains it, and that range's proof.
pub fn narrow(
    (first, last): (u16, u16),
    day: u16,
    mut leaf: impl FnMut(u16) -> Hash,
    proof: &[Hash],
) -> Option<Vec<Hash>> {
    fn root(
        level: u8,
        index: u32,
        outside: &HashMap<(u8, u32), Hash>,
        leaf: &mut impl FnMut(u16) -> Hash,
    ) -> Option<Hash> {
        if let Some(hash) = outside.get(&(level, index)) {
            return Some(*hash);
        }
        if level == 0 {
            return u16::try_from(index).ok().map(leaf);
        }
        let left = root(level - 1, index * 2, outside, leaf)?;
        let right = root(level - 1, index * 2 + 1, outside, leaf)?;
        Some(parent(&left, &right))
    }
    let nodes = range_nodes(first, last);
    if nodes.len() != proof.len() || day < first || last < day {
        return None;
    }
    let outside = nodes.into_iter().zip(proof.iter().copied()).collect();
    range_nodes(day, day)
        .into_iter()
        .map(|(level, index)| root(level, index, &outside, &mut leaf))
        .collect()
}

/// The position of a subtree relative to a range of days.
enum Position {
    Outside,
    Day,
    Across,
}

fn position(level: u8, index: u32, (first, last): (u32, u32)) -> Position {
    let (start, end) = (index << level, ((index + 1) << level) - 1);
    if end < first || last < start {
        Position::Outside
    } else if level == 0 {
        Position::Day
    } else {
        Position::Across
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaf_hash;

    fn some_days() -> Vec<(u32, Hash)> {
        [0_u32, 1, 2, 7, 1000, 1001, 20_777, 20_778, 32_768, 65_535]
            .map(|day| (day, leaf(1, Root(leaf_hash(&day.to_be_bytes()).0))))
            .to_vec()
    }

    /// Computes the tree from its definition, with every leaf written out.
    fn by_definition(days: &[(u32, Hash)]) -> Vec<Vec<Hash>> {
        let mut level = vec![empty(0); 1 << LEVELS];
        for (day, leaf) in days {
            level[*day as usize] = *leaf;
        }
        let mut levels = vec![level];
        while levels[levels.len() - 1].len() > 1 {
            let below = &levels[levels.len() - 1];
            let (pairs, _) = below.as_chunks();
            levels.push(pairs.iter().map(|[l, r]| parent(l, r)).collect());
        }
        levels
    }

    #[test]
    fn subtrees_agree_with_the_definition() {
        let days = some_days();
        let levels = by_definition(&days);
        assert_eq!(levels[16][0], subtree(0, 16, &days));
        assert_eq!(empty(16), subtree(0, 16, &[]));
        let upper: Vec<_> = (0..256_u32)
            .map(|index| (index, levels[8][index as usize]))
            .filter(|(_, node)| *node != empty(8))
            .collect();
        assert_eq!(levels[16][0], subtree(8, 16, &upper));
    }

    #[test]
    fn a_range_of_days_leads_to_the_root() {
        let days = some_days();
        let levels = by_definition(&days);
        let ends: [u16; 9] = [0, 1, 2, 6, 7, 1000, 20_778, 40_000, 65_535];
        for first in ends {
            for last in ends.into_iter().filter(|last| *last >= first) {
                let nodes = range_nodes(first, last);
                assert!(nodes.len() <= 30);
                let proof: Vec<_> = nodes
                    .iter()
                    .map(|(level, index)| levels[usize::from(*level)][*index as usize])
                    .collect();
                let leaf = |day: u16| levels[0][usize::from(day)];
                let root = range_root(first, last, leaf, &proof);
                assert_eq!(root, Some(levels[16][0]), "{first}–{last}");
                for day in [first, first + (last - first) / 2, last] {
                    let narrowed = narrow((first, last), day, leaf, &proof);
                    let own = range_nodes(day, day)
                        .into_iter()
                        .map(|(level, index)| levels[usize::from(level)][index as usize]);
                    assert_eq!(narrowed, Some(own.collect()), "{day} of {first}–{last}");
                }
                let longer = [proof.clone(), vec![empty(0)]].concat();
                assert_eq!(range_root(first, last, leaf, &longer), None);
                if let Some((_, shorter)) = proof.split_last() {
                    assert_eq!(range_root(first, last, leaf, shorter), None);
                }
            }
        }
    }
}

//! The tree over all days of a domain: 16 levels, a leaf for each day since 1970-01-01.

use sha2::{Digest, Sha256};

use crate::tree::parent;
use crate::{Hash, Root, leaf_hash};

/// How many levels there are above the leaves.
pub const LEVELS: u8 = 16;

/// The leaf of a day with entries: of the size and root of its list.
#[must_use]
pub fn leaf(size: u64, root: Root) -> Hash {
    let mut bytes = [0; 40];
    bytes[..8].copy_from_slice(&size.to_be_bytes());
    bytes[8..].copy_from_slice(&root.0);
    leaf_hash(&bytes).into()
}

/// The root of a subtree of this level none of whose days has entries.
#[must_use]
pub fn empty(level: u8) -> Hash {
    let leaf: [u8; 32] = Sha256::digest([0]).into();
    Hash((0..level).fold(leaf, |node, _| parent(&node, &node)))
}

/// The root of one subtree of level `top`, given its nodes of level `bottom` that are not empty: each with its place
/// among those of this subtree, ascending.
#[must_use]
pub fn subtree(bottom: u8, top: u8, nodes: &[(u32, Hash)]) -> Hash {
    if nodes.is_empty() {
        return empty(top);
    }
    let mut row = nodes.to_vec();
    for level in bottom..top {
        let nothing = empty(level);
        let mut above: Vec<(u32, Hash)> = Vec::with_capacity(row.len());
        let mut left: Option<(u32, Hash)> = None;
        let mut pair = |index: u32, left: Hash, right: Hash| {
            above.push((index >> 1, Hash(parent(&left.0, &right.0))));
        };
        for (index, hash) in row {
            match left.take() {
                Some((before, sibling)) if before + 1 == index && index & 1 == 1 => {
                    pair(before, sibling, hash);
                    continue;
                }
                Some((before, sibling)) => pair(before, sibling, nothing),
                None => {}
            }
            if index & 1 == 1 {
                pair(index, nothing, hash);
            } else {
                left = Some((index, hash));
            }
        }
        if let Some((before, sibling)) = left {
            pair(before, sibling, nothing);
        }
        row = above;
    }
    row.first().map_or_else(|| empty(top), |(_, root)| *root)
}

/// The subtrees, as level and place in the level, whose roots the range proof of these days consists of, in its order.
#[must_use]
pub fn range_nodes(first: u16, last: u16) -> Vec<(u8, u32)> {
    let mut nodes = Vec::new();
    outside((first.into(), last.into()), LEVELS, 0, &mut nodes);
    nodes
}

fn outside(range: (u32, u32), level: u8, index: u32, out: &mut Vec<(u8, u32)>) {
    match place(range, level, index) {
        Place::Outside => out.push((level, index)),
        Place::Day => {}
        Place::Above => {
            outside(range, level - 1, index * 2, out);
            outside(range, level - 1, index * 2 + 1, out);
        }
    }
}

/// The root that follows from the leaves of these days and a range proof; `None` when the proof is not of these days.
pub fn range_root(
    first: u16,
    last: u16,
    mut leaf: impl FnMut(u16) -> Hash,
    proof: &[Hash],
) -> Option<Hash> {
    if first > last {
        return None;
    }
    let mut proof = proof.iter().copied();
    let range = (first.into(), last.into());
    let root = computed(range, LEVELS, 0, &mut leaf, &mut proof)?;
    proof.next().is_none().then_some(root)
}

fn computed(
    range: (u32, u32),
    level: u8,
    index: u32,
    leaf: &mut impl FnMut(u16) -> Hash,
    proof: &mut impl Iterator<Item = Hash>,
) -> Option<Hash> {
    match place(range, level, index) {
        Place::Outside => proof.next(),
        Place::Day => Some(leaf(u16::try_from(index).ok()?)),
        Place::Above => {
            let left = computed(range, level - 1, index * 2, leaf, proof)?;
            let right = computed(range, level - 1, index * 2 + 1, leaf, proof)?;
            Some(Hash(parent(&left.0, &right.0)))
        }
    }
}

enum Place {
    Outside,
    Day,
    Above,
}

const fn place((first, last): (u32, u32), level: u8, index: u32) -> Place {
    let begin = index << level;
    let end = begin + (1 << level) - 1;
    if end < first || begin > last {
        Place::Outside
    } else if level == 0 {
        Place::Day
    } else {
        Place::Above
    }
}

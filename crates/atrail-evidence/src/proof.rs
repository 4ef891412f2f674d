//! Proofs of RFC 6962: that a leaf is in a tree (§2.1.1), and that one tree is a beginning of another (§2.1.2).
//!
//! A proof is made of roots of complete subtrees, which never change again once they are complete: a log keeps them, and a
//! [`ProofPlan`] says which are needed.

use crate::tree::parent;
use crate::{Hash, LeafHash, Root};

/// A complete subtree: that over the leaves from `index << level` to `(index + 1) << level`, the last not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    /// Its height; a leaf has level 0.
    pub level: u8,
    /// Its place among the subtrees of its level.
    pub index: u64,
}

/// Which complete subtrees a proof is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofPlan {
    /// For each hash of the proof the complete subtrees, from left to right, that its subtree consists of.
    elements: Vec<Vec<NodeId>>,
}

impl ProofPlan {
    /// The audit path of a leaf in a tree of this size; `None` when the tree has no such leaf.
    #[must_use]
    pub fn inclusion(index: u64, size: u64) -> Option<Self> {
        if index >= size {
            return None;
        }
        let mut elements = Vec::new();
        path(index, 0, size, &mut elements);
        Some(Self { elements })
    }

    /// The proof that the tree of size `from` is a beginning of that of size `to`; `None` unless `1 <= from <= to`.
    #[must_use]
    pub fn consistency(from: u64, to: u64) -> Option<Self> {
        if from == 0 || from > to {
            return None;
        }
        let mut elements = Vec::new();
        subproof(from, 0, to, true, &mut elements);
        Some(Self { elements })
    }

    /// The complete subtrees whose roots are needed; one may come more than once.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.elements.iter().flatten().copied()
    }

    /// The proof, given those roots; `None` when one is not there.
    pub fn prove(&self, mut node: impl FnMut(NodeId) -> Option<Hash>) -> Option<Vec<Hash>> {
        let mut proof = Vec::with_capacity(self.elements.len());
        for element in &self.elements {
            let mut roots = Vec::with_capacity(element.len());
            for id in element {
                roots.push(node(*id)?);
            }
            proof.push(folded(&roots)?);
        }
        Some(proof)
    }
}

/// The root that an audit path leads to; `None` when the path is not one of this leaf in a tree of this size.
#[must_use]
pub fn root_from_inclusion(leaf: LeafHash, index: u64, size: u64, proof: &[Hash]) -> Option<Root> {
    if index >= size {
        return None;
    }
    // RFC 9162 §2.1.3.2.
    let (mut place, mut last) = (index, size - 1);
    let mut node = leaf.0;
    for hash in proof {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            node = parent(&hash.0, &node);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            node = parent(&node, &hash.0);
        }
        place >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(Root(node))
}

/// Whether the tree of size `from` with one root is a beginning of that of size `to` with the other.
#[must_use]
pub fn is_consistent((from, old): (u64, Root), (to, new): (u64, Root), proof: &[Hash]) -> bool {
    if from == to {
        return proof.is_empty() && old == new;
    }
    if from == 0 || from > to {
        return false;
    }
    // RFC 9162 §2.1.4.2.
    let mut hashes = proof.iter().map(|hash| hash.0);
    let first = if from.is_power_of_two() {
        Some(old.0)
    } else {
        hashes.next()
    };
    let Some(first) = first else { return false };
    let (mut place, mut last) = (from - 1, to - 1);
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let (mut of_old, mut of_new) = (first, first);
    for hash in hashes {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            of_old = parent(&hash, &of_old);
            of_new = parent(&hash, &of_new);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            of_new = parent(&of_new, &hash);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && of_old == old.0 && of_new == new.0
}

/// The audit path of a leaf of the tree over `[begin, begin + size)`, nearest sibling first.
fn path(index: u64, begin: u64, size: u64, out: &mut Vec<Vec<NodeId>>) {
    if size == 1 {
        return;
    }
    let left = split(size);
    if index < left {
        path(index, begin, left, out);
        out.push(complete(begin + left, size - left));
    } else {
        path(index - left, begin + left, size - left, out);
        out.push(complete(begin, left));
    }
}

/// RFC 6962 §2.1.2, SUBPROOF.
fn subproof(from: u64, begin: u64, size: u64, is_whole: bool, out: &mut Vec<Vec<NodeId>>) {
    if from == size {
        if !is_whole {
            out.push(complete(begin, size));
        }
        return;
    }
    let left = split(size);
    if from <= left {
        subproof(from, begin, left, is_whole, out);
        out.push(complete(begin + left, size - left));
    } else {
        subproof(from - left, begin + left, size - left, false, out);
        out.push(complete(begin, left));
    }
}

/// The largest power of two below a size of at least 2.
const fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// The complete subtrees of the tree over `[begin, begin + size)`, largest first. `begin` is a multiple of the largest.
fn complete(mut begin: u64, size: u64) -> Vec<NodeId> {
    let mut nodes = Vec::new();
    for level in (0..u8::try_from(u64::BITS).unwrap_or(64)).rev() {
        if size >> level & 1 == 1 {
            nodes.push(NodeId {
                level,
                index: begin >> level,
            });
            begin += 1 << level;
        }
    }
    nodes
}

/// The root of a tree that consists of these complete subtrees, largest first.
fn folded(roots: &[Hash]) -> Option<Hash> {
    let (last, before) = roots.split_last()?;
    let root = before
        .iter()
        .rev()
        .fold(last.0, |right, left| parent(&left.0, &right));
    Some(Hash(root))
}

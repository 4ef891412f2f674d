//! RFC 6962 §2.1.1 and §2.1.2: proofs that a leaf is in a tree, and that one tree begins with another.

use crate::hash::{Hash, parent};
use crate::leaf::LeafHash;
use crate::tree::{Root, fold};

/// A complete subtree: it holds the leaves from `index << level` up to, but not including, `(index + 1) << level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    /// Base-2 logarithm of the number of leaves that it holds.
    pub level: u8,
    /// Number of subtrees of its level to its left.
    pub index: u64,
}

/// The complete subtrees that a proof consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofPlan {
    /// For each hash of the proof, the complete subtrees that it covers, from left to right.
    parts: Vec<Vec<NodeId>>,
}

impl ProofPlan {
    /// Returns the plan of the audit path of leaf `index` in a tree of `size` leaves; `None` when there is no such
    /// leaf.
    #[must_use]
    pub fn inclusion(index: u64, size: u64) -> Option<Self> {
        if index >= size {
            return None;
        }
        let mut parts = Vec::new();
        let (mut start, mut end) = (0, size);
        while end - start > 1 {
            let split = start + left_size(end - start);
            if index < split {
                parts.push(complete(split, end));
                end = split;
            } else {
                parts.push(complete(start, split));
                start = split;
            }
        }
        parts.reverse();
        Some(Self { parts })
    }

    /// Returns the plan of the proof that a tree of `to` leaves begins with its first `from` leaves; `None` when there
    /// are fewer. The proof is empty when `from` is 0 or `to`.
    #[must_use]
    pub fn consistency(from: u64, to: u64) -> Option<Self> {
        if from > to {
            return None;
        }
        let mut parts = Vec::new();
        let (mut start, mut end) = (0, to);
        if from > 0 {
            while from != end {
                let split = start + left_size(end - start);
                if from <= split {
                    parts.push(complete(split, end));
                    end = split;
                } else {
                    parts.push(complete(start, split));
                    start = split;
                }
            }
            if start > 0 {
                parts.push(complete(start, end));
            }
        }
        parts.reverse();
        Some(Self { parts })
    }

    /// Returns the subtrees; some may occur more than once.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.parts.iter().flatten().copied()
    }

    /// Builds the proof from the roots of the subtrees; returns `None` when one of them is unknown.
    pub fn prove(&self, mut node: impl FnMut(NodeId) -> Option<Hash>) -> Option<Vec<Hash>> {
        let mut hash_of = |part: &Vec<NodeId>| {
            let hashes: Option<Vec<_>> = part.iter().map(|id| node(*id)).collect();
            fold(&hashes?)
        };
        self.parts.iter().map(&mut hash_of).collect()
    }
}

/// Returns how many of `count` leaves are in the left half: the largest power of two below `count`, which is at least
/// 2.
const fn left_size(count: u64) -> u64 {
    1 << (u64::BITS - 1 - (count - 1).leading_zeros())
}

/// Returns the complete subtrees that hold the leaves of a range, from left to right. The range must start where a
/// subtree of its size or larger starts.
fn complete(mut start: u64, end: u64) -> Vec<NodeId> {
    let mut nodes = Vec::new();
    while start < end {
        let level = (end - start).ilog2();
        nodes.push(NodeId {
            level: u8::try_from(level).expect("a logarithm of 64 bits is below 64"),
            index: start >> level,
        });
        start += 1 << level;
    }
    nodes
}

/// Computes the root that an audit path leads to; returns `None` when the path has the wrong length for the leaf.
#[must_use]
pub fn root_from_inclusion(leaf: LeafHash, index: u64, size: u64, path: &[Hash]) -> Option<Root> {
    if index >= size {
        return None;
    }
    let (mut position, mut last) = (index, size - 1);
    let mut node = Hash::from(leaf);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if position & 1 == 1 || position == last {
            node = parent(sibling, &node);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            node = parent(&node, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(Root(node.0))
}

/// Returns whether the leaf is at `index` of the tree of `size` leaves with this root.
#[must_use]
pub fn verify_inclusion(leaf: LeafHash, index: u64, size: u64, path: &[Hash], root: Root) -> bool {
    root_from_inclusion(leaf, index, size, path) == Some(root)
}

/// Returns whether the tree of `to` leaves with root `to_root` begins with the tree of `from` leaves with root
/// `from_root`.
#[must_use]
pub fn verify_consistency(
    from: u64,
    from_root: Root,
    to: u64,
    to_root: Root,
    proof: &[Hash],
) -> bool {
    if from > to {
        return false;
    }
    if from == 0 {
        return proof.is_empty() && from_root == crate::tree::root_of([]);
    }
    if from == to {
        return proof.is_empty() && from_root == to_root;
    }
    let (mut position, mut last) = (from - 1, to - 1);
    while position & 1 == 1 {
        position >>= 1;
        last >>= 1;
    }
    let mut rest = proof.iter();
    // When the first tree is complete, its own root begins both.
    let begin = if position == 0 {
        Some(Hash(from_root.0))
    } else {
        rest.next().copied()
    };
    let Some(begin) = begin else {
        return false;
    };
    let (mut from_node, mut to_node) = (begin, begin);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if position & 1 == 1 || position == last {
            from_node = parent(sibling, &from_node);
            to_node = parent(sibling, &to_node);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            to_node = parent(&to_node, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    last == 0 && from_node.0 == from_root.0 && to_node.0 == to_root.0
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::TreeHasher;
    use crate::leaf_hash;

    struct Log {
        leaves: Vec<LeafHash>,
        roots: Vec<Root>,
        nodes: HashMap<NodeId, Hash>,
    }

    fn log(size: u64) -> Log {
        let mut tree = TreeHasher::default();
        let leaves: Vec<_> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let (mut roots, mut nodes) = (vec![tree.root()], HashMap::new());
        for (index, leaf) in (0_u64..).zip(&leaves) {
            for (level, root) in (0_u8..).zip(tree.push_completing(*leaf)) {
                let index = index >> level;
                nodes.insert(NodeId { level, index }, root);
            }
            roots.push(tree.root());
        }
        Log {
            leaves,
            roots,
            nodes,
        }
    }

    #[test]
    fn each_leaf_of_each_size_is_proven_and_nowhere_else() {
        let log = log(40);
        for size in 0..=40_u64 {
            let root = log.roots[size as usize];
            for index in 0..size {
                let plan = ProofPlan::inclusion(index, size).unwrap();
                let path = plan.prove(|node| log.nodes.get(&node).copied()).unwrap();
                let leaf = log.leaves[index as usize];
                for other in 0..size + 1 {
                    let holds = verify_inclusion(leaf, other, size, &path, root);
                    assert_eq!(holds, other == index, "{index} of {size} at {other}");
                }
                for length in 0..path.len() {
                    assert!(!verify_inclusion(leaf, index, size, &path[..length], root));
                }
                let longer = [path.clone(), vec![Hash(root.0)]].concat();
                assert!(!verify_inclusion(leaf, index, size, &longer, root));
            }
            assert_eq!(ProofPlan::inclusion(size, size), None);
        }
    }

    #[test]
    fn each_size_begins_each_later_one_and_no_other_history() {
        let log = log(40);
        for to in 0..=40_u64 {
            for from in 0..=to {
                let plan = ProofPlan::consistency(from, to).unwrap();
                let proof = plan.prove(|node| log.nodes.get(&node).copied()).unwrap();
                let (old, new) = (log.roots[from as usize], log.roots[to as usize]);
                assert!(
                    verify_consistency(from, old, to, new, &proof),
                    "{from} {to}"
                );
                let other = Root([7; 32]);
                assert!(!verify_consistency(from, other, to, new, &proof));
                assert!(from == 0 || !verify_consistency(from, old, to, other, &proof));
                for length in 0..proof.len() {
                    assert!(!verify_consistency(from, old, to, new, &proof[..length]));
                }
            }
            assert_eq!(ProofPlan::consistency(to + 1, to), None);
        }
    }
}

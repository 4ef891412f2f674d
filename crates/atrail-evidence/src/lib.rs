//! RFC 6962 hashing of events: leaf hashes and segment roots.

mod leaf;
mod tree;

pub use leaf::{LeafHash, leaf_hash};
pub use tree::{Root, TreeHasher};

//! What is hashed and what a download is checked against: RFC 6962 leaf hashes and segment roots, and manifests.

mod leaf;
mod manifest;
mod tree;

pub use leaf::{LeafHash, leaf_hash};
pub use manifest::{EMPTY_OBJECT, Manifest, ManifestObject, hex};
pub use tree::{Root, TreeHasher};

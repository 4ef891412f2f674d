//! What is hashed, signed and checked, so that a download proves itself. `docs/EVIDENCE.md` has the formats.
//!
//! Pure: texts and bytes in, texts and bytes out.

mod checkpoint;
pub mod days;
mod entry;
mod hash;
mod leaf;
mod manifest;
mod note;
mod proof;
mod receipt;
mod record;
mod tree;

pub use checkpoint::{Checkpoint, origin};
pub use entry::{
    ControlEntry, DayEntry, Deletion, DeletionKind, Genesis, Hold, HoldLevel, HourRange, KeyChange,
    Policy, Release, Seal, SealedSegment, SpaceAdded, SpaceRemoved,
};
pub use hash::{Hash, ParseHashError};
pub use leaf::{LeafHash, leaf_hash};
pub use manifest::{EMPTY_OBJECT, Manifest, ManifestObject, hex};
pub use note::{NoteError, SigningKey, VerifierKey, is_server_name, unverified_text};
pub use proof::{NodeId, ProofPlan, is_consistent, root_from_inclusion};
pub use receipt::{DayList, DeletionProof, Earlier, Receipt, ReceiptDomain, ReceiptScope};
pub use record::{ControlState, Record};
pub use tree::{Root, SUBTREE_LEAVES, SegmentTree, TreeHasher};

//! Defines the hashed and signed texts of the evidence, and checks a download against them. `docs/EVIDENCE.md` gives
//! the format to the byte.
//!
//! Nothing here knows a catalog, an object or a network: texts and bytes go in; hashes, texts and findings come out.

mod checkpoint;
mod contents;
pub mod days;
mod entry;
mod event_proof;
mod hash;
mod json;
mod leaf;
mod manifest;
mod note;
mod proof;
mod prove;
mod receipt;
mod record;
mod tree;
mod verify;

pub use checkpoint::{Checkpoint, origin};
pub use contents::{SegmentLines, contents};
pub use entry::{
    ControlEntry, DayEntry, Deletion, DeletionKind, Genesis, Hold, HoldLevel, HourRange, KeyChange,
    Policy, Seal, SealedSegment, SpaceAdded, SpaceRemoved, endorsement_text,
};
pub use event_proof::{
    EventPath, EventProof, MAX_PROOF_BYTES, PROOF_TYPE, PROOF_VERSION, ProofError, ProvenEvent,
};
pub use hash::{Hash, ParseHashError};
pub use json::MalformedError;
pub use leaf::{LeafHash, leaf_hash};
pub use manifest::{EMPTY_OBJECT, Manifest, ManifestObject, hex};
pub use note::{Note, NoteError, SigningKey, VerifierKey, is_server_name};
pub use proof::{NodeId, ProofPlan, root_from_inclusion, verify_consistency, verify_inclusion};
pub use prove::{ProveError, line_of_id, path_in_segment, prove, prove_of_day};
pub use receipt::{
    ConsistencyProof, DayList, DeletionProof, DomainEvidence, RECEIPT_TYPE, RECEIPT_VERSION,
    Receipt, ReceiptError, Scope, ScopeOf,
};
pub use record::{CONTROL, ControlState, Record};
pub use tree::{Root, SUBTREE_LEAVES, SegmentTree, TreeHasher};
pub use verify::{
    AcknowledgementsError, Deleted, DomainFacts, Epoch, Expectations, Finding, FindingKind, Kept,
    Location, MAX_RECEIPT_BYTES, Outcome, Report, Span, VerifyError, parse_acknowledgements,
    verify,
};

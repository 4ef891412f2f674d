//! The proof of one event (C2SP tlog-proof), which can be shown without the rest of the file.

use atrail_model::Day;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::checkpoint::decimal;
use crate::entry::{DayEntry, Known, Seal};
use crate::hash::Hash;
use crate::json::{self, Head, Json};
use crate::leaf::{LeafHash, leaf_hash};
use crate::note::{Note, VerifierKey};
use crate::proof::{root_from_inclusion, verify_inclusion};
use crate::record::Record;
use crate::verify::FindingKind;
use crate::verify::form;
use crate::verify::log::Control;
use crate::verify::problem::{Problem, invalid};
use crate::{Checkpoint, days, origin};

/// The prefix of a proof's first line in any version; the version number follows.
const FORMAT: &str = "c2sp.org/tlog-proof@v";
const HEADER: &str = "c2sp.org/tlog-proof@v1\n";
/// The `type` of a proof.
pub const PROOF_TYPE: &str = "atrail-event-proof";
/// The `version` of a proof.
pub const PROOF_VERSION: u32 = 1;
/// Largest proof: an event, and the control list of its domain.
pub const MAX_PROOF_BYTES: u64 = 64 << 20;

/// The path from an event to a record of its domain's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventPath {
    /// [`PROOF_TYPE`].
    #[serde(rename = "type")]
    pub kind: String,
    /// [`PROOF_VERSION`].
    pub version: u32,
    /// The event's domain.
    pub domain: String,
    /// The event's line.
    pub event: String,
    /// GUID of its segment.
    pub segment: String,
    /// Position of the event in the segment, from 0.
    pub index: u64,
    /// Audit path of the event in the segment.
    pub path: Vec<Hash>,
    /// Text of the entry that sealed the segment.
    pub entry: String,
    /// The day of the event's list, `YYYY-MM-DD`.
    pub day: String,
    /// Position of the entry in the day list.
    pub position: u64,
    /// Number of entries in the day list.
    pub size: u64,
    /// Audit path of the entry in the day list.
    pub entries: Vec<Hash>,
    /// Range proof of the day.
    pub days: Vec<Hash>,
    /// Text of the record.
    pub record: String,
    /// Texts of the control list.
    pub control: Vec<String>,
}

/// An event with its complete proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventProof {
    /// The path from the event to the record.
    pub extra: EventPath,
    /// Position of the record in the log.
    pub index: u64,
    /// Audit path of the record in the log.
    pub inclusion: Vec<Hash>,
    /// Note of the checkpoint.
    pub checkpoint: String,
}

/// The facts that a verified proof establishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProvenEvent {
    /// The event's domain.
    pub domain: String,
    /// The event's day.
    pub day: String,
    /// The hour of the day.
    pub hour: u8,
    /// GUID of its segment.
    pub segment: String,
    /// Position of the event in the segment, from 0.
    pub index: u64,
    /// Time of the sealing.
    pub sealed: String,
    /// The event's line.
    pub event: String,
    /// The leaf hash of the line.
    pub hash: Hash,
    /// The size of the log.
    pub checkpoint_size: u64,
    /// The root of the log.
    pub checkpoint_root: Hash,
    /// The verifier key of the key that signed the checkpoint.
    pub signer: String,
    /// Whether this is a pinned key, or one that a pinned key leads to.
    pub is_pinned: bool,
}

/// The parsed texts of a proof.
struct Texts {
    day: Day,
    entry: Known<DayEntry>,
    record: Record,
    control: form::ControlTexts,
}

/// Why an event is not proven.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// A part of the proof is wrong.
    #[error("the proof does not hold: {0}")]
    Wrong(String),
    /// A part of the proof has an unknown type or version: nothing follows from it.
    #[error("the proof cannot be judged: {0}")]
    Unknown(String),
}

impl From<Problem> for ProofError {
    fn from(problem: Problem) -> Self {
        match problem.kind {
            FindingKind::Unproven => Self::Unknown(problem.detail),
            _ => Self::Wrong(problem.detail),
        }
    }
}

impl EventProof {
    /// Returns the text of the file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let extra = STANDARD.encode(json::to_text(&self.extra));
        let hashes: String = self
            .inclusion
            .iter()
            .map(|hash| format!("{hash}\n"))
            .collect();
        let Self {
            index, checkpoint, ..
        } = self;
        format!("{HEADER}extra {extra}\nindex {index}\n{hashes}\n{checkpoint}")
    }

    /// Parses the text of the file.
    ///
    /// # Errors
    /// When it is not a proof, or its version is unknown.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let bad = |why: &str| ProofError::Wrong(why.to_owned());
        let rest = text
            .strip_prefix(HEADER)
            .ok_or_else(|| later_header(text))?;
        let (head, checkpoint) = rest
            .split_once("\n\n")
            .ok_or_else(|| bad("it has no checkpoint"))?;
        let mut lines = head.split('\n');
        let extra = lines.next().and_then(|line| line.strip_prefix("extra "));
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let (Some(extra), Some(index)) = (extra, index.and_then(decimal)) else {
            return Err(bad("it has no lines `extra` and `index`"));
        };
        let inclusion: Result<Vec<Hash>, _> = lines.map(str::parse).collect();
        let inclusion = inclusion.map_err(|error| bad(&error.to_string()))?;
        let extra = STANDARD.decode(extra).ok();
        let extra = extra.and_then(|bytes| String::from_utf8(bytes).ok());
        let extra = extra.ok_or_else(|| bad("its line `extra` is no base64 of a text"))?;
        let malformed = |error: json::MalformedError| bad(&error.told());
        let json = Json::new(&extra, "its line `extra`").map_err(malformed)?;
        let head: Head = json.read().map_err(malformed)?;
        if (head.kind.as_str(), head.version) != (PROOF_TYPE, PROOF_VERSION) {
            return Err(unknown(&format!(
                "type {:?}, version {}",
                head.kind, head.version
            )));
        }
        let extra = json.read().map_err(malformed)?;
        Ok(Self {
            extra,
            index,
            inclusion,
            checkpoint: checkpoint.to_owned(),
        })
    }

    /// Verifies the proof. Without pinned keys it cannot tell whether the checkpoint's key is the server's;
    /// [`ProvenEvent::is_pinned`] reports this.
    ///
    /// # Errors
    /// When a step does not lead to the next, when the signer of the log did not sign the checkpoint, or when no pinned
    /// key leads to that signer.
    pub fn verify(&self, pinned: &[VerifierKey]) -> Result<ProvenEvent, ProofError> {
        let extra = &self.extra;
        let bad = |why: &str| ProofError::Wrong(why.to_owned());
        let read = self.read()?;
        let control = Control::follow(&extra.domain, &extra.control, read.control)?;
        let Known::Entry(DayEntry::Seal(seal)) = read.entry else {
            return Err(bad("its entry seals nothing"));
        };
        let signer = control.signer().clone();
        let checkpoint = self.checkpoint(&control, &signer)?;
        let is_pinned = control.keys.iter().any(|key| pinned.contains(key));
        if !pinned.is_empty() && !is_pinned {
            return Err(ProofError::Wrong(format!(
                "it is signed by {signer}, which is not the pinned key, nor one that it leads to"
            )));
        }
        let record = read.record;
        let leaf = leaf_hash(extra.record.as_bytes());
        let (size, root) = (checkpoint.size, checkpoint.root);
        if record.index != self.index
            || !verify_inclusion(leaf, self.index, size, &self.inclusion, root)
        {
            return Err(bad("its record is not in the log"));
        }
        if record.control.size != control.size()
            || control.root_at(control.size()).map(Hash::from) != Some(record.control.root)
        {
            return Err(bad("its record states another control list"));
        }
        let (hour, leaf) = self.check_event(&seal, read.day, &record)?;
        Ok(ProvenEvent {
            domain: extra.domain.clone(),
            day: extra.day.clone(),
            hour,
            segment: extra.segment.clone(),
            index: extra.index,
            sealed: seal.time,
            event: extra.event.clone(),
            hash: leaf.into(),
            checkpoint_size: checkpoint.size,
            checkpoint_root: checkpoint.root.into(),
            signer: signer.to_string(),
            is_pinned,
        })
    }

    fn checkpoint(&self, control: &Control, signer: &VerifierKey) -> Result<Checkpoint, Problem> {
        let note =
            Note::parse(&self.checkpoint).map_err(|e| invalid(format!("checkpoint: {e}")))?;
        match note.signer(std::slice::from_ref(signer)) {
            Ok(Some(_)) => {}
            Ok(None) => {
                return Err(invalid(
                    "the checkpoint is not signed by the key of the log",
                ));
            }
            Err(error) => return Err(invalid(format!("checkpoint: {error}"))),
        }
        let checkpoint =
            Checkpoint::parse(note.text()).map_err(|e| invalid(format!("checkpoint: {e}")))?;
        if checkpoint.origin != origin(signer.name(), &self.extra.domain, &control.genesis.epoch) {
            return Err(invalid("the checkpoint is that of another log"));
        }
        Ok(checkpoint)
    }

    /// Parses all its texts, each of which must be well formed and of a known type.
    fn read(&self) -> Result<Texts, ProofError> {
        let extra = &self.extra;
        let place = usize::try_from(extra.position).unwrap_or(usize::MAX);
        let day = form::day(&extra.day)?;
        let entry = form::day_entry(&extra.entry, place, &extra.day)?;
        let record = Record::parse(&extra.record);
        let record = record.map_err(|error| form::malformed("its record", &error))?;
        if form::checkpoint(&self.checkpoint).is_none() {
            return Err(ProofError::Wrong("its checkpoint is none".to_owned()));
        }
        if extra.event.contains('\n') {
            return Err(ProofError::Wrong(
                "its event is more than a line".to_owned(),
            ));
        }
        let control = form::control(&extra.domain, &extra.control)?;
        if let Known::Later(kind) = &entry {
            return Err(unknown(&format!("an entry of type {kind:?}")));
        }
        Ok(Texts {
            day,
            entry,
            record,
            control,
        })
    }

    /// Checks the steps from the event to the record's days; returns the event's hour and leaf.
    fn check_event(
        &self,
        seal: &Seal,
        day: Day,
        record: &Record,
    ) -> Result<(u8, LeafHash), ProofError> {
        let extra = &self.extra;
        let bad = |why: &str| ProofError::Wrong(why.to_owned());
        let segment = seal.segments.iter().find(|s| s.id == extra.segment);
        let segment = segment.ok_or_else(|| bad("its entry does not seal the segment"))?;
        let leaf = leaf_hash(extra.event.as_bytes());
        let root = root_from_inclusion(leaf, extra.index, segment.count, &extra.path);
        if root.map(Hash::from) != Some(segment.root) {
            return Err(bad("the event is not in the segment"));
        }
        let entry = leaf_hash(extra.entry.as_bytes());
        let list = root_from_inclusion(entry, extra.position, extra.size, &extra.entries);
        let list = list.ok_or_else(|| bad("its entry is not in the day list"))?;
        let number = u16::try_from(day.number()).map_err(|_| bad("its day is none"))?;
        let leaf_of_day = days::leaf(extra.size, list);
        if days::range_root(number, number, |_| leaf_of_day, &extra.days) != Some(record.days) {
            return Err(bad("its record states other day lists"));
        }
        Ok((segment.hour, leaf))
    }
}

/// Returns why the first line is not that of a proof of this version.
fn later_header(text: &str) -> ProofError {
    let version = text
        .strip_prefix(FORMAT)
        .and_then(|rest| rest.split_once('\n'))
        .and_then(|(version, _)| decimal(version));
    match version {
        Some(version @ 2..) => unknown(&format!("C2SP tlog-proof of version {version}")),
        _ => ProofError::Wrong("it is no C2SP tlog-proof".to_owned()),
    }
}

fn unknown(what: &str) -> ProofError {
    ProofError::Unknown(format!("{what} is not known here; use a newer verifier"))
}

//! The findings of a verification.

use serde::Serialize;

use crate::hash::Hash;

/// Most findings that are kept; the rest are only counted.
const MAX_FINDINGS: usize = 100;

/// The conclusion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Complete, unmodified and accounted for.
    Proven,
    /// The file or its evidence is wrong.
    Failed,
    /// Nothing wrong was found, but something needed for a conclusion is missing.
    Inconclusive,
}

/// The kind of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// Lines differ from the sealed ones.
    Modified,
    /// The compressed data is damaged, and what is behind the damage cannot be read.
    Damaged,
    /// Events that belong to the scope are not there.
    Missing,
    /// The file ends too early.
    Truncated,
    /// There is more than was sealed.
    Extra,
    /// Segments are in another order.
    Reordered,
    /// A deletion that nothing permitted.
    UnauthorisedDelete,
    /// A record, an entry, a proof or a signature is wrong.
    LogInvalid,
    /// The receipt is for another scope than the requested one.
    OtherScope,
    /// No key was pinned.
    Unpinned,
    /// Something needed for a conclusion is missing.
    Unproven,
}

impl FindingKind {
    /// Returns the kind in capitals, for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Modified => "MODIFIED",
            Self::Damaged => "DAMAGED",
            Self::Missing => "MISSING",
            Self::Truncated => "TRUNCATED",
            Self::Extra => "EXTRA",
            Self::Reordered => "REORDERED",
            Self::UnauthorisedDelete => "UNAUTHORISED DELETE",
            Self::LogInvalid => "LOG INVALID",
            Self::OtherScope => "OTHER SCOPE",
            Self::Unpinned => "UNPINNED",
            Self::Unproven => "UNPROVEN",
        }
    }

    /// Returns whether it means that something is wrong, and not only that something is unknown.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        matches!(self.outcome(), Outcome::Failed)
    }

    const fn outcome(self) -> Outcome {
        match self {
            Self::Unpinned | Self::Unproven => Outcome::Inconclusive,
            _ => Outcome::Failed,
        }
    }
}

/// A range of numbers, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The first number.
    pub first: u64,
    /// The last number.
    pub last: u64,
}

/// A place in the scope.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Location {
    /// The domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// The hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hour: Option<u8>,
    /// GUID of the segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// Events of the segment, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Span>,
    /// Lines of the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Span>,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its kind.
    pub kind: FindingKind,
    /// Its place.
    pub location: Location,
    /// The fault in words; may hold text from the receipt.
    pub detail: String,
}

/// Deletions of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Deleted {
    /// Number of deletions.
    pub deletions: u64,
    /// Number of events that they removed.
    pub events: u64,
    /// Total bytes of the lines.
    pub bytes: u64,
}

/// The facts in the evidence of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DomainFacts {
    /// `space-GUID` or `account-GUID`.
    pub domain: String,
    /// Size of its log.
    pub checkpoint_size: u64,
    /// Root of its log.
    pub checkpoint_root: Hash,
    /// Number of events of the scope in the file.
    pub events: u64,
    /// Deletions by request, on the requested days.
    pub by_request: Deleted,
    /// Deletions by retention, on the requested days.
    pub by_retention: Deleted,
    /// If the log is of a later epoch: its GUID, and the reason for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// If the log began anew since a given earlier receipt: the segments that stood then and are there, or deleted on
    /// record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
}

/// Segments from an earlier receipt that a log that began anew still accounts for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Number of days on which something stood.
    pub days: u64,
    /// Number of their segments that this log has sealed, too.
    pub segments: u64,
}

/// A later epoch of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Epoch {
    /// Its GUID.
    pub id: String,
    /// Time of its beginning.
    pub began: String,
    /// The reason, in words.
    pub reason: String,
    /// Size of the log that it continues, if known.
    pub continues_size: Option<u64>,
}

/// The result of a verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The conclusion.
    pub outcome: Outcome,
    /// GUID of the session.
    pub session: String,
    /// The user whose session it was.
    pub user: String,
    /// Time of the session's creation.
    pub created: String,
    /// The scope, by its first domain.
    pub scope: String,
    /// The first day.
    pub start: String,
    /// The last day.
    pub end: String,
    /// The first and the last hour of each day.
    pub hours: (u8, u8),
    /// The verifier key of the receipt's stated signer.
    pub signer: String,
    /// Number of events that the file should hold.
    pub events: u64,
    /// The domains.
    pub domains: Vec<DomainFacts>,
    /// The content is right, but the compressed bytes are not the original ones.
    pub is_recompressed: bool,
    /// Number of the acknowledged events that are in the file, if any were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<u64>,
    /// Whether an earlier receipt was given and the log begins with its log.
    pub is_consistent: bool,
    /// The first faults.
    pub findings: Vec<Finding>,
    /// Number of further findings.
    pub findings_left_out: u64,
}

/// Collects a bounded number of findings.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    left_out: u64,
    has_failed: bool,
    is_open: bool,
}

impl Findings {
    /// Adds a finding without a place.
    pub(super) fn add(&mut self, kind: FindingKind, detail: impl Into<String>) {
        self.add_at(kind, Location::default(), detail);
    }

    /// Adds a finding.
    pub(super) fn add_at(
        &mut self,
        kind: FindingKind,
        location: Location,
        detail: impl Into<String>,
    ) {
        match kind.outcome() {
            Outcome::Failed => self.has_failed = true,
            _ => self.is_open = true,
        }
        let detail = detail.into();
        if let Some(last) = self.list.last_mut()
            && is_next_run(last, kind, &location, &detail)
        {
            let extend = |old: &mut Option<Span>, new: Option<Span>| {
                if let (Some(old), Some(new)) = (old, new) {
                    old.last = new.last;
                }
            };
            extend(&mut last.location.events, location.events);
            extend(&mut last.location.lines, location.lines);
        } else if self.list.len() < MAX_FINDINGS {
            self.list.push(Finding {
                kind,
                location,
                detail,
            });
        } else {
            self.left_out += 1;
        }
    }

    /// Returns whether a finding fails the verification.
    pub(super) const fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Returns the outcome and the findings.
    pub(super) fn conclude(self) -> (Outcome, Vec<Finding>, u64) {
        let outcome = match (self.has_failed, self.is_open) {
            (true, _) => Outcome::Failed,
            (false, true) => Outcome::Inconclusive,
            (false, false) => Outcome::Proven,
        };
        (outcome, self.list, self.left_out)
    }
}

/// Returns whether the new finding says the same about the events right after the last one's.
fn is_next_run(last: &Finding, kind: FindingKind, location: &Location, detail: &str) -> bool {
    let (Some(old), Some(new)) = (last.location.events, location.events) else {
        return false;
    };
    kind == FindingKind::Modified
        && last.kind == kind
        && last.detail == detail
        && last.location.segment == location.segment
        && old.last.checked_add(1) == Some(new.first)
}

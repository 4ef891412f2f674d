//! What a verification found.

use serde::Serialize;

use crate::hash::Hash;

/// How many findings are kept; of the others only their number.
const MAX_FINDINGS: usize = 100;

/// What is concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Complete, unmodified and accounted for.
    Proven,
    /// The file or its evidence is not right.
    Failed,
    /// Nothing wrong was found, but something needed for a conclusion is missing.
    Inconclusive,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// Lines are not those that were sealed.
    Modified,
    /// Events that belong to the scope are not there.
    Missing,
    /// The file ends too early.
    Truncated,
    /// There is more than was sealed.
    Extra,
    /// Segments stand in another order.
    Reordered,
    /// A deletion that nothing allowed.
    UnauthorisedDelete,
    /// A record, an entry, a proof or a signature is not right.
    LogInvalid,
    /// The receipt is of another scope than the asked one.
    OtherScope,
    /// No key was pinned.
    Unpinned,
    /// Something needed for a conclusion is missing.
    Unproven,
}

impl FindingKind {
    /// In capitals, for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Modified => "MODIFIED",
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

    const fn outcome(self) -> Outcome {
        match self {
            Self::Unpinned | Self::Unproven => Outcome::Inconclusive,
            _ => Outcome::Failed,
        }
    }
}

/// Numbers from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// Where in the scope something is.
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

/// One thing that is not right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub kind: FindingKind,
    /// Where.
    pub location: Location,
    /// What is wrong, in words; may hold text from the receipt.
    pub detail: String,
}

/// Deletions of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Deleted {
    /// How many deletions.
    pub deletions: u64,
    /// How many events they removed.
    pub events: u64,
    /// The bytes of their lines.
    pub bytes: u64,
}

/// What the evidence of one domain says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DomainFacts {
    /// `space-GUID` or `account-GUID`.
    pub domain: String,
    /// The size of its log.
    pub checkpoint_size: u64,
    /// The root of its log.
    pub checkpoint_root: Hash,
    /// How many events of the scope are in the file.
    pub events: u64,
    /// Deletions that somebody asked for, on the asked days.
    pub by_request: Deleted,
    /// Deletions that a policy made due, on the asked days.
    pub by_retention: Deleted,
    /// When the log is of a later epoch: its GUID, and why it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// When the log began anew since an earlier receipt that was given: what stood then and is there, or deleted on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
}

/// What stood in an earlier receipt and is in a log that began anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// On how many days something stood.
    pub days: u64,
    /// How many segments of them are sealed in this log, too.
    pub segments: u64,
}

/// A later epoch of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Epoch {
    /// Its GUID.
    pub id: String,
    /// When it began.
    pub began: String,
    /// Why, in words.
    pub reason: String,
    /// The size of the log that it continues, when that is known.
    pub continues_size: Option<u64>,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What is concluded.
    pub outcome: Outcome,
    /// GUID of the session.
    pub session: String,
    /// Whose session it was.
    pub user: String,
    /// When the session was made.
    pub created: String,
    /// The scope: the first domain.
    pub scope: String,
    /// The first day.
    pub start: String,
    /// The last day.
    pub end: String,
    /// The first and the last hour of each day.
    pub hours: (u8, u8),
    /// The verifier key that the receipt says it is signed by.
    pub signer: String,
    /// How many events the file was expected to have.
    pub events: u64,
    /// The domains.
    pub domains: Vec<DomainFacts>,
    /// The content is right, the compressed bytes are others than those that were made.
    pub is_recompressed: bool,
    /// How many of the acknowledged events were found in the file, when such were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<u64>,
    /// Whether an earlier receipt was given and the log begins with its log.
    pub is_consistent: bool,
    /// What is not right, the first of it.
    pub findings: Vec<Finding>,
    /// How many findings more there were.
    pub findings_left_out: u64,
}

/// Collects findings, a bounded number of them.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    left_out: u64,
    has_failed: bool,
    is_open: bool,
}

impl Findings {
    /// Adds one without a place.
    pub(super) fn add(&mut self, kind: FindingKind, detail: impl Into<String>) {
        self.add_at(kind, Location::default(), detail);
    }

    /// Adds one.
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

    /// Whether anything was found that fails a verification.
    pub(super) const fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// What follows from them, and they themselves.
    pub(super) fn conclude(self) -> (Outcome, Vec<Finding>, u64) {
        let outcome = match (self.has_failed, self.is_open) {
            (true, _) => Outcome::Failed,
            (false, true) => Outcome::Inconclusive,
            (false, false) => Outcome::Proven,
        };
        (outcome, self.list, self.left_out)
    }
}

/// Whether it says the same of the events right behind those of the last one.
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

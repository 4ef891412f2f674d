//! Verifies a download against its receipt, without the server.

mod acks;
mod checked;
mod content;
mod epoch;
pub(crate) mod form;
mod lines;
pub(crate) mod log;
mod plan;
pub(crate) mod problem;
mod replay;
mod report;
mod since;

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};

use atrail_model::{Day, DayRange};

use crate::entry::{ControlEntry, HourRange, SealedSegment};
use crate::hash::Hash;
use crate::leaf::LeafHash;
use crate::manifest::Manifest;
use crate::note::{Note, VerifierKey};
use crate::receipt::{Receipt, ReceiptError, ScopeOf, space_domain};

pub use acks::{AcknowledgementsError, parse_acknowledgements};
pub(crate) use lines::Lines;
pub use report::{
    Deleted, DomainFacts, Epoch, Finding, FindingKind, Kept, Location, Outcome, Report, Span,
};

use checked::Checked;
use content::Content;
use form::{DomainTexts, Texts};
use log::{Control, DomainLog};
use plan::Planned;
use problem::{Problem, invalid};
use replay::Replayed;
use report::Findings;

/// Largest receipt, in bytes.
pub const MAX_RECEIPT_BYTES: u64 = 1 << 30;

/// What the caller expects of a download.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// The server's known keys. Without one, nothing is concluded.
    pub keys: Vec<VerifierKey>,
    /// Whether a whole account was requested, and not a space, if known.
    pub is_account: Option<bool>,
    /// The owner of the requested events, if known.
    pub of: Option<ScopeOf>,
    /// The first requested day.
    pub start: Option<Day>,
    /// The last requested day.
    pub end: Option<Day>,
    /// The requested hours of each day.
    pub hours: Option<HourRange>,
    /// The text of an earlier receipt.
    pub since: Option<String>,
    /// Events that must be in the file. For an empty list, nothing is concluded.
    pub contains: Option<Vec<LeafHash>>,
    /// Other inputs of the check that could not be read, in words. Nothing is then concluded, but faults are still
    /// found.
    pub unread: Vec<String>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The receipt cannot be read.
    #[error("the receipt cannot be used")]
    Receipt(#[source] ReceiptError),
}

impl VerifyError {
    /// Returns the outcome that follows from the error.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Receipt(ReceiptError::Version(..)) => Outcome::Inconclusive,
            Self::Receipt(_) => Outcome::Failed,
        }
    }
}

/// The server's known keys.
#[derive(Debug, Clone, Copy)]
struct Pinned<'k> {
    keys: &'k [VerifierKey],
    /// Whether these are all the keys there are. A signer that none of them leads to is then known to be another one.
    are_all: bool,
}

/// The content of the file according to the receipt.
struct Evidence {
    checked: Checked,
    replayed: Vec<Replayed>,
    content: Option<(Manifest, Vec<Planned>)>,
}

/// Verifies the file against its receipt and the expectations. The receipts and the acknowledgements bound its memory.
/// If the file cannot be read to its end, the report is inconclusive, or failed where another fault is found.
///
/// # Errors
/// When the receipt is malformed, or its version is unknown.
pub fn verify(
    receipt_text: &str,
    expected: &Expectations,
    file: impl Read,
) -> Result<Report, VerifyError> {
    let (receipt, note) = read(receipt_text, &expected.keys).map_err(VerifyError::Receipt)?;
    let mut findings = Findings::default();
    if expected.keys.is_empty() {
        findings.add(
            FindingKind::Unpinned,
            "no key of the server is known: whoever made the file may have made the receipt",
        );
    }
    for what in &expected.unread {
        findings.add(FindingKind::Unproven, what);
    }
    let evidence = check_evidence(&receipt, &note, expected, &mut findings);
    let mut kept = HashMap::new();
    if let Some(earlier) = &expected.since {
        kept = check_since(
            earlier,
            &evidence.checked,
            &receipt,
            expected,
            &mut findings,
        );
    }
    let (mut is_recompressed, mut acknowledged) = (false, None);
    if let Some((manifest, planned)) = &evidence.content {
        match compare(&receipt, manifest, planned, expected, file, &mut findings) {
            Ok((is_as_made, found)) => {
                is_recompressed = !is_as_made && !findings.has_failed();
                acknowledged = found;
            }
            Err(error) => findings.add(
                FindingKind::Unproven,
                format!("the file cannot be read: {error}"),
            ),
        }
    }
    Ok(report(
        &receipt,
        evidence,
        expected,
        kept,
        is_recompressed,
        acknowledged,
        findings,
    ))
}

/// Reads the receipt in a note. It judges the signatures of the known keys before anything else: anybody could have
/// written an unknown type or version.
fn read<'t>(text: &'t str, keys: &[VerifierKey]) -> Result<(Receipt, Note<'t>), ReceiptError> {
    let note = Note::parse(text)?;
    note.signer(keys)?;
    Ok((Receipt::read(&note)?, note))
}

/// Compares the file with the plan. Returns whether its bytes are the original ones, and how many of the acknowledged
/// events it holds, if any were given.
fn compare(
    receipt: &Receipt,
    manifest: &Manifest,
    planned: &[Planned],
    expected: &Expectations,
    file: impl Read,
    findings: &mut Findings,
) -> io::Result<(bool, Option<u64>)> {
    let contains = expected.contains.as_deref();
    if contains.is_some_and(<[_]>::is_empty) {
        findings.add(FindingKind::Unproven, "no acknowledged event was given");
    }
    let leaves = contains.unwrap_or_default();
    let wanted: HashSet<Hash> = leaves.iter().map(|leaf| Hash::from(*leaf)).collect();
    let count = wanted.len() as u64;
    let lines = Lines::new(file, manifest)?;
    let compared = Content::new(receipt, planned, lines, wanted, findings).compare()?;
    let mut not_found: Vec<_> = compared.not_found.into_iter().collect();
    not_found.sort_unstable();
    let acknowledged = contains.map(|_| count - not_found.len() as u64);
    for hash in not_found {
        findings.add(
            FindingKind::Missing,
            format!("the acknowledged event {hash} is not in the file"),
        );
    }
    Ok((compared.is_as_made, acknowledged))
}

/// Checks everything that the receipt alone can show.
fn check_evidence(
    receipt: &Receipt,
    note: &Note<'_>,
    expected: &Expectations,
    findings: &mut Findings,
) -> Evidence {
    let mut evidence = Evidence {
        checked: Checked::nothing(),
        replayed: Vec::new(),
        content: None,
    };
    let mut texts = match form::read(receipt) {
        Ok(texts) => texts,
        Err(problem) => {
            findings.add(problem.kind, problem.detail);
            return evidence;
        }
    };
    check_scope(receipt, texts.range, expected, findings);
    let manifest = std::mem::take(&mut texts.manifest);
    let pinned = Pinned {
        keys: &expected.keys,
        are_all: true,
    };
    evidence.checked = check_receipt(receipt, texts, note, pinned, findings);
    let logs = &evidence.checked.logs;
    if logs.len() != receipt.domains.len() {
        return evidence;
    }
    match replay_all(receipt, logs, findings) {
        Ok(replayed) => evidence.replayed = replayed,
        Err(problem) => {
            findings.add(problem.kind, problem.detail);
            return evidence;
        }
    }
    let replayed = evidence.replayed.iter_mut();
    let segments: Vec<Vec<(Day, SealedSegment)>> = replayed
        .map(|domain| std::mem::take(&mut domain.segments))
        .collect();
    match plan::plan(receipt, &manifest, segments, findings) {
        Ok(planned) => evidence.content = Some((manifest, planned)),
        Err(problem) => findings.add(problem.kind, problem.detail),
    }
    evidence
}

fn replay_all(
    receipt: &Receipt,
    logs: &[DomainLog],
    findings: &mut Findings,
) -> Result<Vec<Replayed>, Problem> {
    let hours = receipt.scope.hours;
    logs.iter()
        .zip(&receipt.domains)
        .map(|(log, evidence)| {
            replay::replay(log, evidence, hours, findings)
                .map_err(|problem| problem.within(&log.domain))
        })
        .collect()
}

fn check_scope(
    receipt: &Receipt,
    range: DayRange,
    expected: &Expectations,
    findings: &mut Findings,
) {
    let scope = &receipt.scope;
    let mut differs = |what: &str, is: String| {
        let detail = format!("the receipt is of {what} {is}, which was not asked for");
        findings.add(FindingKind::OtherScope, detail);
    };
    let is_account = matches!(scope.of, ScopeOf::Account(_));
    let level_differs = expected.is_account.is_some_and(|asked| asked != is_account);
    if level_differs || expected.of.as_ref().is_some_and(|of| *of != scope.of) {
        differs("the scope", scope.of.domain());
    }
    let start_differs = expected.start.is_some_and(|day| day != range.start());
    let end_differs = expected.end.is_some_and(|day| day != range.end());
    if start_differs || end_differs {
        differs("the days", format!("{}..{}", range.start(), range.end()));
    }
    if expected.hours.is_some_and(|hours| hours != scope.hours) {
        differs(
            "the hours",
            format!("{}-{}", scope.hours.first, scope.hours.last),
        );
    }
}

/// Checks signatures, domains and logs.
fn check_receipt(
    receipt: &Receipt,
    texts: Texts,
    note: &Note<'_>,
    pinned: Pinned<'_>,
    findings: &mut Findings,
) -> Checked {
    let mut checked = Checked {
        range: texts.range,
        ..Checked::nothing()
    };
    let mut texts = texts.domains;
    let controls = match follow_controls(receipt, &mut texts) {
        Ok(controls) => controls,
        Err(problem) => {
            findings.add(problem.kind, problem.detail);
            return checked;
        }
    };
    let signer = controls[0].signer().clone();
    let results = [
        check_signature(note, &signer).and_then(|()| check_lead(&signer, &controls, pinned)),
        check_domains(receipt, &controls),
    ];
    for problem in results.into_iter().filter_map(Result::err) {
        findings.add(problem.kind, problem.detail);
    }
    checked.keys = controls.iter().flat_map(|c| c.keys.clone()).collect();
    let of_domains = receipt.domains.iter().zip(texts).zip(controls);
    for ((evidence, texts), control) in of_domains {
        match log::check(evidence, texts, control, &signer, checked.range) {
            Ok(log) => checked.logs.push(log),
            Err(problem) => {
                let problem = problem.within(&evidence.domain);
                findings.add(problem.kind, problem.detail);
            }
        }
    }
    checked.signer = Some(signer);
    checked
}

/// Follows the control lists of all domains, of which there is at least one. If one has an entry of an unknown type, no
/// key is known.
fn follow_controls(receipt: &Receipt, texts: &mut [DomainTexts]) -> Result<Vec<Control>, Problem> {
    for (evidence, texts) in receipt.domains.iter().zip(texts.iter_mut()) {
        if let Some(later) = texts.control.later.take() {
            return Err(later.within(&evidence.domain));
        }
    }
    let mut controls = Vec::with_capacity(texts.len());
    for (evidence, texts) in receipt.domains.iter().zip(texts) {
        let read = std::mem::take(&mut texts.control);
        let followed = Control::follow(&evidence.domain, &evidence.control, read);
        controls.push(followed.map_err(|problem| problem.within(&evidence.domain))?);
    }
    Ok(controls)
}

/// Checks that the last key of the control lists signed the receipt.
fn check_signature(note: &Note<'_>, signer: &VerifierKey) -> Result<(), Problem> {
    match note.signer(std::slice::from_ref(signer)) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(invalid(format!("the receipt is not signed by {signer}"))),
        Err(error) => Err(invalid(format!("the receipt: {error}"))),
    }
}

/// Checks that the signer is a pinned key, or one that a pinned key leads to.
fn check_lead(
    signer: &VerifierKey,
    controls: &[Control],
    pinned: Pinned<'_>,
) -> Result<(), Problem> {
    let is_pinned = |key: &VerifierKey| pinned.keys.contains(key);
    let leads =
        |control: &Control| control.signer() == signer && control.keys.iter().any(is_pinned);
    if pinned.keys.is_empty() || controls.iter().any(leads) {
        return Ok(());
    }
    Err(match pinned.are_all {
        true => invalid(format!(
            "the receipt is signed by {signer}, which is not the pinned key, nor one that it leads to"
        )),
        false => Problem {
            kind: FindingKind::Unproven,
            detail: format!(
                "whether the pinned key leads to {signer}, which signed it, is not known"
            ),
        },
    })
}

/// Checks that the domains are exactly those of the scope.
fn check_domains(receipt: &Receipt, controls: &[Control]) -> Result<(), Problem> {
    let of = &receipt.scope.of;
    let mut expected = vec![(of.domain(), controls[0].genesis_leaf)];
    if matches!(of, ScopeOf::Account(_)) {
        for entry in &controls[0].entries {
            if let ControlEntry::SpaceAdded(added) = entry {
                let domain = space_domain(&added.space);
                match expected.iter_mut().find(|(known, _)| *known == domain) {
                    Some(known) => known.1 = added.genesis,
                    None => expected.push((domain, added.genesis)),
                }
            }
        }
    }
    let given: Vec<_> = receipt
        .domains
        .iter()
        .zip(controls)
        .map(|(evidence, control)| (evidence.domain.clone(), control.genesis_leaf))
        .collect();
    if given != expected {
        return Err(invalid(format!(
            "the receipt does not have exactly the domains of {}",
            of.domain()
        )));
    }
    Ok(())
}

fn check_since(
    earlier: &str,
    new: &Checked,
    receipt: &Receipt,
    expected: &Expectations,
    findings: &mut Findings,
) -> HashMap<String, Kept> {
    // The current log names the keys that signed it before.
    let mut keys = expected.keys.clone();
    if !keys.is_empty() && !findings.has_failed() {
        keys.extend_from_slice(&new.keys);
    }
    let mut of_old = Findings::default();
    let mut kept = HashMap::new();
    match read_earlier(earlier, &keys) {
        Ok((old, note, texts)) => {
            let pinned = Pinned {
                keys: &keys,
                are_all: new.signer.is_some(),
            };
            let checked = check_receipt(&old, texts, &note, pinned, &mut of_old);
            if !of_old.has_failed() && new.logs.len() == receipt.domains.len() {
                kept = since::check(&checked, new, receipt, findings);
            }
        }
        Err(problem) => of_old.add(problem.kind, problem.detail),
    }
    for finding in of_old.conclude().1 {
        findings.add(
            finding.kind,
            format!("the earlier receipt: {}", finding.detail),
        );
    }
    kept
}

fn read_earlier<'t>(
    text: &'t str,
    keys: &[VerifierKey],
) -> Result<(Receipt, Note<'t>, Texts), Problem> {
    let (old, note) = read(text, keys).map_err(|error| match error {
        ReceiptError::Version(..) => Problem {
            kind: FindingKind::Unproven,
            detail: error.to_string(),
        },
        ReceiptError::Malformed(error) => invalid(error.told()),
        ReceiptError::Note(error) => invalid(error.to_string()),
    })?;
    let texts = form::read(&old)?;
    Ok((old, note, texts))
}

fn report(
    receipt: &Receipt,
    evidence: Evidence,
    expected: &Expectations,
    mut kept: HashMap<String, Kept>,
    is_recompressed: bool,
    acknowledged: Option<u64>,
    findings: Findings,
) -> Report {
    let planned = evidence
        .content
        .as_ref()
        .map_or(&[][..], |(_, planned)| planned);
    let events_of = |domain: Option<usize>| {
        let of = planned
            .iter()
            .filter(|p| domain.is_none_or(|d| p.domain == d));
        of.fold(0_u64, |sum, segment| {
            sum.saturating_add(segment.sealed.count)
        })
    };
    let Evidence {
        checked, replayed, ..
    } = &evidence;
    let is_consistent = expected.since.is_some() && kept.is_empty();
    let domains = checked
        .logs
        .iter()
        .zip(replayed)
        .enumerate()
        .map(|(number, (log, replayed))| DomainFacts {
            domain: log.domain.clone(),
            checkpoint_size: log.checkpoint.size,
            checkpoint_root: log.checkpoint.root.into(),
            events: events_of(Some(number)),
            by_request: replayed.by_request.clone(),
            by_retention: replayed.by_retention.clone(),
            epoch: epoch_of(log),
            kept: kept.remove(&log.domain),
        })
        .collect();
    let scope = &receipt.scope;
    let events = events_of(None);
    let (outcome, findings, findings_left_out) = findings.conclude();
    Report {
        outcome,
        session: receipt.session.clone(),
        user: receipt.user.clone(),
        created: receipt.created.clone(),
        scope: scope.of.domain(),
        start: scope.start.clone(),
        end: scope.end.clone(),
        hours: (scope.hours.first, scope.hours.last),
        signer: checked
            .signer
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        events,
        domains,
        is_recompressed,
        acknowledged,
        is_consistent: is_consistent && outcome == Outcome::Proven,
        findings,
        findings_left_out,
    }
}

fn epoch_of(log: &DomainLog) -> Option<Epoch> {
    let genesis = &log.control.genesis;
    (!genesis.epoch.is_empty()).then(|| Epoch {
        id: genesis.epoch.clone(),
        began: genesis.time.clone(),
        reason: genesis.reason.clone(),
        continues_size: since::continued(log).map(|checkpoint| checkpoint.size),
    })
}

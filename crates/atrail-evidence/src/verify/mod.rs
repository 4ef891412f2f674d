//! A download against its receipt, without the server.

mod content;
mod epoch;
mod lines;
pub(crate) mod log;
mod plan;
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

pub use content::parse_acknowledgements;
pub(crate) use lines::Lines;
pub use report::{
    Deleted, DomainFacts, Epoch, Finding, FindingKind, Kept, Location, Outcome, Report, Span,
};

use content::Content;
use log::{Control, DomainLog, Problem, invalid};
use plan::Planned;
use replay::Replayed;
use report::Findings;

/// How large a receipt may be.
pub const MAX_RECEIPT_BYTES: u64 = 1 << 30;

/// What a download is to be checked for.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// Keys that are known to be the server's. Without one nothing is concluded.
    pub keys: Vec<VerifierKey>,
    /// Whether a whole account was asked for, and not a space, when that is known.
    pub is_account: Option<bool>,
    /// Whose events were asked for, when that is known.
    pub of: Option<ScopeOf>,
    /// The first day.
    pub start: Option<Day>,
    /// The last day.
    pub end: Option<Day>,
    /// The hours of each day.
    pub hours: Option<HourRange>,
    /// The text of an earlier receipt.
    pub since: Option<String>,
    /// Events that must be in the file.
    pub contains: Option<Vec<LeafHash>>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The receipt cannot be read.
    #[error("the receipt cannot be used")]
    Receipt(#[source] ReceiptError),
    /// The earlier receipt cannot be read.
    #[error("the earlier receipt cannot be used")]
    Earlier(#[source] ReceiptError),
    /// The file cannot be read.
    #[error("the file cannot be read")]
    File(#[from] io::Error),
}

impl VerifyError {
    /// What follows from it.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Receipt(ReceiptError::Version(..)) | Self::File(_) => Outcome::Inconclusive,
            Self::Receipt(_) | Self::Earlier(_) => Outcome::Failed,
        }
    }
}

/// A receipt whose signatures and logs were checked.
#[derive(Debug)]
struct Checked {
    range: DayRange,
    signer: Option<VerifierKey>,
    /// One for each domain, unless something was wrong.
    logs: Vec<DomainLog>,
}

/// What a receipt says the file is to hold.
struct Evidence {
    checked: Checked,
    replayed: Vec<Replayed>,
    content: Option<(Manifest, Vec<Planned>)>,
}

/// Checks the file against its receipt and what is expected. The memory it takes is bounded by the receipts and the
/// acknowledgements.
///
/// # Errors
/// When a receipt is malformed, or reading the file fails.
pub fn verify(
    receipt_text: &str,
    expected: &Expectations,
    file: impl Read,
) -> Result<Report, VerifyError> {
    let (receipt, note) = Receipt::parse(receipt_text).map_err(VerifyError::Receipt)?;
    let mut findings = Findings::default();
    if expected.keys.is_empty() {
        findings.add(
            FindingKind::Unpinned,
            "no key of the server is known: whoever made the file may have made the receipt",
        );
    }
    let evidence = check_evidence(&receipt, &note, expected, &mut findings);
    let mut kept = HashMap::new();
    if let Some(earlier) = &expected.since {
        match Receipt::parse(earlier) {
            Ok((old, note)) => {
                kept = check_since(
                    &old,
                    &note,
                    &evidence.checked,
                    &receipt,
                    expected,
                    &mut findings,
                );
            }
            Err(error @ ReceiptError::Version(..)) => {
                findings.add(
                    FindingKind::Unproven,
                    format!("the earlier receipt: {error}"),
                );
            }
            Err(error) => return Err(VerifyError::Earlier(error)),
        }
    }
    let mut is_recompressed = false;
    let mut acknowledged = None;
    if let Some((manifest, planned)) = &evidence.content {
        let contains = expected.contains.as_deref().unwrap_or_default();
        let wanted: HashSet<Hash> = contains.iter().map(|leaf| Hash::from(*leaf)).collect();
        let count = wanted.len() as u64;
        let lines = Lines::new(file, manifest)?;
        let compared = Content::new(&receipt, planned, lines, wanted, &mut findings).compare()?;
        is_recompressed = !compared.is_as_made && !findings.has_failed();
        let mut not_found: Vec<_> = compared.not_found.into_iter().collect();
        not_found.sort_unstable();
        acknowledged = expected
            .contains
            .as_ref()
            .map(|_| count - not_found.len() as u64);
        for hash in not_found {
            findings.add(
                FindingKind::Missing,
                format!("the acknowledged event {hash} is not in the file"),
            );
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

/// Everything that the receipt alone tells.
fn check_evidence(
    receipt: &Receipt,
    note: &Note<'_>,
    expected: &Expectations,
    findings: &mut Findings,
) -> Evidence {
    let range = match range_of(receipt) {
        Ok(range) => range,
        Err(problem) => {
            findings.add(problem.kind, problem.detail);
            DayRange::new(Day::FIRST, Day::FIRST).expect("a day is a range")
        }
    };
    check_scope(receipt, range, expected, findings);
    let checked = check_receipt(receipt, note, range, &expected.keys, findings);
    let is_whole = checked.logs.len() == receipt.domains.len();
    let mut replayed = Vec::new();
    let mut content = None;
    if is_whole {
        match replay_all(receipt, &checked.logs, findings) {
            Ok(all) => replayed = all,
            Err(problem) => findings.add(problem.kind, problem.detail),
        }
    }
    if !replayed.is_empty() {
        let segments: Vec<Vec<(Day, SealedSegment)>> = replayed
            .iter_mut()
            .map(|domain| std::mem::take(&mut domain.segments))
            .collect();
        match plan::plan(receipt, segments, findings) {
            Ok(planned) => content = Some(planned),
            Err(problem) => findings.add(problem.kind, problem.detail),
        }
    }
    Evidence {
        checked,
        replayed,
        content,
    }
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
            replay::replay(log, evidence, hours, findings).map_err(|problem| Problem {
                detail: format!("{}: {}", log.domain, problem.detail),
                ..problem
            })
        })
        .collect()
}

fn range_of(receipt: &Receipt) -> Result<DayRange, Problem> {
    let (start, end) = (
        log::day(&receipt.scope.start)?,
        log::day(&receipt.scope.end)?,
    );
    let range = DayRange::new(start, end);
    range
        .filter(|_| receipt.scope.hours.is_valid())
        .ok_or_else(|| invalid("the receipt's scope has no days or hours"))
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

/// Signatures, domains and logs.
fn check_receipt(
    receipt: &Receipt,
    note: &Note<'_>,
    range: DayRange,
    keys: &[VerifierKey],
    findings: &mut Findings,
) -> Checked {
    let mut checked = Checked {
        range,
        signer: None,
        logs: Vec::new(),
    };
    let controls = match read_controls(receipt) {
        Ok(controls) => controls,
        Err(problem) => {
            findings.add(problem.kind, problem.detail);
            return checked;
        }
    };
    let signer = controls[0].signer().clone();
    if let Err(problem) = check_signature(note, &signer, &controls, keys)
        .and_then(|()| check_domains(receipt, &controls))
    {
        findings.add(problem.kind, problem.detail);
    }
    for (evidence, control) in receipt.domains.iter().zip(controls) {
        match log::check(evidence, control, &signer, range) {
            Ok(log) => checked.logs.push(log),
            Err(problem) => {
                findings.add(
                    problem.kind,
                    format!("{}: {}", evidence.domain, problem.detail),
                );
            }
        }
    }
    checked.signer = Some(signer);
    checked
}

/// The control lists of all domains, at least one.
fn read_controls(receipt: &Receipt) -> Result<Vec<Control>, Problem> {
    if receipt.domains.is_empty() {
        return Err(invalid("the receipt has no domain"));
    }
    // The name of the server stands in the keys; every key of a log has the same one.
    receipt
        .domains
        .iter()
        .map(|evidence| {
            Control::read(&evidence.domain, &evidence.control).map_err(|problem| Problem {
                detail: format!("{}: {}", evidence.domain, problem.detail),
                ..problem
            })
        })
        .collect()
}

/// The receipt is signed by a pinned key, or by one that a pinned one leads to.
fn check_signature(
    note: &Note<'_>,
    signer: &VerifierKey,
    controls: &[Control],
    pinned: &[VerifierKey],
) -> Result<(), Problem> {
    let signed = note.signer(std::slice::from_ref(signer));
    match signed {
        Ok(Some(_)) => {}
        Ok(None) => return Err(invalid(format!("the receipt is not signed by {signer}"))),
        Err(error) => return Err(invalid(format!("the receipt: {error}"))),
    }
    let leads = |control: &Control| {
        control.signer() == signer && control.keys.iter().any(|key| pinned.contains(key))
    };
    if !pinned.is_empty() && !controls.iter().any(leads) {
        return Err(invalid(format!(
            "the receipt is signed by {signer}, which is not the pinned key, nor one that it leads to"
        )));
    }
    Ok(())
}

/// The domains are those of the scope, all of them.
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
    old: &Receipt,
    note: &Note<'_>,
    new: &Checked,
    receipt: &Receipt,
    expected: &Expectations,
    findings: &mut Findings,
) -> HashMap<String, Kept> {
    // Keys that the log was signed with before are known by the log that is signed now.
    let mut keys = expected.keys.clone();
    if !keys.is_empty() && !findings.has_failed() {
        keys.extend(
            new.logs
                .iter()
                .flat_map(|log| log.control.keys.iter().cloned()),
        );
    }
    let mut of_old = Findings::default();
    let mut kept = HashMap::new();
    match range_of(old) {
        Ok(range) => {
            let checked = check_receipt(old, note, range, &keys, &mut of_old);
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
        of.map(|segment| segment.sealed.count).sum()
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

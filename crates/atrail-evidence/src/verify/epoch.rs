//! Compares an earlier receipt with a later one whose log began anew: whatever stood then must still be there, or be
//! deleted on record. It claims no more, because the new log does not begin with the previous one.

use std::collections::HashSet;

use atrail_model::DayRange;

use super::form::DayEntries;
use super::log::DomainLog;
use super::replay::{in_force, standing};
use super::report::{FindingKind, Kept};
use crate::entry::{ControlEntry, DayEntry, HoldLevel, SealedSegment};
use crate::receipt::DomainEvidence;
use crate::verify::problem::Problem;

/// Most missing segments of a day that are named.
const MAX_NAMED: usize = 20;

/// Compares a log with the earlier one whose checkpoint it continues, on the days of `range`. Returns what was kept,
/// and what is wrong or unknown.
pub(super) fn compare(
    old: &DomainLog,
    new: &DomainLog,
    evidence: &DomainEvidence,
    range: DayRange,
) -> (Kept, Vec<Problem>) {
    let mut kept = Kept::default();
    let mut problems = Vec::new();
    for (day, list) in &old.lists {
        let stood = standing(list.entries.iter());
        if stood.is_empty() {
            continue;
        }
        if !range.contains(*day) {
            problems.push(Problem {
                kind: FindingKind::Unproven,
                detail: format!(
                    "the log began anew, and {day} was not asked for: whether what was recorded is still there is not known"
                ),
            });
            continue;
        }
        let sealed = new.lists.get(day).map(sealed).unwrap_or_default();
        let missing: Vec<&SealedSegment> = stood.iter().filter(|s| !sealed.contains(s)).collect();
        kept.days += 1;
        kept.segments += (stood.len() - missing.len()) as u64;
        if !missing.is_empty() {
            problems.push(Problem {
                kind: FindingKind::Missing,
                detail: format!(
                    "{day}: neither there nor deleted on record: {}",
                    told(&missing)
                ),
            });
        }
    }
    problems.extend(check_holds(old, new, evidence));
    (kept, problems)
}

/// Returns every segment that the list sealed, even if it was deleted later.
fn sealed(list: &DayEntries) -> HashSet<&SealedSegment> {
    let seals = list.entries.iter().filter_map(|entry| match entry {
        DayEntry::Seal(seal) => Some(&seal.segments),
        DayEntry::Delete(_) => None,
    });
    seals.flatten().collect()
}

fn told(missing: &[&SealedSegment]) -> String {
    let named: Vec<_> = missing
        .iter()
        .take(MAX_NAMED)
        .map(|s| format!("segment {} of hour {:02}, {} events", s.id, s.hour, s.count))
        .collect();
    match missing.len() - named.len() {
        0 => named.join("; "),
        more => format!("{}; and {more} segments more", named.join("; ")),
    }
}

/// Checks that legal holds survive a new beginning: the new log must record each hold again before any deletion.
fn check_holds(old: &DomainLog, new: &DomainLog, evidence: &DomainEvidence) -> Vec<Problem> {
    let holds = in_force(old.control.entries.iter()).holds;
    let Some(began) = holds.iter().map(|level| began(new, *level)).max() else {
        return Vec::new();
    };
    let deletions = evidence.deletions.iter().zip(&new.deletions);
    let mut problems: Vec<Problem> = deletions
        .filter(|(_, record)| record.control.size <= began)
        .map(|(proof, _)| Problem {
            kind: FindingKind::UnauthorisedDelete,
            detail: format!(
                "deletion {} of {}: a legal hold of the earlier receipt was not recorded anew before it",
                proof.position, proof.day
            ),
        })
        .collect();
    if began == NEVER {
        problems.push(Problem {
            kind: FindingKind::Unproven,
            detail: "a legal hold stood that is not recorded anew".to_owned(),
        });
    }
    problems
}

const NEVER: u64 = u64::MAX;

/// Returns the position in the control list at which the hold is recorded again.
fn began(log: &DomainLog, level: HoldLevel) -> u64 {
    let is_it = |entry: &ControlEntry| matches!(entry, ControlEntry::Hold(h) if h.level == level);
    (0..)
        .zip(&log.control.entries)
        .find(|(_, entry)| is_it(entry))
        .map_or(NEVER, |(place, _)| place)
}

//! Replays the day lists: finds the segments that a domain has, and checks whether each deletion was allowed.

use std::collections::{BTreeMap, HashMap, HashSet};

use atrail_model::Day;

use super::form::moment;
use super::log::DomainLog;
use super::report::{Deleted, FindingKind, Findings, Location};
use crate::entry::{
    ControlEntry, DayEntry, Deletion, DeletionKind, HoldLevel, HourRange, SealedSegment,
};
use crate::hash::Hash;
use crate::leaf::leaf_hash;
use crate::proof::verify_inclusion;
use crate::receipt::{DeletionProof, DomainEvidence};
use crate::record::Record;
use crate::verify::problem::{Problem, invalid};

/// The remaining segments of the requested days and hours, and the deletions on the requested days.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    /// In the order of their sealing, per day.
    pub(super) segments: Vec<(Day, SealedSegment)>,
    pub(super) by_request: Deleted,
    pub(super) by_retention: Deleted,
}

/// The state of the control list after a number of entries.
#[derive(Debug)]
pub(super) struct InForce {
    retention_days: i64,
    pub(super) holds: HashSet<HoldLevel>,
}

/// Replays the day lists.
pub(super) fn replay(
    log: &DomainLog,
    evidence: &DomainEvidence,
    hours: HourRange,
    findings: &mut Findings,
) -> Result<Replayed, Problem> {
    let mut proofs: HashMap<(&str, u64), (&DeletionProof, &Record)> = HashMap::new();
    for (proof, record) in evidence.deletions.iter().zip(&log.deletions) {
        let place = (proof.day.as_str(), proof.position);
        if proofs.insert(place, (proof, record)).is_some() {
            return Err(invalid(format!(
                "deletion {} of {}: has two records",
                proof.position, proof.day
            )));
        }
    }
    let mut replayed = Replayed::default();
    for (day, list) in &log.lists {
        let entries = list.entries.iter().zip(&list.leaves);
        let mut standing: BTreeMap<u64, SealedSegment> = BTreeMap::new();
        let mut number = 0;
        for (position, (entry, leaf)) in (0_u64..).zip(entries) {
            match entry {
                DayEntry::Seal(seal) => {
                    for segment in &seal.segments {
                        standing.insert(number, segment.clone());
                        number += 1;
                    }
                }
                DayEntry::Delete(deletion) => {
                    let removed = remove(&mut standing, deletion.hours);
                    let name = format!("deletion {position} of {day}");
                    check_deletion(deletion, position, &removed, &name)?;
                    let key = (deletion.day.as_str(), position);
                    let (proof, record) = proofs
                        .remove(&key)
                        .ok_or_else(|| invalid(format!("{name}: has no record")))?;
                    let in_force = state_of(log, proof, record, *leaf, &name)?;
                    if let Some(why) = refusal(deletion, *day, &in_force) {
                        let location = Location {
                            domain: Some(log.domain.clone()),
                            day: Some(day.to_string()),
                            ..Location::default()
                        };
                        let detail = format!("{name} by {:?}: {why}", deletion.actor);
                        findings.add_at(FindingKind::UnauthorisedDelete, location, detail);
                    }
                    replayed.count(deletion);
                }
            }
        }
        let asked = standing.into_values().filter(|s| hours.contains(s.hour));
        replayed
            .segments
            .extend(asked.map(|segment| (*day, segment)));
    }
    if let Some((day, position)) = proofs.keys().next() {
        return Err(invalid(format!("there is no deletion {position} of {day}")));
    }
    Ok(replayed)
}

impl Replayed {
    fn count(&mut self, deletion: &Deletion) {
        let deleted = match deletion.kind {
            DeletionKind::Request => &mut self.by_request,
            DeletionKind::Retention => &mut self.by_retention,
        };
        deleted.deletions += 1;
        deleted.events = deleted.events.saturating_add(deletion.events);
        deleted.bytes = deleted.bytes.saturating_add(deletion.bytes);
    }
}

/// Returns the segments of a day that remain after its entries, whether their deletions were allowed or not.
pub(super) fn standing<'e>(entries: impl Iterator<Item = &'e DayEntry>) -> Vec<SealedSegment> {
    let mut standing: Vec<SealedSegment> = Vec::new();
    for entry in entries {
        match entry {
            DayEntry::Seal(seal) => standing.extend(seal.segments.iter().cloned()),
            DayEntry::Delete(deletion) => {
                standing.retain(|segment| !deletion.hours.contains(segment.hour));
            }
        }
    }
    standing
}

fn remove(standing: &mut BTreeMap<u64, SealedSegment>, hours: HourRange) -> Vec<SealedSegment> {
    standing
        .extract_if(.., |_, segment| hours.contains(segment.hour))
        .map(|(_, segment)| segment)
        .collect()
}

fn check_deletion(
    deletion: &Deletion,
    position: u64,
    removed: &[SealedSegment],
    name: &str,
) -> Result<(), Problem> {
    let sum = |of: fn(&SealedSegment) -> u64| {
        let mut numbers = removed.iter().map(of);
        numbers.try_fold(0_u64, u64::checked_add)
    };
    if deletion.position != position {
        return Err(invalid(format!(
            "{name}: made for position {}",
            deletion.position
        )));
    }
    if sum(|s| s.count) != Some(deletion.events) || sum(|s| s.size) != Some(deletion.bytes) {
        return Err(invalid(format!(
            "{name}: states other numbers than were removed"
        )));
    }
    Ok(())
}

/// Returns the policy and holds in force at the deletion, according to its record.
fn state_of(
    log: &DomainLog,
    proof: &DeletionProof,
    record: &Record,
    leaf: Hash,
    name: &str,
) -> Result<InForce, Problem> {
    let names_it =
        record.list == proof.day && record.position == proof.position && record.entry == leaf;
    if !names_it {
        return Err(invalid(format!(
            "{name}: its record {} names another entry",
            record.index
        )));
    }
    let record_leaf = leaf_hash(proof.record.as_bytes());
    let checkpoint = &log.checkpoint;
    let (size, root) = (checkpoint.size, checkpoint.root);
    if !verify_inclusion(record_leaf, record.index, size, &proof.inclusion, root) {
        return Err(invalid(format!(
            "{name}: its record {} is not in the log",
            record.index
        )));
    }
    if log.control.root_at(record.control.size).map(Hash::from) != Some(record.control.root) {
        return Err(invalid(format!(
            "record {}: states another control list",
            record.index
        )));
    }
    let size = usize::try_from(record.control.size).unwrap_or(usize::MAX);
    Ok(in_force(log.control.entries.iter().take(size)))
}

pub(super) fn in_force<'a>(entries: impl Iterator<Item = &'a ControlEntry>) -> InForce {
    let mut state = InForce {
        retention_days: -1,
        holds: HashSet::new(),
    };
    for entry in entries {
        match entry {
            ControlEntry::Policy(policy) => state.retention_days = policy.retention_days,
            ControlEntry::Hold(hold) => {
                state.holds.insert(hold.level);
            }
            ControlEntry::Release(hold) => {
                state.holds.remove(&hold.level);
            }
            _ => {}
        }
    }
    state
}

/// Returns why the deletion was not allowed.
fn refusal(deletion: &Deletion, day: Day, state: &InForce) -> Option<String> {
    if deletion.actor.is_empty() {
        return Some("nobody is named".to_owned());
    }
    if !state.holds.is_empty() {
        return Some("a legal hold stood".to_owned());
    }
    if deletion.kind == DeletionKind::Request {
        return None;
    }
    let age = moment(&deletion.time).map_or(-1, |then| {
        i64::from(then.number()) - i64::from(day.number())
    });
    match state.retention_days {
        days if days < 0 => Some("no retention was in force".to_owned()),
        days if age <= days => Some(format!(
            "not due at {}: {days} days were to be kept",
            deletion.time
        )),
        _ => None,
    }
}

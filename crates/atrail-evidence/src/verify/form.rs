//! Parses the texts of a receipt, each of which must be well formed. It parses all of them before any is compared with
//! another: a malformed text is wrong, whatever else is unknown.

use std::collections::BTreeMap;

use atrail_model::{Day, DayRange};

use super::report::FindingKind;
use crate::checkpoint::Checkpoint;
use crate::entry::{ControlEntry, DayEntry, Deletion, HourRange, Known, Seal};
use crate::hash::Hash;
use crate::json::{self, MalformedError};
use crate::leaf::leaf_hash;
use crate::manifest::Manifest;
use crate::note::{Note, VerifierKey};
use crate::receipt::{DomainEvidence, Receipt};
use crate::record::Record;
use crate::verify::problem::{Problem, invalid};

/// The parsed texts of a receipt.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) range: DayRange,
    pub(super) manifest: Manifest,
    /// One for each domain, at least one.
    pub(super) domains: Vec<DomainTexts>,
}

/// The parsed texts of a domain.
#[derive(Debug)]
pub(super) struct DomainTexts {
    pub(super) control: ControlTexts,
    pub(super) record: Record,
    pub(super) lists: BTreeMap<Day, DayEntries>,
    /// The records of its deletions.
    pub(super) deletions: Vec<Record>,
    /// An entry of unknown type in its day lists: `lists` is then incomplete.
    pub(super) later: Option<Problem>,
}

/// The entries of a control list.
#[derive(Debug, Default)]
pub(crate) struct ControlTexts {
    pub(super) entries: Vec<ControlEntry>,
    /// An entry of unknown type: `entries` is then incomplete.
    pub(super) later: Option<Problem>,
}

/// The entries of a day.
#[derive(Debug, Default)]
pub(super) struct DayEntries {
    pub(super) entries: Vec<DayEntry>,
    /// The leaf hashes of all their texts.
    pub(super) leaves: Vec<Hash>,
}

/// Parses all texts of a receipt.
pub(super) fn read(receipt: &Receipt) -> Result<Texts, Problem> {
    let (start, end) = (day(&receipt.scope.start)?, day(&receipt.scope.end)?);
    let range = DayRange::new(start, end)
        .filter(|_| receipt.scope.hours.is_valid())
        .ok_or_else(|| invalid("the receipt's scope has no days or hours"))?;
    check_moment(&receipt.created, || "the receipt".to_owned())?;
    if receipt.domains.is_empty() {
        return Err(invalid("the receipt has no domain"));
    }
    let manifest = json::parse(&receipt.manifest, "the manifest")
        .map_err(|error| malformed("manifest", &error))?;
    let domains = receipt.domains.iter().map(|evidence| {
        domain(evidence, range).map_err(|problem| problem.within(&evidence.domain))
    });
    Ok(Texts {
        range,
        manifest,
        domains: domains.collect::<Result<_, _>>()?,
    })
}

fn domain(evidence: &DomainEvidence, range: DayRange) -> Result<DomainTexts, Problem> {
    let control = control(&evidence.domain, &evidence.control)?;
    checkpoint(&evidence.checkpoint).ok_or_else(|| invalid("checkpoint: not a signed one"))?;
    let record =
        Record::parse(&evidence.record).map_err(|error| malformed("the last record", &error))?;
    let mut deletions = Vec::with_capacity(evidence.deletions.len());
    for proof in &evidence.deletions {
        day(&proof.day)?;
        let name = || format!("deletion {} of {}", proof.position, proof.day);
        let record = Record::parse(&proof.record);
        deletions.push(record.map_err(|error| malformed(&name(), &error))?);
    }
    let mut lists: BTreeMap<Day, DayEntries> = BTreeMap::new();
    let mut later = None;
    for list in &evidence.lists {
        let day = day(&list.day)?;
        let is_next = lists.last_key_value().is_none_or(|(last, _)| *last < day);
        if list.entries.is_empty() || !range.contains(day) || !is_next {
            return Err(invalid(format!(
                "day list {day}: empty, not asked for, or out of order"
            )));
        }
        let mut read = DayEntries::default();
        for (position, text) in list.entries.iter().enumerate() {
            read.leaves.push(leaf_hash(text.as_bytes()).into());
            match day_entry(text, position, &list.day)? {
                Known::Entry(entry) => read.entries.push(entry),
                Known::Later(kind) => {
                    later.get_or_insert_with(|| of_a_later_version(&kind, position, &list.day));
                }
            }
        }
        lists.insert(day, read);
    }
    Ok(DomainTexts {
        control,
        record,
        lists,
        deletions,
        later,
    })
}

/// Parses the entries of a control list: the first entry, and no other, is a genesis.
pub(crate) fn control(domain: &str, texts: &[String]) -> Result<ControlTexts, Problem> {
    let mut read = ControlTexts {
        entries: Vec::with_capacity(texts.len()),
        later: None,
    };
    let is_account = domain.starts_with("account-");
    for (position, text) in texts.iter().enumerate() {
        let name = format!("control entry {position}");
        let entry = ControlEntry::read(text).map_err(|error| malformed(&name, &error))?;
        if (position == 0) != matches!(entry, Known::Entry(ControlEntry::Genesis(_))) {
            return Err(invalid(format!(
                "{name}: the first entry of a control list, and no other, is a genesis"
            )));
        }
        match entry {
            Known::Entry(entry) => {
                check_control(&entry, is_account, &name)?;
                read.entries.push(entry);
            }
            Known::Later(kind) => {
                let later = || of_a_later_version(&kind, position, "control");
                read.later.get_or_insert_with(later);
            }
        }
    }
    match read.entries.is_empty() {
        true => Err(invalid("the control list does not begin with a genesis")),
        false => Ok(read),
    }
}

fn check_control(entry: &ControlEntry, is_account: bool, name: &str) -> Result<(), Problem> {
    let wrong = |why: &str| Err(invalid(format!("{name}: {why}")));
    check_moment(time_of(entry), || name.to_owned())?;
    match entry {
        ControlEntry::Genesis(genesis) => {
            check_key(&genesis.key, name)?;
            if !genesis.continues.is_empty() && checkpoint(&genesis.continues).is_none() {
                return wrong("continues what is no signed checkpoint");
            }
        }
        ControlEntry::Key(change) => {
            check_key(&change.key, name)?;
            if let Err(error) = Note::parse(&change.endorsement) {
                return wrong(&error.to_string());
            }
        }
        ControlEntry::Policy(policy) if policy.retention_days < -1 => {
            return wrong("keeps events for less than no day");
        }
        ControlEntry::SpaceAdded(_) | ControlEntry::SpaceRemoved(_) if !is_account => {
            return wrong("spaces belong to an account");
        }
        _ => {}
    }
    Ok(())
}

/// Parses an entry of the list of `day`.
pub(crate) fn day_entry(
    text: &str,
    position: usize,
    day: &str,
) -> Result<Known<DayEntry>, Problem> {
    let name = || format!("entry {position} of {day}");
    let read = DayEntry::read(text).map_err(|error| malformed(&name(), &error))?;
    let Known::Entry(entry) = &read else {
        return Ok(read);
    };
    let (time, of) = match entry {
        DayEntry::Seal(Seal { time, day, .. }) | DayEntry::Delete(Deletion { time, day, .. }) => {
            (time, day)
        }
    };
    check_moment(time, name)?;
    let why = match entry {
        _ if of != day => format!("is one of {of}"),
        DayEntry::Seal(seal) if !is_right(seal) => "seals nothing, or an hour that is none".into(),
        DayEntry::Delete(Deletion { hours, .. }) if !hours.is_valid() => {
            "its hours are none of a day".into()
        }
        _ => return Ok(read),
    };
    Err(invalid(format!("{}: {why}", name())))
}

fn is_right(seal: &Seal) -> bool {
    let mut segments = seal.segments.iter();
    let is_right = segments.all(|segment| ALL_DAY.contains(segment.hour) && segment.count > 0);
    !seal.segments.is_empty() && is_right
}

const ALL_DAY: HourRange = HourRange { first: 0, last: 23 };

/// Returns the checkpoint in a note, whoever signed it.
pub(crate) fn checkpoint(note: &str) -> Option<Checkpoint> {
    let note = Note::parse(note).ok()?;
    Checkpoint::parse(note.text()).ok()
}

/// Parses a day of the tree of days.
pub(crate) fn day(text: &str) -> Result<Day, Problem> {
    text.parse().map_err(|_| {
        invalid(format!(
            "{text:?}: not a day from {} to {}",
            Day::FIRST,
            Day::LAST
        ))
    })
}

/// Returns the day of a time as evidence writes it: `YYYY-MM-DDThh:mm:ssZ`, with a fraction of up to nine digits.
pub(super) fn moment(text: &str) -> Option<Day> {
    let (day, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_below = |part: &str, limit: u8| {
        part.len() == 2 && digits(part) && part.parse::<u8>().is_ok_and(|part| part < limit)
    };
    let mut parts = clock.split(':');
    let is_clock = [24, 60, 60]
        .into_iter()
        .all(|limit| parts.next().is_some_and(|part| is_below(part, limit)));
    let is_moment =
        is_clock && parts.next().is_none() && (1..=9).contains(&fraction.len()) && digits(fraction);
    is_moment.then(|| day.parse().ok()).flatten()
}

pub(crate) fn malformed(what: &str, error: &MalformedError) -> Problem {
    invalid(format!("{what}: {}", error.told()))
}

/// Returns the problem for an entry of a type that a later version may have introduced: the entry is not wrong, but
/// nothing follows from it.
fn of_a_later_version(kind: &str, position: usize, list: &str) -> Problem {
    Problem {
        kind: FindingKind::Unproven,
        detail: format!(
            "entry {position} of {list}: type {kind:?} is not known here; use a newer verifier"
        ),
    }
}

fn check_moment(time: &str, what: impl FnOnce() -> String) -> Result<(), Problem> {
    match moment(time) {
        Some(_) => Ok(()),
        None => Err(invalid(format!("{}: {time:?} is no moment in UTC", what()))),
    }
}

fn check_key(text: &str, name: &str) -> Result<(), Problem> {
    let key = text.parse::<VerifierKey>();
    key.map(drop)
        .map_err(|error| invalid(format!("{name}: {error}")))
}

fn time_of(entry: &ControlEntry) -> &str {
    match entry {
        ControlEntry::Genesis(entry) => &entry.time,
        ControlEntry::Key(entry) => &entry.time,
        ControlEntry::Policy(entry) => &entry.time,
        ControlEntry::Hold(entry) | ControlEntry::Release(entry) => &entry.time,
        ControlEntry::SpaceAdded(entry) => &entry.time,
        ControlEntry::SpaceRemoved(entry) => &entry.time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_one_form() {
        for text in ["2026-11-20T00:00:00Z", "2026-11-20T23:59:59.123456789Z"] {
            assert_eq!(moment(text), "2026-11-20".parse().ok(), "{text}");
        }
        for text in [
            "2026-11-20T00:00:00",
            "2026-11-20T00:00:00+00:00",
            "2026-11-20 00:00:00Z",
            "2026-11-20t00:00:00Z",
            "2026-11-20T00:00Z",
            "2026-11-20T24:00:00Z",
            "2026-11-20T23:59:60Z",
            "2026-11-20T0:00:00Z",
            "2026-11-20T00:00:00.Z",
            "2026-11-20T00:00:00.1x2Z",
            "2026-11-20T00:00:00,5Z",
            "2026-11-20T00:00:00.1234567890Z",
            "2026-11-20T00:00:00:00Z",
            "2026-11-20T+0:00:00Z",
            "2026-02-30T00:00:00Z",
            "20261120T000000Z",
            "1969-12-31T00:00:00Z",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}

//! The log of one domain: checkpoint, last record, control list and day lists agree.

use std::collections::BTreeMap;

use atrail_model::{Day, DayRange};

use super::report::FindingKind;
use crate::checkpoint::{Checkpoint, origin};
use crate::days;
use crate::entry::{ControlEntry, DayEntry, Genesis, endorsement_text};
use crate::hash::Hash;
use crate::json;
use crate::leaf::leaf_hash;
use crate::note::VerifierKey;
use crate::proof::verify_inclusion;
use crate::receipt::DomainEvidence;
use crate::record::Record;
use crate::tree::{Root, TreeHasher, root_of};

/// Why a domain's evidence does not hold.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) kind: FindingKind,
    pub(crate) detail: String,
}

/// Something in the log is not right.
pub(crate) fn invalid(detail: impl Into<String>) -> Problem {
    Problem {
        kind: FindingKind::LogInvalid,
        detail: detail.into(),
    }
}

/// A control list, read and followed.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) genesis: Genesis,
    pub(super) genesis_leaf: Hash,
    pub(super) entries: Vec<ControlEntry>,
    /// The root after so many entries.
    roots: Vec<Root>,
    /// The keys that signed the log, one after the other; each but the first is endorsed by the one before.
    pub(crate) keys: Vec<VerifierKey>,
}

/// A domain's log that holds.
#[derive(Debug)]
pub(super) struct DomainLog {
    pub(super) domain: String,
    pub(super) checkpoint: Checkpoint,
    pub(super) control: Control,
    /// The entries of the asked days, and their texts' leaf hashes.
    pub(super) lists: BTreeMap<Day, Vec<(DayEntry, Hash)>>,
}

impl Control {
    /// Reads the list: it begins with the genesis of this domain, and each new key is endorsed by the one before.
    pub(crate) fn read(domain: &str, texts: &[String]) -> Result<Self, Problem> {
        let mut tree = TreeHasher::default();
        let mut roots = vec![tree.root()];
        let mut entries = Vec::with_capacity(texts.len());
        for (position, text) in texts.iter().enumerate() {
            tree.push(leaf_hash(text.as_bytes()));
            roots.push(tree.root());
            let entry = known(text, position, "control", ControlEntry::parse)?;
            check_moment(time_of(&entry), || format!("control entry {position}"))?;
            entries.push(entry);
        }
        let Some(ControlEntry::Genesis(genesis)) = entries.first().cloned() else {
            return Err(invalid("the control list does not begin with a genesis"));
        };
        if genesis.domain != domain {
            return Err(invalid(format!(
                "its genesis is that of {}",
                genesis.domain
            )));
        }
        let first = key(&genesis.key, 0)?;
        let origin = origin(first.name(), domain, &genesis.epoch);
        let mut keys = vec![first];
        for (position, entry) in entries.iter().enumerate().skip(1) {
            match entry {
                ControlEntry::Genesis(_) => {
                    return Err(invalid(format!(
                        "control entry {position}: a second genesis"
                    )));
                }
                ControlEntry::SpaceAdded(_) | ControlEntry::SpaceRemoved(_)
                    if !domain.starts_with("account-") =>
                {
                    return Err(invalid(format!(
                        "control entry {position}: spaces belong to an account"
                    )));
                }
                ControlEntry::Key(change) => {
                    let before = &keys[keys.len() - 1];
                    let next = key(&change.key, position)?;
                    let text = before.verify(&change.endorsement);
                    let is_endorsed = text.ok() == Some(&endorsement_text(&origin, &change.key));
                    if !is_endorsed || next.name() != before.name() {
                        return Err(invalid(format!(
                            "control entry {position}: the new key is not endorsed by the one before"
                        )));
                    }
                    keys.push(next);
                }
                _ => {}
            }
        }
        Ok(Self {
            genesis,
            genesis_leaf: leaf_hash(texts[0].as_bytes()).into(),
            entries,
            roots,
            keys,
        })
    }

    /// The root after so many entries, at least one.
    pub(crate) fn root_at(&self, size: u64) -> Option<Root> {
        let size = usize::try_from(size).ok().filter(|size| *size > 0)?;
        self.roots.get(size).copied()
    }

    /// How many entries there are.
    pub(crate) fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The key that signs now.
    pub(crate) fn signer(&self) -> &VerifierKey {
        &self.keys[self.keys.len() - 1]
    }
}

/// Checks the domain's log, signed by `signer`, on the asked days.
pub(super) fn check(
    evidence: &DomainEvidence,
    control: Control,
    signer: &VerifierKey,
    range: DayRange,
) -> Result<DomainLog, Problem> {
    let domain = &evidence.domain;
    if control.signer() != signer {
        return Err(invalid(
            "its control list ends with another key than the receipt's signer",
        ));
    }
    let checkpoint = Checkpoint::verify(&evidence.checkpoint, signer)
        .map_err(|error| invalid(format!("checkpoint: {error}")))?;
    if checkpoint.origin != origin(signer.name(), domain, &control.genesis.epoch) {
        return Err(invalid(format!(
            "the checkpoint is that of {}",
            checkpoint.origin
        )));
    }
    let record = Record::parse(&evidence.record).map_err(|e| malformed("the last record", &e))?;
    if record.index.checked_add(1) != Some(checkpoint.size) {
        return Err(invalid(format!(
            "record {}: not the last one",
            record.index
        )));
    }
    let leaf = leaf_hash(evidence.record.as_bytes());
    let (index, size, root) = (record.index, checkpoint.size, checkpoint.root);
    if !verify_inclusion(leaf, index, size, &evidence.inclusion, root) {
        return Err(invalid(format!("record {index}: not in the log")));
    }
    if record.control.size != control.size()
        || control.root_at(control.size()).map(Hash::from) != Some(record.control.root)
    {
        return Err(invalid(format!(
            "record {index}: states another control list"
        )));
    }
    let lists = read_lists(evidence, range)?;
    if days_root(evidence, range, &lists) != Some(record.days) {
        return Err(invalid(format!("record {index}: states other day lists")));
    }
    Ok(DomainLog {
        domain: domain.clone(),
        checkpoint,
        control,
        lists,
    })
}

fn read_lists(
    evidence: &DomainEvidence,
    range: DayRange,
) -> Result<BTreeMap<Day, Vec<(DayEntry, Hash)>>, Problem> {
    let mut lists: BTreeMap<Day, Vec<(DayEntry, Hash)>> = BTreeMap::new();
    for list in &evidence.lists {
        let day = day(&list.day)?;
        let is_next = lists.last_key_value().is_none_or(|(last, _)| *last < day);
        if list.entries.is_empty() || !range.contains(day) || !is_next {
            return Err(invalid(format!(
                "day list {day}: empty, not asked for, or out of order"
            )));
        }
        let entries = list.entries.iter().enumerate().map(|(position, text)| {
            let entry = known(text, position, &list.day, DayEntry::parse)?;
            let (time, of) = match &entry {
                DayEntry::Seal(seal) => (&seal.time, &seal.day),
                DayEntry::Delete(deletion) => (&deletion.time, &deletion.day),
            };
            check_moment(time, || format!("entry {position} of {day}"))?;
            if *of != list.day {
                return Err(invalid(format!(
                    "entry {position} of {day}: is one of {of}"
                )));
            }
            Ok((entry, leaf_hash(text.as_bytes()).into()))
        });
        lists.insert(day, entries.collect::<Result<_, _>>()?);
    }
    Ok(lists)
}

fn days_root(
    evidence: &DomainEvidence,
    range: DayRange,
    lists: &BTreeMap<Day, Vec<(DayEntry, Hash)>>,
) -> Option<Hash> {
    let number = |day: Day| u16::try_from(day.number()).ok();
    let leaf = |number: u16| {
        let list = Day::from_number(number.into()).and_then(|day| lists.get(&day));
        list.map_or_else(
            || days::empty(0),
            |entries| {
                let leaves = entries.iter().map(|(_, leaf)| crate::LeafHash(leaf.0));
                days::leaf(entries.len() as u64, root_of(leaves))
            },
        )
    };
    days::range_root(
        number(range.start())?,
        number(range.end())?,
        leaf,
        &evidence.days,
    )
}

/// A day of the tree of days.
pub(crate) fn day(text: &str) -> Result<Day, Problem> {
    text.parse::<Day>()
        .ok()
        .filter(|day| u16::try_from(day.number()).is_ok())
        .ok_or_else(|| invalid(format!("{text:?}: not a day from 1970-01-01 to 2149-06-06")))
}

/// The day of a moment as evidence writes it: `YYYY-MM-DDThh:mm:ssZ`, with up to nine digits of a fraction.
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
    is_moment.then(|| self::day(day).ok()).flatten()
}

pub(crate) fn malformed(what: &str, error: &json::MalformedError) -> Problem {
    invalid(format!("{what}: {}", error.told()))
}

fn check_moment(time: &str, what: impl FnOnce() -> String) -> Result<(), Problem> {
    match moment(time) {
        Some(_) => Ok(()),
        None => Err(invalid(format!("{}: {time:?} is no moment in UTC", what()))),
    }
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

fn key(text: &str, position: usize) -> Result<VerifierKey, Problem> {
    text.parse()
        .map_err(|error| invalid(format!("control entry {position}: {error}")))
}

/// Reads an entry. One of a type that a later version may have brought is not wrong, but nothing follows from it.
pub(crate) fn known<T>(
    text: &str,
    position: usize,
    list: &str,
    parse: fn(&str) -> Result<T, json::MalformedError>,
) -> Result<T, Problem> {
    const TYPES: [&str; 9] = [
        "seal",
        "delete",
        "genesis",
        "key",
        "policy",
        "hold",
        "release",
        "space-added",
        "space-removed",
    ];
    parse(text).map_err(|error| match json::type_of(text) {
        Some(kind) if !TYPES.contains(&kind.as_str()) => Problem {
            kind: FindingKind::Unproven,
            detail: format!(
                "entry {position} of {list}: type {kind:?} is not known here; use a newer verifier"
            ),
        },
        _ => malformed(&format!("entry {position} of {list}"), &error),
    })
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
            "2026-11-20T00:00:00.Z",
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

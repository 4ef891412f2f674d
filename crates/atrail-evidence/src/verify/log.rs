//! Checks the log of one domain: checkpoint, last record, control list and day lists must agree.

use std::collections::BTreeMap;

use atrail_model::{Day, DayRange};

use super::form::{ControlTexts, DayEntries, DomainTexts};
use super::problem::{Problem, invalid};
use crate::checkpoint::{Checkpoint, origin};
use crate::days;
use crate::entry::{ControlEntry, Genesis, endorsement_text};
use crate::hash::Hash;
use crate::leaf::leaf_hash;
use crate::note::VerifierKey;
use crate::proof::verify_inclusion;
use crate::receipt::DomainEvidence;
use crate::record::Record;
use crate::tree::{Root, TreeHasher, root_of};

/// A control list, parsed and followed.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) genesis: Genesis,
    pub(super) genesis_leaf: Hash,
    pub(super) entries: Vec<ControlEntry>,
    /// The root after each number of entries.
    roots: Vec<Root>,
    /// The keys that signed the log, in order; the previous key endorses each but the first.
    pub(crate) keys: Vec<VerifierKey>,
}

/// The verified log of a domain.
#[derive(Debug)]
pub(super) struct DomainLog {
    pub(super) domain: String,
    pub(super) checkpoint: Checkpoint,
    pub(super) control: Control,
    /// The entries of the requested days.
    pub(super) lists: BTreeMap<Day, DayEntries>,
    /// The records of the deletions.
    pub(super) deletions: Vec<Record>,
}

impl Control {
    /// Follows the list: it must begin with the genesis of this domain, and the previous key must endorse each new one.
    pub(crate) fn follow(
        domain: &str,
        texts: &[String],
        read: ControlTexts,
    ) -> Result<Self, Problem> {
        let ControlTexts { entries, later } = read;
        if let Some(later) = later {
            return Err(later);
        }
        let mut tree = TreeHasher::default();
        let mut roots = vec![tree.root()];
        for text in texts {
            tree.push(leaf_hash(text.as_bytes()));
            roots.push(tree.root());
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
        for (position, entry) in entries.iter().enumerate() {
            let ControlEntry::Key(change) = entry else {
                continue;
            };
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
        Ok(Self {
            genesis,
            genesis_leaf: leaf_hash(texts[0].as_bytes()).into(),
            entries,
            roots,
            keys,
        })
    }

    /// Returns the root after this many entries, at least one.
    pub(crate) fn root_at(&self, size: u64) -> Option<Root> {
        let size = usize::try_from(size).ok().filter(|size| *size > 0)?;
        self.roots.get(size).copied()
    }

    /// Returns the number of entries.
    pub(crate) fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Returns the key that signs now.
    pub(crate) fn signer(&self) -> &VerifierKey {
        &self.keys[self.keys.len() - 1]
    }
}

/// Checks the domain's log, signed by `signer`, on the requested days.
pub(super) fn check(
    evidence: &DomainEvidence,
    texts: DomainTexts,
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
    let record = texts.record;
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
    if days_root(evidence, range, &texts.lists) != Some(record.days) {
        return Err(invalid(format!("record {index}: states other day lists")));
    }
    match texts.later {
        Some(later) => Err(later),
        None => Ok(DomainLog {
            domain: domain.clone(),
            checkpoint,
            control,
            lists: texts.lists,
            deletions: texts.deletions,
        }),
    }
}

fn days_root(
    evidence: &DomainEvidence,
    range: DayRange,
    lists: &BTreeMap<Day, DayEntries>,
) -> Option<Hash> {
    let number = |day: Day| u16::try_from(day.number()).ok();
    let leaf = |number: u16| {
        let list = Day::from_number(number.into()).and_then(|day| lists.get(&day));
        list.map_or_else(
            || days::empty(0),
            |DayEntries { leaves, .. }| {
                let hashes = leaves.iter().map(|leaf| crate::LeafHash(leaf.0));
                days::leaf(leaves.len() as u64, root_of(hashes))
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

fn key(text: &str, position: usize) -> Result<VerifierKey, Problem> {
    text.parse()
        .map_err(|error| invalid(format!("control entry {position}: {error}")))
}

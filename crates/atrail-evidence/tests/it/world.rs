//! An honest server's logs, in memory: records each step, and makes sessions from them.

mod forge;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;

use atrail_evidence::{
    CONTROL, Checkpoint, ConsistencyProof, ControlEntry, ControlState, DayEntry, DayList, Deletion,
    DeletionKind, DeletionProof, DomainEvidence, EMPTY_OBJECT, Genesis, Hash, Hold, HoldLevel,
    HourRange, KeyChange, Manifest, ManifestObject, NodeId, Policy, ProofPlan, RECEIPT_TYPE,
    RECEIPT_VERSION, Receipt, Record, Root, Scope, ScopeOf, Seal, SealedSegment, SegmentTree,
    SigningKey, SpaceAdded, SpaceRemoved, TreeHasher, days, endorsement_text, hex, leaf_hash,
    origin,
};
use atrail_model::Day;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

pub(crate) const ALL_DAY: HourRange = HourRange { first: 0, last: 23 };
pub(crate) const ACCOUNT: &str = "0a11";

/// A segment, and whether its events are still there.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) id: String,
    pub(crate) day: Day,
    pub(crate) hour: u8,
    pub(crate) lines: Vec<String>,
    is_deleted: bool,
}

impl Kept {
    pub(crate) fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    fn bytes(&self) -> u64 {
        self.lines.iter().map(|line| line.len() as u64).sum()
    }
}

#[derive(Debug, Clone, Default)]
struct List {
    entries: Vec<String>,
    tree: TreeHasher,
}

/// The log of one domain.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    pub(crate) domain: String,
    pub(crate) epoch: String,
    control: List,
    lists: BTreeMap<Day, List>,
    pub(crate) records: Vec<String>,
    roots: Vec<Root>,
    tree: TreeHasher,
    nodes: HashMap<NodeId, Hash>,
    pub(crate) segments: Vec<Kept>,
    deletions: BTreeMap<(Day, u64), u64>,
    policy: i64,
    holds: BTreeSet<u8>,
    /// Whether records omit the days, which take long to compute; the last record must state them.
    pub(crate) is_hasty: bool,
    /// A text, and its replacement.
    respelled: Option<(String, String)>,
}

/// A server with one account.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) key: SigningKey,
    pub(crate) logs: Vec<Log>,
    next: u64,
    pub(crate) today: Day,
    /// Extra bytes per event, which hardly compress.
    pub(crate) padding: usize,
    /// An entry or a record, and the text that is recorded in its place.
    pub(crate) respelled: Option<(String, String)>,
}

/// The download of a session.
#[derive(Debug, Clone)]
pub(crate) struct Download {
    pub(crate) receipt: Receipt,
    pub(crate) text: String,
    pub(crate) file: Vec<u8>,
    /// The texts of the segments, in order.
    pub(crate) segments: Vec<String>,
}

pub(crate) fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

impl Log {
    fn append(&mut self, list: Option<Day>, text: String) {
        let text = self.spell(text);
        let place = match list {
            Some(day) => self.lists.entry(day).or_default(),
            None => &mut self.control,
        };
        let position = place.entries.len() as u64;
        let entry = leaf_hash(text.as_bytes());
        place.tree.push(entry);
        place.entries.push(text);
        let stated = self.lists.iter().filter(|_| !self.is_hasty);
        let leaves: Vec<_> = stated
            .map(|(day, list)| {
                let leaf = days::leaf(list.entries.len() as u64, list.tree.root());
                (day.number(), leaf)
            })
            .collect();
        let record = Record {
            index: self.records.len() as u64,
            list: list.map_or_else(|| CONTROL.to_owned(), |day| day.to_string()),
            position,
            entry: entry.into(),
            days: days::subtree(0, days::LEVELS, &leaves),
            control: ControlState {
                size: self.control.entries.len() as u64,
                root: self.control.tree.root().into(),
            },
        };
        let text = self.spell(record.to_text());
        let completed = self.tree.push_completing(leaf_hash(text.as_bytes()));
        for (level, root) in (0_u8..).zip(completed) {
            let index = record.index >> level;
            self.nodes.insert(NodeId { level, index }, root);
        }
        self.records.push(text);
        self.roots.push(self.tree.root());
    }

    fn spell(&self, text: String) -> String {
        match &self.respelled {
            Some((was, is)) if *was == text => is.clone(),
            _ => text,
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.records.len() as u64
    }

    pub(crate) fn genesis_hash(&self) -> Hash {
        leaf_hash(self.control.entries[0].as_bytes()).into()
    }

    pub(crate) fn checkpoint(&self, key: &SigningKey) -> String {
        let checkpoint = Checkpoint {
            origin: origin(key.name(), &self.domain, &self.epoch),
            size: self.size(),
            root: self.tree.root(),
        };
        checkpoint.sign(key).unwrap()
    }

    fn prove(&self, plan: ProofPlan) -> Vec<Hash> {
        plan.prove(|node| self.nodes.get(&node).copied()).unwrap()
    }

    fn evidence(&self, key: &SigningKey, start: Day, end: Day, since: &[u64]) -> DomainEvidence {
        let size = self.size();
        let include = |index| self.prove(ProofPlan::inclusion(index, size).unwrap());
        let range = |day: Day| u16::try_from(day.number()).unwrap();
        let leaves: Vec<_> = self
            .lists
            .iter()
            .map(|(day, list)| {
                let leaf = days::leaf(list.entries.len() as u64, list.tree.root());
                (day.number(), leaf)
            })
            .collect();
        let days = days::range_nodes(range(start), range(end))
            .into_iter()
            .map(|(level, index)| {
                let first = index << level;
                let within = leaves
                    .iter()
                    .filter(|(day, _)| day >> level == index)
                    .map(|(day, leaf)| (day - first, *leaf));
                days::subtree(0, level, &within.collect::<Vec<_>>())
            })
            .collect();
        let asked = self.segments.iter().filter(|kept| !kept.is_deleted);
        let asked =
            asked.filter(|kept| start <= kept.day && kept.day <= end && kept.lines.len() > 1024);
        DomainEvidence {
            domain: self.domain.clone(),
            checkpoint: self.checkpoint(key),
            record: self.records[self.records.len() - 1].clone(),
            inclusion: include(size - 1),
            days,
            lists: self
                .lists
                .range(start..=end)
                .map(|(day, list)| DayList {
                    day: day.to_string(),
                    entries: list.entries.clone(),
                })
                .collect(),
            control: self.control.entries.clone(),
            deletions: self
                .deletions
                .iter()
                .filter(|((day, _), _)| start <= *day && *day <= end)
                .map(|((day, position), index)| DeletionProof {
                    day: day.to_string(),
                    position: *position,
                    record: self.records[usize::try_from(*index).unwrap()].clone(),
                    inclusion: include(*index),
                })
                .collect(),
            subtrees: asked
                .map(|kept| (kept.id.clone(), tree_of(kept).1))
                .collect(),
            consistency: since
                .iter()
                .filter(|from| **from <= size)
                .map(|from| ConsistencyProof {
                    size: *from,
                    proof: self.prove(ProofPlan::consistency(*from, size).unwrap()),
                })
                .collect(),
        }
    }
}

/// Returns a member of this many bytes in hexadecimal, the same for the same event; empty for zero bytes.
fn noise(number: u64, size: usize) -> String {
    let hashes =
        (0_u64..).map(|part| Sha256::digest([number, part].map(u64::to_be_bytes).concat()));
    let mut bytes: Vec<u8> = hashes.take(size.div_ceil(32)).flatten().collect();
    bytes.truncate(size);
    match size {
        0 => String::new(),
        _ => format!(r#","data":"{}""#, hex(&bytes)),
    }
}

fn tree_of(kept: &Kept) -> (Root, Vec<Hash>) {
    let mut tree = SegmentTree::default();
    for line in &kept.lines {
        tree.push(leaf_hash(line.as_bytes()));
    }
    tree.finish()
}

impl World {
    /// Makes an account without spaces.
    pub(crate) fn new(key: SigningKey) -> Self {
        Self::respelling(key, None)
    }

    /// Makes the same account, and records one text in place of another.
    pub(crate) fn respelling(key: SigningKey, respelled: Option<(String, String)>) -> Self {
        let mut world = Self {
            key,
            logs: Vec::new(),
            next: 0,
            today: "2026-11-20".parse().unwrap(),
            padding: 0,
            respelled,
        };
        world.begin(format!("account-{ACCOUNT}"), "", "", "");
        world
    }

    fn time(&mut self) -> String {
        self.next += 1;
        format!("{}T00:00:00.{:09}Z", self.today, self.next)
    }

    fn begin(&mut self, domain: String, epoch: &str, continues: &str, reason: &str) -> usize {
        let genesis = ControlEntry::Genesis(Genesis {
            time: self.time(),
            domain: domain.clone(),
            key: self.key.verifier_key().to_string(),
            epoch: epoch.to_owned(),
            continues: continues.to_owned(),
            reason: reason.to_owned(),
        });
        let mut log = Log {
            domain,
            epoch: epoch.to_owned(),
            policy: -1,
            respelled: self.respelled.clone(),
            ..Log::default()
        };
        log.append(None, genesis.to_text());
        self.logs.push(log);
        self.logs.len() - 1
    }

    fn control(&mut self, log: usize, entry: &ControlEntry) {
        self.logs[log].append(None, entry.to_text());
    }

    pub(crate) fn add_space(&mut self, guid: &str) -> usize {
        let number = self.begin(format!("space-{guid}"), "", "", "");
        self.tell_account(number, guid);
        number
    }

    fn tell_account(&mut self, number: usize, guid: &str) {
        let added = ControlEntry::SpaceAdded(SpaceAdded {
            time: self.time(),
            actor: "admin".to_owned(),
            space: guid.to_owned(),
            genesis: self.logs[number].genesis_hash(),
        });
        self.control(0, &added);
    }

    pub(crate) fn remove_space(&mut self, guid: &str) {
        let removed = ControlEntry::SpaceRemoved(SpaceRemoved {
            time: self.time(),
            actor: "admin".to_owned(),
            space: guid.to_owned(),
        });
        self.control(0, &removed);
    }

    /// Seals new events of a day: for each segment its hour and their number.
    pub(crate) fn seal(&mut self, log: usize, day: Day, segments: &[(u8, usize)]) {
        let time = self.time();
        let mut sealed = Vec::new();
        for (hour, count) in segments {
            let lines = (0..*count).map(|_| {
                self.next += 1;
                let number = self.next;
                let data = noise(number, self.padding);
                format!(r#"{{"id":"e{number}","eventTime":"{day}T{hour:02}:00:00Z","action":"read/{number}"{data}}}"#)
            });
            let lines: Vec<_> = lines.collect();
            self.next += 1;
            let kept = Kept {
                id: format!("5e6{:05}", self.next),
                day,
                hour: *hour,
                lines,
                is_deleted: false,
            };
            sealed.push(SealedSegment {
                id: kept.id.clone(),
                hour: *hour,
                count: kept.lines.len() as u64,
                size: kept.bytes(),
                root: tree_of(&kept).0.into(),
            });
            self.logs[log].segments.push(kept);
        }
        let entry = DayEntry::Seal(Seal {
            time,
            day: day.to_string(),
            segments: sealed,
        });
        self.logs[log].append(Some(day), entry.to_text());
    }

    /// Deletes events if that is allowed; with `force`, in any case.
    pub(crate) fn delete(
        &mut self,
        log: usize,
        day: Day,
        hours: HourRange,
        kind: DeletionKind,
        force: bool,
    ) -> bool {
        let state = &self.logs[log];
        let age = i64::from(self.today.number()) - i64::from(day.number());
        let is_due = state.policy >= 0 && age > state.policy;
        let is_allowed = state.holds.is_empty() && (kind == DeletionKind::Request || is_due);
        if !force && !is_allowed {
            return false;
        }
        let time = self.time();
        let log = &mut self.logs[log];
        let (mut events, mut bytes) = (0, 0);
        for kept in &mut log.segments {
            if !kept.is_deleted && kept.day == day && hours.contains(kept.hour) {
                kept.is_deleted = true;
                events += kept.lines.len() as u64;
                bytes += kept.bytes();
            }
        }
        let position = log
            .lists
            .get(&day)
            .map_or(0, |list| list.entries.len() as u64);
        let actor = match kind {
            DeletionKind::Request => "admin",
            DeletionKind::Retention => "retention",
        };
        let entry = DayEntry::Delete(Deletion {
            time,
            day: day.to_string(),
            hours,
            position,
            kind,
            actor: actor.to_owned(),
            request: String::new(),
            reason: "asked".to_owned(),
            events,
            bytes,
        });
        log.deletions.insert((day, position), log.size());
        log.append(Some(day), entry.to_text());
        true
    }

    pub(crate) fn policy(&mut self, log: usize, retention_days: i64) {
        let entry = ControlEntry::Policy(Policy {
            time: self.time(),
            actor: "admin".to_owned(),
            retention_days,
        });
        self.logs[log].policy = retention_days;
        self.control(log, &entry);
    }

    pub(crate) fn hold(&mut self, log: usize, level: HoldLevel, stands: bool) {
        let hold = Hold {
            time: self.time(),
            actor: "counsel".to_owned(),
            level,
            reason: "case 7".to_owned(),
        };
        if stands {
            self.logs[log].holds.insert(level as u8);
            self.control(log, &ControlEntry::Hold(hold));
        } else {
            self.logs[log].holds.remove(&(level as u8));
            self.control(log, &ControlEntry::Release(hold));
        }
    }

    /// Adds an entry as a later version may write it.
    pub(crate) fn later(&mut self, log: usize, list: Option<Day>) {
        let text = format!(r#"{{"type":"snapshot","time":"{}"}}"#, self.time());
        self.logs[log].append(list, text);
    }

    pub(crate) fn rotate(&mut self) {
        self.rotate_to(SigningKey::generate(self.key.name()).unwrap());
    }

    pub(crate) fn rotate_to(&mut self, next: SigningKey) {
        let vkey = next.verifier_key().to_string();
        for log in 0..self.logs.len() {
            let state = &self.logs[log];
            let of = origin(self.key.name(), &state.domain, &state.epoch);
            let entry = ControlEntry::Key(KeyChange {
                time: self.time(),
                actor: "admin".to_owned(),
                key: vkey.clone(),
                endorsement: self.key.sign(endorsement_text(&of, &vkey)).unwrap(),
            });
            self.control(log, &entry);
        }
        self.key = next;
    }

    /// Begins all logs anew. They continue the state at `signed`, and seal the present segments again, as far as `keep`
    /// selects them.
    pub(crate) fn new_epoch(
        &mut self,
        epoch: &str,
        signed: Option<&Self>,
        keep: impl Fn(&mut Kept) -> bool,
    ) {
        let old = std::mem::take(&mut self.logs);
        for (number, log) in old.into_iter().enumerate() {
            let note = signed.map(|world| world.logs[number].checkpoint(&world.key));
            let note = note.unwrap_or_default();
            self.begin(log.domain.clone(), epoch, &note, "the catalog was lost");
            if log.policy >= 0 {
                self.policy(number, log.policy);
            }
            for level in [HoldLevel::Space, HoldLevel::Account] {
                if log.holds.contains(&(level as u8)) {
                    self.hold(number, level, true);
                }
            }
            if let Some(guid) = log.domain.strip_prefix("space-") {
                self.tell_account(number, guid);
            }
            for mut kept in log.segments.into_iter().filter(|kept| !kept.is_deleted) {
                if !keep(&mut kept) {
                    continue;
                }
                let seal = DayEntry::Seal(Seal {
                    time: self.time(),
                    day: kept.day.to_string(),
                    segments: vec![SealedSegment {
                        id: kept.id.clone(),
                        hour: kept.hour,
                        count: kept.lines.len() as u64,
                        size: kept.bytes(),
                        root: tree_of(&kept).0.into(),
                    }],
                });
                self.logs[number].append(Some(kept.day), seal.to_text());
                self.logs[number].segments.push(kept);
            }
        }
    }

    /// Forgets the holds, so that a new log does not record them.
    pub(crate) fn forget_holds(&mut self, log: usize) {
        self.logs[log].holds.clear();
    }

    pub(crate) fn sizes(&self) -> Vec<u64> {
        self.logs.iter().map(Log::size).collect()
    }

    /// Makes a session of a space, or of the whole account.
    pub(crate) fn session(
        &self,
        space: Option<usize>,
        (start, end): (Day, Day),
        hours: HourRange,
        since: &[Vec<u64>],
    ) -> Download {
        let (of, logs): (_, Vec<usize>) = match space {
            None => (
                ScopeOf::Account(ACCOUNT.to_owned()),
                (0..self.logs.len()).collect(),
            ),
            Some(log) => {
                let guid = self.logs[log].domain.replace("space-", "");
                (ScopeOf::Space(guid), vec![log])
            }
        };
        let (mut objects, mut file, mut text, mut texts) = (vec![], vec![], String::new(), vec![]);
        let (mut domains, mut add) = (Vec::new(), |domain: &str, kept: &[&Kept]| {
            let joined: String = kept.iter().map(|kept| kept.text()).collect();
            let bytes = gzip(&joined);
            objects.push(ManifestObject {
                domain: domain.to_owned(),
                object: kept
                    .first()
                    .map_or_else(|| EMPTY_OBJECT.to_owned(), |kept| format!("0b{}", kept.id)),
                offset: 0,
                length: bytes.len() as u64,
                sha256: hex(&Sha256::digest(&bytes)),
                segments: kept.iter().map(|kept| kept.id.clone()).collect(),
            });
            file.extend(bytes);
            text += &joined;
            texts.extend(kept.iter().map(|kept| kept.text()));
        });
        for log in logs {
            let state = &self.logs[log];
            let mut kept: Vec<_> = state
                .segments
                .iter()
                .filter(|kept| !kept.is_deleted && hours.contains(kept.hour))
                .filter(|kept| start <= kept.day && kept.day <= end)
                .collect();
            kept.sort_by_key(|kept| (kept.day, kept.hour));
            // One object per hour, as after compaction.
            for hour in kept.chunk_by(|a, b| (a.day, a.hour) == (b.day, b.hour)) {
                add(&state.domain, hour);
            }
            let since: Vec<u64> = since
                .iter()
                .filter_map(|sizes| sizes.get(log).copied())
                .collect();
            domains.push(state.evidence(&self.key, start, end, &since));
        }
        if texts_are_empty(&domains, start, end, self, hours) {
            add("", &[]);
        }
        let receipt = Receipt {
            kind: RECEIPT_TYPE.to_owned(),
            version: RECEIPT_VERSION,
            session: "32c657c5-31c0-4a3c-a139-b380871c737a".to_owned(),
            user: "admin".to_owned(),
            created: format!("{}T12:00:00Z", self.today),
            scope: Scope {
                of,
                start: start.to_string(),
                end: end.to_string(),
                hours,
            },
            manifest: serde_json::to_string(&Manifest { objects }).unwrap(),
            domains,
        };
        Download {
            receipt,
            text,
            file,
            segments: texts,
        }
    }
}

fn texts_are_empty(
    domains: &[DomainEvidence],
    start: Day,
    end: Day,
    world: &World,
    hours: HourRange,
) -> bool {
    let asked = |kept: &Kept| {
        !kept.is_deleted && hours.contains(kept.hour) && start <= kept.day && kept.day <= end
    };
    !world
        .logs
        .iter()
        .filter(|log| domains.iter().any(|domain| domain.domain == log.domain))
        .any(|log| log.segments.iter().any(asked))
}

//! A disk and its cache, in the state that a trace leads to at a moment.
//!
//! The model is strict on purpose; it promises what ext4 and XFS promise, and no more:
//! - A sync of a file makes its bytes and its size durable as they were when the sync began. It does not make its name
//!   durable.
//! - A sync of a directory makes the changes of its names before the sync durable. Nothing else does: a file in a
//!   directory that is not durable itself is lost, synced or not.
//! - Any part of the unsynced changes may be durable, in any order, except that a name goes through its states in
//!   order, and a rename applies to both of its names or to none.
//! - A sector of 512 bytes is written completely or not at all.
//! - After a sync of a file has failed, later syncs guarantee nothing about what was written before it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use crate::trace::{Op, Record};

pub(crate) const SECTOR: usize = 512;
pub(crate) type Sector = Arc<[u8; SECTOR]>;
pub(crate) type Id = usize;

/// Whether syncs keep their promise. `Ignored` is the control: a test that finds nothing with it can find nothing at
/// all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syncs {
    /// A sync makes data durable.
    Honest,
    /// A sync makes nothing durable.
    Ignored,
}

/// The states of one thing, each with the number of the operation that caused it. The first is durable; any of them may
/// be on the disk.
#[derive(Debug, Clone)]
pub(crate) struct States<T>(pub(crate) Vec<(usize, T)>);

impl<T: Clone> States<T> {
    fn set(&mut self, index: usize, state: T) {
        self.0.push((index, state));
    }

    pub(crate) fn latest(&self) -> T {
        self.0[self.0.len() - 1].1.clone()
    }

    /// Makes the last state from before the operation durable, unless it came before a failed sync.
    fn sync(&mut self, begin: usize, doomed: usize) {
        let durable = self
            .0
            .iter()
            .rposition(|(index, _)| (doomed..begin).contains(index));
        self.0.drain(..durable.unwrap_or(0));
    }
}

#[derive(Debug, Clone)]
pub(crate) struct FileState {
    pub(crate) sizes: States<u64>,
    /// `None`: nothing was ever written there.
    pub(crate) sectors: BTreeMap<u64, States<Option<Sector>>>,
    /// Bytes up to here were allocated or added by a change of size: they read as zeros, never as stale data.
    pub(crate) zeroed: u64,
    /// Later syncs do not make operations before this one durable.
    doomed: usize,
}

#[derive(Debug, Clone)]
pub(crate) enum Node {
    File(FileState),
    /// The names as the running system sees them, and the durable ones.
    Dir {
        live: BTreeMap<String, Id>,
        durable: BTreeMap<String, Id>,
    },
}

/// A change of names that is not durable yet: the node of each name after it.
#[derive(Debug, Clone)]
pub(crate) struct NameOp {
    index: usize,
    pub(crate) changes: Vec<(Id, String, Option<Id>)>,
}

/// A directory on a disk, including changes that only the cache holds.
#[derive(Debug, Clone)]
pub struct Disk {
    pub(crate) nodes: Vec<Node>,
    pub(crate) names: Vec<NameOp>,
    by_ino: HashMap<u64, Id>,
    under_way: HashMap<u64, (Id, usize)>,
    syncs: Syncs,
    index: usize,
}

pub(crate) const ROOT: Id = 0;

impl Disk {
    /// Returns a disk that durably holds the present content of the directory.
    ///
    /// # Panics
    /// When the directory cannot be read.
    #[must_use]
    pub fn holding(dir: &Path) -> Self {
        let mut disk = Self {
            nodes: Vec::new(),
            names: Vec::new(),
            by_ino: HashMap::new(),
            under_way: HashMap::new(),
            syncs: Syncs::Honest,
            index: 0,
        };
        disk.take_in(dir);
        disk
    }

    /// Returns the same disk, whose syncs behave like this from now on.
    #[must_use]
    pub fn with_syncs(mut self, syncs: Syncs) -> Self {
        self.syncs = syncs;
        self
    }

    fn take_in(&mut self, path: &Path) -> Id {
        let meta = fs::symlink_metadata(path).unwrap();
        if meta.is_dir() {
            let id = self.add(meta.ino(), Node::dir());
            for entry in fs::read_dir(path).unwrap() {
                let entry = entry.unwrap();
                let child = self.take_in(&entry.path());
                let name = entry.file_name().into_string().unwrap();
                if let Node::Dir { live, durable } = &mut self.nodes[id] {
                    live.insert(name.clone(), child);
                    durable.insert(name, child);
                }
            }
            return id;
        }
        let bytes = fs::read(path).unwrap();
        let mut file = FileState::new();
        for (at, sector) in (0..).step_by(SECTOR).zip(bytes.chunks(SECTOR)) {
            if sector != &[0; SECTOR][..sector.len()] {
                file.write(0, at, sector);
            }
        }
        file.resize(0, bytes.len() as u64);
        file.sync(1);
        self.add(meta.ino(), Node::File(file))
    }

    fn add(&mut self, ino: u64, node: Node) -> Id {
        self.nodes.push(node);
        self.by_ino.insert(ino, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    /// Applies one operation.
    ///
    /// # Panics
    /// When the operation does not fit the previous ones: the trace is then incomplete.
    pub fn apply(&mut self, record: &Record) {
        self.index += 1;
        let index = self.index;
        match record.op {
            Op::Create => {
                let id = self.add(record.ino, Node::File(FileState::new()));
                self.rename_all(vec![(record.path.as_str(), Some(id))]);
            }
            Op::Mkdir => {
                let id = self.add(record.ino, Node::dir());
                self.rename_all(vec![(record.path.as_str(), Some(id))]);
            }
            Op::Write => self.file(record).write(index, record.offset, &record.data),
            Op::Resize | Op::Allocate => self.file(record).resize(index, record.size),
            Op::SyncBegin => {
                let id = self.id_of(record);
                self.under_way.insert(record.offset, (id, index));
            }
            Op::SyncEnd => {
                let (id, begin) = self.under_way.remove(&record.offset).unwrap();
                if self.syncs == Syncs::Honest {
                    self.sync(id, begin);
                }
            }
            Op::SyncFailed => {
                let id = self.id_of(record);
                if let Node::File(file) = &mut self.nodes[id] {
                    file.doomed = index;
                }
            }
            Op::Rename => {
                let id = self.find(&record.path);
                // A rename onto another name of the same file does nothing.
                if self.lookup(&record.other) != Some(id) {
                    let changes = vec![
                        (record.path.as_str(), None),
                        (record.other.as_str(), Some(id)),
                    ];
                    self.rename_all(changes);
                }
            }
            Op::Link => {
                let id = self.find(&record.path);
                self.rename_all(vec![(record.other.as_str(), Some(id))]);
            }
            Op::Unlink | Op::Rmdir => self.rename_all(vec![(record.path.as_str(), None)]),
        }
    }

    fn id_of(&self, record: &Record) -> Id {
        *self
            .by_ino
            .get(&record.ino)
            .unwrap_or_else(|| panic!("{:?} of an unknown file {}", record.op, record.ino))
    }

    fn file(&mut self, record: &Record) -> &mut FileState {
        let id = self.id_of(record);
        match &mut self.nodes[id] {
            Node::File(file) => file,
            Node::Dir { .. } => panic!("{:?} of a directory", record.op),
        }
    }

    fn lookup(&self, path: &str) -> Option<Id> {
        let mut id = ROOT;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            match &self.nodes[id] {
                Node::Dir { live, .. } => id = *live.get(name)?,
                Node::File(_) => return None,
            }
        }
        Some(id)
    }

    fn find(&self, path: &str) -> Id {
        self.lookup(path)
            .unwrap_or_else(|| panic!("{path} is not known"))
    }

    /// Changes names in one step.
    fn rename_all(&mut self, changes: Vec<(&str, Option<Id>)>) {
        let mut done = Vec::new();
        for (path, target) in changes {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            let dir = self.find(parent);
            if let Node::Dir { live, .. } = &mut self.nodes[dir] {
                put(live, name, target);
            }
            done.push((dir, name.to_owned(), target));
        }
        let index = self.index;
        self.names.push(NameOp {
            index,
            changes: done,
        });
    }

    fn sync(&mut self, id: Id, begin: usize) {
        if let Node::File(file) = &mut self.nodes[id] {
            file.sync(begin);
            return;
        }
        // Backwards, so that the changes that a change depends on become durable with it.
        let mut needed: HashSet<(Id, String)> = HashSet::new();
        let mut chosen = vec![false; self.names.len()];
        for (at, op) in self.names.iter().enumerate().rev() {
            let is_in = |change: &(Id, String, _)| {
                change.0 == id || needed.contains(&(change.0, change.1.clone()))
            };
            chosen[at] = op.index < begin && op.changes.iter().any(is_in);
            if chosen[at] {
                let names = op.changes.iter().map(|(dir, name, _)| (*dir, name.clone()));
                needed.extend(names);
            }
        }
        for (op, is_chosen) in std::mem::take(&mut self.names).into_iter().zip(chosen) {
            if !is_chosen {
                self.names.push(op);
                continue;
            }
            for (dir, name, target) in &op.changes {
                if let Node::Dir { durable, .. } = &mut self.nodes[*dir] {
                    put(durable, name, *target);
                }
            }
        }
    }
}

pub(crate) fn put(names: &mut BTreeMap<String, Id>, name: &str, target: Option<Id>) {
    match target {
        Some(id) => names.insert(name.to_owned(), id),
        None => names.remove(name),
    };
}

impl Node {
    const fn dir() -> Self {
        Self::Dir {
            live: BTreeMap::new(),
            durable: BTreeMap::new(),
        }
    }
}

impl FileState {
    fn new() -> Self {
        Self {
            sizes: States(vec![(0, 0)]),
            sectors: BTreeMap::new(),
            zeroed: 0,
            doomed: 0,
        }
    }

    fn write(&mut self, index: usize, offset: u64, data: &[u8]) {
        let mut at = offset;
        let mut rest = data;
        while !rest.is_empty() {
            let number = at / SECTOR as u64;
            let within = (at % SECTOR as u64) as usize;
            let (now, later) = rest.split_at(rest.len().min(SECTOR - within));
            let states = self
                .sectors
                .entry(number)
                .or_insert_with(|| States(vec![(0, None)]));
            let mut bytes = states.latest().map_or([0; SECTOR], |sector| *sector);
            bytes[within..within + now.len()].copy_from_slice(now);
            states.set(index, Some(Arc::new(bytes)));
            at += now.len() as u64;
            rest = later;
        }
        if at > self.sizes.latest() {
            self.sizes.set(index, at);
        }
    }

    fn resize(&mut self, index: usize, bytes: u64) {
        let before = self.sizes.latest();
        if bytes > before {
            self.zeroed = self.zeroed.max(bytes);
        }
        if bytes < before {
            // A truncated part reads as zeros when the file grows again.
            let last = bytes / SECTOR as u64;
            let within = (bytes % SECTOR as u64) as usize;
            for (number, states) in self.sectors.range_mut(last..) {
                let kept = states.latest().filter(|_| *number == last && within > 0);
                let cut = kept.map(|mut sector| {
                    Arc::make_mut(&mut sector)[within..].fill(0);
                    sector
                });
                states.set(index, cut);
            }
        }
        self.sizes.set(index, bytes);
    }

    fn sync(&mut self, begin: usize) {
        self.sizes.sync(begin, self.doomed);
        for states in self.sectors.values_mut() {
            states.sync(begin, self.doomed);
        }
    }
}

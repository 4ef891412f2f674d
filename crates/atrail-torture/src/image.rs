//! Directories as a power loss may leave them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use crate::disk::{Disk, FileState, Id, Node, ROOT, SECTOR, States, put};
use crate::numbers::Numbers;

/// Probability, in percent, that an unsynced change is on the disk.
#[derive(Debug, Clone, Copy)]
struct Luck {
    names: u64,
    sizes: u64,
    sectors: u64,
    stale: bool,
}

impl Luck {
    /// Chooses the extremes first: nothing, everything, names without content, content without names; then values in
    /// between.
    fn of(seed: u64, numbers: &mut Numbers) -> Self {
        let (names, sizes, sectors) = match seed % 8 {
            0 => (0, 0, 0),
            1 => (100, 100, 100),
            2 => (100, 100, 0),
            3 => (0, 100, 100),
            4 => (100, 50, 50),
            5 => (50, 0, 50),
            _ => (numbers.below(101), numbers.below(101), numbers.below(101)),
        };
        Self {
            names,
            sizes,
            sectors,
            stale: numbers.chance(30),
        }
    }
}

impl Disk {
    /// Writes the possible content of the disk after a power loss now into an empty directory. The seed selects which
    /// unsynced changes are there.
    ///
    /// # Panics
    /// When the directory cannot be written.
    pub fn lose_power(&self, seed: u64, into: &Path) {
        let mut numbers = Numbers::new(seed);
        let luck = Luck::of(seed, &mut numbers);
        let dirs = self.names_after(luck, &mut numbers);
        let mut written = HashMap::new();
        self.write_dir(ROOT, &dirs, into, &mut written, &mut |file| {
            content(file, luck, &mut numbers)
        });
    }

    /// Writes everything that the running system sees.
    ///
    /// # Panics
    /// When the directory cannot be written.
    pub fn write_live(&self, into: &Path) {
        let dirs = self.dirs(|live, _| live.clone());
        let mut written = HashMap::new();
        self.write_dir(ROOT, &dirs, into, &mut written, &mut |file| Content {
            size: file.sizes.latest(),
            sectors: file
                .sectors
                .iter()
                .filter_map(|(number, states)| Some((*number, *states.latest()?)))
                .collect(),
        });
    }

    fn dirs(
        &self,
        names: impl Fn(&BTreeMap<String, Id>, &BTreeMap<String, Id>) -> BTreeMap<String, Id>,
    ) -> HashMap<Id, BTreeMap<String, Id>> {
        let all = self.nodes.iter().enumerate();
        all.filter_map(|(id, node)| match node {
            Node::Dir { live, durable } => Some((id, names(live, durable))),
            Node::File(_) => None,
        })
        .collect()
    }

    fn names_after(&self, luck: Luck, numbers: &mut Numbers) -> HashMap<Id, BTreeMap<String, Id>> {
        let mut dirs = self.dirs(|_, durable| durable.clone());
        let mut stuck: HashSet<(Id, &str)> = HashSet::new();
        for op in &self.names {
            let names = || {
                op.changes
                    .iter()
                    .map(|(dir, name, _)| (*dir, name.as_str()))
            };
            if names().any(|name| stuck.contains(&name)) || !numbers.chance(luck.names) {
                stuck.extend(names());
                continue;
            }
            for (dir, name, target) in &op.changes {
                put(dirs.get_mut(dir).unwrap(), name, *target);
            }
        }
        dirs
    }

    fn write_dir(
        &self,
        id: Id,
        dirs: &HashMap<Id, BTreeMap<String, Id>>,
        path: &Path,
        written: &mut HashMap<Id, std::path::PathBuf>,
        content: &mut impl FnMut(&FileState) -> Content,
    ) {
        for (name, child) in &dirs[&id] {
            let path = path.join(name);
            match &self.nodes[*child] {
                Node::Dir { .. } => {
                    fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
                    self.write_dir(*child, dirs, &path, written, content);
                }
                Node::File(file) => match written.get(child) {
                    Some(first) => fs::hard_link(first, &path).unwrap(),
                    None => {
                        content(file).write(&path);
                        written.insert(*child, path);
                    }
                },
            }
        }
    }
}

/// The content of a file; positions in no sector are zeros.
struct Content {
    size: u64,
    sectors: BTreeMap<u64, [u8; SECTOR]>,
}

impl Content {
    fn write(self, path: &Path) {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .unwrap();
        file.set_len(self.size).unwrap();
        // Write neighbouring sectors at once.
        let mut run = (0, Vec::new());
        let flush = |run: &(u64, Vec<u8>)| file.write_all_at(&run.1, run.0).unwrap();
        for (number, bytes) in self.sectors {
            let at = number * SECTOR as u64;
            let len = self.size.saturating_sub(at).min(SECTOR as u64) as usize;
            if len == 0 {
                break;
            }
            if run.0 + run.1.len() as u64 != at {
                flush(&run);
                run = (at, Vec::new());
            }
            run.1.extend_from_slice(&bytes[..len]);
        }
        flush(&run);
    }
}

fn choose<T: Clone>(states: &States<T>, percent: u64, numbers: &mut Numbers) -> T {
    let pending = states.0.len() as u64 - 1;
    if pending == 0 || !numbers.chance(percent) {
        return states.0[0].1.clone();
    }
    // If everything is on the disk, take the last state; otherwise any of them.
    let at = if percent == 100 {
        pending
    } else {
        1 + numbers.below(pending)
    };
    states.0[at as usize].1.clone()
}

fn content(file: &FileState, luck: Luck, numbers: &mut Numbers) -> Content {
    let size = choose(&file.sizes, luck.sizes, numbers);
    let durable_size = file.sizes.0[0].1;
    let mut sectors = BTreeMap::new();
    for (number, states) in &file.sectors {
        if let Some(sector) = choose(states, luck.sectors, numbers) {
            sectors.insert(*number, *sector);
        } else if luck.stale && *number * SECTOR as u64 >= durable_size.max(file.zeroed) {
            sectors.insert(*number, stale(numbers));
        }
    }
    Content { size, sectors }
}

/// Returns possible content of a block that belonged to something else before.
fn stale(numbers: &mut Numbers) -> [u8; SECTOR] {
    let mut bytes = [0; SECTOR];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&numbers.next().to_le_bytes());
    }
    bytes
}

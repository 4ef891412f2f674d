//! Reads a run from arbitrary bytes.

use std::sync::{Arc, OnceLock};

use atrail_disk::fuzzing::changed;
use atrail_evidence::leaf_hash;
use atrail_model::{Day, Domain, Hour, SegmentId, SpaceId};

use super::key::Key;
use super::run::{self, Entry, Head, Run, mend, place_number};
use super::runs::memory::MemoryRuns;
use super::runs::{Runs, WriteAt};

/// Opens the bytes unchanged, with corrected checksums, behind which most of the reader lies, and as changes of a sound
/// run.
pub(crate) fn read(bytes: &[u8]) {
    static SOUND: OnceLock<Vec<u8>> = OnceLock::new();
    open(bytes);
    let mut mended = bytes.to_vec();
    mend(&mut mended);
    open(&mended);
    let mut changed = changed(SOUND.get_or_init(sound), bytes);
    mend(&mut changed);
    open(&changed);
}

fn open(bytes: &[u8]) {
    let runs = MemoryRuns::default();
    let write = |out: &mut dyn WriteAt| out.write_at(bytes, 0);
    let added = runs.add("a.run", Box::new(write));
    added.expect("memory takes a run");
    let runs: Arc<dyn Runs> = Arc::new(runs);
    let Ok(run) = Run::open(&runs, "a.run") else {
        return;
    };
    let Ok((index, _)) = run.index() else { return };
    let Ok(entries) = run.entries() else { return };
    for entry in entries.map_while(Result::ok).step_by(7).take(64) {
        // Entries out of order are not found, and a segment beyond the table is an error; neither causes more harm.
        let _ = run.find(&index, &entry.key);
    }
    let _ = run.find(&index, &Key([0xff; Key::LEN]));
    for place in &run.head.places {
        let _ = run.covers(*place);
    }
}

/// Returns a run with enough entries for several fences.
fn sound() -> Vec<u8> {
    let domain = Domain::Space(SpaceId::from_bytes([3; 16]));
    let mut entries: Vec<_> = (0..400_u32)
        .map(|number| Entry {
            key: Key::of(domain, &leaf_hash(&number.to_le_bytes())),
            segment: number % 3,
        })
        .collect();
    entries.sort_unstable();
    let hours = (0..2).filter_map(Hour::new);
    let mut places: Vec<_> = hours
        .map(|hour| place_number(domain, Day::FIRST, hour))
        .collect();
    places.sort_unstable();
    let head = Head {
        tier: 0,
        entries: entries.len() as u64,
        sealed_secs: 0,
        places,
        segments: (0..3).map(|n| SegmentId::from_bytes([n; 16])).collect(),
    };
    let mut bytes = Vec::new();
    run::write(&mut bytes, &head, entries.into_iter().map(Ok)).expect("memory takes a run");
    bytes
}

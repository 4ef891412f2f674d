use std::collections::BTreeMap;
use std::path::Path;

use atrail_evidence::{TreeHasher, leaf_hash};
use atrail_model::{Clock, Day, Hour, ManualClock, SpaceId};
use atrail_wal::Pending;
use bytes::Bytes;

use super::runs::local::LocalRuns;
use super::*;

fn event(number: u32, hour: u8) -> NewEvent {
    let line = Bytes::from(number.to_string());
    NewEvent {
        day: "2017-07-25".parse::<Day>().unwrap(),
        hour: Hour::new(hour).unwrap(),
        leaf: leaf_hash(&line),
        line,
    }
}

fn domain() -> Domain {
    Domain::Space(SpaceId::from_bytes([3; 16]))
}

const WINDOW: Duration = Duration::from_secs(3600);

fn open(dir: &Path, memory_bytes: usize) -> Dedup {
    let kept = Arc::new(LocalRuns::open(dir).unwrap());
    Dedup::open(kept, WINDOW, memory_bytes).unwrap()
}

struct Fixture {
    dedup: Dedup,
    dir: tempfile::TempDir,
    now: Timestamp,
}

impl Fixture {
    fn new(memory_bytes: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            dedup: open(dir.path(), memory_bytes),
            dir,
            now: "2017-07-25T10:00:00Z".parse().unwrap(),
        }
    }

    /// Writes a run of these events of one hour; returns its segment.
    fn seal(&self, numbers: std::ops::Range<u32>, hour: u8) -> SegmentId {
        let events: Vec<_> = numbers.map(|number| event(number, hour)).collect();
        let segment = Segment {
            id: SegmentId::generate(),
            place: Place {
                domain: domain(),
                day: events[0].day,
                hour: events[0].hour,
            },
            count: events.len() as u64,
            size_bytes: 0,
            root: TreeHasher::default().root(),
        };
        let pending = Arc::new(Pending::of(events, ManualClock::new(self.now).elapsed()));
        let new = self.dedup.write(&[(segment, pending)], self.now);
        self.dedup.register(new.unwrap());
        segment.id
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.dir.path()).unwrap().count()
    }

    fn found(&self, events: &[NewEvent]) -> BTreeMap<usize, SegmentId> {
        self.dedup.suspects(domain(), events).into_iter().collect()
    }
}

#[test]
fn sealed_events_are_known_with_their_segment_and_others_are_not() {
    let fixture = Fixture::new(1 << 20);
    let (one, two) = (fixture.seal(0..1000, 7), fixture.seal(1000..1001, 7));
    let asked: Vec<_> = (0..2000).map(|number| event(number, 7)).collect();
    let found = fixture.found(&asked);
    assert_eq!(found.len(), 1001);
    assert!((0..1000).all(|at| found[&at] == one));
    assert_eq!(found[&1000], two);
    let elsewhere = Domain::Space(SpaceId::from_bytes([4; 16]));
    assert!(fixture.dedup.suspects(elsewhere, &asked).is_empty());
    assert!(fixture.found(&[event(5, 8)]).is_empty(), "another hour");
}

#[test]
fn only_runs_of_the_domains_own_hour_are_read() {
    let fixture = Fixture::new(1 << 20);
    fixture.seal(0..100, 7);
    let asked = [event(5, 7)];
    let loaded = || fixture.dedup.stats().memory_bytes > 0;
    let elsewhere = Domain::Space(SpaceId::from_bytes([4; 16]));
    assert!(
        fixture.dedup.is_loaded_for(elsewhere, &asked),
        "nothing to load"
    );
    assert!(fixture.dedup.suspects(elsewhere, &asked).is_empty() && !loaded());
    assert!(fixture.found(&[event(5, 8)]).is_empty() && !loaded());
    assert!(!fixture.dedup.is_loaded_for(domain(), &asked));
    assert_eq!(fixture.found(&asked).len(), 1);
    assert!(fixture.dedup.is_loaded_for(domain(), &asked) && loaded());
}

/// One domain looks up events in many runs, another always in the same run: memory has room for three of them.
#[test]
fn whoever_has_many_runs_looked_into_drives_out_their_own() {
    let probe = Fixture::new(usize::MAX);
    probe.seal(0..1000, 7);
    probe.found(&[event(1, 7)]);
    let index_bytes = usize::try_from(probe.dedup.stats().memory_bytes).unwrap();
    let fixture = Fixture::new(3 * index_bytes);
    fixture.seal(0..1000, 7);
    for part in 1..9 {
        fixture.seal(part * 1000..(part + 1) * 1000, 8);
    }
    let modest = Domain::Space(SpaceId::from_bytes([9; 16]));
    let hot = Arc::clone(&fixture.dedup.runs.read()[0]);
    // As if it had events of both, as merged runs do.
    let look = |domain, hour| {
        let NewEvent {
            day, hour: hour_of, ..
        } = event(1, hour);
        for run in fixture.dedup.runs.read().iter() {
            if run.covers(place_number(self::domain(), day, hour_of)) {
                fixture
                    .dedup
                    .look_in(run, domain, &[event(1, hour)], &[0])
                    .unwrap();
            }
        }
    };
    look(modest, 7);
    for _ in 0..5 {
        look(domain(), 8);
        assert!(hot.is_loaded(), "what another domain needs stays");
    }
    let loaded = fixture.dedup.stats().memory_bytes;
    assert!(
        loaded <= 3 * index_bytes as u64,
        "the control: there was no room for all"
    );
}

#[test]
fn runs_that_cannot_be_merged_rest_and_the_others_are_merged() {
    let fixture = Fixture::new(1 << 20);
    fixture.seal(0..300, 7);
    let path = std::fs::read_dir(fixture.dir.path())
        .unwrap()
        .next()
        .unwrap();
    let path = path.unwrap().path();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 24]).unwrap();
    for n in 1..16 {
        fixture.seal(n * 300..n * 300 + 5, 7);
    }
    let runs_after = |secs| {
        let now = fixture.now.checked_add(Duration::from_secs(secs)).unwrap();
        fixture.dedup.merge(now);
        assert_eq!(fixture.dedup.stats().runs, fixture.files() as u64);
        fixture.files()
    };
    assert_eq!(runs_after(0), 9, "eight that rest, one of the others");
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(runs_after(1), 9, "they still rest");
    assert_eq!(runs_after(700), 2, "and are tried again");
}

#[test]
fn runs_survive_a_restart_and_end_with_the_window() {
    let mut fixture = Fixture::new(1 << 20);
    let segment = fixture.seal(0..300, 7);
    std::fs::write(fixture.dir.path().join(".half.run.tmp"), b"half").unwrap();
    fixture.dedup = open(fixture.dir.path(), 1 << 20);
    assert_eq!(
        fixture.found(&[event(299, 7)]),
        BTreeMap::from([(0, segment)])
    );
    assert_eq!(fixture.files(), 1, "what a crash left is removed");
    fixture
        .dedup
        .expire(fixture.now.checked_add(WINDOW).unwrap());
    assert_eq!(fixture.files(), 1, "the window is inclusive");
    let later = Duration::from_secs(3601);
    fixture
        .dedup
        .expire(fixture.now.checked_add(later).unwrap());
    assert_eq!(
        (fixture.files(), fixture.dedup.stats()),
        (0, DedupStats::default())
    );
}

#[test]
fn merging_keeps_what_is_known_and_makes_few_runs() {
    let fixture = Fixture::new(1 << 30);
    let segments: Vec<_> = (0..64)
        .map(|n| fixture.seal(n * 100..(n + 1) * 100, u8::try_from(n % 2).unwrap()))
        .collect();
    fixture.dedup.merge(fixture.now);
    assert_eq!((fixture.dedup.stats().runs, fixture.files()), (1, 1));
    for hour in 0..2 {
        let asked: Vec<_> = (0..6_400).map(|number| event(number, hour)).collect();
        let found = fixture.found(&asked);
        // A merged run records its hours only together; an event has one hour, so the other lookup never occurs.
        assert_eq!(found.len(), 6_400);
        assert!(
            found
                .iter()
                .all(|(at, segment)| *segment == segments[at / 100])
        );
    }
}

#[test]
fn little_memory_makes_it_slower_and_not_forgetful() {
    let fixture = Fixture::new(1);
    let segments: Vec<_> = (0..5)
        .map(|n| fixture.seal(n * 100..(n + 1) * 100, 7))
        .collect();
    let asked: Vec<_> = (0..500).map(|number| event(number, 7)).collect();
    for _ in 0..2 {
        let found = fixture.found(&asked);
        assert!((0..500).all(|at| found[&at] == segments[at / 100]));
    }
    let stats = fixture.dedup.stats();
    assert!(stats.memory_bytes < 1000, "one index at a time: {stats:?}");
}

#[test]
fn a_damaged_run_is_given_up_and_the_others_count() {
    let fixture = Fixture::new(1 << 20);
    fixture.seal(0..1000, 7);
    let path = std::fs::read_dir(fixture.dir.path())
        .unwrap()
        .next()
        .unwrap();
    let path = path.unwrap().path();
    let kept = fixture.seal(1000..1100, 7);
    let whole = std::fs::read(&path).unwrap();
    // The head, the tables, the index, and the length.
    for at in [9, 70, 90, 300] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let dedup = open(fixture.dir.path(), 1 << 20);
        let asked = [event(5, 7), event(1005, 7)];
        assert_eq!(dedup.suspects(domain(), &asked), [(1, kept)], "byte {at}");
        assert!(!path.exists(), "byte {at}");
    }
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let dedup = open(fixture.dir.path(), 1 << 20);
    assert_eq!(dedup.stats().runs, 1);
    std::fs::write(&path, &whole).unwrap();
    let dedup = open(fixture.dir.path(), 1 << 20);
    assert_eq!(
        dedup.suspects(domain(), &[event(5, 7)]).len(),
        1,
        "the control"
    );
}

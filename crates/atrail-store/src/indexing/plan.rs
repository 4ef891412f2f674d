//! Decides which segments of a domain's day come into one file of the index. Pure.
//!
//! Every file costs a search some work, and every rewriting costs the background: while a day is open, each seal adds a
//! piece, and pieces are joined when there are many, small ones with small ones. A day that has closed gets one file, or
//! as few as their largest size allows. Late events lie beside until they weigh enough.

use std::collections::HashMap;

use atrail_catalog::index_files::{IndexFileRow, IndexableSegment};

/// The most events of a file, unless one segment has more: it bounds the memory for writing it.
const MAX_EVENTS: u64 = 1 << 18;
/// From this many pieces of an open day on, small ones are joined.
const PIECES: usize = 16;
/// As many of the smallest are joined in any case, and others that weigh no more than those before them together.
const JOINED: usize = 8;
/// A file of a closed day lies beside smaller ones while it has more than this many times their events.
const HEAVIER: u64 = 4;
/// Late pieces of a closed day that lie beside a file that is heavier than all of them.
const LATE_PIECES: usize = 8;

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    /// The numbers of its segments, in order.
    pub(super) segments: Vec<usize>,
    /// The numbers of the files whose place it takes.
    pub(super) replaces: Vec<usize>,
}

/// Returns the next file to write; `None` when nothing is to be done. Each job leaves less: more segments are covered, or
/// fewer files cover them.
pub(super) fn plan(
    files: &[IndexFileRow],
    segments: &[IndexableSegment],
    is_closed: bool,
) -> Option<Job> {
    let mut file_of = HashMap::new();
    for (nth, file) in files.iter().enumerate() {
        file_of.extend(file.segments.iter().map(|id| (*id, nth)));
    }
    let of = |nth: &usize| file_of.get(&segments[*nth].id).copied();
    let mut taken = Vec::new();
    let mut events = 0;
    for nth in (0..segments.len()).filter(|nth| of(nth).is_none()) {
        if !taken.is_empty() && events + segments[nth].events > MAX_EVENTS {
            break;
        }
        events += segments[nth].events;
        taken.push(nth);
    }
    let mut replaces = Vec::new();
    if taken.is_empty() {
        if !is_closed {
            return None;
        }
        replaces = closing(files, segments, &file_of)?;
    } else if files.len() >= PIECES {
        let mut smallest: Vec<_> = (0..files.len()).collect();
        smallest.sort_by_key(|nth| files[*nth].events);
        for nth in smallest {
            let more = files[nth].events;
            let is_light = replaces.len() < JOINED || more <= events;
            if !is_light || events + more > MAX_EVENTS {
                break;
            }
            events += more;
            replaces.push(nth);
        }
    }
    let is_in = |nth: &usize| of(nth).is_none_or(|file| replaces.contains(&file));
    let mut chosen: Vec<_> = if replaces.is_empty() {
        taken
    } else {
        let is_taken = |nth: &usize| of(nth).is_some() || taken.contains(nth);
        let all = (0..segments.len()).filter(|nth| is_in(nth) && is_taken(nth));
        all.collect()
    };
    chosen.sort_unstable();
    Some(Job {
        segments: chosen,
        replaces,
    })
}

/// Returns files of a closed day that become one.
fn closing(
    files: &[IndexFileRow],
    segments: &[IndexableSegment],
    file_of: &HashMap<atrail_model::SegmentId, usize>,
) -> Option<Vec<usize>> {
    // In the order of their first segments: what is near in time comes together.
    let mut in_order = Vec::new();
    for segment in segments {
        if let Some(nth) = file_of.get(&segment.id)
            && !in_order.contains(nth)
            && files[*nth].events <= MAX_EVENTS / 2
        {
            in_order.push(*nth);
        }
    }
    let total: u64 = in_order.iter().map(|nth| files[*nth].events).sum();
    let heaviest = in_order.iter().map(|nth| files[*nth].events).max()?;
    if heaviest > HEAVIER * (total - heaviest) && in_order.len() <= LATE_PIECES {
        return None;
    }
    let mut group = Vec::new();
    let mut events = 0;
    for nth in in_order {
        if events + files[nth].events > MAX_EVENTS {
            if group.len() >= 2 {
                break;
            }
            group.clear();
            events = 0;
        }
        events += files[nth].events;
        group.push(nth);
    }
    (group.len() >= 2).then_some(group)
}

#[cfg(test)]
mod tests {
    use atrail_archive::object::ObjectFile;
    use atrail_model::{Day, Domain, Hour, ObjectId, SegmentId, SpaceId};

    use super::*;

    fn segment(hour: u8, events: u64) -> IndexableSegment {
        let hour = Hour::new(hour).unwrap();
        IndexableSegment {
            id: SegmentId::generate(),
            hour,
            events,
            events_bytes: events * 500,
            file: ObjectFile {
                id: ObjectId::generate(),
                path: String::new(),
                day: Day::FIRST,
                hour,
                size_bytes: 0,
                sha256: [0; 32],
            },
            nth: 0,
        }
    }

    /// Does all that is to be done, and returns the events that were written.
    fn work(files: &mut Vec<IndexFileRow>, segments: &[IndexableSegment], is_closed: bool) -> u64 {
        let mut written = 0;
        for _ in 0..10_000 {
            let Some(job) = plan(files, segments, is_closed) else {
                return written;
            };
            let chosen: Vec<_> = job.segments.iter().map(|nth| &segments[*nth]).collect();
            let events = chosen.iter().map(|one| one.events).sum();
            let ids: Vec<_> = chosen.iter().map(|one| one.id).collect();
            written += events;
            for nth in &job.replaces {
                let gone = &files[*nth].segments;
                assert!(gone.iter().all(|id| ids.contains(id)), "nothing is lost");
            }
            let mut nth = 0;
            files.retain(|_| {
                nth += 1;
                !job.replaces.contains(&(nth - 1))
            });
            for file in files.iter() {
                assert!(!file.segments.iter().any(|id| ids.contains(id)), "once");
            }
            files.push(IndexFileRow {
                path: String::new(),
                domain: Domain::Space(SpaceId::from_bytes([1; 16])),
                day: Day::FIRST,
                version: 1,
                events,
                size_bytes: 0,
                footer_bytes: 0,
                footer_sha256: [0; 32],
                segments: ids,
            });
        }
        panic!("it never ends");
    }

    #[test]
    fn an_open_day_has_few_pieces_and_a_closed_one_has_one_file() {
        let (mut files, mut segments) = (Vec::new(), Vec::new());
        let (mut written, mut most) = (0, 0);
        // A seal every five minutes.
        for n in 0..288_u32 {
            segments.push(segment(
                u8::try_from(n / 12).unwrap(),
                100 + u64::from(n % 7),
            ));
            written += work(&mut files, &segments, false);
            most = most.max(files.len());
        }
        let events: u64 = segments.iter().map(|one| one.events).sum();
        assert!(most <= 2 * PIECES, "{most} files");
        assert!(written < 4 * events, "{written} of {events}");
        written += work(&mut files, &segments, true);
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].events, events);
        assert!(written < 5 * events, "{written} of {events}");
    }

    #[test]
    fn late_events_lie_beside_until_they_weigh_enough() {
        let mut segments = vec![segment(7, 10_000)];
        let mut files = Vec::new();
        work(&mut files, &segments, true);
        let mut written = 0;
        for n in 0..100 {
            segments.push(segment(8, 10));
            written += work(&mut files, &segments, true);
            assert!(files.len() <= 2 * LATE_PIECES, "after {n}: {}", files.len());
        }
        assert!(written < 150_000, "{written}");
    }

    #[test]
    fn files_of_a_large_day_have_a_largest_size() {
        let mut segments: Vec<_> = (0..24).map(|hour| segment(hour, 100_000)).collect();
        segments.push(segment(23, 3 * MAX_EVENTS));
        let mut files = Vec::new();
        let written = work(&mut files, &segments, true);
        let events: u64 = segments.iter().map(|one| one.events).sum();
        assert_eq!(files.iter().map(|file| file.events).sum::<u64>(), events);
        assert!(
            files
                .iter()
                .all(|file| file.events <= MAX_EVENTS || file.segments.len() == 1)
        );
        assert_eq!(written, events, "each is written once");
        assert!(work(&mut files, &segments, true) == 0);
    }
}

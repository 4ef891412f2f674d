//! Every answer equals that of a reading of all lines.

use std::collections::BTreeSet;

use super::world::{Random, World, counting, query, range, search, whole};
use crate::Matcher;
use crate::aggregate::Collector;
use crate::index::{IndexFile, Plan};
use crate::query::Query;

fn each_world(mut check: impl FnMut(&mut Random, &World, &IndexFile)) {
    for seed in 0..40 {
        let random = &mut Random(seed);
        let events = *random.pick(&[0, 1, 7, 60, 250]);
        let part_rows = *random.pick(&[None, Some(40), Some(100)]);
        let world = World::draw(seed, events, part_rows);
        let file = IndexFile::open(&world.file, world.footer()).unwrap();
        file.check(&world.file).unwrap();
        assert_eq!(file.domain(), world.domain);
        let rows: u32 = file.parts().iter().map(|part| part.rows).sum();
        assert_eq!(rows as usize, world.lines.len());
        check(random, &world, &file);
    }
}

#[test]
fn found_events_are_those_of_a_scan() {
    let (mut told, mut found) = (0, 0);
    each_world(|random, world, file| {
        for _ in 0..60 {
            let (query, range) = (query(random, world), range(random));
            let expected = world.scan(&query, range);
            let (events, sure) = search(world, file, &world.file, &query, range).unwrap();
            assert_eq!(events, expected, "{query:?} {range:?}");
            told += sure;
            found += events.len();
        }
    });
    assert!(
        told * 2 > found,
        "the file itself finds most: {told} of {found}"
    );
}

#[test]
fn counts_are_those_of_a_scan() {
    let (mut counted, mut total) = (0, 0);
    each_world(|random, world, file| {
        for _ in 0..30 {
            let (query, range) = (query(random, world), range(random));
            let counting = counting(random);
            let expected = world.scan_counts(&query, range, &counting);
            let (plan, matcher) = (Plan::new(&query), Matcher::new(&query));
            let mut collector = Collector::new(counting.clone(), 64 << 20);
            for part in 0..file.parts().len() {
                let mut reader = file.part(&world.file, part);
                let selection = reader.select(&plan, range, None).unwrap();
                let part = reader.count(&selection, &counting).unwrap();
                counted += part.total;
                part.add_to(&mut collector).unwrap();
                for row in reader.rows(&part.rest).unwrap().iter() {
                    let stored = world.line(&row).unwrap();
                    if range.contains(stored.time) && matcher.matches(&stored.line) {
                        collector.add(stored.time, &stored.line).unwrap();
                    } else {
                        assert!(!row.sure);
                    }
                }
            }
            total += expected.total;
            assert_eq!(
                collector.finish(),
                expected,
                "{query:?} {range:?} {counting:?}"
            );
        }
    });
    assert!(
        counted * 4 > total,
        "the file itself counts many: {counted} of {total}"
    );
}

#[test]
fn rows_have_their_places_and_times_in_order() {
    each_world(|_, world, file| {
        let mut indices = BTreeSet::new();
        for part in 0..file.parts().len() {
            let mut reader = file.part(&world.file, part);
            let selection = reader
                .select(&Plan::new(&Query::all()), whole(), None)
                .unwrap();
            let rows = reader.rows(&selection).unwrap();
            let mut before = (i64::MIN, 0);
            for row in rows.iter() {
                let stored = world.line(&row).unwrap();
                assert_eq!((row.sure, row.index), (true, stored.index));
                let nanos = stored.time.as_nanosecond();
                assert_eq!(i128::from(row.micros), nanos.div_euclid(1000));
                let arrival = world
                    .lines
                    .iter()
                    .position(|line| line.segment == row.segment);
                let this = (row.micros, arrival.unwrap() + row.index as usize);
                assert!(before <= this, "by time, then as they came");
                before = this;
                indices.insert((row.segment, row.index));
            }
        }
        assert_eq!(indices.len(), world.lines.len());
    });
}

#[test]
fn only_some_segments_count() {
    each_world(|random, world, file| {
        let chosen: BTreeSet<_> = (world.written.segments.iter().copied())
            .filter(|_| random.one_in(2))
            .collect();
        let mut expected = world.scan(&Query::all(), whole());
        expected.retain(|(segment, _)| chosen.contains(segment));
        let mut found = BTreeSet::new();
        for part in 0..file.parts().len() {
            let mut reader = file.part(&world.file, part);
            let only = |segment| chosen.contains(&segment);
            let plan = Plan::new(&Query::all());
            let selection = reader.select(&plan, whole(), Some(&only)).unwrap();
            let rows = reader.rows(&selection).unwrap();
            found.extend(rows.iter().map(|row| (row.segment, row.index)));
        }
        assert_eq!(found, expected);
    });
}

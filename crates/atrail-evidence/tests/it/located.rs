//! A report locates each change: its kind, its place to the event and the line, and how many more there were.

use std::collections::HashSet;

use atrail_evidence::{
    Deleted, DeletionKind, Finding, FindingKind, HourRange, Manifest, Outcome, Report, Span,
};

use crate::world::{ALL_DAY, Download, World, gzip};
use crate::{check, key};

/// Makes two spaces: three hours in the first, the last of which has three runs of events, and one hour in the second.
fn account() -> (World, Download, String) {
    let mut world = World::new(key());
    let (one, two) = (world.add_space("5bace1"), world.add_space("5bace2"));
    let (today, yesterday) = (world.today, world.today.minus(1));
    world.seal(one, yesterday, &[(3, 12), (4, 9)]);
    world.seal(one, today, &[(0, 2500)]);
    world.seal(two, today, &[(1, 20)]);
    let download = world.session(None, (yesterday, today), ALL_DAY, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    (world, download, receipt)
}

/// Formats a finding in one line: kind, hour, events, lines, words. It names the space only if it is not the first.
fn told(finding: &Finding) -> String {
    let place = &finding.location;
    let span =
        |span: Option<Span>| span.map_or("-".to_owned(), |s| format!("{}-{}", s.first, s.last));
    let day = place.day.as_deref().map_or("", |day| &day[8..]);
    let hour = place.hour.map_or("-".to_owned(), |hour| hour.to_string());
    let domain = place.domain.as_deref().unwrap_or_default();
    let (events, lines) = (span(place.events), span(place.lines));
    let segment = place.segment.as_deref().unwrap_or_default();
    format!(
        "{} {domain} {day}T{hour} {segment} events {events} lines {lines}: {}",
        finding.kind.label(),
        finding.detail
    )
}

fn all_told(report: &Report) -> Vec<String> {
    report.findings.iter().map(told).collect()
}

const CHANGES: &str = r#"
a line of the first segment:
    MODIFIED space-5bace1 19T3 5e600019 events 0-11 lines 1-12: not the lines that were sealed
lines of two runs that touch:
    MODIFIED space-5bace1 20T0 5e602531 events 0-2047 lines 22-2069: not the lines that were sealed
lines of two runs that do not:
    MODIFIED space-5bace1 20T0 5e602531 events 0-1023 lines 22-1045: not the lines that were sealed
    MODIFIED space-5bace1 20T0 5e602531 events 2048-2499 lines 2070-2521: not the lines that were sealed
lines of three runs:
    MODIFIED space-5bace1 20T0 5e602531 events 0-2499 lines 22-2521: not the lines that were sealed
the last line of a segment and the first of the next:
    MODIFIED space-5bace1 19T3 5e600019 events 0-11 lines 1-12: not the lines that were sealed
    MODIFIED space-5bace1 19T4 5e600029 events 0-8 lines 13-21: not the lines that were sealed
three lines are gone from a run:
    MISSING space-5bace1 20T0 5e602531 events 1024-2047 lines 1046-2069: 3 events are not in the file
a last line of a last run is gone:
    MISSING space-5bace1 20T0 5e602531 events 2048-2499 lines 2070-2521: 1 events are not in the file
a run is gone:
    MISSING space-5bace1 20T0 5e602531 events 1024-2047 lines 1046-2069: 1024 events are not in the file
two lines before a segment:
    EXTRA space-5bace1 19T4 5e600029 events 0-0 lines 13-14: 2 lines that were not sealed
two lines within a run:
    EXTRA space-5bace1 20T0 5e602531 events 1024-2047 lines 1046-2069: 2 lines too many in this run
two lines within the last segment:
    EXTRA space-5bace2 20T1 5e602553 events 0-19 lines 2522-2541: 2 lines too many in this run
40 lines within a run:
    MODIFIED space-5bace1 20T0 5e602531 events 1024-2499 lines 1046-2521: not the lines that were sealed
    MODIFIED space-5bace2 20T1 5e602553 events 0-19 lines 2522-2541: not the lines that were sealed
    EXTRA  T-  events - lines 2542-2581: lines behind the last event
cut in the first segment:
    TRUNCATED space-5bace1 19T3 5e600019 events 0-11 lines 1-12: only 5 lines are left in the file
    TRUNCATED space-5bace1 19T4 5e600029 events - lines -: ends behind line 5; 2529 events of 3 segments are not in the file
cut in the second run:
    TRUNCATED space-5bace1 20T0 5e602531 events 1024-2047 lines 1046-2069: only 455 lines are left in the file
    TRUNCATED space-5bace2 20T1 5e602553 events - lines -: ends behind line 1500; 20 events of 1 segments are not in the file
cut in the last segment:
    TRUNCATED space-5bace2 20T1 5e602553 events 0-19 lines 2522-2541: only 9 lines are left in the file
cut between segments:
    TRUNCATED space-5bace1 19T4 5e600029 events - lines -: ends behind line 12; 2529 events of 3 segments are not in the file
a segment is gone:
    MISSING space-5bace1 19T4 5e600029 events - lines -: 9 events are not in the file
two segments are gone:
    MISSING space-5bace1 19T3 5e600019 events - lines -: 12 events are not in the file
    MISSING space-5bace1 19T4 5e600029 events - lines -: 9 events are not in the file
a segment twice:
    EXTRA space-5bace1 19T3 5e600019 events 0-11 lines 13-24: the segment is there a second time
two segments in another order:
    REORDERED space-5bace1 19T3 5e600019 events 0-11 lines 10-21: the segment stands behind one that follows it
the last first:
    REORDERED space-5bace1 19T3 5e600019 events 0-11 lines 21-32: the segment stands behind one that follows it
two lines behind the end:
    EXTRA  T-  events - lines 2542-2543: lines behind the last event
"#;

const ENDS: &str = r#"
no last LF:
    TRUNCATED space-5bace2 20T1 5e602553 events 0-19 lines 2522-2541: only 19 lines are left in the file
    TRUNCATED  T-  events - lines 2541-2541: the last line is not ended
a last line without LF behind the end:
    TRUNCATED  T-  events - lines 2542-2542: the last line is not ended
cut in the trailer:
    TRUNCATED  T-  events - lines 2542-2542: the compressed data ends too early
damaged in the trailer:
    DAMAGED  T-  events - lines 2542-2542: the compressed data is damaged: corrupt gzip stream does not have a matching checksum
garbage behind:
    TRUNCATED  T-  events - lines 2542-2542: the compressed data ends too early
a line that begins like gzip:
    EXTRA space-5bace1 19T3 5e600019 events 0-0 lines 1-1: 1 lines that were not sealed
"#;

#[test]
fn each_change_of_the_file_is_told_where_it_is() {
    let (world, download, receipt) = account();
    let lines: Vec<&str> = download.text.split_inclusive('\n').collect();
    let other = "{}\n";
    // 12 + 9 + 2500 + 20 lines; the runs of the third segment begin at lines 22, 1046 and 2070.
    let replaced = |places: &[usize]| {
        let mut changed = lines.clone();
        for place in places {
            changed[place - 1] = other;
        }
        changed
    };
    let without = |first: usize, last: usize| [&lines[..first - 1], &lines[last..]].concat();
    let inserted = |before: usize, count: usize| {
        [
            &lines[..before - 1],
            &vec![other; count],
            &lines[before - 1..],
        ]
        .concat()
    };
    let order = |segments: &[(usize, usize)]| {
        let parts = segments
            .iter()
            .map(|(first, last)| &lines[first - 1..*last]);
        parts.collect::<Vec<_>>().concat()
    };
    let (s1, s2, s3, s4) = ((1, 12), (13, 21), (22, 2521), (2522, 2541));
    let cases: Vec<(&str, Vec<&str>)> = vec![
        ("a line of the first segment", replaced(&[2])),
        ("lines of two runs that touch", replaced(&[30, 1100])),
        ("lines of two runs that do not", replaced(&[30, 2100])),
        ("lines of three runs", replaced(&[30, 1100, 2521])),
        (
            "the last line of a segment and the first of the next",
            replaced(&[12, 13]),
        ),
        ("three lines are gone from a run", without(1100, 1102)),
        ("a last line of a last run is gone", without(2521, 2521)),
        ("a run is gone", without(1046, 2069)),
        ("two lines before a segment", inserted(13, 2)),
        ("two lines within a run", inserted(1100, 2)),
        ("two lines within the last segment", inserted(2530, 2)),
        ("40 lines within a run", inserted(1100, 40)),
        ("cut in the first segment", order(&[(1, 5)])),
        ("cut in the second run", order(&[(1, 1500)])),
        ("cut in the last segment", order(&[(1, 2530)])),
        ("cut between segments", order(&[s1])),
        ("a segment is gone", order(&[s1, s3, s4])),
        ("two segments are gone", order(&[s3, s4])),
        ("a segment twice", order(&[s1, s1, s2, s3, s4])),
        ("two segments in another order", order(&[s2, s1, s3, s4])),
        ("the last first", order(&[s4, s1, s2, s3])),
        ("two lines behind the end", inserted(2542, 2)),
    ];
    let told: Vec<String> = cases
        .iter()
        .map(|(what, changed)| {
            let report = check(&world.key, &receipt, changed.concat().as_bytes()).unwrap();
            format!("{what}:\n    {}\n", all_told(&report).join("\n    "))
        })
        .collect();
    assert_eq!(told.concat(), CHANGES.trim_start());
}

/// The report states both how the compressed data ends and which events are therefore missing.
#[test]
fn how_a_file_ends_is_told() {
    let (world, download, receipt) = account();
    let whole = gzip(&download.text);
    let mut damaged = whole.clone();
    let crc = whole.len() - 8;
    damaged[crc] ^= 1;
    let cases: [(&str, Vec<u8>); 6] = [
        ("no last LF", download.text.trim_end().into()),
        (
            "a last line without LF behind the end",
            [download.text.as_bytes(), b"{}"].concat(),
        ),
        ("cut in the trailer", whole[..whole.len() - 3].to_vec()),
        ("damaged in the trailer", damaged),
        ("garbage behind", [&whole[..], b"garbage"].concat()),
        (
            "a line that begins like gzip",
            [b"\x1f\n", download.text.as_bytes()].concat(),
        ),
    ];
    let told = cases.map(|(what, file)| {
        let report = check(&world.key, &receipt, &file).unwrap();
        format!("{what}:\n    {}\n", all_told(&report).join("\n    "))
    });
    assert_eq!(told.concat(), ENDS.trim_start());
    let report = check(&world.key, &receipt, &whole[..whole.len() / 2]).unwrap();
    let told = all_told(&report).concat();
    assert!(
        told.contains("the compressed data ends too early"),
        "{told}"
    );
    assert!(!told.contains("the last line is not ended"), "{told}");
}

/// Damage is not taken for a cut: the file has its full length, wherever the damage is. A file that is cut is told as cut.
#[test]
fn a_damaged_file_is_not_told_as_cut() {
    let (world, download, receipt) = account();
    let told = |file: &[u8]| {
        let report = check(&world.key, &receipt, file).unwrap();
        let kinds = report.findings.iter().map(|finding| finding.kind);
        (report.outcome, kinds.collect::<HashSet<_>>())
    };
    let file = &download.file;
    let (mut wrong, mut damaged) = (0, 0);
    let spread = (0..file.len()).step_by(1 + file.len() / 12);
    for place in [1, 2, 3, file.len() - 8].into_iter().chain(spread) {
        for bit in 0..8 {
            let mut flipped = file.clone();
            flipped[place] ^= 1 << bit;
            // Some bytes of a header say nothing, such as the time.
            let (outcome, kinds) = told(&flipped);
            wrong += u32::from(outcome == Outcome::Failed);
            damaged += u32::from(kinds.contains(&FindingKind::Damaged));
            assert!(!kinds.contains(&FindingKind::Truncated), "{place}.{bit}");
        }
    }
    assert!(wrong > 100 && damaged == wrong, "{damaged} of {wrong}");
    // The controls: what is cut lacks length.
    for length in [file.len() - 1, file.len() - 9, file.len() / 2] {
        let (_, kinds) = told(&file[..length]);
        assert!(kinds.contains(&FindingKind::Truncated), "{length}");
        assert!(!kinds.contains(&FindingKind::Damaged), "{length}");
    }
}

/// Without the hashes of its runs, a long segment is one run.
#[test]
fn a_long_segment_of_which_the_root_is_known_is_told_as_one_run() {
    let (world, mut download, _) = account();
    download.receipt.domains[1].subtrees.clear();
    let receipt = download.receipt.sign(&world.key).unwrap();
    let lines: Vec<&str> = download.text.split_inclusive('\n').collect();
    let mut changed = lines.clone();
    changed[100] = "{}\n";
    for (what, lines, expected) in [
        (
            "a line is changed",
            &changed[..],
            "MODIFIED space-5bace1 20T0 5e602531 events 0-2499 lines 22-2521: not the lines that were sealed",
        ),
        (
            "cut",
            &lines[..1500],
            "TRUNCATED space-5bace1 20T0 5e602531 events 0-2499 lines 22-2521: the file ends behind 1479 of its 2500 events | \
             TRUNCATED space-5bace2 20T1 5e602553 events - lines -: ends behind line 1500; 20 events of 1 segments are not in the file",
        ),
    ] {
        let report = check(&world.key, &receipt, lines.concat().as_bytes()).unwrap();
        assert_eq!(all_told(&report).join(" | "), expected, "{what}");
    }
}

/// A report holds a hundred findings, and counts the others.
#[test]
fn of_very_many_findings_the_number_is_told() {
    let mut world = World::new(key());
    let space = world.add_space("5bace1");
    let (day, hours) = (world.today, 24);
    let segments: Vec<_> = (0..hours).map(|hour| (hour, 2)).collect();
    for _ in 0..5 {
        world.seal(space, day, &segments);
    }
    let download = world.session(Some(space), (day, day), ALL_DAY, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let found = |segments: usize| {
        let lines = download.text.split_inclusive('\n').enumerate();
        let text: String = lines
            .map(|(at, line)| {
                if at / 2 < segments && at % 2 == 0 {
                    "{}\n"
                } else {
                    line
                }
            })
            .collect();
        let report = check(&world.key, &receipt, text.as_bytes()).unwrap();
        assert!(
            report
                .findings
                .iter()
                .all(|one| one.kind == FindingKind::Modified)
        );
        (report.findings.len(), report.findings_left_out)
    };
    assert_eq!(found(100), (100, 0));
    assert_eq!(found(120), (100, 20));
}

/// A report counts each domain separately.
#[test]
fn what_was_deleted_and_what_is_there_is_counted() {
    let mut world = World::new(key());
    let (one, two) = (world.add_space("5bace1"), world.add_space("5bace2"));
    let (today, yesterday) = (world.today, world.today.minus(1));
    for log in [one, two] {
        world.policy(log, 0);
        world.seal(log, yesterday, &[(3, 2), (4, 3)]);
        world.seal(log, today, &[(5, log)]);
    }
    let bytes = |text: &str| text.lines().map(|line| line.len() as u64).sum::<u64>();
    let texts = world
        .session(None, (yesterday, today), ALL_DAY, &[])
        .segments;
    for hour in [3, 4] {
        let hours = HourRange {
            first: hour,
            last: hour,
        };
        world.delete(one, yesterday, hours, DeletionKind::Request, false);
    }
    world.delete(two, yesterday, ALL_DAY, DeletionKind::Retention, false);
    let download = world.session(None, (yesterday, today), ALL_DAY, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let report = check(&world.key, &receipt, &download.file).unwrap();
    let of = |deletions, events, texts: &[String]| Deleted {
        deletions,
        events,
        bytes: texts.iter().map(|text| bytes(text)).sum(),
    };
    let nothing = Deleted::default;
    let told: Vec<_> = report
        .domains
        .iter()
        .map(|domain| {
            (
                domain.events,
                domain.by_request.clone(),
                domain.by_retention.clone(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (0, nothing(), nothing()),
            (1, of(2, 5, &texts[..2]), nothing()),
            (2, nothing(), of(1, 5, &texts[3..5])),
        ]
    );
    assert_eq!(
        (report.events, report.domains[1].epoch.is_none()),
        (3, true)
    );
}

/// A deletion that nothing permitted has a location, and so do segments that the manifest leaves out, in order.
#[test]
fn what_the_receipt_alone_tells_has_its_place() {
    let (mut world, _, _) = account();
    let days = (world.today.minus(1), world.today);
    let mut download = world.session(None, days, ALL_DAY, &[]);
    let mut manifest: Manifest = serde_json::from_str(&download.receipt.manifest).unwrap();
    manifest.objects.truncate(1);
    download.receipt.manifest = serde_json::to_string(&manifest).unwrap();
    let receipt = download.receipt.sign(&world.key).unwrap();
    let report = check(&world.key, &receipt, download.segments[0].as_bytes()).unwrap();
    let left_out = all_told(&report).join("\n");
    world.delete(2, days.1, ALL_DAY, DeletionKind::Retention, true);
    let download = world.session(None, days, ALL_DAY, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let report = check(&world.key, &receipt, &download.file).unwrap();
    let unallowed = all_told(&report).join("\n");
    let expected = [
        "MISSING space-5bace1 19T4 5e600029 events - lines -: 9 events are not in the manifest",
        "MISSING space-5bace1 20T0 5e602531 events - lines -: 2500 events are not in the manifest",
        "MISSING space-5bace2 20T1 5e602553 events - lines -: 20 events are not in the manifest",
    ];
    assert_eq!(left_out, expected.join("\n"));
    assert_eq!(
        unallowed,
        r#"UNAUTHORISED DELETE space-5bace2 20T-  events - lines -: deletion 1 of 2026-11-20 by "retention": no retention was in force"#
    );
}

//! Changes of the file.

use super::*;

/// Every change of the file by lines, members and segments, with the findings to report.
#[test]
fn no_change_of_the_file_is_proven() {
    let (world, download, receipt) = account();
    let lines: Vec<&str> = download.text.split_inclusive('\n').collect();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut refuse = |what: &'static str, text: &str, told: &[FindingKind]| {
        let zipped = gzip(text);
        for file in [text.as_bytes(), zipped.as_slice()] {
            let report = check(&world.key, &receipt, file).unwrap();
            assert_eq!(report.outcome, Outcome::Failed, "{what}");
            let is_told = kinds(&report).iter().any(|kind| told.contains(kind));
            assert!(is_told, "{what}: {:#?}", report.findings);
            *counts.entry(what).or_default() += 1;
        }
    };
    use FindingKind::{Extra, Missing, Modified, Reordered, Truncated};
    for at in (0..lines.len()).step_by(lines.len() / 40) {
        let (before, rest) = lines.split_at(at);
        let (before, after) = (before.concat(), rest[1..].concat());
        refuse(
            "drop a line",
            &format!("{before}{after}"),
            &[Missing, Truncated],
        );
        refuse(
            "double a line",
            &format!("{before}{0}{0}{after}", rest[0]),
            &[Extra],
        );
        refuse(
            "insert a line",
            &format!("{before}{{}}\n{}", rest.concat()),
            &[Extra],
        );
        refuse(
            "insert an empty line",
            &format!("{before}\n{}", rest.concat()),
            &[Extra],
        );
        refuse(
            "change a line",
            &format!("{before} {}", rest.concat()),
            &[Modified],
        );
        refuse(
            "end a line otherwise",
            &format!("{before}{}\r\n{after}", rest[0].trim_end()),
            &[Modified],
        );
        refuse("cut at a line", &before, &[Truncated]);
        if rest.len() > 1 {
            let swapped = format!("{before}{}{}{}", rest[1], rest[0], rest[2..].concat());
            refuse("swap two lines", &swapped, &[Modified, Missing, Extra]);
        }
    }
    let segments = &download.segments;
    for at in 0..segments.len() {
        let mut changed = segments.clone();
        changed.remove(at);
        let is_last = at + 1 == segments.len();
        let told = if is_last { Truncated } else { Missing };
        refuse("drop a segment", &changed.concat(), &[told]);
        let mut changed = segments.clone();
        changed.insert(at, segments[at].clone());
        refuse("double a segment", &changed.concat(), &[Extra]);
        let mut changed = segments.clone();
        changed[at..].reverse();
        if !is_last {
            refuse("reverse segments", &changed.concat(), &[Reordered]);
            let mut changed = segments.clone();
            changed.swap(at, at + 1);
            refuse("swap two segments", &changed.concat(), &[Reordered]);
        }
        refuse("cut at a segment", &segments[..at].concat(), &[Truncated]);
    }
    refuse("add a line", &format!("{}{{}}\n", download.text), &[Extra]);
    refuse("add no line", &format!("{} ", download.text), &[Truncated]);
    refuse(
        "leave out the last LF",
        download.text.trim_end(),
        &[Truncated],
    );
    println!("{counts:?}");
}

/// The same for the members of the gzip.
#[test]
fn no_change_of_members_is_proven() {
    let (world, download, receipt) = account();
    let manifest: Manifest = serde_json::from_str(&download.receipt.manifest).unwrap();
    let mut rest = download.file.as_slice();
    let mut members = Vec::new();
    for object in &manifest.objects {
        let (member, after) = rest.split_at(usize::try_from(object.length).unwrap());
        members.push(member.to_vec());
        rest = after;
    }
    let mut count = 0;
    let mut refuse = |file: &[u8], what: &str| {
        let report = check(&world.key, &receipt, file).unwrap();
        assert_eq!(report.outcome, Outcome::Failed, "{what}: {report:#?}");
        count += 1;
    };
    for at in 0..members.len() {
        let mut changed = members.clone();
        changed.remove(at);
        refuse(&changed.concat(), "drop");
        changed.insert(at, members[(at + 1) % members.len()].clone());
        refuse(&changed.concat(), "replace");
        let mut changed = members.clone();
        changed.insert(at, members[at].clone());
        refuse(&changed.concat(), "double");
        refuse(&members[..at].concat(), "cut");
        let whole = members[..=at].concat();
        for cut in [1, 4, 8, 9] {
            refuse(&whole[..whole.len() - cut], "cut within the trailer");
        }
        if at + 1 < members.len() {
            let mut changed = members.clone();
            changed.swap(at, at + 1);
            refuse(&changed.concat(), "swap");
        }
    }
    for garbage in [&b"\0"[..], b"garbage", b"\x1f\x8b", &gzip("{}\n")] {
        refuse(&[&download.file, garbage].concat(), "garbage");
    }
    let with_empty_member = [download.file, gzip("")].concat();
    let report = check(&world.key, &receipt, &with_empty_member).unwrap();
    assert_eq!(report.outcome, Outcome::Proven);
    println!("{count} changes of members refused");
}

/// Damage is reported where it is.
#[test]
fn damage_is_located_to_a_run_of_lines() {
    let mut world = World::new(key());
    let space = world.add_space("5bace1");
    let day = world.today;
    world.seal(space, day, &[(3, 5000), (4, 10)]);
    let download = world.session(Some(space), (day, day), ALL_DAY, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let lines: Vec<&str> = download.text.split_inclusive('\n').collect();
    let told = |lines: &[&str]| {
        let report = check(&world.key, &receipt, lines.concat().as_bytes()).unwrap();
        let [finding] = report.findings.as_slice() else {
            panic!("{report:#?}")
        };
        let events = finding.location.events.unwrap();
        (
            finding.kind,
            events.first,
            events.last,
            finding.detail.clone(),
        )
    };
    let run = (2048, 3071);
    let mut changed = lines.clone();
    changed[2500] = "{}\n";
    let (kind, first, last, _) = told(&changed);
    assert_eq!((kind, (first, last)), (FindingKind::Modified, run));
    let mut changed = lines.clone();
    changed.drain(2500..2503);
    let (kind, first, last, detail) = told(&changed);
    assert_eq!((kind, (first, last)), (FindingKind::Missing, run));
    assert_eq!(detail, "3 events are not in the file");
    let mut changed = lines.clone();
    changed.insert(2500, "{}\n");
    let (kind, first, last, detail) = told(&changed);
    assert_eq!((kind, (first, last)), (FindingKind::Extra, run));
    assert_eq!(detail, "1 lines too many in this run");
}

/// A receipt may lack the subtree hashes of long segments; damage to them is still detected.
#[test]
fn a_long_segment_of_which_only_the_root_is_known_is_whole_or_not_proven() {
    let mut world = World::new(key());
    let space = world.add_space("5bace1");
    let day = world.today;
    world.seal(space, day, &[(3, 3000)]);
    let mut download = world.session(Some(space), (day, day), ALL_DAY, &[]);
    download.receipt.domains[0].subtrees.clear();
    let receipt = download.receipt.sign(&world.key).unwrap();
    let lines: Vec<&str> = download.text.split_inclusive('\n').collect();
    let outcome = |lines: &[&str]| {
        let report = check(&world.key, &receipt, lines.concat().as_bytes()).unwrap();
        (report.outcome, kinds(&report))
    };
    assert_eq!(outcome(&lines), (Outcome::Proven, vec![]));
    for length in [0, 1, 1024, 1500, 2999] {
        let (found, kinds) = outcome(&lines[..length]);
        assert_eq!(found, Outcome::Failed, "{length} lines: {kinds:?}");
        assert_eq!(kinds, [FindingKind::Truncated], "{length} lines");
    }
    let mut changed = lines.clone();
    changed[2500] = "{}\n";
    assert_eq!(outcome(&changed).0, Outcome::Failed);
    changed.remove(2500);
    assert_eq!(outcome(&changed).0, Outcome::Failed);
}

/// The order of a long segment is judged, whether the hashes of its runs are known or only its root.
#[test]
fn no_two_lines_of_a_long_segment_can_be_swapped() {
    let mut world = World::new(key());
    let space = world.add_space("5bace1");
    let day = world.today;
    world.seal(space, day, &[(3, 3000)]);
    let honest = world.session(Some(space), (day, day), ALL_DAY, &[]);
    let lines: Vec<&str> = honest.text.split_inclusive('\n').collect();
    let mut without_runs = honest.clone();
    without_runs.receipt.domains[0].subtrees.clear();
    for download in [honest.clone(), without_runs] {
        let receipt = download.receipt.sign(&world.key).unwrap();
        let outcome = |lines: &[&str]| {
            let text = lines.concat();
            let report = check(&world.key, &receipt, text.as_bytes()).unwrap();
            (report.outcome, kinds(&report))
        };
        assert_eq!(outcome(&lines), (Outcome::Proven, vec![]));
        for (one, other) in [
            (0, 1),
            (0, 2999),
            (5, 1029),
            (1023, 1024),
            (1500, 1501),
            (2047, 2048),
            (2998, 2999),
        ] {
            let mut swapped = lines.clone();
            swapped.swap(one, other);
            let (found, kinds) = outcome(&swapped);
            assert_eq!(found, Outcome::Failed, "{one} and {other}");
            assert!(kinds.contains(&FindingKind::Modified), "{kinds:?}");
        }
        // Whole runs of lines change places.
        for (first, second) in [(0, 1024), (1024, 2048 - 72)] {
            let mut swapped = lines.clone();
            for at in 0..1024 {
                swapped.swap(first + at, second + at);
            }
            assert_eq!(outcome(&swapped).0, Outcome::Failed, "{first} and {second}");
        }
    }
}

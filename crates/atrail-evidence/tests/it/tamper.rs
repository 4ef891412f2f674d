//! What somebody could do to a download and its evidence: none of it verifies.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use atrail_evidence::{
    DeletionKind, Expectations, FindingKind, HoldLevel, HourRange, Manifest, Outcome, Receipt,
    Report, Scope, ScopeOf, SigningKey, verify,
};
use atrail_model::Day;

use crate::python::both;
use crate::world::{ALL_DAY, Download, World, gzip};
use crate::{check, key, number, pinned};

const HOURS: HourRange = HourRange { first: 4, last: 4 };

/// Two spaces, several days and segments, deletions of both kinds.
fn world() -> (World, (Day, Day)) {
    let mut world = World::new(key());
    let one = world.add_space("5bace1");
    let two = world.add_space("5bace2");
    let today = world.today;
    let yesterday = today.minus(1);
    for log in [one, two] {
        world.seal(log, yesterday, &[(3, 12), (4, 9), (5, 4)]);
        world.seal(log, today, &[(0, 1500), (1, 20)]);
        world.seal(log, yesterday, &[(3, 6)]);
    }
    world.seal(0, today, &[(7, 3)]);
    world.delete(one, yesterday, HOURS, DeletionKind::Request, false);
    world.seal(one, today, &[(2, 3)]);
    world.policy(two, 0);
    world.delete(two, yesterday, ALL_DAY, DeletionKind::Retention, false);
    world.seal(two, yesterday, &[(8, 5)]);
    (world, (yesterday, today))
}

fn account() -> (World, Download, String) {
    let (world, days) = world();
    let download = world.session(None, days, ALL_DAY, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    (world, download, receipt)
}

fn kinds(report: &Report) -> Vec<FindingKind> {
    report.findings.iter().map(|finding| finding.kind).collect()
}

/// The control of everything below.
#[test]
fn the_untouched_bundle_verifies() {
    let (world, download, receipt) = account();
    let report = check(&world.key, &receipt, &download.file).unwrap();
    assert_eq!(report.outcome, Outcome::Proven, "{report:#?}");
    assert_eq!(report.domains.len(), 3);
    assert_eq!(report.domains[1].by_request.events, 9);
    assert_eq!(report.domains[2].by_retention.events, 31);
    println!(
        "file {} bytes, receipt {} bytes",
        download.file.len(),
        receipt.len()
    );
}

/// As the account, of fewer and longer events: file and receipt have at least so many bytes.
fn bundle(bytes: usize) -> (World, Download, String) {
    let mut world = World::new(key());
    let (today, yesterday) = (world.today, world.today.minus(1));
    world.padding = 500;
    for guid in ["5bace1", "5bace2"] {
        let log = world.add_space(guid);
        world.seal(log, yesterday, &[(3, 3), (4, 2)]);
        world.delete(log, yesterday, HOURS, DeletionKind::Request, false);
    }
    loop {
        world.seal(1, today, &[(2, 4), (5, 3)]);
        world.seal(2, yesterday, &[(6, 2)]);
        let download = world.session(None, (yesterday, today), ALL_DAY, &[]);
        let receipt = download.receipt.sign(&world.key).unwrap();
        if download.file.len() + receipt.len() >= bytes {
            return (world, download, receipt);
        }
    }
}

/// In the long form every bit of some more bytes; of these, the script is asked about as many as in the short form.
#[test]
fn no_flipped_bit_is_proven() {
    const SHORT: u64 = 509;
    let stride = number("ATRAIL_EVIDENCE_STRIDE", SHORT);
    let bytes = number("ATRAIL_EVIDENCE_BUNDLE_BYTES", 0);
    let (world, download, receipt) = match bytes {
        0 => account(),
        bytes => bundle(usize::try_from(bytes).unwrap()),
    };
    let pinned = pinned(&world.key);
    let file_bits = download.file.len() as u64 * 8;
    let all_bits = file_bits + receipt.len() as u64 * 8;
    let (refused, recompressed) = (AtomicU64::new(0), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let flip = |bytes: &[u8], bit: u64| {
        let mut bytes = bytes.to_vec();
        bytes[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8);
        bytes
    };
    let work = |first: u64| {
        for bit in (first * stride..all_bits).step_by(usize::try_from(threads * stride).unwrap()) {
            let verify = |receipt: &str, file: &[u8]| match bit % SHORT {
                0 => both(receipt, &pinned, file),
                _ => verify(receipt, &pinned, file),
            };
            let report = if bit < file_bits {
                verify(&receipt, &flip(&download.file, bit)).ok()
            } else {
                String::from_utf8(flip(receipt.as_bytes(), bit - file_bits))
                    .ok()
                    .and_then(|receipt| verify(&receipt, &download.file).ok())
            };
            match report {
                // A bit that means nothing, such as the time in a header of gzip: the events are the same, byte for byte.
                Some(report) if report.outcome == Outcome::Proven => {
                    assert!(bit < file_bits && report.is_recompressed, "bit {bit}");
                    recompressed.fetch_add(1, Ordering::Relaxed);
                }
                _ => {
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for first in 0..threads {
            let work = &work;
            scope.spawn(move || work(first));
        }
    });
    let (refused, recompressed) = (refused.into_inner(), recompressed.into_inner());
    println!(
        "{} bits flipped of {all_bits} (file {} bytes, receipt {}): {refused} refused, {recompressed} without meaning for the content, told as recompressed",
        refused + recompressed,
        download.file.len(),
        receipt.len()
    );
    // The headers and trailers of the members have fewer bits without meaning than this.
    let manifest: Manifest = serde_json::from_str(&download.receipt.manifest).unwrap();
    assert!(recompressed * stride <= manifest.objects.len() as u64 * 80 + stride);
}

/// Every change of the file by lines, members and segments, with what is to be told of it.
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

/// The same by the members of the gzip.
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

/// Receipts that are signed by the right key, and belong to something else.
#[test]
fn no_other_receipt_is_accepted() {
    let (mut world, days) = world();
    let (yesterday, today) = days;
    let download = world.session(Some(1), days, ALL_DAY, &[]);
    let others = [
        ("other space", world.session(Some(2), days, ALL_DAY, &[])),
        ("account", world.session(None, days, ALL_DAY, &[])),
        (
            "other days",
            world.session(Some(1), (today, today), ALL_DAY, &[]),
        ),
        (
            "other hours",
            world.session(Some(1), days, HourRange { first: 3, last: 3 }, &[]),
        ),
    ];
    world.seal(1, yesterday, &[(9, 3)]);
    let later = world.session(Some(1), days, ALL_DAY, &[]);
    for (what, other) in others.iter().chain([&("later", later.clone())]) {
        let receipt = other.receipt.sign(&world.key).unwrap();
        let report = check(&world.key, &receipt, &download.file).unwrap();
        assert_eq!(report.outcome, Outcome::Failed, "{what}: {report:#?}");
        let control = check(&world.key, &receipt, &other.file).unwrap();
        assert_eq!(control.outcome, Outcome::Proven, "{what}: {control:#?}");
    }
    // A receipt that is right, but not of what was asked for.
    let receipt = download.receipt.sign(&world.key).unwrap();
    let asked = |change: fn(&mut Expectations)| {
        let mut expected = Expectations {
            keys: vec![world.key.verifier_key().clone()],
            of: Some(ScopeOf::Space("5bace1".to_owned())),
            start: Some(download.receipt.scope.start.parse().unwrap()),
            end: Some(download.receipt.scope.end.parse().unwrap()),
            hours: Some(ALL_DAY),
            ..Expectations::default()
        };
        change(&mut expected);
        both(&receipt, &expected, &download.file).unwrap()
    };
    assert_eq!(asked(|_| ()).outcome, Outcome::Proven);
    let changes: [fn(&mut Expectations); 4] = [
        |e| e.of = Some(ScopeOf::Account("5bace1".to_owned())),
        |e| e.start = Some(Day::FIRST),
        |e| e.end = Some(Day::FIRST),
        |e| e.hours = Some(HOURS),
    ];
    for change in changes {
        let report = asked(change);
        assert_eq!(kinds(&report), [FindingKind::OtherScope]);
    }
    // A stale receipt is found out by the later one that somebody kept.
    let expected = Expectations {
        keys: vec![world.key.verifier_key().clone()],
        since: Some(later.receipt.sign(&world.key).unwrap()),
        ..Expectations::default()
    };
    let report = both(&receipt, &expected, &download.file).unwrap();
    assert_eq!(report.outcome, Outcome::Inconclusive, "{report:#?}");
}

#[test]
fn no_other_key_is_accepted_and_none_is_not_enough() {
    let (world, download, receipt) = account();
    let other = SigningKey::generate("atrail-test").unwrap();
    let report = check(&other, &receipt, &download.file).unwrap();
    assert_eq!(kinds(&report), [FindingKind::LogInvalid]);
    let forged = download.receipt.sign(&other).unwrap();
    let report = check(&world.key, &forged, &download.file).unwrap();
    assert_eq!(report.outcome, Outcome::Failed);
    let report = both(&receipt, &Expectations::default(), &download.file).unwrap();
    assert_eq!(kinds(&report), [FindingKind::Unpinned]);
    assert_eq!(report.outcome, Outcome::Inconclusive);
    // A history with the same events by another key, under the same name.
    let mut impostor = self::world().0;
    let days = (impostor.today.minus(1), impostor.today);
    impostor.rotate();
    let download = impostor.session(None, days, ALL_DAY, &[]);
    let receipt = download.receipt.sign(&impostor.key).unwrap();
    assert_eq!(
        check(&world.key, &receipt, &download.file).unwrap().outcome,
        Outcome::Proven
    );
    assert_eq!(
        check(&impostor.key, &receipt, &download.file)
            .unwrap()
            .outcome,
        Outcome::Proven
    );
    assert_eq!(
        check(&other, &receipt, &download.file).unwrap().outcome,
        Outcome::Failed
    );
}

/// A change of a receipt, which is then signed by the right key: what is inside must agree with itself.
type Change = fn(&mut Receipt);

const CHANGES: &[(&str, Change)] = &[
    ("strip a domain", |r| drop(r.domains.pop())),
    ("strip the account", |r| drop(r.domains.remove(0))),
    ("swap domains", |r| r.domains.swap(1, 2)),
    ("double a domain", |r| r.domains.push(r.domains[2].clone())),
    ("no domain", |r| r.domains.clear()),
    ("name of a domain", |r| {
        r.domains[1].domain = "space-5bace3".to_owned()
    }),
    ("evidence of another domain", |r| {
        r.domains[1] = r.domains[2].clone();
        r.domains[1].domain = "space-5bace1".to_owned();
    }),
    ("scope of one space", |r| {
        r.scope.of = ScopeOf::Space("5bace1".to_owned())
    }),
    ("fewer days", |r| r.scope.start = r.scope.end.clone()),
    ("more days", |r| r.scope.end = "2026-11-21".to_owned()),
    ("days that are none", |r| {
        r.scope.end = "2026-02-30".to_owned()
    }),
    ("days in reverse", |r| {
        let Scope { start, end, .. } = &mut r.scope;
        std::mem::swap(start, end);
    }),
    ("fewer hours", |r| r.scope.hours = HOURS),
    ("hours that are none", |r| r.scope.hours.last = 24),
    ("checkpoint of another domain", |r| {
        r.domains[1].checkpoint = r.domains[2].checkpoint.clone()
    }),
    ("an older record", |r| {
        r.domains[1].record = r.domains[1].deletions[0]
            .record
            .replace("\"index\":", "\"index\":0")
    }),
    ("record of a deletion as the last", |r| {
        r.domains[1].record = r.domains[1].deletions[0].record.clone()
    }),
    ("a shorter audit path", |r| {
        r.domains[1].inclusion.truncate(1)
    }),
    ("another audit path", |r| {
        r.domains[1].inclusion[0].0[0] ^= 1
    }),
    ("a longer range proof", |r| {
        let hash = r.domains[1].days[0];
        r.domains[1].days.push(hash);
    }),
    ("a shorter range proof", |r| r.domains[1].days.truncate(2)),
    ("drop a day list", |r| drop(r.domains[1].lists.pop())),
    ("swap day lists", |r| r.domains[1].lists.swap(0, 1)),
    ("double a day list", |r| {
        let list = r.domains[1].lists[1].clone();
        r.domains[1].lists.push(list);
    }),
    ("drop an entry", |r| {
        drop(r.domains[1].lists[0].entries.remove(1))
    }),
    ("drop the deletion", |r| {
        drop(r.domains[1].lists[0].entries.pop())
    }),
    ("swap entries", |r| r.domains[1].lists[0].entries.swap(0, 1)),
    ("a space in an entry", |r| {
        r.domains[1].lists[0].entries[0].push(' ')
    }),
    ("fewer events in a deletion", |r| {
        let entry = &mut r.domains[1].lists[0].entries[2];
        *entry = entry.replace("\"events\":9", "\"events\":8");
    }),
    ("drop the record of a deletion", |r| {
        r.domains[1].deletions.clear()
    }),
    ("record of another deletion", |r| {
        r.domains[1].deletions[0].record = r.domains[2].deletions[0].record.clone();
    }),
    ("audit path of another deletion", |r| {
        r.domains[1].deletions[0].inclusion = r.domains[2].deletions[0].inclusion.clone();
    }),
    ("a deletion that is none", |r| {
        let mut proof = r.domains[1].deletions[0].clone();
        proof.position = 0;
        r.domains[1].deletions.push(proof);
    }),
    ("a deletion's record twice", |r| {
        let proof = r.domains[1].deletions[0].clone();
        r.domains[1].deletions.push(proof);
    }),
    ("drop a policy", |r| drop(r.domains[2].control.pop())),
    ("another policy", |r| {
        let last = r.domains[2].control.len() - 1;
        r.domains[2].control[last] = r.domains[2].control[last].replace(":0}", ":1}");
    }),
    ("drop a space", |r| drop(r.domains[0].control.pop())),
    ("no control list", |r| r.domains[1].control.clear()),
    ("other subtree hashes", |r| {
        for hashes in r.domains[1].subtrees.values_mut() {
            hashes[0].0[0] ^= 1;
        }
    }),
    ("fewer subtree hashes", |r| {
        for hashes in r.domains[1].subtrees.values_mut() {
            hashes.pop();
        }
    }),
    ("drop an object", |r| manifest(r, |m| drop(m.objects.pop()))),
    ("swap objects", |r| manifest(r, |m| m.objects.swap(1, 2))),
    ("double an object", |r| {
        manifest(r, |m| m.objects.push(m.objects[0].clone()))
    }),
    ("drop a segment", |r| {
        manifest(r, |m| drop(m.objects[1].segments.pop()))
    }),
    ("an unknown segment", |r| {
        manifest(r, |m| m.objects[0].segments.push("x".to_owned()))
    }),
    ("another domain's object", |r| {
        manifest(r, |m| m.objects[1].domain = "space-5bace2".to_owned())
    }),
    ("no manifest", |r| r.manifest.clear()),
    ("another version", |r| r.version = 2),
    ("another type", |r| r.kind = "atrail-proof".to_owned()),
];

fn manifest(receipt: &mut Receipt, change: impl FnOnce(&mut Manifest)) {
    let mut manifest: Manifest = serde_json::from_str(&receipt.manifest).unwrap();
    change(&mut manifest);
    receipt.manifest = serde_json::to_string(&manifest).unwrap();
}

#[test]
fn a_receipt_that_does_not_agree_with_itself_is_refused_even_when_signed() {
    let (world, download, _) = account();
    for (what, change) in CHANGES {
        let mut receipt = download.receipt.clone();
        change(&mut receipt);
        assert_ne!(receipt, download.receipt, "{what} changes nothing");
        let text = receipt.sign(&world.key).unwrap();
        if let Ok(report) = check(&world.key, &text, &download.file) {
            assert_eq!(report.outcome, Outcome::Failed, "{what}: {report:#?}");
        }
    }
    println!("{} changes of a signed receipt refused", CHANGES.len());
}

/// What a later version may say is not wrong, and proves nothing; what is wrong besides is told all the same.
#[test]
fn evidence_of_a_later_version_is_not_judged() {
    let changed = |download: &Download| {
        let mut file = download.text.clone().into_bytes();
        file[10] ^= 1;
        file
    };
    let days = world().1;
    for list in [None, Some(days.1)] {
        let (mut world, _) = world();
        let earlier = world.session(None, days, ALL_DAY, &[]);
        let earlier = earlier.receipt.sign(&world.key).unwrap();
        let sizes = world.sizes();
        world.later(1, list);
        let download = world.session(None, days, ALL_DAY, &[sizes]);
        let receipt = download.receipt.sign(&world.key).unwrap();
        let report = check(&world.key, &receipt, &download.file).unwrap();
        assert_eq!(kinds(&report), [FindingKind::Unproven], "{report:#?}");
        let mut expected = pinned(&world.key);
        expected.since = Some(earlier.replacen("5bace1", "5bace3", 1));
        let report = both(&receipt, &expected, &download.file).unwrap();
        assert_eq!(report.outcome, Outcome::Failed, "{report:#?}");
    }
    let (world, download, receipt) = account();
    let changes: [Change; 2] = [
        |r| r.version = 2,
        |r| r.kind = "atrail-range-receipt".to_owned(),
    ];
    for change in changes {
        let mut later = download.receipt.clone();
        change(&mut later);
        let later = later.sign(&world.key).unwrap();
        let error = check(&world.key, &later, &download.file).unwrap_err();
        assert_eq!(error.outcome(), Outcome::Inconclusive);
        let mut expected = pinned(&world.key);
        expected.since = Some(later);
        let report = both(&receipt, &expected, &download.file).unwrap();
        assert_eq!(report.outcome, Outcome::Inconclusive, "{report:#?}");
        let report = both(&receipt, &expected, &changed(&download)).unwrap();
        assert_eq!(report.outcome, Outcome::Failed, "{report:#?}");
    }
}

#[test]
fn no_deletion_goes_by_that_nothing_allowed() {
    let day = world().0.today.minus(3);
    let allowed = |prepare: fn(&mut World), kind: DeletionKind| {
        let mut world = World::new(key());
        let space = world.add_space("5bace1");
        world.seal(space, day, &[(3, 5)]);
        prepare(&mut world);
        world.delete(space, day, ALL_DAY, kind, true);
        // What comes later does not make it right.
        world.hold(space, HoldLevel::Space, false);
        world.policy(space, 1);
        let download = world.session(Some(space), (day, world.today), ALL_DAY, &[]);
        let receipt = download.receipt.sign(&world.key).unwrap();
        let report = check(&world.key, &receipt, &download.file).unwrap();
        match report.outcome {
            Outcome::Proven => true,
            _ => {
                assert_eq!(
                    kinds(&report),
                    [FindingKind::UnauthorisedDelete],
                    "{report:#?}"
                );
                false
            }
        }
    };
    use DeletionKind::{Request, Retention};
    assert!(allowed(|_| (), Request));
    assert!(!allowed(|_| (), Retention), "no policy");
    assert!(allowed(|w| w.policy(1, 2), Retention));
    assert!(!allowed(|w| w.policy(1, 3), Retention), "not due yet");
    assert!(
        !allowed(
            |w| {
                w.policy(1, 2);
                w.policy(1, -1);
            },
            Retention
        ),
        "policy withdrawn"
    );
    for level in [HoldLevel::Space, HoldLevel::Account] {
        for kind in [Request, Retention] {
            let prepare: fn(&mut World) = match level {
                HoldLevel::Space => |w| {
                    w.policy(1, 0);
                    w.hold(1, HoldLevel::Space, true);
                },
                HoldLevel::Account => |w| {
                    w.policy(1, 0);
                    w.hold(1, HoldLevel::Account, true);
                },
            };
            assert!(!allowed(prepare, kind), "{level:?} {kind:?}");
        }
    }
    assert!(allowed(
        |w| {
            w.hold(1, HoldLevel::Space, true);
            w.hold(1, HoldLevel::Space, false);
        },
        Request
    ));
}

/// Damage is told where it is.
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

/// A receipt may lack the subtree hashes of long segments; their damage is found all the same.
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
    }
    let mut changed = lines.clone();
    changed[2500] = "{}\n";
    assert_eq!(outcome(&changed).0, Outcome::Failed);
    changed.remove(2500);
    assert_eq!(outcome(&changed).0, Outcome::Failed);
}

/// A consistency proof is needed, and it must be of this log.
#[test]
fn another_history_is_found_out_by_an_earlier_receipt() {
    let (mut world, days) = world();
    let mut fork = world.clone();
    world.seal(1, days.1, &[(2, 2)]);
    fork.seal(2, days.1, &[(2, 2)]);
    fork.seal(1, days.1, &[(2, 2)]);
    let earlier = world.session(Some(1), days, ALL_DAY, &[]);
    let earlier = earlier.receipt.sign(&world.key).unwrap();
    let sizes = world.sizes();
    let told = |world: &mut World, since: &[Vec<u64>]| {
        world.seal(1, days.1, &[(2, 2)]);
        let download = world.session(Some(1), days, ALL_DAY, since);
        let receipt = download.receipt.sign(&world.key).unwrap();
        let expected = Expectations {
            keys: vec![world.key.verifier_key().clone()],
            since: Some(earlier.clone()),
            ..Expectations::default()
        };
        both(&receipt, &expected, &download.file).unwrap().outcome
    };
    assert_eq!(
        told(&mut world, std::slice::from_ref(&sizes)),
        Outcome::Proven
    );
    assert_eq!(told(&mut world, &[]), Outcome::Inconclusive, "no proof");
    assert_eq!(told(&mut fork, &[sizes]), Outcome::Failed);
}

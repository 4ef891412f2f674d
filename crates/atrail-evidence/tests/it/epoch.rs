//! Verifies a log that began anew against a receipt of the previous one: no segment that stood is lost silently.

use atrail_evidence::{
    DeletionKind, Expectations, FindingKind, HoldLevel, HourRange, Outcome, Report,
};
use atrail_model::Day;

use crate::python::{both, said};
use crate::world::{ALL_DAY, World};
use crate::{key, pinned};

/// Makes two spaces on two days, with a deletion.
fn world() -> (World, (Day, Day)) {
    let mut world = World::new(key());
    let today = world.today;
    let days = (today.minus(1), today);
    for guid in ["5bace1", "5bace2"] {
        let log = world.add_space(guid);
        world.seal(log, days.0, &[(3, 5), (4, 6)]);
        world.seal(log, days.1, &[(7, 1100)]);
        let hours = HourRange { first: 4, last: 4 };
        world.delete(log, days.0, hours, DeletionKind::Request, false);
    }
    (world, days)
}

fn signed(world: &World, days: (Day, Day)) -> String {
    let download = world.session(None, days, ALL_DAY, &[]);
    download.receipt.sign(&world.key).unwrap()
}

/// Verifies the later world's account since an earlier receipt.
fn since(world: &World, days: (Day, Day), earlier: &str) -> Report {
    let download = world.session(None, days, ALL_DAY, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let mut expected = pinned(&world.key);
    let alone = both(&receipt, &expected, &download.file).unwrap();
    assert_eq!(alone.outcome, Outcome::Proven, "{alone:#?}");
    expected.since = Some(earlier.to_owned());
    both(&receipt, &expected, &download.file).unwrap()
}

fn told(report: &Report) -> Vec<(FindingKind, &str)> {
    let findings = report.findings.iter();
    findings
        .map(|finding| (finding.kind, finding.detail.as_str()))
        .collect()
}

#[test]
fn what_stood_is_there_and_no_more_is_claimed() {
    let (mut world, days) = world();
    let before = world.clone();
    let earlier = signed(&world, days);
    world.new_epoch("e0c4", Some(&before), |_| true);
    world.seal(1, days.1, &[(9, 4)]);
    world.delete(1, days.0, ALL_DAY, DeletionKind::Request, false);
    let report = since(&world, days, &earlier);
    assert_eq!(report.outcome, Outcome::Proven, "{report:#?}");
    assert!(!report.is_consistent, "the earlier history is no beginning");
    let space = &report.domains[1];
    let epoch = space.epoch.clone().unwrap();
    assert_eq!(
        (epoch.id.as_str(), epoch.reason.as_str()),
        ("e0c4", "the catalog was lost")
    );
    assert!(epoch.continues_size.is_some());
    let kept = space.kept.clone().unwrap();
    assert_eq!((kept.days, kept.segments), (2, 2));
    // The script prints the same for people.
    let download = world.session(None, days, ALL_DAY, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let expected = Expectations {
        since: Some(earlier.clone()),
        ..pinned(&world.key)
    };
    if let Some(said) = said(&receipt, &expected, &download.file) {
        for part in [
            "space-5bace1: 1 deletions by request, 5 events",
            "(the catalog was lost); it continues checkpoint",
            "2 segments of 2 days are there or deleted on record; its history is no beginning of this one",
        ] {
            assert!(said.contains(part), "{said}");
        }
    }
    // Days outside the request are not judged, nor is a log that does not continue the earlier receipt.
    let report = since(&world, (days.1, days.1), &earlier);
    assert_eq!(report.outcome, Outcome::Inconclusive, "{report:#?}");
    let (mut world, days) = self::world();
    let earlier = signed(&world, days);
    let mut unknown = world.clone();
    unknown.new_epoch("e0c4", None, |_| true);
    assert_eq!(
        since(&unknown, days, &earlier).outcome,
        Outcome::Inconclusive
    );
    world.seal(1, days.1, &[(8, 4)]);
    world.seal(2, days.1, &[(8, 4)]);
    world.policy(0, 9);
    let newer = world.clone();
    world.new_epoch("e0c4", Some(&newer), |_| true);
    assert_eq!(since(&world, days, &earlier).outcome, Outcome::Inconclusive);
}

#[test]
fn what_a_new_beginning_leaves_out_or_changes_is_missing() {
    type Keep = fn(&mut crate::world::Kept) -> bool;
    let changes: [(&str, Keep); 5] = [
        ("left out", |kept| kept.hour != 3),
        ("fewer events", |kept| kept.lines.pop().is_some()),
        ("other events", |kept| {
            kept.lines[0].push(' ');
            true
        }),
        ("another hour", |kept| {
            kept.hour = 11;
            true
        }),
        ("another segment", |kept| {
            kept.id.push('0');
            true
        }),
    ];
    for (what, keep) in changes {
        let (mut world, days) = world();
        let before = world.clone();
        let earlier = signed(&world, days);
        world.new_epoch("e0c4", Some(&before), keep);
        let report = since(&world, days, &earlier);
        assert_eq!(report.outcome, Outcome::Failed, "{what}");
        let told = told(&report);
        assert!(
            told.iter().all(|(kind, _)| *kind == FindingKind::Missing),
            "{what}: {told:?}"
        );
        let segment = &before.logs[1].segments[0].id;
        assert!(told[0].1.contains(segment.as_str()), "{what}: {told:?}");
    }
}

#[test]
fn a_legal_hold_does_not_end_by_a_new_beginning() {
    let outcome = |is_recorded: bool, is_deleted: bool, is_late: bool| {
        let (mut world, days) = world();
        world.hold(1, HoldLevel::Space, true);
        let before = world.clone();
        let earlier = signed(&world, days);
        if !is_recorded {
            world.forget_holds(1);
        }
        world.new_epoch("e0c4", Some(&before), |_| true);
        if is_deleted {
            world.delete(1, days.1, ALL_DAY, DeletionKind::Request, false);
        }
        if is_late {
            world.hold(1, HoldLevel::Space, true);
        }
        let report = since(&world, days, &earlier);
        let kinds: Vec<_> = told(&report).into_iter().map(|(kind, _)| kind).collect();
        (report.outcome, kinds)
    };
    use FindingKind::{UnauthorisedDelete, Unproven};
    assert_eq!(outcome(true, true, false), (Outcome::Proven, vec![]));
    assert_eq!(
        outcome(false, false, false),
        (Outcome::Inconclusive, vec![Unproven])
    );
    let (failed, kinds) = outcome(false, true, false);
    assert_eq!(
        (failed, kinds),
        (Outcome::Failed, vec![UnauthorisedDelete, Unproven])
    );
    assert_eq!(
        outcome(false, true, true),
        (Outcome::Failed, vec![UnauthorisedDelete])
    );
}

/// A holder of the signing key could call the fork of a log its new beginning; within one epoch it remains a fork.
#[test]
fn a_log_that_continues_itself_is_a_second_history() {
    let (mut world, days) = world();
    let first = world.clone();
    world.new_epoch("e0c4", Some(&first), |_| true);
    let before = world.clone();
    let earlier = signed(&world, days);
    world.new_epoch("e0c4", Some(&before), |_| true);
    let report = since(&world, days, &earlier);
    assert_eq!(report.outcome, Outcome::Failed, "{report:#?}");
}

//! Verifies a later receipt against an earlier one, where the histories differ in exactly one respect.

use atrail_evidence::{
    DeletionKind, Expectations, FindingKind, HoldLevel, HourRange, Outcome, Report, SigningKey,
};
use atrail_model::Day;

use crate::python::both;
use crate::world::{ALL_DAY, World};
use crate::{key, pinned};

fn world() -> World {
    let mut world = World::new(key());
    let space = world.add_space("5bace1");
    let (today, yesterday) = (world.today, world.today.minus(1));
    world.policy(space, 7);
    world.seal(space, yesterday, &[(3, 5), (4, 6)]);
    world.seal(space, today, &[(7, 3)]);
    world
}

fn days(world: &World) -> (Day, Day) {
    (world.today.minus(1), world.today)
}

fn receipt_of(world: &World, days: (Day, Day)) -> String {
    let download = world.session(Some(1), days, ALL_DAY, &[]);
    download.receipt.sign(&world.key).unwrap()
}

/// Verifies the later world's space since an earlier receipt, with consistency proofs from these sizes.
fn since(world: &World, days: (Day, Day), earlier: &str, sizes: &[Vec<u64>]) -> Report {
    let download = world.session(Some(1), days, ALL_DAY, sizes);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let alone = both(&receipt, &pinned(&key()), &download.file).unwrap();
    assert_eq!(alone.outcome, Outcome::Proven, "by itself: {alone:#?}");
    let expected = Expectations {
        since: Some(earlier.to_owned()),
        ..pinned(&key())
    };
    both(&receipt, &expected, &download.file).unwrap()
}

/// Lists are rewritten while the records continue: the consistency of the log alone does not reveal this.
#[test]
fn no_list_is_written_anew() {
    let outcome = |change: fn(&mut World)| {
        let mut world = world();
        let (days, sizes) = (days(&world), world.sizes());
        let earlier = receipt_of(&world, days);
        change(&mut world);
        // The last record states the lists as they are now.
        world.seal(1, world.today, &[(8, 1)]);
        since(&world, days, &earlier, &[sizes]).outcome
    };
    assert_eq!(outcome(|_| ()), Outcome::Proven, "the control");
    assert_eq!(
        outcome(|world| {
            let policy = world.control_entry(1, 1).replace(":7}", ":8}");
            world.rewrite(1, None, 1, &policy);
        }),
        Outcome::Failed,
        "a policy"
    );
    assert_eq!(
        outcome(|world| {
            let day = world.today.minus(1);
            let text = world
                .day_entry(1, day, 0)
                .replacen("T00:00:00.", "T00:00:01.", 1);
            assert_ne!(text, world.day_entry(1, day, 0));
            world.rewrite(1, Some(day), 0, &text);
        }),
        Outcome::Failed,
        "a first entry of a day"
    );
    assert_eq!(
        outcome(|world| world.forget_day(1, world.today.minus(1))),
        Outcome::Failed,
        "a day"
    );
}

#[test]
fn a_later_entry_of_a_day_is_compared_as_the_first_is() {
    let mut world = world();
    world.seal(1, world.today, &[(9, 1)]);
    let (days, sizes) = (days(&world), world.sizes());
    let earlier = receipt_of(&world, days);
    let text = world
        .day_entry(1, days.1, 1)
        .replacen("T00:00:00.", "T00:00:01.", 1);
    world.rewrite(1, Some(days.1), 1, &text);
    world.seal(1, days.1, &[(8, 1)]);
    let report = since(&world, days, &earlier, &[sizes]);
    assert_eq!(report.outcome, Outcome::Failed, "{report:#?}");
}

/// Histories that differ on a day that neither receipt covers.
#[test]
fn a_fork_elsewhere_is_a_fork() {
    let mut world = world();
    let elsewhere = world.today.minus(5);
    let mut fork = world.clone();
    world.seal(1, elsewhere, &[(1, 1)]);
    fork.seal(1, elsewhere, &[(1, 2)]);
    let (days, sizes) = (days(&world), world.sizes());
    let earlier = receipt_of(&world, days);
    assert_eq!(
        since(&world, days, &earlier, &[]).outcome,
        Outcome::Proven,
        "the control"
    );
    let report = since(&fork, days, &earlier, &[]);
    assert_eq!(report.outcome, Outcome::Failed, "of one size");
    for world in [&mut world, &mut fork] {
        world.seal(1, elsewhere, &[(2, 1)]);
    }
    let sizes = [sizes];
    assert_eq!(
        since(&world, days, &earlier, &sizes).outcome,
        Outcome::Proven,
        "the control"
    );
    assert_eq!(
        since(&fork, days, &earlier, &sizes).outcome,
        Outcome::Failed,
        "of another"
    );
}

#[test]
fn the_proof_from_the_right_size_counts_and_an_older_receipt_is_said_to_be_older() {
    let mut world = world();
    let days = days(&world);
    let mut receipts = Vec::new();
    for hour in 10..14 {
        receipts.push((receipt_of(&world, days), world.sizes()));
        world.seal(1, world.today, &[(hour, 1)]);
    }
    let sizes: Vec<_> = receipts.iter().map(|(_, sizes)| sizes.clone()).collect();
    for (earlier, _) in &receipts {
        let report = since(&world, days, earlier, &sizes);
        assert_eq!(
            (report.outcome, report.is_consistent),
            (Outcome::Proven, true)
        );
    }
    let later = receipt_of(&world, days);
    let download = self::world().session(Some(1), days, ALL_DAY, &[]);
    let receipt = download.receipt.sign(&key()).unwrap();
    let expected = Expectations {
        since: Some(later),
        ..pinned(&key())
    };
    let report = both(&receipt, &expected, &download.file).unwrap();
    let told: Vec<_> = report
        .findings
        .iter()
        .map(|one| one.detail.as_str())
        .collect();
    assert_eq!(report.outcome, Outcome::Inconclusive);
    assert!(
        told[0].ends_with("the receipt is older than the one it is to follow"),
        "{told:?}"
    );
}

/// Days outside the later receipt's request are not compared, but a missing domain is reported.
#[test]
fn days_that_were_not_asked_for_are_not_compared_and_a_domain_is_missed() {
    let mut world = world();
    world.add_space("5bace2");
    let days = days(&world);
    let whole = world.session(None, days, ALL_DAY, &[]);
    let earlier = whole.receipt.sign(&world.key).unwrap();
    let report = since(&world, days, &earlier, &[]);
    assert_eq!(report.outcome, Outcome::Inconclusive, "{report:#?}");
    assert!(!report.is_consistent);
    let told: Vec<_> = report
        .findings
        .iter()
        .map(|one| one.detail.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "since the earlier receipt: account-0a11: is not in the later receipt",
            "since the earlier receipt: space-5bace2: is not in the later receipt",
        ]
    );
    let earlier = receipt_of(&world, days);
    let report = since(&world, (days.1, days.1), &earlier, &[]);
    assert_eq!(
        (report.outcome, report.is_consistent),
        (Outcome::Proven, true)
    );
}

/// A verified log names the keys that signed it before; without a pinned key it establishes nothing.
#[test]
fn an_earlier_receipt_by_an_earlier_key_is_known_by_the_later_log() {
    let mut world = world();
    let (days, sizes) = (days(&world), world.sizes());
    let earlier = receipt_of(&world, days);
    world.rotate();
    world.rotate();
    let download = world.session(Some(1), days, ALL_DAY, &[sizes]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let of = |keys: &[&SigningKey], earlier: &str| {
        let expected = Expectations {
            keys: keys.iter().map(|key| key.verifier_key().clone()).collect(),
            since: Some(earlier.to_owned()),
            ..Expectations::default()
        };
        both(&receipt, &expected, &download.file).unwrap()
    };
    let report = of(&[&world.key], &earlier);
    assert_eq!(
        report.outcome,
        Outcome::Proven,
        "only the newest is pinned: {report:#?}"
    );
    let report = of(&[], &earlier);
    assert_eq!(
        (report.outcome, report.is_consistent),
        (Outcome::Inconclusive, false)
    );
    // A receipt of another server is wrong when a key is known, and otherwise leaves the same questions open.
    let mut other = World::new(SigningKey::generate("another").unwrap());
    other.add_space("5bace1");
    other.seal(1, days.1, &[(7, 3)]);
    let foreign = receipt_of(&other, days);
    assert_eq!(of(&[&world.key], &foreign).outcome, Outcome::Failed);
    assert_eq!(of(&[], &foreign).outcome, Outcome::Inconclusive);
}

/// Makes an account with two hours on one day and a day that is empty again.
fn before_an_epoch() -> World {
    let mut world = world();
    let emptied = world.today.minus(2);
    world.seal(1, emptied, &[(1, 2)]);
    world.delete(1, emptied, ALL_DAY, DeletionKind::Request, false);
    world
}

#[test]
fn what_was_kept_by_a_new_epoch_is_counted() {
    let mut world = before_an_epoch();
    let days = (world.today.minus(2), world.today);
    let earlier = receipt_of(&world, days);
    let before = world.clone();
    let mut lossy = world.clone();
    world.new_epoch("e0c4", Some(&before), |_| true);
    let kept = |report: &Report| {
        let kept = report.domains[0].kept.clone().unwrap();
        (report.outcome, kept.days, kept.segments)
    };
    assert_eq!(
        kept(&since(&world, days, &earlier, &[])),
        (Outcome::Proven, 2, 3)
    );
    // A day on which nothing stood need not be requested.
    let later = (world.today.minus(1), days.1);
    assert_eq!(
        kept(&since(&world, later, &earlier, &[])),
        (Outcome::Proven, 2, 3)
    );
    lossy.new_epoch("e0c4", Some(&before), |kept| kept.hour != 4);
    assert_eq!(
        kept(&since(&lossy, days, &earlier, &[])),
        (Outcome::Failed, 2, 2)
    );
}

#[test]
fn twenty_missing_segments_are_named_and_the_rest_is_counted() {
    for (segments, more) in [
        (20, None),
        (21, Some("; and 1 segments more")),
        (30, Some("; and 10 segments more")),
    ] {
        let mut world = World::new(key());
        let space = world.add_space("5bace1");
        for _ in 0..segments {
            world.seal(space, world.today, &[(1, 1)]);
        }
        let days = days(&world);
        let earlier = receipt_of(&world, days);
        let before = world.clone();
        world.new_epoch("e0c4", Some(&before), |_| false);
        let report = since(&world, days, &earlier, &[]);
        let told = &report.findings[0].detail;
        assert_eq!(told.matches("segment 5e6").count(), 20, "{told}");
        assert_eq!(
            told.split_once("; and")
                .map(|(_, rest)| format!("; and{rest}"))
                .as_deref(),
            more
        );
    }
}

/// An epoch that continues another history of the same size, or that claims to continue a log that was not given,
/// proves nothing.
#[test]
fn an_epoch_continues_the_earlier_receipts_history_or_none() {
    let mut world = world();
    let mut fork = world.clone();
    world.seal(1, world.today, &[(9, 1)]);
    fork.seal(1, fork.today, &[(9, 2)]);
    let days = days(&world);
    let (earlier, sizes) = (receipt_of(&world, days), world.sizes());
    let before = fork.clone();
    let mut other = fork;
    other.new_epoch("e0c4", Some(&before), |_| true);
    // The proofs exist, but prove nothing about another log.
    while other.sizes()[1] <= sizes[1] {
        other.seal(1, days.1, &[(20, 1)]);
    }
    let report = since(&other, days, &earlier, &[sizes]);
    assert_eq!(report.outcome, Outcome::Inconclusive, "{report:#?}");
    assert!(report.domains[0].kept.is_none());
}

#[test]
fn each_hold_is_recorded_anew_before_anything_is_deleted() {
    let outcome = |recorded: &[HoldLevel], later: &[HoldLevel], is_deleted: bool| {
        let mut world = world();
        let days = days(&world);
        for level in [HoldLevel::Space, HoldLevel::Account] {
            world.hold(1, level, true);
        }
        let (before, earlier) = (world.clone(), receipt_of(&world, days));
        world.forget_holds(1);
        world.new_epoch("e0c4", Some(&before), |_| true);
        for level in recorded {
            world.hold(1, *level, true);
            world.hold(1, *level, false);
        }
        if is_deleted {
            let hours = HourRange { first: 3, last: 3 };
            world.delete(1, days.0, hours, DeletionKind::Request, true);
        }
        for level in later {
            world.hold(1, *level, true);
        }
        let report = since(&world, days, &earlier, &[]);
        let kinds: Vec<_> = report.findings.iter().map(|one| one.kind).collect();
        (report.outcome, kinds)
    };
    use FindingKind::{UnauthorisedDelete, Unproven};
    use HoldLevel::{Account, Space};
    assert_eq!(
        outcome(&[Space, Account], &[], true),
        (Outcome::Proven, vec![])
    );
    for (recorded, later) in [(Space, Account), (Account, Space)] {
        assert_eq!(
            outcome(&[recorded], &[later], true),
            (Outcome::Failed, vec![UnauthorisedDelete]),
            "{later:?} comes too late"
        );
        assert_eq!(
            outcome(&[recorded], &[], false),
            (Outcome::Inconclusive, vec![Unproven]),
            "{later:?} never comes"
        );
        assert_eq!(outcome(&[recorded], &[later], false).0, Outcome::Proven);
    }
}

/// A report on a wrong file states only that it is wrong.
#[test]
fn a_wrong_file_is_not_called_consistent() {
    let mut world = world();
    let (days, sizes) = (days(&world), world.sizes());
    let earlier = receipt_of(&world, days);
    world.seal(1, days.1, &[(9, 1)]);
    let download = world.session(Some(1), days, ALL_DAY, &[sizes]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let expected = Expectations {
        since: Some(earlier),
        ..pinned(&key())
    };
    let of = |file: &[u8]| {
        let report = both(&receipt, &expected, file).unwrap();
        (report.outcome, report.is_consistent, report.is_recompressed)
    };
    assert_eq!(of(&download.file), (Outcome::Proven, true, false));
    assert_eq!(of(download.text.as_bytes()), (Outcome::Proven, true, true));
    assert_eq!(of(b"{}\n"), (Outcome::Failed, false, false));
    // A receipt without an earlier one is not called consistent, either.
    let report = both(&receipt, &pinned(&key()), &download.file).unwrap();
    assert!(!report.is_consistent);
}

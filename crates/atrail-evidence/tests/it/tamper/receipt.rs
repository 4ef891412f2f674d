//! Changes of the receipt, and receipts of other downloads.

use super::*;

/// Receipts that the right key signed, but that belong to another download.
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
    // A valid receipt for another scope than the requested one.
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
    let changes: [fn(&mut Expectations); 5] = [
        |e| e.is_account = Some(true),
        |e| e.of = Some(ScopeOf::Account("5bace1".to_owned())),
        |e| e.start = Some(Day::FIRST),
        |e| e.end = Some(Day::FIRST),
        |e| e.hours = Some(HOURS),
    ];
    for change in changes {
        let report = asked(change);
        assert_eq!(kinds(&report), [FindingKind::OtherScope]);
    }
    // The later receipt, if somebody kept it, exposes a stale one.
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

/// A change of a receipt, which the right key then signs: the contents must agree with each other.
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

/// Content that a later version may introduce is not wrong, and proves nothing; other faults are still reported.
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
        // Later changes do not make the deletion valid.
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

/// A consistency proof is required, and it must be of this log.
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

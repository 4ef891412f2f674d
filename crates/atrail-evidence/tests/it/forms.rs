//! Every form of a receipt is judged on its own, even when an entry of an unknown type stops the check of the rest.

use atrail_evidence::{DeletionKind, Hash, Receipt};

use crate::python::{both, code};
use crate::world::{ALL_DAY, Download, World};
use crate::{key, pinned, second};

const SPACE: &str = "5bace1";

/// Makes an account with a space, a policy, a hold, a rotated key and a deletion, and records one text in place of
/// another.
fn world(respelled: Option<(String, String)>) -> World {
    let mut world = World::respelling(key(), respelled);
    let space = world.add_space(SPACE);
    let (today, yesterday) = (world.today, world.today.minus(1));
    world.policy(space, 7);
    world.rotate_to(second());
    world.seal(space, yesterday, &[(3, 2)]);
    world.delete(space, yesterday, ALL_DAY, DeletionKind::Request, false);
    world.seal(space, today, &[(1, 1), (2, 2)]);
    world
}

fn download(world: &mut World) -> Download {
    let days = (world.today.minus(1), world.today);
    world.later(0, None);
    world.session(None, days, ALL_DAY, &[])
}

fn concluded(mut world: World, change: impl FnOnce(&mut Receipt)) -> i64 {
    let mut download = download(&mut world);
    change(&mut download.receipt);
    let receipt = download.receipt.sign(&world.key).unwrap();
    code(&both(&receipt, &pinned(&key()), &download.file))
}

#[test]
fn every_form_is_judged_where_nothing_else_is() {
    let unchanged = concluded(world(None), |_| ());
    assert_eq!(unchanged, 3, "the control: nothing follows from it");
    let honest = download(&mut world(None)).receipt;
    let (account, space) = (&honest.domains[0], &honest.domains[1]);
    let yesterday = &space.lists[0];
    let (seal, deletion) = (&yesterday.entries[0], &yesterday.entries[1]);
    let (genesis, policy, change) = (&space.control[0], &space.control[1], &space.control[2]);
    let added = &account.control[1];
    let of = |entry: &String, was: &str, is: &str| {
        let respelled = entry.replacen(was, is, 1);
        assert_ne!(*entry, respelled, "{was} in {entry}");
        concluded(world(Some((entry.clone(), respelled))), |_| ())
    };
    let time = r#""time":"2026"#;
    for (entry, was, is) in [
        (genesis, time, r#""time":"26"#),
        (genesis, r#""key":"atrail-test+"#, r#""key":"atrail test+"#),
        (genesis, r#""continues":"""#, r#""continues":"no note""#),
        (policy, time, r#""time":"26"#),
        (policy, ":7}", ":-2}"),
        (policy, r#"{"type":"policy""#, r#"{"type":"genesis""#),
        (change, time, r#""time":"26"#),
        (change, r#""key":"atrail-test+"#, r#""key":"atrail test+"#),
        (change, r#"\n\n"#, r#"\n"#),
        (added, time, r#""time":"26"#),
        (seal, time, r#""time":"26"#),
        (seal, r#""day":"2026-11-19""#, r#""day":"2026-11-18""#),
        (seal, r#""hour":3"#, r#""hour":24"#),
        (seal, r#""count":2"#, r#""count":0"#),
        (deletion, time, r#""time":"26"#),
        (deletion, r#""day":"2026-11-19""#, r#""day":"2026-11-18""#),
        (deletion, r#""last":23"#, r#""last":24"#),
        (deletion, r#""first":0"#, r#""first":-1"#),
    ] {
        assert_eq!(of(entry, was, is), 1, "{was} as {is}");
    }
    let value: serde_json::Value = serde_json::from_str(seal).unwrap();
    let mut of_nothing = value.clone();
    of_nothing["segments"] = serde_json::json!([]);
    let respelled = Some((seal.clone(), of_nothing.to_string()));
    assert_eq!(concluded(world(respelled), |_| ()), 1, "a seal of nothing");
    let second = (policy.clone(), genesis.clone());
    assert_eq!(
        concluded(world(Some(second)), |_| ()),
        1,
        "a second genesis"
    );
    let first = (genesis.clone(), policy.clone());
    assert_eq!(concluded(world(Some(first)), |_| ()), 1, "no genesis");
    let of_account = (policy.clone(), added.clone());
    assert_eq!(
        concluded(world(Some(of_account)), |_| ()),
        1,
        "a space of a space"
    );
}

#[test]
fn the_receipts_own_forms_are_judged_too() {
    type Change = fn(&mut Receipt);
    let changes: [(&str, Change); 14] = [
        ("no moment", |r| r.created = "today".to_owned()),
        ("no first day", |r| r.scope.start = "x".to_owned()),
        ("days in reverse", |r| {
            r.scope.start = "2026-11-21".to_owned()
        }),
        ("hour 24", |r| r.scope.hours.last = 24),
        ("hours in reverse", |r| {
            (r.scope.hours.first, r.scope.hours.last) = (5, 4);
        }),
        ("no domain", |r| r.domains.clear()),
        ("no checkpoint", |r| {
            r.domains[1].checkpoint = "x\n".to_owned()
        }),
        ("no record", |r| r.domains[1].record = "{}".to_owned()),
        ("no record of a deletion", |r| {
            r.domains[1].deletions[0].record = "{}".to_owned();
        }),
        ("no day of a deletion", |r| {
            r.domains[1].deletions[0].day = "x".to_owned();
        }),
        ("an empty day list", |r| {
            r.domains[1].lists[0].entries.clear()
        }),
        ("a day list twice", |r| {
            let list = r.domains[1].lists[1].clone();
            r.domains[1].lists.push(list);
        }),
        ("day lists in reverse", |r| r.domains[1].lists.swap(0, 1)),
        ("a day list that was not asked for", |r| {
            r.scope.end = r.scope.start.clone();
        }),
    ];
    for (what, change) in changes {
        assert_eq!(concluded(world(None), change), 1, "{what}");
    }
    // The control: a changed hash in a place where none is compared any more.
    let inclusion: Change = |r| r.domains[1].inclusion[0] = Hash([9; 32]);
    assert_eq!(concluded(world(None), inclusion), 3);
}

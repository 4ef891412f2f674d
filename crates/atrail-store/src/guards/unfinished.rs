//! What was removed while its rows still stand: it is recorded, counted and copied once, and keeps nobody else waiting.

use atrail_model::{Requester, Retention};

use super::rests::{ACCEPT, MANY, REFUSE, REFUSE_LATER, one_an_hour};
use super::{A_WHILE, Arc, Domain, ErrorKind, Fixture, Target};

impl Fixture {
    /// Returns a store with very many objects in one old day, all sealed.
    async fn of_one_day() -> Self {
        let fixture = Self::of_many().await;
        let catalog = &fixture.store.core.catalog;
        catalog
            .run(
                "UPDATE objects SET day = (SELECT MIN(day) FROM objects) \
                 WHERE day < (SELECT MAX(day) FROM objects); \
                 DELETE FROM uncompacted; DELETE FROM hour_totals; \
                 INSERT INTO hour_totals (domain, day, hour, count, size_bytes) \
                 SELECT domain, day, hour, SUM(events), SUM(events_bytes) FROM objects GROUP BY domain, day, hour",
            )
            .await;
        assert!(fixture.is_sound().await);
        fixture
    }
}

/// The rows of retired objects stay, so that a day of many is not passed by its first part.
#[tokio::test]
async fn retention_ends_a_day_that_has_more_objects_than_a_part() {
    for is_restarted in [true, false] {
        let fixture = Fixture::of_one_day().await;
        let core = Arc::clone(&fixture.store.core);
        let pinned = fixture.making().await.unwrap().unwrap();
        let days = Retention::Days(20.try_into().unwrap());
        let target = Target::Space(fixture.space);
        let set = fixture.store.set_retention(target, days, "ann");
        set.await.unwrap();
        // Its first part goes through.
        core.catalog
            .run(
                "CREATE TRIGGER refuse BEFORE UPDATE OF retired ON objects WHEN OLD.hour > 9 \
                 BEGIN SELECT RAISE(ABORT, 'no'); END",
            )
            .await;
        let swept = tokio::time::timeout(10 * A_WHILE, fixture.store.sweep()).await;
        swept.expect("it ends").unwrap_err();
        let retired = "SELECT COUNT(*) FROM objects WHERE retired IS NOT NULL";
        let in_part = fixture.number(retired).await;
        assert!(
            255 < in_part && in_part < i64::from(MANY),
            "the control: {in_part}"
        );
        core.catalog.run(ACCEPT).await;
        drop(core);
        let fixture = if is_restarted {
            tokio::time::timeout(10 * A_WHILE, fixture.restart())
                .await
                .expect("it starts")
        } else {
            let swept = tokio::time::timeout(10 * A_WHILE, fixture.store.sweep()).await;
            swept.expect("it ends").unwrap();
            fixture
        };
        assert_eq!((fixture.ranges().await, fixture.count().await), (0, 1));
        assert_eq!(fixture.number(retired).await, i64::from(MANY));
        let session = fixture.store.session(pinned.owner, pinned.id).await;
        session.unwrap().refuse_if_gone().unwrap();
        assert!(fixture.is_sound().await);
    }
}

/// Its first object is of no help: retention removed it before.
#[tokio::test]
async fn a_deletion_whose_commit_fails_erases_nothing_that_still_counts() {
    for is_large in [false, true] {
        let fixture = if is_large {
            Fixture::of_many().await
        } else {
            let fixture = Fixture::new().await;
            let sent = fixture.store.append(fixture.domain(), one_an_hour(30));
            sent.await.unwrap();
            fixture.seal().await.unwrap().unwrap();
            fixture
        };
        let core = Arc::clone(&fixture.store.core);
        let pinned = fixture.making().await.unwrap().unwrap();
        // It ends at the first hours.
        let first = "UPDATE objects SET retired = 1 WHERE (day, hour) = \
                     (SELECT day, hour FROM objects ORDER BY day, hour LIMIT 1)";
        core.catalog.run(first).await;
        let first = "DELETE FROM hour_totals WHERE (day, hour) = \
                     (SELECT day, hour FROM objects ORDER BY day, hour LIMIT 1)";
        core.catalog.run(first).await;
        let (count, files) = (fixture.count().await, fixture.objects().len());
        assert!(count < pinned.events, "the control: some is retired");
        // A violation that SQLite notices only when the transaction is to commit.
        core.catalog
            .run(
                "CREATE TABLE torn (x REFERENCES domains (domain) DEFERRABLE INITIALLY DEFERRED); \
                 CREATE TRIGGER tear AFTER DELETE ON objects BEGIN INSERT INTO torn VALUES (-1); END; \
                 CREATE TRIGGER tear_too AFTER INSERT ON removed_ranges BEGIN INSERT INTO torn VALUES (-1); END",
            )
            .await;
        fixture.deletion().await.unwrap().unwrap_err();
        assert_eq!(
            (fixture.count().await, fixture.objects().len()),
            (count, files)
        );
        core.erase_owed().await.unwrap();
        assert_eq!(fixture.objects().len(), files);
        let still = fixture.store.session(pinned.owner, pinned.id).await;
        still.unwrap().refuse_if_gone().unwrap();
        core.catalog
            .run("DROP TRIGGER tear; DROP TRIGGER tear_too; DROP TABLE torn")
            .await;
        let deleted = fixture.deletion().await.unwrap().unwrap();
        assert_eq!((deleted.count, deleted.is_owed), (count, false));
        assert!(fixture.objects().is_empty() && fixture.is_sound().await);
    }
}

#[tokio::test]
async fn what_one_domain_cannot_remove_keeps_no_other_and_no_start() {
    let fixture = Fixture::of_many().await;
    let other = fixture.other().await;
    fixture.store.core.catalog.run(REFUSE_LATER).await;
    assert!(fixture.deletion().await.unwrap().unwrap().is_owed);
    fixture.send("two").await;
    fixture.seal().await.unwrap().unwrap_err();
    let unsealed = fixture.store.core.journal.unsealed_domains();
    assert!(!unsealed.contains(&other), "it was sealed");
    assert!(unsealed.contains(&fixture.domain()), "the control");
    let fixture = fixture.restart().await;
    let core = Arc::clone(&fixture.store.core);
    assert_eq!((fixture.ranges().await, fixture.count().await), (1, 1));
    assert!(core.owes_objects.owes());
    core.catalog.run(ACCEPT).await;
    core.erase_owed().await.unwrap();
    assert_eq!((fixture.ranges().await, fixture.count().await), (0, 1));
    fixture.seal().await.unwrap().unwrap();
    assert_eq!(fixture.objects().len(), 2);
    assert_eq!(fixture.of_account().await, 2);
}

/// On a full disk, a deletion removes twice: what is sealed, and then the rest.
#[tokio::test]
async fn what_is_deleted_is_recorded_once_though_its_rows_stand() {
    let fixture = Fixture::of_many().await;
    let core = Arc::clone(&fixture.store.core);
    core.catalog.run(REFUSE_LATER).await;
    assert!(fixture.deletion().await.unwrap().unwrap().is_owed);
    assert!(fixture.rows().await > 1, "the control");
    let scope = fixture.scope();
    let domains = core.catalog.domains_of(scope.target).await.unwrap();
    core.catalog.run(ACCEPT).await;
    let now = "2017-07-25T10:00:00Z".parse().unwrap();
    let again = core
        .catalog
        .prepare_removal(&domains, &scope, Requester::from("ann"), now);
    let refused = again.await.err().expect("its rows are to go first");
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
    let again = fixture.deletion().await.unwrap().unwrap();
    assert_eq!((again.count, again.is_owed), (0, false));
    assert_eq!((fixture.rows().await, fixture.ranges().await), (0, 0));
}

/// A backup that begins between the decision and the last part has nothing of it.
#[tokio::test]
async fn a_backup_leaves_out_what_is_deleted_though_its_rows_stand() {
    let fixture = Fixture::of_many().await;
    let catalog = &fixture.store.core.catalog;
    let all = i64::from(MANY) + 1;
    let listed = catalog.recorded_after(None, 10_000).await.unwrap();
    assert_eq!(i64::try_from(listed.len()).unwrap(), all, "the control");
    catalog.run(REFUSE_LATER).await;
    assert!(fixture.deletion().await.unwrap().unwrap().is_owed);
    assert!(fixture.rows().await > 0, "the control");
    fixture.send("two").await;
    assert_eq!(catalog.archive_size().await.unwrap(), (0, 0));
    assert_eq!(catalog.recorded_after(None, 10_000).await.unwrap(), []);
}

#[tokio::test]
async fn an_account_ends_though_rows_of_its_deleted_events_stand() {
    let fixture = Fixture::of_many().await;
    let tenancy = fixture.store.tenancy();
    let target = Target::Space(fixture.space);
    let core = &fixture.store.core;
    let account = core.catalog.domains_of(target).await.unwrap()[0].account;
    let organization = tenancy.organizations().await.unwrap()[0].id;
    let now = "2017-07-25T10:00:00Z".parse().unwrap();
    tenancy.delete_space(fixture.space, now).await.unwrap();
    tenancy.delete_organization(organization).await.unwrap();
    let refused = tenancy.delete_account(account, now).await.unwrap_err();
    assert_eq!(
        refused.kind(),
        ErrorKind::Conflict,
        "the control: {refused}"
    );
    core.catalog.run(REFUSE_LATER).await;
    let scope = atrail_model::Scope {
        target: Target::Account(account),
        ..fixture.scope()
    };
    let deleted = fixture.store.delete_events(scope, "ann", false).await;
    assert!(deleted.unwrap().is_owed, "the control");
    tenancy.delete_account(account, now).await.unwrap();
}

/// Only domains that lose something are marked as changed.
#[tokio::test]
async fn a_domain_that_loses_nothing_has_no_range() {
    let fixture = Fixture::of_many().await;
    let core = &fixture.store.core;
    let target = Target::Space(fixture.space);
    let account = core.catalog.domains_of(target).await.unwrap()[0].account;
    core.catalog.run(REFUSE).await;
    let removals = "SELECT removals FROM domains WHERE space IS NULL";
    let before = fixture.number(removals).await;
    let scope = atrail_model::Scope {
        target: Target::Account(account),
        ..fixture.scope()
    };
    let deleted = fixture.store.delete_events(scope, "ann", false).await;
    assert!(deleted.unwrap().is_owed, "the control");
    let domains = core.catalog.domains_of(scope.target).await.unwrap();
    assert_eq!((domains.len(), fixture.ranges().await), (2, 1));
    assert_eq!(fixture.number(removals).await, before);
    let lost = "SELECT removals FROM domains WHERE space IS NOT NULL";
    assert_eq!(fixture.number(lost).await, 1, "the control");
}

/// Somebody who reads very many rows holds a connection for long.
#[tokio::test]
async fn a_count_waits_for_no_reader() {
    let fixture = Fixture::of_many().await;
    let catalog = &fixture.store.core.catalog;
    let mut readers = Vec::new();
    let reads = async {
        loop {
            readers.push(catalog.snapshot("read").await.unwrap());
        }
    };
    let all = tokio::time::timeout(A_WHILE, reads).await;
    assert!(all.is_err() && !readers.is_empty(), "the control");
    let look = async {
        (
            fixture.count().await,
            catalog.being_removed().await.unwrap().len(),
        )
    };
    let counts = tokio::time::timeout(5 * A_WHILE, look).await;
    assert_eq!(counts.expect("it does not wait"), (u64::from(MANY) + 1, 0));
}

/// Each of them locks the counts for a part of them.
#[tokio::test]
async fn each_domain_of_very_many_is_counted() {
    let fixture = Fixture::new().await;
    let tenancy = fixture.store.tenancy();
    let organization = tenancy.organizations().await.unwrap()[0].clone();
    let now = "2017-07-25T10:00:00Z".parse().unwrap();
    for nth in 0..130 {
        let space = tenancy
            .create_space(organization.id, &format!("s{nth}"), now)
            .await
            .unwrap();
        let sent = vec![Fixture::event("other")];
        let sent = fixture.store.append(Domain::Space(space.id), sent);
        sent.await.unwrap();
        if nth == 70 {
            fixture.seal().await.unwrap().unwrap();
        }
    }
    assert_eq!(fixture.of_account().await, 131);
    let (days, hours) = (fixture.scope().days, fixture.scope().hours);
    let each = fixture
        .store
        .status_by_domain(organization.account, days, hours);
    let each = each.await.unwrap();
    assert_eq!(each.len(), 131);
    assert!(each.iter().all(|(_, total)| total.count == 1));
}

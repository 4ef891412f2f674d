//! Removals of very many objects: others see all of them or none, whatever happens before the last row is gone.

use atrail_model::{Requester, Retention};

use super::{
    A_WHILE, Arc, Bytes, Day, Domain, ErrorKind, Fixture, Hour, NewEvent, Target, leaf_hash,
};

/// Several times as many objects as one transaction removes.
pub(super) const MANY: u32 = 700;

pub(super) const REFUSE: &str =
    "CREATE TRIGGER refuse BEFORE DELETE ON objects BEGIN SELECT RAISE(ABORT, 'no'); END";
/// Lets the first parts go.
pub(super) const REFUSE_LATER: &str = "CREATE TRIGGER refuse BEFORE DELETE ON objects WHEN OLD.day > \
     (SELECT MIN(day) + 14 FROM objects) BEGIN SELECT RAISE(ABORT, 'no'); END";
pub(super) const ACCEPT: &str = "DROP TRIGGER refuse";

pub(super) fn one_an_hour(hours: u32) -> Vec<NewEvent> {
    let first = "2016-06-01".parse::<Day>().unwrap().number();
    let event = |hour: u32| {
        let line = Bytes::from(format!("{{\"n\":{hour}}}"));
        NewEvent {
            day: Day::from_number(first + hour / 24).unwrap(),
            hour: Hour::new(u8::try_from(hour % 24).unwrap()).unwrap(),
            leaf: leaf_hash(&line),
            line,
        }
    };
    (0..hours).map(event).collect()
}

impl Fixture {
    /// Returns a store with an event in each of very many hours, all sealed.
    pub(super) async fn of_many() -> Self {
        let fixture = Self::new().await;
        let sent = fixture.store.append(fixture.domain(), one_an_hour(MANY));
        sent.await.unwrap();
        fixture.seal().await.unwrap().unwrap();
        assert_eq!(fixture.count().await, u64::from(MANY) + 1);
        fixture
    }

    pub(super) async fn number(&self, sql: &'static str) -> i64 {
        self.store.core.catalog.number(sql).await
    }

    pub(super) async fn rows(&self) -> i64 {
        self.number("SELECT COUNT(*) FROM objects").await
    }

    pub(super) async fn ranges(&self) -> i64 {
        self.number("SELECT COUNT(*) FROM removed_ranges").await
    }

    /// Returns how many events the account has: in all, and of its domains together.
    pub(super) async fn of_account(&self) -> u64 {
        let target = Target::Space(self.space);
        let domains = self.store.core.catalog.domains_of(target).await.unwrap();
        let scope = atrail_model::Scope {
            target: Target::Account(domains[0].account),
            ..self.scope()
        };
        let count = self.store.count(scope).await.unwrap().count;
        let by_domain = self
            .store
            .status_by_domain(domains[0].account, scope.days, scope.hours);
        let by_domain = by_domain.await.unwrap();
        let each: u64 = by_domain.iter().map(|(_, total)| total.count).sum();
        assert_eq!(each, count, "{by_domain:?}");
        count
    }

    pub(super) async fn is_sound(&self) -> bool {
        let found = self.store.core.catalog.integrity().await.unwrap();
        found.is_empty()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_write_between_the_parts_and_see_all_or_nothing() {
    let fixture = Fixture::of_many().await;
    let deletion = fixture.deletion();
    let mut between = 0;
    while !deletion.is_finished() {
        let count = fixture.count().await;
        assert!([0, u64::from(MANY) + 1].contains(&count), "{count}");
        fixture
            .store
            .core
            .catalog
            .run("UPDATE domains SET removals = removals")
            .await;
        let rows = fixture.rows().await;
        between += i32::from(0 < rows && rows < i64::from(MANY));
    }
    let deleted = deletion.await.unwrap().unwrap();
    assert_eq!(
        (deleted.count, deleted.is_owed),
        (u64::from(MANY) + 1, false)
    );
    assert!(between > 0, "the control: it was removed in parts");
    assert_eq!((fixture.rows().await, fixture.ranges().await), (0, 0));
    assert!(fixture.objects().is_empty() && fixture.is_sound().await);
}

#[tokio::test]
async fn a_deletion_that_cannot_remove_its_rows_is_one_to_all_who_look() {
    for refuse in [REFUSE, REFUSE_LATER] {
        let fixture = Fixture::of_many().await;
        let other = {
            let tenancy = fixture.store.tenancy();
            let organization = tenancy.organizations().await.unwrap()[0].id;
            let now = "2017-07-25T10:00:00Z".parse().unwrap();
            let made = tenancy.create_space(organization, "other", now);
            Domain::Space(made.await.unwrap().id)
        };
        let sent = fixture.store.append(other, vec![Fixture::event("other")]);
        sent.await.unwrap();
        fixture.seal().await.unwrap().unwrap();
        let core = Arc::clone(&fixture.store.core);
        let pinned = fixture.making().await.unwrap().unwrap();
        assert_eq!(pinned.events, u64::from(MANY) + 1, "the control");
        core.catalog.run(refuse).await;
        let deleted = fixture.deletion().await.unwrap().unwrap();
        assert_eq!(
            (deleted.count, deleted.is_owed),
            (u64::from(MANY) + 1, true)
        );
        assert!(fixture.rows().await > 1, "the control: its rows are there");
        assert_eq!(
            fixture.rows().await < i64::from(MANY),
            refuse == REFUSE_LATER
        );
        assert_eq!((fixture.count().await, fixture.of_account().await), (0, 1));
        assert!(fixture.is_sound().await);
        let gone = core.catalog.session(pinned.owner, pinned.id).await.unwrap();
        assert!(gone.unwrap().refuse_if_gone().is_err());
        assert_eq!(fixture.making().await.unwrap().unwrap().events, 0);
        let requester = Requester {
            reason: "case 7",
            ..Requester::from("ann")
        };
        // It was deleted before the hold, and goes nevertheless.
        let target = Target::Space(fixture.space);
        fixture.store.set_hold(target, requester).await.unwrap();
        // A deleted event may come again, is new, and is not sealed where it would go with the rest.
        fixture.send("one").await;
        let again = fixture.store.append(fixture.domain(), one_an_hour(1));
        assert_eq!(again.await.unwrap().duplicates, 0);
        fixture.seal().await.unwrap().unwrap_err();
        assert_eq!((fixture.count().await, fixture.of_account().await), (2, 3));
        core.erase_owed().await.unwrap();
        assert!(core.owes_objects.owes() && fixture.ranges().await == 1);
        core.catalog.run(ACCEPT).await;
        fixture.seal().await.unwrap().unwrap();
        assert_eq!((fixture.count().await, fixture.of_account().await), (2, 3));
        assert_eq!((fixture.rows().await, fixture.ranges().await), (3, 0));
        core.erase_owed().await.unwrap();
        assert_eq!(fixture.objects().len(), 3);
        assert!(!core.owes_objects.owes() && fixture.is_sound().await);
        let session = fixture.making().await.unwrap().unwrap();
        assert_eq!(session.events, 2);
        let held = fixture.deletion().await.unwrap().unwrap_err();
        assert_eq!(held.kind(), ErrorKind::Held);
    }
}

#[tokio::test]
async fn a_deletion_is_finished_by_the_next_start_or_the_next_deletion() {
    for refuse in [REFUSE, REFUSE_LATER] {
        for is_restarted in [true, false] {
            let fixture = Fixture::of_many().await;
            fixture.store.core.catalog.run(refuse).await;
            assert!(fixture.deletion().await.unwrap().unwrap().is_owed);
            fixture.store.core.catalog.run(ACCEPT).await;
            assert_eq!(fixture.ranges().await, 1, "the control");
            fixture.send("two").await;
            let fixture = if is_restarted {
                let fixture = fixture.restart().await;
                assert_eq!((fixture.rows().await, fixture.ranges().await), (0, 0));
                assert!(fixture.objects().is_empty());
                assert_eq!(fixture.count().await, 1);
                fixture
            } else {
                fixture
            };
            let again = fixture.deletion().await.unwrap().unwrap();
            assert_eq!((again.count, again.is_owed), (1, false));
            assert_eq!((fixture.rows().await, fixture.ranges().await), (0, 0));
            assert!(fixture.objects().is_empty() && fixture.is_sound().await);
        }
    }
}

#[tokio::test]
async fn a_large_deletion_that_is_misreported_is_done_to_its_end() {
    let fixture = Fixture::of_many().await;
    fixture.store.core.catalog.misreport("delete events");
    let deleted = fixture.deletion().await.unwrap().unwrap();
    assert_eq!(
        (deleted.count, deleted.is_owed),
        (u64::from(MANY) + 1, false)
    );
    assert_eq!((fixture.rows().await, fixture.objects().len()), (0, 0));
}

#[tokio::test]
async fn what_retention_removes_in_parts_stays_for_the_session_that_pinned_it() {
    for is_restarted in [true, false] {
        let fixture = Fixture::of_many().await;
        let core = Arc::clone(&fixture.store.core);
        let pinned = fixture.making().await.unwrap().unwrap();
        let days = Retention::Days(20.try_into().unwrap());
        let target = Target::Space(fixture.space);
        fixture
            .store
            .set_retention(target, days, "ann")
            .await
            .unwrap();
        core.catalog
            .run(
                "CREATE TRIGGER refuse BEFORE UPDATE OF retired ON objects WHEN OLD.day > \
                 (SELECT MIN(day) + 14 FROM objects) BEGIN SELECT RAISE(ABORT, 'no'); END",
            )
            .await;
        fixture.store.sweep().await.unwrap_err();
        assert_eq!(fixture.ranges().await, 1, "the control");
        let retired = "SELECT COUNT(*) FROM objects WHERE retired IS NOT NULL";
        let in_part = fixture.number(retired).await;
        let left = fixture.count().await;
        assert!(0 < in_part && u64::try_from(in_part).unwrap() < u64::from(MANY) - left);
        assert_eq!(fixture.making().await.unwrap().unwrap().events, left);
        assert!(fixture.is_sound().await);
        core.catalog.run(ACCEPT).await;
        drop(core);
        let fixture = if is_restarted {
            fixture.restart().await
        } else {
            fixture.store.sweep().await.unwrap();
            fixture
        };
        assert_eq!((fixture.ranges().await, fixture.count().await), (0, left));
        let retired = fixture.number(retired).await;
        assert_eq!(u64::try_from(retired).unwrap(), u64::from(MANY) + 1 - left);
        assert_eq!(fixture.objects().len(), MANY as usize + 1, "it is pinned");
        let session = fixture
            .store
            .session(pinned.owner, pinned.id)
            .await
            .unwrap();
        session.refuse_if_gone().unwrap();
        assert!(fixture.is_sound().await);
    }
}

/// A user of several accounts logs in although somebody fills one of them.
#[tokio::test]
async fn the_own_events_of_the_server_do_not_wait_for_room() {
    let fixture = Fixture::new().await;
    let _nobody_seals = fixture.seals().await;
    let sent = fixture.store.append(fixture.domain(), one_an_hour(9_000));
    sent.await.unwrap();
    let event = || Fixture::event("two");
    let sent = fixture.store.append(fixture.domain(), vec![event()]);
    let waited = tokio::time::timeout(A_WHILE, sent).await;
    waited.unwrap_err();
    let own = fixture.store.append_own(fixture.domain(), event());
    tokio::time::timeout(A_WHILE, own).await.unwrap().unwrap();
    assert_eq!(fixture.count().await, 9_002);
}

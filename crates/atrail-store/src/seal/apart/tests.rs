use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use atrail_archive::object::Line;
use atrail_evidence::leaf_hash;
use atrail_model::{AccountId, Day, DayRange, Hour, Hours, ManualClock, Scope, Target};
use atrail_wal::NewEvent;
use bytes::Bytes;

use super::*;
use crate::apart::Apart;
use crate::{Store, StoreSettings};

const DAY: &str = "2017-07-25";

struct Fixture {
    store: Store,
    account: AccountId,
    settings: StoreSettings,
    clock: Arc<ManualClock>,
    _dir: tempfile::TempDir,
}

impl Fixture {
    /// Returns a store with one hour set apart that could be sealed by now.
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = StoreSettings::new(dir.path().join("data"));
        let now = "2017-07-25T10:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::new(now));
        let store = Store::open_dir(settings.clone(), clock.clone())
            .await
            .unwrap();
        let tenancy = store.tenancy();
        let account = tenancy.create_account("acme", now).await.unwrap().id;
        let fixture = Self {
            store,
            account,
            settings,
            clock,
            _dir: dir,
        };
        let place = fixture.hour();
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, "no directory").unwrap();
        let sent = fixture.store.append(fixture.domain(), vec![event("a")]);
        sent.await.unwrap();
        // The first try sets the hour apart; a try of the hours apart follows. The background makes none for a minute.
        fixture.store.core.seal(SealScope::All).await.unwrap();
        assert_eq!(fixture.store.hours_apart(), 1);
        fs::remove_file(place).unwrap();
        fixture
    }

    fn domain(&self) -> Domain {
        Domain::Account(self.account)
    }

    /// Returns the directory of the hour's objects.
    fn hour(&self) -> PathBuf {
        let place = format!("archive/domain={}/date={DAY}/hour=09", self.domain());
        self.settings.data_dir.join(place)
    }

    fn objects(&self) -> usize {
        fs::read_dir(self.hour()).map_or(0, Iterator::count)
    }

    async fn seal(&self) -> Result<()> {
        let its_own = SealScope::These(HashSet::from([self.domain()]));
        self.store.core.seal(its_own).await
    }

    async fn count(&self) -> u64 {
        let scope = Scope {
            target: Target::Account(self.account),
            days: DayRange::new(Day::FIRST, Day::LAST).unwrap(),
            hours: Hours::ALL,
        };
        let days = self.store.status(scope).await.unwrap();
        days.iter().map(|day| day.count).sum()
    }

    async fn restart(self) -> Self {
        let Self {
            store,
            account,
            settings,
            clock,
            _dir,
        } = self;
        let _ = store.close().await;
        drop(store);
        // The last task of the dropped store releases the lock, perhaps a moment later.
        let store = loop {
            match Store::open_dir(settings.clone(), clock.clone()).await {
                Ok(store) => break store,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        Self {
            store,
            account,
            settings,
            clock,
            _dir,
        }
    }
}

fn event(text: &str) -> NewEvent {
    let line = format!("{{\"id\":\"{text}\",\"eventTime\":\"{DAY}T09:00:00Z\"}}");
    let line = Bytes::from(line);
    NewEvent {
        day: DAY.parse().unwrap(),
        hour: Hour::new(9).unwrap(),
        leaf: leaf_hash(&line),
        line,
    }
}

/// A domain whose hours fail again and again neither has all of them tried in one round, nor blocks the turn of other
/// domains.
#[tokio::test]
async fn the_hours_of_a_domain_take_turns_at_failing() {
    let fixture = Fixture::new().await;
    let apart = &fixture.store.core.apart;
    let [broken, other] = std::array::from_fn(|_| Domain::Account(AccountId::generate()));
    // Of domains that are missing in the catalog: each try fails.
    for (domain, hours) in [(broken, 0..20), (other, 0..1)] {
        for hour in hours {
            let place = Place {
                domain,
                day: DAY.parse().unwrap(),
                hour: Hour::new(hour).unwrap(),
            };
            apart.add(place, &[], "");
        }
    }
    let failed = || {
        let hours = apart.hours().into_iter();
        let of = |domain| {
            let own = hours.clone().filter(|(place, _)| place.domain == domain);
            own.filter(|(_, held)| held.failed > 1).count()
        };
        (of(broken), of(other))
    };
    for go in 1..=3 {
        apart.go_on();
        fixture
            .store
            .core
            .seal_apart(&SealScope::All)
            .await
            .unwrap();
        assert_eq!(failed(), (go, 1));
        assert_eq!(fixture.objects(), 1, "what can be sealed is");
    }
    let asked = SealScope::These(HashSet::from([broken]));
    fixture.store.core.seal_apart(&asked).await.unwrap();
    assert_eq!(failed(), (11, 1));
}

const COMMIT: &str = "seal an hour that was set apart";
const LOOK: &str = "look whether a commit took effect";

#[tokio::test]
async fn a_commit_that_counts_though_it_was_reported_as_failed_keeps_its_object() {
    let fixture = Fixture::new().await;
    fixture.store.core.catalog.misreport(COMMIT);
    fixture.seal().await.unwrap();
    assert_eq!((fixture.objects(), fixture.store.hours_apart()), (1, 0));
    // Its keys were stored too.
    let again = fixture.store.append(fixture.domain(), vec![event("a")]);
    assert_eq!(again.await.unwrap().duplicates, 1);
    let fixture = fixture.restart().await;
    assert_eq!((fixture.objects(), fixture.count().await), (1, 1));
}

/// A commit that was never begun cannot count: the store continues, even when the catalog cannot be read.
#[tokio::test]
async fn what_fails_before_its_commit_is_tried_again() {
    let fixture = Fixture::new().await;
    let catalog = &fixture.store.core.catalog;
    catalog.misreport(LOOK);
    let refuse =
        "CREATE TRIGGER refuse BEFORE INSERT ON objects BEGIN SELECT RAISE(ABORT, 'no'); END";
    catalog.run(refuse).await;
    fixture.seal().await.unwrap();
    assert_eq!((fixture.objects(), fixture.store.hours_apart()), (0, 1));
    catalog.run("DROP TRIGGER refuse").await;
    fixture.seal().await.unwrap();
    assert_eq!((fixture.objects(), fixture.store.hours_apart()), (1, 0));
}

#[tokio::test]
async fn while_it_is_unknown_whether_a_commit_counts_nothing_is_erased_nor_sealed_again() {
    let fixture = Fixture::new().await;
    let catalog = &fixture.store.core.catalog;
    catalog.misreport(COMMIT);
    catalog.misreport(LOOK);
    fixture.seal().await.unwrap();
    let refused = fixture.seal().await.unwrap_err();
    assert!(matches!(refused, StoreError::Poisoned(_)), "{refused}");
    let sent = fixture.store.append(fixture.domain(), vec![event("b")]);
    let refused = sent.await.unwrap_err();
    assert!(matches!(refused, StoreError::Poisoned(_)), "{refused}");
    assert_eq!(fixture.objects(), 1);
    let fixture = fixture.restart().await;
    assert_eq!((fixture.objects(), fixture.count().await), (1, 1));
    assert_eq!(fixture.store.hours_apart(), 0);
}

#[tokio::test]
async fn a_domain_is_refused_beyond_its_part_whatever_its_hour_and_no_other_is() {
    let apart = Apart::default();
    let [broken, other, sound] = std::array::from_fn(|_| Domain::Account(AccountId::generate()));
    let set_apart = |domain, hour| {
        let event = event("a");
        let line = Line {
            line: event.line,
            leaf: event.leaf,
        };
        let place = Place {
            domain,
            day: event.day,
            hour: Hour::new(hour).unwrap(),
        };
        apart.add(place, &[line], "no directory");
    };
    // Enough for a dozen of them.
    let most_bytes = 12 * event("a").line.len() as u64;
    let mut taken = [0, 0];
    for (taken, domain) in taken.iter_mut().zip([broken, other]) {
        while apart.refuse_more(domain, most_bytes).is_ok() {
            set_apart(domain, *taken);
            *taken += 1;
        }
    }
    assert_eq!(taken, [6, 3], "each as much as is free");
    apart.refuse_more(sound, most_bytes).unwrap();
    // Each sealed hour makes room.
    for (place, _) in apart.hours() {
        if place.domain == broken {
            apart.remove(place);
        }
    }
    apart.refuse_more(other, most_bytes).unwrap();
    apart.refuse_more(broken, most_bytes).unwrap();
}

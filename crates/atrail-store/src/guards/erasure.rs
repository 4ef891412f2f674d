//! A deletion has no effect on others.

use atrail_model::{EventTotal, Target};

use super::{A_WHILE, Arc, DayRange, Domain, Fixture, HashSet, Hours, NewEvent, Scope, Store};
use atrail_model::{AccountId, Day};

struct Other {
    store: Store,
    account: AccountId,
}

impl Other {
    /// Creates another account in the same store, with unsealed events.
    async fn new(fixture: &Fixture, name: &str) -> Self {
        let (store, now) = (
            fixture.store.clone(),
            "2017-07-25T10:00:00Z".parse().unwrap(),
        );
        let account = store.tenancy().create_account(name, now).await.unwrap().id;
        let other = Self { store, account };
        let events: Vec<NewEvent> = ["kept", "also kept"]
            .map(|text| Fixture::event(&format!("{text} by {name}")))
            .into();
        other.store.append(other.domain(), events).await.unwrap();
        other
    }

    fn domain(&self) -> Domain {
        Domain::Account(self.account)
    }

    fn scope(&self) -> Scope {
        Scope {
            target: Target::Account(self.account),
            days: DayRange::new(Day::FIRST, Day::LAST).unwrap(),
            hours: Hours::ALL,
        }
    }

    fn deletion(&self) -> tokio::task::JoinHandle<crate::Result<EventTotal>> {
        let (store, scope) = (self.store.clone(), self.scope());
        tokio::spawn(async move { store.delete_events(scope, "ann", false).await })
    }
}

impl Fixture {
    /// Reports whether the log has this text anywhere.
    fn log_holds(&self, text: &str) -> bool {
        let mut files = std::fs::read_dir(self.dir.path().join("data/wal")).unwrap();
        files.any(|file| {
            let path = file.unwrap().path();
            let bytes = std::fs::read(path).unwrap_or_default();
            memchr::memmem::find(&bytes, text.as_bytes()).is_some()
        })
    }

    async fn delete(&self) -> EventTotal {
        let deleted = self.store.delete_events(self.scope(), "ann", false).await;
        deleted.unwrap()
    }
}

#[tokio::test]
async fn a_deletion_seals_nothing_of_others_and_leaves_no_byte_of_its_own() {
    let fixture = Fixture::new().await;
    let other = Other::new(&fixture, "other").await;
    fixture.send("two").await;
    assert!(fixture.log_holds("\"two\"") && fixture.log_holds("\"one\""));
    let deleted = fixture.delete().await;
    assert_eq!((deleted.count, deleted.is_owed), (2, false));
    assert!(!fixture.log_holds("\"two\"") && !fixture.log_holds("\"one\""));
    assert!(fixture.log_holds("also kept by other"));
    assert!(fixture.objects().is_empty(), "nothing else was sealed");
    let unsealed = fixture.store.core.journal.unsealed_domains();
    assert_eq!(unsealed, HashSet::from([other.domain()]));
    fixture.send("three").await;
    let scope = other.scope();
    drop(other);
    let fixture = fixture.restart().await;
    assert_eq!(fixture.count().await, 1);
    assert_eq!(fixture.store.count(scope).await.unwrap().count, 2);
    fixture.seal().await.unwrap().unwrap();
    assert_eq!(fixture.store.count(scope).await.unwrap().count, 2);
    assert_eq!((fixture.count().await, fixture.objects().len()), (1, 2));
}

#[tokio::test]
async fn deletions_in_different_accounts_do_not_wait_for_each_other() {
    let fixture = Fixture::new().await;
    let other = Other::new(&fixture, "other").await;
    let busy = fixture.seals().await;
    let own = fixture.deletion();
    let deleted = other.deletion().await.unwrap().unwrap();
    assert_eq!((deleted.count, deleted.is_owed), (2, false));
    assert!(!fixture.log_holds("kept by other") && fixture.log_holds("\"one\""));
    tokio::time::sleep(A_WHILE).await;
    assert!(!own.is_finished(), "the control");
    drop(busy);
    assert_eq!(own.await.unwrap().unwrap().count, 1);
}

#[tokio::test]
async fn one_erasure_does_it_for_all_that_wait() {
    let fixture = Fixture::new().await;
    let mut others = Vec::new();
    for n in 0..12 {
        others.push(Other::new(&fixture, &format!("other {n}")).await);
    }
    let turn = fixture.store.core.log_erasure.turn().await;
    let deletions: Vec<_> = others[1..].iter().map(Other::deletion).collect();
    tokio::time::sleep(A_WHILE).await;
    let files = || {
        std::fs::read_dir(fixture.dir.path().join("data/wal"))
            .unwrap()
            .count()
    };
    let before = files();
    drop(turn);
    for deletion in deletions {
        let deleted = deletion.await.unwrap().unwrap();
        assert_eq!((deleted.count, deleted.is_owed), (2, false));
    }
    assert!(files() <= before + 1, "one file was begun for all of them");
    assert!(!fixture.store.core.log_erasure.owes());
    for n in 1..12 {
        assert!(!fixture.log_holds(&format!("kept by other {n}\"")), "{n}");
    }
    assert!(fixture.log_holds("kept by other 0\""));
    let count = fixture.store.count(others[0].scope()).await.unwrap().count;
    assert_eq!(count, 2);
}

/// As on a full disk, or where the log cannot be read.
#[tokio::test]
async fn what_cannot_be_taken_out_beside_others_goes_when_all_is_sealed() {
    let fixture = Fixture::new().await;
    let other = Other::new(&fixture, "other").await;
    let log = fixture.dir.path().join("data/wal");
    for generation in 0..9 {
        std::fs::create_dir(log.join(format!(".{generation:012}.wal.tmp"))).unwrap();
    }
    let deleted = fixture.delete().await;
    assert_eq!((deleted.count, deleted.is_owed), (1, false));
    assert!(!fixture.log_holds("\"one\""));
    assert_eq!(fixture.objects().len(), 1, "the other's");
    let count = fixture.store.count(other.scope()).await.unwrap().count;
    assert_eq!(count, 2);
}

/// An erasure leaves what is unsealed, and settles what was deleted before it.
#[tokio::test]
async fn an_erasure_takes_nothing_that_is_unsealed() {
    let fixture = Fixture::new().await;
    let core = Arc::clone(&fixture.store.core);
    core.log_erasure.owe([fixture.domain()]);
    assert!(core.log_erasure.owes_one_of([fixture.domain()].into_iter()));
    core.erase_from_log().await.unwrap();
    assert!(!core.log_erasure.owes());
    assert!(fixture.log_holds("\"one\""), "what is unsealed stays");
}

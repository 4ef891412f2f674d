use atrail_model::{ManualClock, Timestamp};
use atrail_store::{KeptBy, NewLogin, Proof, Store, StoreSettings};
use futures_util::poll;

use super::*;

struct Fixture {
    standings: Standings,
    login: LoginId,
    space: SpaceId,
    account: AccountId,
    now: Moment,
    _store: Store,
    _dir: tempfile::TempDir,
}

impl Fixture {
    /// Creates a login of a user, and a space.
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let date: Timestamp = "2017-07-25T10:00:00Z".parse().unwrap();
        let settings = StoreSettings::new(dir.path().join("data"));
        let store = Store::open_dir(settings, Arc::new(ManualClock::new(date))).await;
        let store = store.unwrap();
        let (identity, tenancy) = (store.identity(), store.tenancy());
        let account = tenancy.create_account("acme", date).await.unwrap().id;
        let organization = tenancy.create_organization(account, "o", date).await;
        let space = tenancy.create_space(organization.unwrap().id, "s", date);
        let space = space.await.unwrap().id;
        let user = identity.create_user("ann", "hash", false, date).await;
        let new = NewLogin {
            user: &user.unwrap(),
            proof: Proof::Password { hash: "hash" },
            kept_by: KeptBy::RefreshToken([0; 32]),
            now: date,
            expires: Timestamp::MAX,
        };
        let login = identity.begin_login(new).await.unwrap().unwrap();
        Self {
            standings: Standings::new(identity, tenancy),
            login,
            space,
            account,
            now: Moment {
                date,
                elapsed: Elapsed::new(Duration::ZERO),
            },
            _store: store,
            _dir: dir,
        }
    }

    /// Returns the numbers of cached logins and spaces.
    fn remembered(&self) -> (usize, usize) {
        let standings = &self.standings;
        let logins = standings.logins.lock().len();
        (logins, standings.spaces.lock().len())
    }

    /// Returns whether the cached standing and the cached space still count.
    fn count(&self) -> (bool, bool) {
        let standings = &self.standings;
        let changes = standings.identity.changes();
        let mut logins = standings.logins.lock();
        let mut spaces = standings.spaces.lock();
        let login = logins.get(&self.login).map(|known| known.changes);
        let space = spaces.get(&self.space).map(|(_, since)| *since);
        (login == Some(changes), space == Some(changes))
    }

    /// Makes a change that has nothing to do with the login or the space.
    async fn change(&self) {
        let date = self.now.date;
        let created = self.standings.tenancy.create_account("other", date).await;
        created.unwrap();
    }
}

/// Roles may change between the catalog's answer and its entry in the cache.
#[tokio::test]
async fn an_answer_from_before_a_change_does_not_count_after_it() {
    for (is_changed, counts) in [(true, (false, false)), (false, (true, true))] {
        let fixture = Fixture::new().await;
        let standings = &fixture.standings;
        // The catalog may answer at once: then the test asks again.
        let mut of = loop {
            let mut of = Box::pin(standings.of(fixture.login, fixture.now));
            if poll!(of.as_mut()).is_pending() {
                break of;
            }
            standings.logins.lock().remove(&fixture.login);
        };
        let mut account = loop {
            let mut account = Box::pin(standings.account_of(fixture.space, |_| true));
            if poll!(account.as_mut()).is_pending() {
                break account;
            }
            standings.spaces.lock().remove(&fixture.space);
        };
        if is_changed {
            fixture.change().await;
        }
        assert!(of.as_mut().await.unwrap().is_some());
        assert_eq!(account.as_mut().await.unwrap(), Some(fixture.account));
        assert_eq!(fixture.remembered(), (1, 1));
        assert_eq!(fixture.count(), counts, "changed: {is_changed}");
    }
}

/// The code that makes a change does not know of the cache.
#[tokio::test]
async fn a_change_makes_the_next_request_ask_the_catalog_again() {
    let fixture = Fixture::new().await;
    let ask = async || {
        let standings = &fixture.standings;
        standings.of(fixture.login, fixture.now).await.unwrap();
        let account = standings.account_of(fixture.space, |_| true).await;
        assert_eq!(account.unwrap(), Some(fixture.account));
    };
    ask().await;
    assert_eq!(fixture.count(), (true, true), "the control");
    fixture.change().await;
    assert_eq!(fixture.count(), (false, false));
    ask().await;
    assert_eq!(fixture.count(), (true, true));
}

/// A cached space stays unknown to a caller who may not know of it.
#[tokio::test]
async fn a_remembered_space_is_known_to_whom_it_was_known() {
    let fixture = Fixture::new().await;
    let account_of = async |knows: bool| {
        let found = fixture.standings.account_of(fixture.space, |_| knows);
        found.await.unwrap()
    };
    assert_eq!(account_of(false).await, None);
    assert_eq!(fixture.remembered(), (0, 0));
    assert_eq!(account_of(true).await, Some(fixture.account));
    assert_eq!(fixture.remembered(), (0, 1));
    assert_eq!(account_of(false).await, None);
    assert_eq!(account_of(true).await, Some(fixture.account));
}

#[tokio::test]
async fn as_many_are_remembered_as_there_is_room_for() {
    let fixture = Fixture::new().await;
    let standings = &fixture.standings;
    let standing = standings.of(fixture.login, fixture.now).await.unwrap();
    let standing = standing.unwrap();
    for _ in 0..CAPACITY {
        let known = Remembered {
            standing: Arc::clone(&standing),
            since: fixture.now.elapsed,
            changes: 0,
        };
        standings
            .logins
            .lock()
            .insert(LoginId::generate(), known, 1);
        let space = (fixture.account, 0);
        standings
            .spaces
            .lock()
            .insert(SpaceId::generate(), space, 1);
    }
    assert_eq!(fixture.remembered(), (CAPACITY, CAPACITY), "the control");
    standings.of(fixture.login, fixture.now).await.unwrap();
    let found = standings.account_of(fixture.space, |_| true).await;
    assert_eq!(found.unwrap(), Some(fixture.account));
    assert_eq!(fixture.remembered(), (CAPACITY, CAPACITY));
    assert_eq!(fixture.count(), (true, true), "the newest stay");
}

use atrail_model::{ManualClock, Timestamp};
use atrail_store::{NewLogin, Proof, Store, StoreSettings};
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
        let store = Store::open(settings, Arc::new(ManualClock::new(date))).await;
        let store = store.unwrap();
        let (identity, tenancy) = (store.catalog().identity(), store.tenancy());
        let account = tenancy.create_account("acme", date).await.unwrap().id;
        let organization = tenancy.create_organization(account, "o", date).await;
        let space = tenancy.create_space(organization.unwrap().id, "s", date);
        let space = space.await.unwrap().id;
        let user = identity.create_user("ann", "hash", false, date).await;
        let new = NewLogin {
            user: &user.unwrap(),
            proof: Proof::Password { hash: "hash" },
            refresh_hash: [0; 32],
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
        let remembered = self.standings.remembered.read();
        (remembered.logins.len(), remembered.spaces.len())
    }
}

/// Roles may change between the catalog's answer and its entry in the cache.
#[tokio::test]
async fn an_answer_from_before_a_change_is_not_remembered_after_it() {
    let fixture = Fixture::new().await;
    let standings = &fixture.standings;
    for (is_changed, left) in [(true, (0, 0)), (false, (1, 1))] {
        // The catalog may answer at once: then the test asks again.
        let mut of = loop {
            standings.forget();
            assert_eq!(fixture.remembered(), (0, 0));
            let mut of = Box::pin(standings.of(fixture.login, fixture.now));
            if poll!(of.as_mut()).is_pending() {
                break of;
            }
        };
        if is_changed {
            standings.forget();
        }
        assert!(of.as_mut().await.unwrap().is_some());
        assert_eq!(fixture.remembered(), (left.0, 0), "changed: {is_changed}");
        // `account_of` calls `knows` after the catalog has answered.
        let knows = |_| {
            if is_changed {
                standings.forget();
            }
            true
        };
        let account = standings.account_of(fixture.space, knows).await.unwrap();
        assert_eq!(account, Some(fixture.account));
        assert_eq!(fixture.remembered(), left, "changed: {is_changed}");
    }
    standings.forget();
    assert_eq!(fixture.remembered(), (0, 0));
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
    {
        let mut remembered = standings.remembered.write();
        remembered.logins.clear();
        for _ in 0..CAPACITY {
            let known = (Arc::clone(&standing), fixture.now.elapsed);
            remembered.logins.insert(LoginId::generate(), known);
            let space = SpaceId::generate();
            remembered.spaces.insert(space, fixture.account);
        }
    }
    assert_eq!(fixture.remembered(), (CAPACITY, CAPACITY), "the control");
    standings.of(fixture.login, fixture.now).await.unwrap();
    let found = standings.account_of(fixture.space, |_| true).await;
    assert_eq!(found.unwrap(), Some(fixture.account));
    assert_eq!(fixture.remembered(), (1, 1));
}

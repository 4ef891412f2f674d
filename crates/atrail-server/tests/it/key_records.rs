//! What the accounts of a user learn of the user's keys and of the logins by them.

use std::time::Duration;

use atrail_api::{headers, paths};
use serde_json::{Value, json};

use crate::invitations::{Neighbours, WHOLE};
use crate::records::{details, of_action};
use crate::support::{Client, Made, PASSWORD};

impl Neighbours {
    /// As the operator, makes a user an auditor of the account.
    async fn audits(&self, user: &str, account: usize) {
        let role = json!({"user": user, "role": "auditor", "account": self.account[account]});
        let _: Value = self.admin.post(paths::ROLES).json(&role).made().await;
    }

    /// As the first account's owner, makes a key for a user; returns its id and the whole key.
    async fn key_for(&self, user: &str) -> (String, String) {
        let new = json!({"name": "k", "user": user});
        let made: Value = self.owner[0].post(paths::API_KEYS).json(&new).made().await;
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (text("id"), text("key"))
    }

    /// Reads an account's events.
    async fn read(&self, client: &Client, account: usize) {
        let client = client.in_space(None);
        let request = client.get(WHOLE);
        let request = request.header(headers::ACCOUNT_ID, &self.account[account]);
        assert_eq!(request.seen().await.0, 200);
    }

    /// Returns how many of a user's actions of a kind the account's owner can read of.
    async fn count(&self, owner: usize, user: &str, action: &str) -> usize {
        let told = self.told(owner, user).await;
        told.iter().filter(|one| *one == action).count()
    }
}

/// An owner who makes a key for somebody does not learn of that user's own logins.
#[tokio::test]
async fn a_key_by_another_tells_the_account_nothing_of_its_holders_logins() {
    let all = Neighbours::new().await;
    let in_b = json!({"role": "auditor", "account": all.account[1]});
    let bob = all.server.user("bob", false, &[in_b]).await;
    all.read(&bob, 1).await;
    all.audits("bob", 0).await;
    let (_, key) = all.key_for("bob").await;
    all.read(&all.server.client(&key), 0).await;
    let again = all.server.login("bob", PASSWORD).await;
    let new = json!({"name": "own"});
    let bob = all.server.client(&again.access_token);
    let _: Value = bob.post(paths::API_KEYS).json(&new).made().await;
    assert_eq!(all.told(0, "bob").await, ["read.events"], "by the key");
    assert_eq!(all.count(1, "bob", "login").await, 2);
    assert_eq!(all.count(1, "bob", "create.key").await, 1);
    // Whatever bob does there himself makes it an account that he uses.
    all.read(&bob, 0).await;
    assert_eq!(all.count(0, "bob", "login").await, 1, "the control");
}

/// Nor does a key by one account's owner keep another account from learning of them.
#[tokio::test]
async fn a_key_by_another_hides_nothing_from_another_account() {
    let all = Neighbours::new().await;
    let both = all.account.each_ref();
    let both = both.map(|account| json!({"role": "auditor", "account": account}));
    all.server.user("carl", false, &both).await;
    let (_, key) = all.key_for("carl").await;
    all.read(&all.server.client(&key), 0).await;
    all.server.login("carl", PASSWORD).await;
    for account in [0, 1] {
        assert_eq!(all.count(account, "carl", "login").await, 2, "{account}");
    }
}

/// The account of a bound key has all records of the logins by it, and the others have none.
#[tokio::test]
async fn a_login_by_a_bound_key_is_on_record_where_the_key_works() {
    let all = Neighbours::new().await;
    let server = &all.server;
    let in_b = json!({"role": "auditor", "account": all.account[1]});
    let bob = server.user("bob", false, &[in_b]).await;
    all.read(&bob, 1).await;
    all.audits("bob", 0).await;
    let (id, key) = all.key_for("bob").await;
    let before = all.told(1, "bob").await;
    let tokens = server.login("apikey", &key).await;
    all.read(&server.client(&tokens.access_token), 0).await;
    let form = [("token", tokens.access_token.as_str())];
    let revoked = server.http.post(server.url(paths::REVOKE)).form(&form);
    assert_eq!(revoked.seen().await.0, 200);
    let tokens = server.login("apikey", &key).await;
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh_token.as_str()),
    ];
    assert_eq!(server.token(&form).await.status(), 200);
    server.clock.advance(Duration::from_secs(11));
    assert_eq!(server.token(&form).await.status(), 400, "used twice");
    // The server records a refusal in the background. An event of a logout does not state the user's name.
    crate::records::written(server, "login", "failure", 1).await;
    let events = all.events_told(0, "bob").await;
    let outcomes = |action| {
        let events = of_action(&events, action).into_iter();
        let of_key = events.inspect(|event| assert_eq!(details(event)["apiKey"], id, "{event}"));
        let outcome = |event: &Value| event["outcome"].as_str().unwrap().to_owned();
        of_key.map(outcome).collect::<Vec<_>>()
    };
    assert_eq!(outcomes("login"), ["success", "success", "failure"]);
    assert_eq!(outcomes("read.events"), ["success"]);
    let read = of_action(&events, "read.events");
    assert_eq!(read[0]["initiator"]["credential"]["type"], "token");
    assert_eq!(all.told(1, "bob").await, before, "nothing in the other");
    let logouts = async |owner: usize| {
        let events = all.all_told(owner).await;
        of_action(&events, "logout").len()
    };
    assert_eq!((logouts(0).await, logouts(1).await), (1, 0));
}

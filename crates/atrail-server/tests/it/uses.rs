//! The accounts in which the server records the logins of a user: those that the user uses, from the first use on.

use atrail_api::{headers, paths};
use serde_json::{Value, json};

use crate::invitations::{Neighbours, WHOLE};
use crate::support::{Client, Made, PASSWORD};

impl Neighbours {
    /// Grants a role at once, as the operator.
    async fn grant(&self, role: &Value) {
        let _: Value = self.admin.post(paths::ROLES).json(role).made().await;
    }

    async fn revoke(&self, role: &Value) {
        let _: Value = self.admin.delete(paths::ROLES).json(role).made().await;
    }

    fn role(&self, user: &str, role: &str, account: usize) -> Value {
        json!({"user": user, "role": role, "account": self.account[account]})
    }

    async fn log_in(&self, user: &str) -> Client {
        let tokens = self.server.login(user, PASSWORD).await;
        self.server.client(&tokens.access_token).in_space(None)
    }

    /// Returns how many logins of this user the account has a record of.
    async fn logins(&self, account: usize, user: &str) -> usize {
        let told = self.told(account, user).await;
        told.iter().filter(|action| *action == "login").count()
    }

    /// Creates a space in the account.
    async fn space(&self, account: usize, name: &str) -> String {
        let owner = &self.owner[account];
        let of = json!({"account": {"data": {"guid": self.account[account]}}});
        let new = json!({"name": name, "relationships": of});
        let organization: Value = owner.post(paths::ORGANIZATIONS).json(&new).made().await;
        let of = json!({"organization": {"data": {"guid": organization["guid"]}}});
        let new = json!({"name": name, "relationships": of});
        let space: Value = owner.post(paths::SPACES).json(&new).made().await;
        space["guid"].as_str().unwrap().to_owned()
    }
}

/// Creates a user of the second account who has a role in the first one too.
async fn with_a_second_account() -> (Neighbours, Client, String) {
    let all = Neighbours::new().await;
    let home = all.role("ann", "auditor", 1);
    all.server.user("ann", false, &[home]).await;
    let ann = all.log_in("ann").await;
    assert_eq!(ann.get(WHOLE).seen().await.0, 200);
    let space = all.space(0, "shop").await;
    all.grant(&json!({"user": "ann", "role": "auditor", "space": space}))
        .await;
    let ann = all.log_in("ann").await;
    assert_eq!(all.logins(0, "ann").await, 0, "the control: not used yet");
    assert_eq!(all.logins(1, "ann").await, 3, "the control: used");
    (all, ann, space)
}

#[tokio::test]
async fn to_list_the_sessions_of_a_space_is_a_use_of_its_account() {
    let (all, ann, space) = with_a_second_account().await;
    let _: Value = ann.get(paths::SESSIONS).made().await;
    assert_eq!(all.logins(0, "ann").await, 0, "of no space: of no account");
    let in_space = ann.in_space(Some(&space));
    let _: Value = in_space.get(paths::SESSIONS).made().await;
    assert_eq!(all.logins(0, "ann").await, 1);
}

#[tokio::test]
async fn to_look_at_a_session_is_a_use_of_its_account() {
    let (all, ann, space) = with_a_second_account().await;
    let session = ann.in_space(Some(&space)).session().await;
    assert_eq!(all.logins(0, "ann").await, 1);
    // Revoking the role also ends the use; the session returns with the role.
    let role = json!({"user": "ann", "role": "auditor", "space": space});
    all.revoke(&role).await;
    all.grant(&role).await;
    let ann = all.log_in("ann").await;
    assert_eq!(all.logins(0, "ann").await, 1, "the control");
    let path = format!("{}/{session}", paths::SESSIONS);
    let _: Value = ann.get(&path).made().await;
    assert_eq!(all.logins(0, "ann").await, 2);
}

#[tokio::test]
async fn a_first_use_by_many_requests_at_once_is_one() {
    let (all, ann, space) = with_a_second_account().await;
    let in_space = ann.in_space(Some(&space));
    let uses = (0..40).map(|_| in_space.get(paths::EVENTS).seen());
    let answers = futures_util::future::join_all(uses).await;
    assert!(answers.iter().all(|answer| answer.0 == 200), "{answers:?}");
    assert_eq!(all.logins(0, "ann").await, 1);
}

/// The logins of a user who has used no remaining account are recorded in each account with a role.
#[tokio::test]
async fn an_account_that_one_left_with_its_space_is_not_used() {
    let all = Neighbours::new().await;
    let space = all.space(0, "shop").await;
    let role = json!({"role": "auditor", "space": space});
    let ann = all.server.user("ann", false, &[role]).await;
    let in_space = ann.in_space(Some(&space));
    assert_eq!(in_space.get(paths::EVENTS).seen().await.0, 200);
    let path = format!("{}/{space}", paths::SPACES);
    let _: Value = all.owner[0].delete(&path).made().await;
    all.grant(&all.role("ann", "auditor", 1)).await;
    let ann = all.log_in("ann").await;
    assert_eq!(all.logins(1, "ann").await, 1, "the control");
    assert_eq!(ann.get(WHOLE).seen().await.0, 200);
    assert_eq!(all.logins(1, "ann").await, 1);
}

#[tokio::test]
async fn an_operator_who_manages_an_account_does_not_use_it() {
    let all = Neighbours::new().await;
    let home = all.role("boss", "auditor", 1);
    all.server.user("boss", true, &[home]).await;
    let boss = all.log_in("boss").await;
    assert_eq!(boss.get(WHOLE).seen().await.0, 200);
    let other = all.role("owner-b", "auditor", 0);
    let _: Value = boss.post(paths::ROLES).json(&other).made().await;
    all.grant(&all.role("boss", "auditor", 0)).await;
    let boss = all.log_in("boss").await;
    assert_eq!(all.told(0, "boss").await, ["grant.role"]);
    // The control: with a role, the operator uses the account by the first read.
    let there = boss.get(WHOLE).header(headers::ACCOUNT_ID, &all.account[0]);
    assert_eq!(there.seen().await.0, 200);
    assert_eq!(all.logins(0, "boss").await, 1);
}

/// A user of two accounts has used neither when they log in: both have a record of that login, and a use adds no second
/// one.
#[tokio::test]
async fn a_login_is_recorded_once_in_each_of_two_accounts() {
    let all = Neighbours::new().await;
    let roles = [all.role("ann", "auditor", 0), all.role("ann", "auditor", 1)];
    all.server.user("ann", false, &roles).await;
    let both = async || [all.logins(0, "ann").await, all.logins(1, "ann").await];
    assert_eq!(
        both().await,
        [1, 1],
        "of the login that came with the roles"
    );
    let ann = all.log_in("ann").await;
    assert_eq!(both().await, [2, 2]);
    for account in &all.account {
        let there = ann.get(WHOLE).header(headers::ACCOUNT_ID, account);
        assert_eq!(there.seen().await.0, 200);
    }
    assert_eq!(both().await, [2, 2]);
    // The control: an account that gives a role only after the login has no record of it until the first use.
    let third = json!({"name": "third"});
    let third: Value = all.admin.post(paths::ACCOUNTS).json(&third).made().await;
    let third = third["guid"].as_str().unwrap();
    for user in ["ann", "owner-a"] {
        let role = json!({"user": user, "role": "owner", "account": third});
        all.grant(&role).await;
    }
    let there = ann.get(WHOLE).header(headers::ACCOUNT_ID, third);
    assert_eq!(there.seen().await.0, 200);
    let mut of_third = all;
    of_third.account[0] = third.to_owned();
    assert_eq!(of_third.logins(0, "ann").await, 1);
}

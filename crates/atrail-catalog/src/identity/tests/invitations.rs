use super::*;
use crate::sql::{self, Statement};

fn offered(granted: Granted) -> Invitation {
    match granted {
        Granted::Offered(invitation) => invitation,
        held => panic!("{held:?} is no offer"),
    }
}

#[tokio::test]
async fn somebody_outside_is_invited_and_holds_the_role_once_it_is_accepted() {
    let (_catalog, identity, [a, _]) = two_accounts().await;
    let owner = owner_of(&identity, "a").await;
    let role = HeldRole::Account(a, AccountRole::Auditor);
    let bob = identity.user_called("owner-b").await.unwrap();
    let invite = async |who: &str| {
        let given = identity
            .grant(who, role, Granter::Owner(owner), at(0))
            .await;
        offered(given.unwrap())
    };
    let of_bob = invite("owner-b").await;
    let of_nobody = invite("nobody").await;
    let shape = |one: &Invitation| Invitation {
        id: of_bob.id,
        user_name: String::new(),
        ..one.clone()
    };
    assert_eq!(shape(&of_bob), shape(&of_nobody));
    assert_eq!(invite("owner-b").await, of_bob, "once more is the same one");
    let mut listed = identity.invitations_into(a, at(0)).await.unwrap();
    listed.sort_by_key(|one| one.user_name.clone());
    assert_eq!(listed, [of_nobody.clone(), of_bob.clone()]);
    let held = identity.grants().await.unwrap();
    assert!(!held.iter().any(|one| one.role == role), "nobody holds it");
    assert_eq!(
        identity.invitations_of(&bob, at(0)).await.unwrap(),
        std::slice::from_ref(&of_bob)
    );
    let other = identity.user_called("owner-a").await.unwrap();
    let accept = async |id, user, now| {
        let accepted = identity.accept_invitation(id, Answerer::Invitee(user), now);
        accepted.await.map(|(user, _)| user).map_err(|e| e.kind())
    };
    assert_eq!(
        accept(of_bob.id, &other, at(0)).await,
        Err(ErrorKind::NotFound)
    );
    assert_eq!(
        accept(of_nobody.id, &bob, at(0)).await,
        Err(ErrorKind::NotFound)
    );
    assert_eq!(
        accept(of_bob.id, &bob, at(15 * 86_400)).await,
        Err(ErrorKind::NotFound),
        "it ended"
    );
    assert_eq!(accept(of_bob.id, &bob, at(0)).await, Ok(bob.clone()));
    assert_eq!(
        accept(of_bob.id, &bob, at(0)).await,
        Err(ErrorKind::NotFound)
    );
    let held = identity.grants().await.unwrap();
    assert!(
        held.iter()
            .any(|one| one.role == role && one.user == bob.id)
    );
    // A member of the account gets further roles at once.
    let writer = HeldRole::Account(a, AccountRole::Writer);
    let given = identity
        .grant("owner-b", writer, Granter::Owner(owner), at(0))
        .await;
    assert_eq!(given.unwrap(), Granted::Now(bob));
}

#[tokio::test]
async fn whoever_invited_sees_nothing_of_a_refusal_or_of_a_users_end() {
    let (_catalog, identity, [a, _]) = two_accounts().await;
    let owner = owner_of(&identity, "a").await;
    identity.create_user("op", "h", true, at(0)).await.unwrap();
    let role = HeldRole::Account(a, AccountRole::Auditor);
    let invite = async |who: &str| {
        let given = identity
            .grant(who, role, Granter::Owner(owner), at(0))
            .await;
        offered(given.unwrap())
    };
    let offer = invite("owner-b").await;
    let bob = identity.user_called("owner-b").await.unwrap();
    identity
        .decline_invitation(offer.id, &bob, at(0))
        .await
        .unwrap();
    assert!(
        identity
            .invitations_of(&bob, at(0))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        identity.invitations_into(a, at(0)).await.unwrap(),
        std::slice::from_ref(&offer)
    );
    let declined = identity.accept_invitation(offer.id, Answerer::Invitee(&bob), at(0));
    assert_eq!(declined.await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(invite("owner-b").await, offer);
    assert_eq!(
        identity.invitations_of(&bob, at(0)).await.unwrap(),
        std::slice::from_ref(&offer)
    );
    identity.delete_user(bob.id).await.unwrap();
    assert_eq!(
        identity.invitations_into(a, at(0)).await.unwrap(),
        std::slice::from_ref(&offer)
    );
    // A later user of that name is not the invited one.
    let namesake = identity
        .create_user("owner-b", "h", false, at(0))
        .await
        .unwrap();
    assert!(
        identity
            .invitations_of(&namesake, at(0))
            .await
            .unwrap()
            .is_empty()
    );
    let accepted = identity.accept_invitation(offer.id, Answerer::Invitee(&namesake), at(0));
    assert_eq!(accepted.await.unwrap_err().kind(), ErrorKind::NotFound);
    let accepted = identity.accept_invitation(offer.id, Answerer::Operator, at(0));
    let refused = accepted.await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(
        refused.to_string(),
        "the user who was invited as 'owner-b' is gone: withdraw it and invite again"
    );
    // A name without a user becomes the name of the first user who gets it.
    let early = invite("late").await;
    let late = identity
        .create_user("late", "h", false, at(0))
        .await
        .unwrap();
    assert_eq!(
        identity.invitations_of(&late, at(0)).await.unwrap(),
        std::slice::from_ref(&early)
    );
    let accepted = identity.accept_invitation(early.id, Answerer::Operator, at(0));
    assert_eq!(accepted.await.unwrap().0, late);
    // Revoking the role also withdraws the invitation, whoever is invited.
    for name in ["owner-b", "nobody at all"] {
        invite(name).await;
        assert_eq!(
            identity.revoke(name, role, at(0)).await.unwrap(),
            Revoked::Offer
        );
        let again = identity.revoke(name, role, at(0)).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::NotFound, "{name}");
    }
}

#[tokio::test]
async fn invitations_of_one_account_hide_none_of_another() {
    let (catalog, identity, [a, b]) = two_accounts().await;
    let bob = identity
        .create_user("bob", "h", false, at(0))
        .await
        .unwrap();
    let owners = [
        owner_of(&identity, "a").await,
        owner_of(&identity, "b").await,
    ];
    let invite = async |account, who: &str, now| {
        let role = HeldRole::Account(account, AccountRole::Auditor);
        let owner = owners[usize::from(account == b)];
        let given = identity
            .grant(who, role, Granter::Owner(owner), at(now))
            .await;
        given.map(offered)
    };
    let mut tx = catalog.begin("invite many").await.unwrap();
    // The maximum of an account, all for one user, as by the spaces of an account.
    let mut insert = Statement::new(
        "INSERT INTO invitations (invitation, name, invitee, inviter, role, account, created, expires, declined) ",
    );
    insert.push_values(0..1000, |mut row, n| {
        row.push_bind(uuid::Uuid::new_v4().as_bytes())
            .push_bind(format!("guest-{n}"))
            .push_bind(bob.id.bytes())
            .push_bind(owners[0].bytes())
            .push_bind("auditor")
            .push_bind(a.bytes())
            .push_bind(nanoseconds(at(0)))
            .push_bind(nanoseconds(at(1000)))
            .push_bind(false);
    });
    insert.build().execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let refused = invite(a, "one-more", 1).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict, "the control");
    let last = invite(b, "bob", 1).await.unwrap();
    let all = identity.all_invitations(at(1)).await.unwrap();
    assert_eq!(all.len(), 1001);
    assert!(all.contains(&last));
    let of_bob = identity.invitations_of(&bob, at(1)).await.unwrap();
    assert!(of_bob.contains(&last));
}

#[tokio::test]
async fn an_invitation_expires_by_the_date_and_is_deleted_by_the_date_that_is_certain() {
    let (catalog, identity, [a, _]) = two_accounts().await;
    let owner = owner_of(&identity, "a").await;
    let invite = async |who: &str, now| {
        let role = HeldRole::Account(a, AccountRole::Auditor);
        let given = identity
            .grant(who, role, Granter::Owner(owner), at(now))
            .await;
        offered(given.unwrap())
    };
    let ahead = 365 * 86_400;
    invite("bob", 0).await;
    // The clock jumps ahead, and an invitation is made meanwhile.
    assert!(
        identity
            .all_invitations(at(ahead))
            .await
            .unwrap()
            .is_empty()
    );
    let meanwhile = invite("carol", ahead).await;
    let shown = identity.all_invitations(at(ahead)).await.unwrap();
    assert_eq!(shown, [meanwhile]);
    // The clock returns: no invitation was lost.
    identity.forget_invitations(at(60)).await.unwrap();
    assert_eq!(identity.all_invitations(at(60)).await.unwrap().len(), 2);
    let kept = async || {
        let count = sql::query_as("SELECT COUNT(*) FROM invitations");
        let (count,): (i64,) = count.fetch_one(catalog.readers()).await.unwrap();
        count
    };
    assert_eq!(kept().await, 2);
    identity.forget_invitations(at(ahead)).await.unwrap();
    assert_eq!(kept().await, 1, "the one whose time has come");
}

#[tokio::test]
async fn what_a_user_does_is_told_where_the_user_was() {
    let (catalog, identity, [a, b]) = two_accounts().await;
    let bob = identity.user_called("owner-b").await.unwrap();
    let told = async || identity.accounts_of(bob.id, 16).await.unwrap();
    assert_eq!(told().await, [b], "the only place");
    let id = login(&identity, &bob, 1).await;
    let is_told = async |account| {
        identity
            .note_account_use(id, bob.id, account)
            .await
            .unwrap()
    };
    assert!(!is_told(b).await, "the login is on record there");
    let used = "SELECT COUNT(*) FROM account_uses";
    let (uses,): (i64,) = sql::query_as(used)
        .fetch_one(catalog.readers())
        .await
        .unwrap();
    assert_eq!(uses, 1, "the control: it is used now");
    let auditor = HeldRole::Account(a, AccountRole::Auditor);
    give(&identity, "owner-b", auditor).await;
    assert_eq!(told().await, [b], "a role is no use");
    assert!(is_told(a).await);
    assert!(!is_told(a).await);
    assert_eq!(told().await.len(), 2);
    identity.revoke("owner-b", auditor, at(0)).await.unwrap();
    assert_eq!(told().await, [b]);
    give(&identity, "owner-b", auditor).await;
    assert_eq!(
        told().await,
        [b],
        "a role that was taken takes the use with it"
    );
    assert!(!is_told(a).await, "the login is on record there already");
    assert_eq!(told().await.len(), 2);
    let nobody = UserId::generate();
    let noted = identity.note_account_use(id, nobody, a).await;
    assert!(!noted.unwrap());
}

#[tokio::test]
async fn who_joins_an_account_is_still_told_of_in_the_others_after_the_end_of_a_space() {
    let (catalog, identity, [a, b]) = two_accounts().await;
    let tenancy = crate::Tenancy::new(catalog.clone());
    let gone = tenancy.create_account("gone", at(0)).await.unwrap().id;
    let organization = tenancy.create_organization(gone, "o", at(0)).await.unwrap();
    let space = tenancy.create_space(organization.id, "s", at(0)).await;
    let space = space.unwrap().id;
    give(
        &identity,
        "owner-b",
        HeldRole::Space(space, SpaceRole::Developer),
    )
    .await;
    let bob = identity.user_called("owner-b").await.unwrap();
    let told = async || identity.accounts_of(bob.id, 16).await.unwrap();
    let id = login(&identity, &bob, 1).await;
    let noted = identity.note_account_use(id, bob.id, gone).await;
    assert!(!noted.unwrap(), "the login is on record there");
    assert_eq!(told().await, [gone]);
    tenancy.delete_space(space, at(0)).await.unwrap();
    assert_eq!(told().await, [b], "no role is left in the other");
    let auditor = HeldRole::Account(a, AccountRole::Auditor);
    let offer = identity
        .grant(
            "owner-b",
            auditor,
            Granter::Owner(owner_of(&identity, "a").await),
            at(0),
        )
        .await;
    let offer = offered(offer.unwrap());
    let accepted = identity.accept_invitation(offer.id, Answerer::Invitee(&bob), at(0));
    accepted.await.unwrap();
    let mut both = [a, b];
    both.sort();
    assert_eq!(told().await, both);
}

#[tokio::test]
async fn an_invitation_is_worth_as_much_as_the_right_of_who_made_it() {
    let (_catalog, identity, [a, _]) = two_accounts().await;
    let bob = identity.user_called("owner-b").await.unwrap();
    let owner = HeldRole::Account(a, AccountRole::Owner);
    identity
        .create_user("second", "h", false, at(0))
        .await
        .unwrap();
    give(&identity, "second", owner).await;
    let second = identity.user_called("second").await.unwrap();
    let offer = identity
        .grant("owner-b", owner, Granter::Owner(second.id), at(0))
        .await;
    let offer = offered(offer.unwrap());
    let accept = async |answerer: Answerer<'_>| {
        let accepted = identity.accept_invitation(offer.id, answerer, at(0)).await;
        accepted.map_err(|error| error.kind()).map(|(user, _)| user)
    };
    let seen = async || {
        let into = identity.invitations_into(a, at(0)).await.unwrap().len();
        (
            into,
            identity.invitations_of(&bob, at(0)).await.unwrap().len(),
        )
    };
    assert_eq!(seen().await, (1, 1));
    // Another role of theirs does not make it valid.
    identity.revoke("second", owner, at(0)).await.unwrap();
    give(
        &identity,
        "second",
        HeldRole::Account(a, AccountRole::Auditor),
    )
    .await;
    assert_eq!(seen().await, (0, 0));
    for answerer in [Answerer::Invitee(&bob), Answerer::Operator] {
        assert_eq!(accept(answerer).await.unwrap_err(), ErrorKind::NotFound);
    }
    // Another owner may offer the same; it then depends on that owner's right.
    let first = owner_of(&identity, "a").await;
    let again = identity
        .grant("owner-b", owner, Granter::Owner(first), at(0))
        .await;
    assert_eq!(offered(again.unwrap()).id, offer.id);
    identity.delete_user(second.id).await.unwrap();
    assert_eq!(accept(Answerer::Invitee(&bob)).await.unwrap().id, bob.id);
}

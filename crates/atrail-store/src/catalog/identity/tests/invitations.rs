use super::*;

fn offered(granted: Granted) -> Invitation {
    match granted {
        Granted::Offered(invitation) => invitation,
        held => panic!("{held:?} is no offer"),
    }
}

#[tokio::test]
async fn somebody_outside_is_invited_and_holds_the_role_once_it_is_accepted() {
    let (_catalog, identity, [a, _]) = two_accounts().await;
    let role = HeldRole::Account(a, AccountRole::Auditor);
    let bob = identity.user_called("owner-b").await.unwrap();
    let invite = async |who: &str| {
        let given = identity.grant(who, role, Granter::Owner, at(0)).await;
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
    // Who belongs to the account is given more at once.
    let writer = HeldRole::Account(a, AccountRole::Writer);
    let given = identity
        .grant("owner-b", writer, Granter::Owner, at(0))
        .await;
    assert_eq!(given.unwrap(), Granted::Now(bob));
}

#[tokio::test]
async fn whoever_invited_sees_nothing_of_a_refusal_or_of_a_users_end() {
    let (_catalog, identity, [a, _]) = two_accounts().await;
    identity.create_user("op", "h", true, at(0)).await.unwrap();
    let role = HeldRole::Account(a, AccountRole::Auditor);
    let invite = async |who: &str| {
        let given = identity.grant(who, role, Granter::Owner, at(0)).await;
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
    // Another user of that name was not the one who was invited.
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
    // A name that was nobody's is that of the first who gets it.
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
    // Taking the role back takes back the offer, of whomever.
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
    let invite = async |account, who: &str, now| {
        let role = HeldRole::Account(account, AccountRole::Auditor);
        let given = identity.grant(who, role, Granter::Owner, at(now)).await;
        given.map(offered)
    };
    let mut tx = catalog.begin("invite many").await.unwrap();
    // As many as an account may have, the invitee of each being one user, as by the spaces of an account.
    sqlx::query(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999) \
         INSERT INTO invitations (invitation, name, invitee, role, account, space, created, expires, declined) \
         SELECT randomblob(16), 'guest-' || i, ?, 'auditor', ?, NULL, ?, ?, FALSE FROM n",
    )
    .bind(bob.id.bytes())
    .bind(a.bytes())
    .bind(nanoseconds(at(0)))
    .bind(nanoseconds(at(1000)))
    .execute(&mut *tx)
    .await
    .unwrap();
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
    let invite = async |who: &str, now| {
        let role = HeldRole::Account(a, AccountRole::Auditor);
        let given = identity.grant(who, role, Granter::Owner, at(now)).await;
        offered(given.unwrap())
    };
    let ahead = 365 * 86_400;
    invite("bob", 0).await;
    // The clock jumps ahead, and somebody is invited meanwhile.
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
    // It comes back: nothing was lost by it.
    identity.forget_invitations(at(60)).await.unwrap();
    assert_eq!(identity.all_invitations(at(60)).await.unwrap().len(), 2);
    let kept = async || {
        let count = sqlx::query_as("SELECT COUNT(*) FROM invitations");
        let (count,): (i64,) = count.fetch_one(catalog.readers()).await.unwrap();
        count
    };
    assert_eq!(kept().await, 2);
    identity.forget_invitations(at(ahead)).await.unwrap();
    assert_eq!(kept().await, 1, "the one whose time has come");
}

#[tokio::test]
async fn what_a_user_does_is_told_where_the_user_was() {
    let (_catalog, identity, [a, b]) = two_accounts().await;
    let bob = identity.user_called("owner-b").await.unwrap();
    let told = async || identity.accounts_of(bob.id, 16).await.unwrap();
    assert_eq!(told().await, [b], "the only place");
    assert!(identity.note_account_use(bob.id, b).await.unwrap());
    assert!(!identity.note_account_use(bob.id, b).await.unwrap());
    let auditor = HeldRole::Account(a, AccountRole::Auditor);
    give(&identity, "owner-b", auditor).await;
    assert_eq!(told().await, [b], "a role is no use");
    assert!(identity.note_account_use(bob.id, a).await.unwrap());
    assert_eq!(told().await.len(), 2);
    identity.revoke("owner-b", auditor, at(0)).await.unwrap();
    assert_eq!(told().await, [b]);
    give(&identity, "owner-b", auditor).await;
    assert_eq!(
        told().await,
        [b],
        "a role that was taken takes the use with it"
    );
    let nobody = UserId::generate();
    assert!(!identity.note_account_use(nobody, a).await.unwrap());
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
    assert!(identity.note_account_use(bob.id, gone).await.unwrap());
    assert_eq!(told().await, [gone]);
    tenancy.delete_space(space, at(0)).await.unwrap();
    assert_eq!(told().await, [b], "no role is left in the other");
    let auditor = HeldRole::Account(a, AccountRole::Auditor);
    let offer = identity
        .grant("owner-b", auditor, Granter::Owner, at(0))
        .await;
    let offer = offered(offer.unwrap());
    let accepted = identity.accept_invitation(offer.id, Answerer::Invitee(&bob), at(0));
    accepted.await.unwrap();
    let mut both = [a, b];
    both.sort();
    assert_eq!(told().await, both);
}

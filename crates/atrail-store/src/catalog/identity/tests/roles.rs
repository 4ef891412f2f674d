use super::*;

#[tokio::test]
async fn a_user_has_a_unique_name() {
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "h", false, at(0))
        .await
        .unwrap();
    let again = identity.create_user("ann", "h", false, at(0)).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(identity.user_called("ann").await.unwrap(), ann);
    let nobody = identity.user_called("bob").await.unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn founding_makes_an_owner_whose_roles_can_be_taken_and_given() {
    let identity = identity().await;
    assert!(!identity.is_founded().await.unwrap());
    let (account, organization, space) = (
        AccountId::generate(),
        OrganizationId::generate(),
        SpaceId::generate(),
    );
    let founding = Founding {
        account,
        organization,
        space,
        tenancy_name: "default",
        user_name: "admin",
        password_hash: "h",
        api_key_id: "k",
        api_key_hash: [0; 32],
        is_again: false,
    };
    identity.found(&founding, at(0)).await.unwrap();
    assert!(identity.is_founded().await.unwrap());
    let admin = identity.user_called("admin").await.unwrap();
    assert!(admin.operator);

    let developer = HeldRole::Space(space, SpaceRole::Developer);
    let held = give(&identity, "admin", developer).await;
    assert_eq!(held, Granted::Now(admin.clone()));
    let held = give(&identity, "admin", developer).await;
    assert_eq!(held, Granted::Before(admin.clone()));
    let roles: Vec<_> = identity
        .grants()
        .await
        .unwrap()
        .into_iter()
        .map(|g| g.role)
        .collect();
    let owner = HeldRole::Account(account, AccountRole::Owner);
    assert_eq!(roles, [owner, developer]);

    let id = login(&identity, &admin, 1).await;
    let taken = identity.revoke("admin", owner, at(0)).await.unwrap();
    assert_eq!(taken, Revoked::Role(admin.clone()));
    let again = identity.revoke("admin", owner, at(0)).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NotFound);
    let standing = identity.standing(id, at(1)).await.unwrap().unwrap();
    assert!(!standing.holds_in_account(account, AccountRole::Owner));
    assert!(standing.holds_in_space(space, SpaceRole::Developer));
    assert_eq!(standing.spaces.get(&space), Some(&account));
}

#[tokio::test]
async fn a_deleted_user_leaves_nothing_behind_and_an_operator_remains() {
    let identity = identity().await;
    let op = identity.create_user("op", "h", true, at(0)).await.unwrap();
    let ann = identity
        .create_user("ann", "h", false, at(0))
        .await
        .unwrap();
    key(&identity, ann.id, "k1", KeyScopes::ALL, None).await;
    let id = login(&identity, &ann, 1).await;
    identity.delete_user(ann.id).await.unwrap();
    assert_eq!(identity.standing(id, at(1)).await.unwrap(), None);
    assert!(
        identity
            .api_key_holder("k1", at(0))
            .await
            .unwrap()
            .is_none()
    );
    let last = identity.delete_user(op.id).await.unwrap_err();
    assert_eq!(last.kind(), ErrorKind::Conflict);
    let nobody = identity.delete_user(ann.id).await.unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn claims_give_and_take_their_roles_and_leave_the_others() {
    let catalog = Catalog::open_in_memory().await.unwrap();
    let (identity, tenancy) = (catalog.identity(), crate::Tenancy::new(catalog.clone()));
    let account = tenancy.create_account("a", at(0)).await.unwrap().id;
    let auditor = HeldRole::Account(account, AccountRole::Auditor);
    let writer = HeldRole::Account(account, AccountRole::Writer);
    let says = |roles| ExternalUser {
        issuer: "https://issuer",
        subject: "17",
        name: "ann",
        roles,
    };
    let claimed = [auditor];
    let ann = identity
        .admit_external_user(&says(&claimed), at(0))
        .await
        .unwrap();
    give(&identity, "ann", writer).await;
    let again = identity
        .admit_external_user(&says(&[]), at(1))
        .await
        .unwrap();
    assert_eq!(again, ann);
    let held: Vec<_> = identity.grants().await.unwrap();
    let held: Vec<_> = held.iter().map(|one| (one.role, one.claimed)).collect();
    assert_eq!(held, [(writer, false)]);
    let password = identity.credentials("ann").await.unwrap().unwrap();
    assert_eq!(password.password_hash, None);
    let impostor = ExternalUser {
        subject: "18",
        ..says(&[])
    };
    let taken = identity.admit_external_user(&impostor, at(2)).await;
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::Conflict);
}

/// Every change is refused when the login that requests it has ended or its rights have changed.
#[tokio::test]
async fn a_change_needs_the_rights_by_which_it_was_judged() {
    let catalog = Catalog::open_in_memory().await.unwrap();
    let (identity, tenancy) = (catalog.identity(), crate::Tenancy::new(catalog.clone()));
    let account = tenancy.create_account("a", at(0)).await.unwrap().id;
    let organization = tenancy
        .create_organization(account, "o", at(0))
        .await
        .unwrap();
    let op = identity.create_user("op", "h", true, at(0)).await.unwrap();
    identity
        .create_user("second", "h", true, at(0))
        .await
        .unwrap();
    let owner = HeldRole::Account(account, AccountRole::Owner);
    give(&identity, "op", owner).await;
    let id = login(&identity, &op, 1).await;
    let judged = std::sync::Arc::new(identity.standing(id, at(1)).await.unwrap().unwrap());
    let warrant = Warrant::new(id, judged, at(1));
    let asked = identity.at_request_of(warrant.clone());
    let in_tree = tenancy.on_behalf_of("op").at_request_of(Some(warrant));
    let auditor = HeldRole::Account(account, AccountRole::Auditor);
    let all = async || {
        let new_key = NewApiKey {
            holder: KeyHolder::Maker(op.id),
            id: "k",
            name: "k",
            hash: [0; 32],
            scopes: KeyScopes::ALL,
            expires: None,
            bound: None,
        };
        [
            asked.create_user("u", "h", false, at(1)).await.err(),
            asked
                .grant("u", auditor, Granter::Operator, at(1))
                .await
                .err(),
            asked.revoke("u", auditor, at(1)).await.err(),
            asked.create_api_key(new_key, at(1)).await.err(),
            asked.delete_api_key(KeyReach::All, "k").await.err(),
            asked.change_password(op.id, "h", "h", id).await.err(),
            in_tree.create_account("b", at(1)).await.err(),
            in_tree.create_organization(account, "p", at(1)).await.err(),
            in_tree
                .create_space(organization.id, "s", at(1))
                .await
                .err(),
            in_tree.delete_organization(organization.id).await.err(),
            asked
                .delete_user(asked.user_called("u").await.map_or(op.id, |user| user.id))
                .await
                .err(),
        ]
    };
    let kinds = |errors: [Option<StoreError>; 11]| errors.map(|error| error.map(|e| e.kind()));
    let with_rights = kinds(all().await);
    let done = with_rights.iter().filter(|kind| kind.is_none()).count();
    assert_eq!(done, 10, "the control; an organization with a space stays");
    identity.revoke("op", owner, at(1)).await.unwrap();
    assert_eq!(kinds(all().await), [Some(ErrorKind::Unavailable); 11]);
    identity.end_login(id).await.unwrap();
    assert_eq!(kinds(all().await), [Some(ErrorKind::LoggedOut); 11]);
    assert!(identity.user_called("u").await.is_err(), "nothing was done");
}

//! The holder of a cached answer notices its change, whichever writer made it.

use super::*;
use crate::catalog::tenancy::Tenancy;

/// A catalog, and the last observed count of its changes.
struct Watched {
    identity: Identity,
    seen: u64,
}

impl Watched {
    fn has_changed(&mut self) -> bool {
        let before = std::mem::replace(&mut self.seen, self.identity.changes());
        before != self.seen
    }
}

fn founding() -> Founding<'static> {
    Founding {
        account: AccountId::generate(),
        organization: OrganizationId::generate(),
        space: SpaceId::generate(),
        tenancy_name: "first",
        user_name: "admin",
        password_hash: "h",
        api_key_id: "k0",
        api_key_hash: [0; 32],
        is_again: false,
    }
}

#[tokio::test]
async fn every_writer_of_identity_and_tenancy_counts_as_a_change() {
    let catalog = Catalog::open_in_memory().await.unwrap();
    let (identity, tenancy) = (catalog.identity(), Tenancy::new(catalog.clone()));
    let mut watched = Watched {
        seen: identity.changes(),
        identity: identity.clone(),
    };
    macro_rules! changes {
        ($work:expr) => {{
            let done = $work.await.unwrap();
            assert!(watched.has_changed(), "{}", stringify!($work));
            done
        }};
    }
    changes!(identity.found(&founding(), at(0)));
    let account = changes!(tenancy.create_account("a", at(0))).id;
    let other = changes!(tenancy.create_account("b", at(0))).id;
    let organization = changes!(tenancy.create_organization(account, "o", at(0))).id;
    let space = changes!(tenancy.create_space(organization, "s", at(0))).id;
    let ann = changes!(identity.create_user("ann", "h", false, at(0)));
    let bob = changes!(identity.create_user("bob", "h", false, at(0)));
    let owner = HeldRole::Account(account, AccountRole::Owner);
    changes!(identity.grant("ann", owner, Granter::Operator, at(0)));
    let auditor = HeldRole::Account(account, AccountRole::Auditor);
    let offered = async || {
        let by_ann = Granter::Owner(ann.id);
        let granted = identity.grant("bob", auditor, by_ann, at(0)).await;
        match granted.unwrap() {
            Granted::Offered(invitation) => invitation.id,
            other => panic!("{other:?}"),
        }
    };
    let first = offered().await;
    assert!(watched.has_changed());
    changes!(identity.decline_invitation(first, &bob, at(1)));
    let second = offered().await;
    changes!(identity.withdraw_invitation(second, Some(account), at(1)));
    let third = offered().await;
    changes!(identity.accept_invitation(third, Answerer::Invitee(&bob), at(1)));
    changes!(identity.forget_invitations(at(2)));
    changes!(identity.revoke("bob", auditor, at(2)));
    let used_by = login(&identity, &ann, 9).await;
    assert!(changes!(identity.note_account_use(used_by, ann.id, other)));
    let external = ExternalUser {
        issuer: "https://id.example",
        subject: "7",
        name: "eve",
        roles: &[auditor],
    };
    changes!(identity.admit_external_user(&external, at(0)));
    changes!(async {
        key(&identity, ann.id, "k1", KeyScopes::ALL, None).await;
        Ok::<_, StoreError>(())
    });
    changes!(identity.delete_api_key(KeyReach::Of(ann.id, &[]), "k1"));
    let kept = login(&identity, &ann, 1).await;
    changes!(identity.change_password(ann.id, "h", "h2", kept));
    changes!(identity.end_login(kept));
    login(&identity, &bob, 2).await;
    changes!(identity.end_login_of([2; 32]));
    login(&identity, &bob, 3).await;
    exchange(&identity, 3, 4, 1).await;
    assert!(!watched.has_changed(), "nobody has less by it");
    let reused = exchange(&identity, 3, 5, 500).await;
    assert!(matches!(reused, Exchange::Reused { .. }));
    assert!(watched.has_changed(), "a login ended");
    changes!(identity.forget_logins(at(5000), None));
    changes!(identity.delete_user(bob.id));
    changes!(tenancy.delete_space(space, at(0)));
    changes!(tenancy.delete_organization(organization));
    changes!(tenancy.delete_account(account, at(0)));
}

/// The control: a transaction that revokes nothing makes nobody read again, and an uncommitted one does not count.
#[tokio::test]
async fn logins_that_begin_or_go_on_and_what_is_refused_are_no_change() {
    let (_, identity, [account, _]) = two_accounts().await;
    let ann = identity.create_user("ann", "h", false, at(0));
    let ann = ann.await.unwrap();
    let first = login(&identity, &ann, 9).await;
    let used = async || {
        identity
            .note_account_use(first, ann.id, account)
            .await
            .unwrap()
    };
    assert!(used().await);
    let mut watched = Watched {
        seen: identity.changes(),
        identity: identity.clone(),
    };
    login(&identity, &ann, 1).await;
    exchange(&identity, 1, 2, 1).await;
    assert!(!used().await);
    identity
        .create_user("ann", "h", false, at(0))
        .await
        .unwrap_err();
    assert!(!watched.has_changed());
}

/// A request may be abandoned while its change is on its way to the disk: the change counts nevertheless.
#[tokio::test]
async fn a_change_that_nobody_waits_for_any_more_counts() {
    let identity = identity().await;
    let before = identity.changes();
    let mut creating = Box::pin(identity.create_user("ann", "h", false, at(0)));
    // Until a change is on its way.
    while identity.user_called("ann").await.is_err() {
        let _ = tokio::time::timeout(Duration::from_millis(1), creating.as_mut()).await;
        if identity.changes() != before {
            break;
        }
    }
    drop(creating);
    while identity.changes() == before {
        tokio::task::yield_now().await;
    }
    identity.user_called("ann").await.unwrap();
}

use super::*;

/// Begins a login of a browser that lives for 100 seconds, and for 1000 in all.
async fn browser(identity: &Identity, user: &User, cookie: u8) -> LoginId {
    let kept = identity.credentials(&user.name).await.unwrap().unwrap();
    let hash = kept.password_hash.unwrap();
    let new = NewLogin {
        user,
        proof: Proof::Password { hash: &hash },
        kept_by: KeptBy::Cookie {
            hash: [cookie; 32],
            ends: at(1000),
        },
        now: at(0),
        expires: at(100),
    };
    identity.begin_login(new).await.unwrap().unwrap()
}

async fn is_in_force(identity: &Identity, login: LoginId, seconds: i64) -> bool {
    identity
        .standing(login, at(seconds))
        .await
        .unwrap()
        .is_some()
}

#[tokio::test]
async fn a_browsers_login_lives_on_by_use_and_not_past_its_end() {
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "hash", false, at(0))
        .await
        .unwrap();
    let login = browser(&identity, &ann, 1).await;
    let changes = identity.changes();
    let found = identity
        .browser_login([1; 32], at(99))
        .await
        .unwrap()
        .unwrap();
    let expected = BrowserLogin {
        login,
        began: at(0),
        proven: Some(at(0)),
        ends: at(1000),
    };
    assert_eq!(found, expected);
    assert_eq!(identity.browser_login([2; 32], at(99)).await.unwrap(), None);
    assert_eq!(
        identity.browser_login([1; 32], at(100)).await.unwrap(),
        None
    );
    assert!(is_in_force(&identity, login, 99).await && !is_in_force(&identity, login, 100).await);

    identity
        .keep_browser_login(login, at(99), at(199))
        .await
        .unwrap();
    assert!(is_in_force(&identity, login, 198).await && !is_in_force(&identity, login, 199).await);
    // An earlier end shortens nothing, and a login that has ended stays so.
    identity
        .keep_browser_login(login, at(99), at(150))
        .await
        .unwrap();
    assert!(is_in_force(&identity, login, 198).await);
    identity
        .keep_browser_login(login, at(199), at(299))
        .await
        .unwrap();
    assert!(!is_in_force(&identity, login, 199).await);
    identity
        .keep_browser_login(login, at(198), at(9999))
        .await
        .unwrap();
    assert!(is_in_force(&identity, login, 999).await && !is_in_force(&identity, login, 1000).await);
    assert_eq!(
        identity.changes(),
        changes,
        "nothing of what others cache has changed"
    );
    // A login by tokens has no cookie that could keep it.
    let by_tokens = super::login(&identity, &ann, 7).await;
    identity
        .keep_browser_login(by_tokens, at(0), at(5000))
        .await
        .unwrap();
    assert!(!is_in_force(&identity, by_tokens, 1000).await);
}

#[tokio::test]
async fn a_link_is_worth_one_login_of_its_makers_rights() {
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "hash", false, at(0))
        .await
        .unwrap();
    let bob = identity
        .create_user("bob", "hash", false, at(0))
        .await
        .unwrap();
    let scopes = KeyScopes::ALL.without(KeyScope::Manage);
    key(&identity, ann.id, "k", scopes, Some(at(500))).await;
    let maker = login_by_key(&identity, &ann, "k", 1).await;
    let make = async |hash: u8, login| {
        identity
            .create_login_link([hash; 32], login, at(10), at(300))
            .await
            .unwrap()
    };
    let use_up = async |user: &User, hash: u8, seconds| {
        let new = NewLogin {
            user,
            proof: Proof::Link { hash: [hash; 32] },
            kept_by: KeptBy::Cookie {
                hash: [hash; 32],
                ends: at(9000),
            },
            now: at(seconds),
            expires: at(8000),
        };
        identity.begin_login(new).await.unwrap()
    };
    assert!(!make(9, LoginId::generate()).await, "by no login");
    assert!(make(1, maker).await && make(2, maker).await && make(3, maker).await);
    let holder = identity.user_of_login_link([1; 32], at(299)).await.unwrap();
    assert_eq!(holder.as_ref(), Some(&ann));
    assert_eq!(
        identity.user_of_login_link([1; 32], at(300)).await.unwrap(),
        None
    );
    assert_eq!(use_up(&bob, 1, 20).await, None, "another user");
    assert_eq!(use_up(&ann, 1, 300).await, None, "late");
    let login = use_up(&ann, 1, 20).await.unwrap();
    assert_eq!(use_up(&ann, 1, 20).await, None, "twice");
    let standing = identity.standing(login, at(20)).await.unwrap().unwrap();
    assert_eq!(
        (standing.scopes, standing.api_key.as_deref()),
        (scopes, Some("k"))
    );
    assert_eq!(standing.until, at(500), "the key's end");
    // The link ends with its maker's login, and with the key; so does the login that it began.
    let by_login = identity.standing(login, at(20)).await.unwrap();
    assert!(by_login.is_some(), "the control");
    assert!(identity.end_login(maker).await.unwrap().is_some());
    assert_eq!(use_up(&ann, 2, 20).await, None);
    assert_eq!(identity.standing(login, at(20)).await.unwrap(), None);
    let by_key = identity
        .api_key_holder("k", at(20))
        .await
        .unwrap()
        .unwrap()
        .login;
    assert!(make(4, by_key).await && make(5, by_key).await);
    assert!(use_up(&ann, 4, 20).await.is_some());
    identity.delete_user(ann.id).await.unwrap();
    assert_eq!(use_up(&ann, 5, 20).await, None);
}

/// Whoever ends the other logins, or changes the password, in a browser that a link logged in, goes on there.
#[tokio::test]
async fn the_login_that_ends_its_maker_lives_on() {
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "hash", false, at(0))
        .await
        .unwrap();
    let by_link = async |hash: u8| {
        let maker = login(&identity, &ann, hash).await;
        let made = identity.create_login_link([hash; 32], maker, at(1), at(300));
        assert!(made.await.unwrap());
        let new = NewLogin {
            user: &ann,
            proof: Proof::Link { hash: [hash; 32] },
            kept_by: KeptBy::Cookie {
                hash: [hash; 32],
                ends: at(900),
            },
            now: at(2),
            expires: at(900),
        };
        (maker, identity.begin_login(new).await.unwrap().unwrap())
    };
    let (maker, ours) = by_link(1).await;
    let ended = identity.end_other_logins(ann.id, ours).await.unwrap();
    assert_eq!(ended.len(), 1);
    assert!(!is_in_force(&identity, maker, 3).await && is_in_force(&identity, ours, 3).await);
    let (maker, ours) = by_link(2).await;
    let changed = identity.change_password(ann.id, "hash", "new", ours);
    assert!(changed.await.unwrap());
    assert!(!is_in_force(&identity, maker, 3).await && is_in_force(&identity, ours, 3).await);
}

#[tokio::test]
async fn a_user_has_sixteen_unused_links_and_the_oldest_makes_room() {
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "hash", false, at(0))
        .await
        .unwrap();
    let bob = identity
        .create_user("bob", "hash", false, at(0))
        .await
        .unwrap();
    let (of_ann, of_bob) = (
        login(&identity, &ann, 1).await,
        login(&identity, &bob, 2).await,
    );
    let make = async |login, hash: u8, second| {
        let made = identity.create_login_link([hash; 32], login, at(second), at(second + 300));
        assert!(made.await.unwrap());
    };
    let holder = async |hash: u8| {
        let found = identity.user_of_login_link([hash; 32], at(50)).await;
        found.unwrap().map(|user| user.name)
    };
    make(of_bob, 100, 1).await;
    for number in 0..16 {
        make(of_ann, number, i64::from(number)).await;
    }
    assert_eq!(holder(0).await.as_deref(), Some("ann"), "the control");
    make(of_ann, 16, 16).await;
    assert_eq!(holder(0).await, None);
    for number in [1, 15, 16] {
        assert_eq!(holder(number).await.as_deref(), Some("ann"), "{number}");
    }
    assert_eq!(
        holder(100).await.as_deref(),
        Some("bob"),
        "another's is none of them"
    );
}

#[tokio::test]
async fn users_end_their_own_logins() {
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "hash", false, at(0))
        .await
        .unwrap();
    let bob = identity
        .create_user("bob", "hash", false, at(0))
        .await
        .unwrap();
    let one = browser(&identity, &ann, 1).await;
    let other = login(&identity, &ann, 2).await;
    let of_bob = login(&identity, &bob, 3).await;
    let mine = identity.logins_of(ann.id, at(1)).await.unwrap();
    let mut browsers: Vec<_> = mine
        .iter()
        .map(|mine| (mine.login == one, mine.is_browser))
        .collect();
    browsers.sort_unstable();
    assert_eq!(browsers, [(false, false), (true, true)]);
    assert_eq!(identity.logins_of(ann.id, at(100)).await.unwrap().len(), 1);
    assert_eq!(identity.end_own_login(ann.id, of_bob).await.unwrap(), None);
    assert!(is_in_force(&identity, of_bob, 1).await);
    let ended = identity.end_other_logins(ann.id, one).await.unwrap();
    assert_eq!(ended.len(), 1);
    assert!(!is_in_force(&identity, other, 1).await && is_in_force(&identity, one, 1).await);
    assert!(identity.end_own_login(ann.id, one).await.unwrap().is_some());
    assert!(!is_in_force(&identity, one, 1).await && is_in_force(&identity, of_bob, 1).await);
}

//! Each requirement on a provider's token and on the provider itself, one by one and to the second.

use std::time::Duration;

use atrail_api::{Role, paths};
use atrail_model::Clock;
use atrail_server::{OidcAlgorithm, RoleRule};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::issuer::{Manner, Signer};
use crate::oidc::{Scene, rule};
use crate::support::{Client, Made};

const MINUTE: Duration = Duration::from_secs(60);

async fn status(scene: &Scene, claims: &Value) -> u16 {
    scene.answer(&scene.sign(claims)).await.0
}

#[tokio::test]
async fn a_token_is_good_from_its_first_second_to_its_last() {
    let scene = Scene::with(|_| ()).await;
    let now = scene.server.clock.now().as_second();
    for (name, good, bad) in [
        ("exp", now - 59, now - 60),
        ("iat", now + 60, now + 61),
        ("iat", now - 600, now - 601),
        ("nbf", now + 60, now + 61),
    ] {
        assert_eq!(
            status(&scene, &scene.saying(name, json!(good))).await,
            200,
            "{name}"
        );
        assert_eq!(
            status(&scene, &scene.saying(name, json!(bad))).await,
            400,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_key_is_good_for_what_it_was_published_for() {
    let scene = Scene::with(|_| ()).await;
    let (signer, other) = (&scene.signer, Signer::new("other"));
    let with = |name: &str, value: Value| {
        let mut key = signer.public();
        key[name] = value;
        key
    };
    let mut nameless = signer.public();
    nameless.as_object_mut().unwrap().remove("kid");
    for (what, keys, is_named, expected) in [
        ("the control", vec![signer.public()], true, 200),
        ("to sign", vec![with("use", json!("sig"))], true, 200),
        ("to encrypt", vec![with("use", json!("enc"))], true, 400),
        (
            "by this algorithm",
            vec![with("alg", json!("ES256"))],
            true,
            200,
        ),
        ("by another", vec![with("alg", json!("ES384"))], true, 400),
        ("its only one", vec![signer.public()], false, 200),
        ("another's only one", vec![other.public()], false, 400),
        (
            "one of two",
            vec![signer.public(), other.public()],
            false,
            400,
        ),
        ("without a name", vec![nameless], true, 400),
        ("another", vec![other.public()], true, 400),
    ] {
        scene.issuer.publish_all(keys);
        scene.server.clock.advance(Duration::from_secs(3600));
        let token = signer.sign(&scene.claims(), |header| {
            header.kid = header.kid.take().filter(|_| is_named);
        });
        assert_eq!(scene.answer(&token).await.0, expected, "{what}");
    }
}

#[tokio::test]
async fn the_algorithms_and_the_audience_are_those_of_the_settings() {
    let scene = Scene::with(|oidc| oidc.algorithms = vec![OidcAlgorithm::RS256]).await;
    assert_eq!(status(&scene, &scene.claims()).await, 400);
    let scene = Scene::with(|oidc| oidc.audience = Some("api://trail".to_owned())).await;
    assert_eq!(
        status(&scene, &scene.claims()).await,
        400,
        "the client's own name"
    );
    assert_eq!(
        status(&scene, &scene.saying("aud", json!("api://trail"))).await,
        200
    );
    assert_eq!(
        status(&scene, &scene.saying("azp", json!("atrail-test"))).await,
        400
    );
}

#[tokio::test]
async fn a_provider_that_answers_otherwise_is_not_believed() {
    let scene = Scene::with(|_| ()).await;
    // The keys do exist there: the address is this machine, but not a loopback address.
    let elsewhere = scene.issuer.url.replace("127.0.0.1", "0.0.0.0") + "/keys";
    let manners = [
        (
            "keys without https",
            Manner {
                keys_at: Some(elsewhere),
                ..Manner::default()
            },
        ),
        (
            "another name, with good keys",
            Manner {
                calls_itself: Some("http://127.0.0.1/other".to_owned()),
                keys_at: Some(format!("{}/keys", scene.issuer.url)),
                ..Manner::default()
            },
        ),
        (
            "an error with keys",
            Manner {
                keys_status: Some(StatusCode::INTERNAL_SERVER_ERROR),
                ..Manner::default()
            },
        ),
        (
            "too much",
            Manner {
                padding: 1 << 20,
                ..Manner::default()
            },
        ),
    ];
    for (what, manner) in manners {
        scene.issuer.behave(manner);
        assert_eq!(status(&scene, &scene.claims()).await, 503, "{what}");
        // The server asks the provider no more often than once a minute.
        scene.issuer.behave(Manner::default());
        assert_eq!(status(&scene, &scene.claims()).await, 503, "{what}");
        scene.server.clock.advance(MINUTE);
    }
    let long = Manner {
        padding: 1 << 19,
        ..Manner::default()
    };
    scene.issuer.behave(long);
    assert_eq!(status(&scene, &scene.claims()).await, 200, "the control");
}

/// An attempt that is no guess does not count as one, however often it is repeated.
#[tokio::test]
async fn neither_a_silent_provider_nor_a_nameless_user_nor_a_login_keeps_anybody_out() {
    let scene = Scene::with(|_| ()).await;
    scene.issuer.go_down(true);
    for _ in 0..120 {
        assert_eq!(status(&scene, &scene.claims()).await, 503);
    }
    scene.issuer.go_down(false);
    scene.server.clock.advance(MINUTE);
    for _ in 0..120 {
        assert_eq!(
            status(&scene, &scene.without("preferred_username")).await,
            400
        );
    }
    for _ in 0..120 {
        assert_eq!(status(&scene, &scene.claims()).await, 200);
    }
    // The control: guesses do count.
    let stranger = Signer::new("first");
    let mut statuses = Vec::new();
    for _ in 0..120 {
        statuses.push(
            scene
                .answer(&stranger.sign(&scene.claims(), |_| ()))
                .await
                .0,
        );
    }
    assert_eq!((statuses[0], statuses[119]), (400, 429));
    scene.server.clock.advance(MINUTE);
    assert_eq!(status(&scene, &scene.claims()).await, 200, "a minute later");
}

#[tokio::test]
async fn keys_are_asked_for_again_after_an_hour_and_believed_for_a_day() {
    let scene = Scene::with(|_| ()).await;
    scene.login(&scene.claims()).await;
    scene.server.clock.advance(Duration::from_secs(3599));
    scene.login(&scene.claims()).await;
    assert_eq!(scene.issuer.fetches(), 1);
    scene.server.clock.advance(Duration::from_secs(1));
    scene.login(&scene.claims()).await;
    assert_eq!(scene.issuer.fetches(), 2);
    // While the server may not fetch the keys again, it does not trust a key that is too old either.
    scene.issuer.go_down(true);
    scene.server.clock.advance(Duration::from_secs(86_399));
    scene.login(&scene.claims()).await;
    scene.server.clock.advance(Duration::from_secs(1));
    assert_ne!(status(&scene, &scene.claims()).await, 200);
}

async fn made(admin: &Client, path: &str, body: Value) -> String {
    let made: Value = admin.post(path).json(&body).made().await;
    made["guid"].as_str().unwrap().to_owned()
}

/// Accounts have organizations of the same names, and these have spaces of the same names.
#[tokio::test]
async fn a_rule_means_the_place_that_it_names_by_name_or_guid() {
    let in_place = |account: &str, organization: &str, space: &str| RoleRule {
        account: account.to_owned(),
        organization: Some(organization.to_owned()),
        space: Some(space.to_owned()),
        ..rule("shop", Role::Developer, true)
    };
    let mut scene = Scene::with(|_| ()).await;
    let admin = scene.server.admin().await;
    let mut places = Vec::new();
    // Other organizations and spaces come first.
    for account in ["first", "second"] {
        let account = made(&admin, paths::ACCOUNTS, json!({"name": account})).await;
        let owner = json!({"user": "admin", "role": "owner", "account": account});
        let _: Value = admin.post(paths::ROLES).json(&owner).made().await;
        for organization in ["web", "shop"] {
            let of = json!({"account": {"data": {"guid": account}}});
            let body = json!({"name": organization, "relationships": of});
            let organization = made(&admin, paths::ORGANIZATIONS, body).await;
            let of = json!({"organization": {"data": {"guid": organization}}});
            let body = json!({"name": "prod", "relationships": of});
            let space = made(&admin, paths::SPACES, body).await;
            places.push([account.clone(), organization, space]);
        }
    }
    let [account, organization, space] = places[3].clone();
    for rule in [
        in_place("second", "shop", "prod"),
        in_place(&account, &organization, &space),
        in_place("second", &organization, "prod"),
    ] {
        let url = scene.issuer.url.clone();
        let server = scene.server;
        let again = server
            .restart_with(|settings| {
                settings.oidc.issuer = Some(url);
                settings.oidc.client_id = Some("atrail-test".to_owned());
                settings.oidc.roles = vec![rule.clone()];
            })
            .await;
        scene = Scene {
            server: again,
            ..scene
        };
        let tokens = scene.login(&scene.saying("groups", json!(["shop"]))).await;
        let ann = scene.server.client(&tokens.access_token);
        for place in &places {
            let seen = ann
                .in_space(Some(&place[2]))
                .get(paths::EVENTS)
                .seen()
                .await
                .0;
            let expected = if place[2] == space { 200 } else { 404 };
            assert_eq!(seen, expected, "{rule:?} {place:?}");
        }
        // A text that only contains the value does not match.
        let tokens = scene
            .login(&scene.saying("groups", json!("shopping")))
            .await;
        let ann = scene.server.client(&tokens.access_token);
        assert_eq!(
            ann.in_space(Some(&space)).get(paths::EVENTS).seen().await.0,
            404
        );
    }
}

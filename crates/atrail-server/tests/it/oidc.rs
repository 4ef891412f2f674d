//! Users of an OpenID provider, and impostors.

use std::time::Duration;

use atrail_api::{InfoResponse, Role, TokenResponse, paths};
use atrail_model::Clock;
use atrail_server::{OidcSettings, RoleRule, Settings};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::issuer::{Issuer, Signer};
use crate::support::{Made, PASSWORD, TestServer};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

pub(crate) struct Scene {
    pub(crate) server: TestServer,
    pub(crate) issuer: Issuer,
    pub(crate) signer: Signer,
}

pub(crate) fn rule(value: &str, role: Role, is_of_space: bool) -> RoleRule {
    let default = || "default".to_owned();
    RoleRule {
        claim: "groups".to_owned(),
        value: value.to_owned(),
        role,
        account: default(),
        organization: is_of_space.then(default),
        space: is_of_space.then(default),
    }
}

fn believe(settings: &mut Settings, issuer: &str) {
    let oidc = &mut settings.oidc;
    oidc.issuer = Some(issuer.to_owned());
    oidc.client_id = Some("atrail-test".to_owned());
    oidc.roles = vec![
        rule("audit", Role::Auditor, false),
        rule("shop", Role::Developer, true),
        RoleRule {
            account: "nowhere".to_owned(),
            ..rule("audit", Role::Owner, false)
        },
    ];
}

impl Scene {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// Creates a scene with changed settings of the provider.
    pub(crate) async fn with(change: impl FnOnce(&mut OidcSettings)) -> Self {
        let signer = Signer::new("first");
        let issuer = Issuer::start(&signer).await;
        let server = TestServer::with(|settings| {
            believe(settings, &issuer.url);
            change(&mut settings.oidc);
        })
        .await;
        Self {
            server,
            issuer,
            signer,
        }
    }

    /// Returns the provider's claims about ann.
    pub(crate) fn claims(&self) -> Value {
        let now = self.server.clock.now().as_second();
        json!({
            "iss": self.issuer.url, "sub": "17", "aud": "atrail-test", "exp": now + 300, "iat": now,
            "preferred_username": "ann", "groups": ["audit"],
        })
    }

    pub(crate) fn saying(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims
    }

    pub(crate) fn without(&self, name: &str) -> Value {
        let mut claims = self.claims();
        claims.as_object_mut().unwrap().remove(name);
        claims
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.signer.sign(claims, |_| ())
    }

    pub(crate) async fn answer(&self, token: &str) -> (u16, String) {
        let form = [("grant_type", JWT_BEARER), ("assertion", token)];
        let answer = self.server.token(&form).await;
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub(crate) async fn login(&self, claims: &Value) -> TokenResponse {
        let (status, text) = self.answer(&self.sign(claims)).await;
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

#[tokio::test]
async fn who_the_provider_vouches_for_gets_the_roles_of_the_claims() {
    let scene = Scene::new().await;
    let server = &scene.server;
    let info: InfoResponse = server.nobody().get(paths::INFO).made().await;
    assert_eq!(info.oidc.unwrap().issuer, scene.issuer.url);

    let first = scene.login(&scene.claims()).await;
    let ann = server.client(&first.access_token);
    assert_eq!(ann.get(paths::EVENTS).seen().await.0, 200);
    assert_eq!(ann.delete_all().seen().await.0, 403);
    let roles: Value = ann.get(paths::ROLES).made().await;
    let roles = roles["resources"].as_array().unwrap();
    assert_eq!(roles.len(), 1, "{roles:?}");
    assert_eq!(
        (&roles[0]["role"], &roles[0]["claimed"]),
        (&json!("auditor"), &json!(true))
    );

    // The next login has other groups: an earlier login of the same user loses the missing roles at once.
    let second = scene.login(&scene.saying("groups", json!("shop"))).await;
    assert_eq!(
        ann.get("/v3/events?AtAccountLevel=true").seen().await.0,
        403
    );
    let again = server.client(&second.access_token);
    assert_eq!(again.delete_all().seen().await.0, 200);
    let none = scene.login(&scene.without("groups")).await;
    assert_eq!(again.get(paths::EVENTS).seen().await.0, 404);
    let users: Value = server.admin().await.get(paths::USERS).made().await;
    assert_eq!(users["resources"].as_array().unwrap().len(), 2, "one ann");

    // The login can be refreshed like others, but not for ever.
    let mut refresh = none.refresh_token;
    for _ in 0..11 {
        server.clock.advance(Duration::from_secs(3600));
        let form = [("grant_type", "refresh_token"), ("refresh_token", &refresh)];
        let renewed: TokenResponse = server.token(&form).await.json().await.unwrap();
        refresh = renewed.refresh_token;
    }
    server.clock.advance(Duration::from_secs(3600));
    let form = [("grant_type", "refresh_token"), ("refresh_token", &refresh)];
    assert_eq!(server.token(&form).await.status(), 400);
}

#[tokio::test]
async fn what_a_provider_said_is_worth_something_to_logins_by_it_alone() {
    let scene = Scene::new().await;
    let server = &scene.server;
    let first = scene.login(&scene.claims()).await;
    let ann = server.client(&first.access_token);
    let key = ann.post(paths::API_KEYS).json(&json!({"name": "k"}));
    let key: Value = key.made().await;
    let by_key = server
        .login("apikey", key["key"].as_str().unwrap())
        .await
        .access_token;
    let by_key = server.client(&by_key);
    // A key does not expire, and nobody asks the provider about it again.
    assert_eq!(ann.get(paths::EVENTS).seen().await.0, 200, "the control");
    assert_eq!(by_key.get(paths::EVENTS).seen().await.0, 404);
    let in_account = "/v3/events?AtAccountLevel=true";
    assert_eq!(by_key.get(in_account).seen().await.0, 404);
    let nowhere = by_key.in_space(None);
    assert_eq!(nowhere.get(in_account).seen().await.0, 403);
    let tree: Value = by_key.get(paths::ACCOUNTS).made().await;
    assert_eq!(tree["resources"], json!([]));

    // A role that an owner granted has the same effect for both.
    let mut grant = server.developer();
    grant["user"] = "ann".into();
    let admin = server.admin().await;
    let _: Value = admin.post(paths::ROLES).json(&grant).made().await;
    assert_eq!(by_key.delete_all().seen().await.0, 200);
    assert_eq!(ann.delete_all().seen().await.0, 200);
}

#[tokio::test]
async fn what_the_provider_did_not_say_to_this_server_now_is_refused() {
    let scene = Scene::new().await;
    let now = scene.server.clock.now().as_second();
    let impostor = Signer::new("first");
    let stranger = Signer::new("unknown");
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = scene.claims();
    let good = scene.sign(&claims);
    let (head, rest) = good.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let public = scene.signer.public().to_string();
    let by_public_key = {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("first".to_owned());
        let secret = EncodingKey::from_secret(public.as_bytes());
        jsonwebtoken::encode(&header, &claims, &secret).unwrap()
    };
    let none = |alg: &str| encoded(&json!({"alg": alg, "typ": "JWT", "kid": "first"}));
    let ours = scene
        .server
        .login("admin", &scene.server.initial.password)
        .await;
    let tokens = [
        ("expired", scene.sign(&scene.saying("exp", json!(now - 61)))),
        ("without an end", scene.sign(&scene.without("exp"))),
        (
            "from the future",
            scene.sign(&scene.saying("iat", json!(now + 61))),
        ),
        ("not yet", scene.sign(&scene.saying("nbf", json!(now + 61)))),
        ("old", scene.sign(&scene.saying("iat", json!(now - 601)))),
        ("of unknown age", scene.sign(&scene.without("iat"))),
        (
            "for another",
            scene.sign(&scene.saying("aud", json!("other"))),
        ),
        ("for nobody", scene.sign(&scene.without("aud"))),
        (
            "of another party",
            scene.sign(&scene.saying("azp", json!("other"))),
        ),
        (
            "of another issuer",
            scene.sign(&scene.saying("iss", json!("https://evil"))),
        ),
        (
            "of a longer issuer",
            scene.sign(&scene.saying("iss", json!(format!("{}/", scene.issuer.url)))),
        ),
        ("of nobody", scene.sign(&scene.without("sub"))),
        (
            "of an empty subject",
            scene.sign(&scene.saying("sub", json!(""))),
        ),
        (
            "without a name",
            scene.sign(&scene.without("preferred_username")),
        ),
        ("forged", impostor.sign(&claims, |_| ())),
        ("by an unknown key", stranger.sign(&claims, |_| ())),
        (
            "with its own key",
            stranger.sign(&claims, |header| {
                header.jwk = Some(serde_json::from_value(stranger.public()).unwrap());
            }),
        ),
        (
            "by a key elsewhere",
            stranger.sign(&claims, |header| {
                header.jku = Some("https://evil/keys".to_owned());
            }),
        ),
        (
            "critical",
            scene
                .signer
                .sign(&claims, |header| header.crit = Some(vec!["exp".to_owned()])),
        ),
        (
            "an access token",
            scene
                .signer
                .sign(&claims, |header| header.typ = Some("at+jwt".to_owned())),
        ),
        ("alg none", format!("{}.{body}.", none("none"))),
        ("alg None", format!("{}.{body}.{signature}", none("None"))),
        ("signed by the public key", by_public_key),
        ("without a signature", format!("{head}.{body}.")),
        (
            "with other claims",
            format!(
                "{head}.{}.{signature}",
                encoded(&scene.saying("sub", json!("1")))
            ),
        ),
        ("atrail's access token", ours.access_token.clone()),
        ("atrail's refresh token", ours.refresh_token.clone()),
        ("an API key", scene.server.initial.api_key.clone()),
        ("long", "A".repeat(60_000)),
        (
            "good, and too long",
            scene.sign(&scene.saying("pad", json!("x".repeat(12_200)))),
        ),
        ("empty", String::new()),
    ];
    assert_eq!(scene.answer(&good).await.0, 200, "the control");
    let long = scene.sign(&scene.saying("pad", json!("x".repeat(11_600))));
    assert_eq!(scene.answer(&long).await.0, 200, "the control");
    let refused = tokens.len() - 1;
    // Too few tokens follow for the server to slow down failures from one address.
    let mut answers = std::collections::BTreeSet::new();
    for (what, token) in tokens {
        let (status, text) = scene.answer(&token).await;
        assert_eq!(status, 400, "{what}: {text}");
        assert!(!text.contains(&scene.issuer.url), "{what}: {text}");
        answers.insert(text);
    }
    assert_eq!(answers.len(), 1, "one answer for all: {answers:?}");
    // All but the token without a name: that one is valid, and reveals a wrong configuration.
    let page = scene.server.nobody().get(paths::METRICS).seen().await.1;
    let sample = format!("atrail_auth_failures_total{{kind=\"id_token\"}} {refused}\n");
    assert!(page.contains(&sample), "{page}");
    assert_eq!(scene.answer(&good).await.0, 200, "the control");

    // A token serves only the purpose that it was issued for.
    let as_access = scene.server.client(&good);
    assert_eq!(as_access.get(paths::SESSIONS).seen().await.0, 401);
    let as_refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", good.as_str()),
    ];
    assert_eq!(scene.server.token(&as_refresh).await.status(), 400);
    let access_as_refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", ours.access_token.as_str()),
    ];
    assert_eq!(scene.server.token(&access_as_refresh).await.status(), 400);
    let refresh_as_access = scene.server.client(&ours.refresh_token);
    assert_eq!(refresh_as_access.get(paths::SESSIONS).seen().await.0, 401);
}

#[tokio::test]
async fn keys_are_asked_for_again_when_they_change_and_in_moderation() {
    let scene = Scene::new().await;
    scene.login(&scene.claims()).await;
    scene.login(&scene.claims()).await;
    assert_eq!(scene.issuer.fetches(), 1, "remembered");

    let second = Signer::new("second");
    scene.issuer.publish(&second);
    let by_second = |claims: &Value| second.sign(claims, |_| ());
    assert_eq!(
        scene.answer(&by_second(&scene.claims())).await.0,
        400,
        "asked a moment ago"
    );
    scene.server.clock.advance(Duration::from_secs(60));
    assert_eq!(scene.answer(&by_second(&scene.claims())).await.0, 200);
    assert_eq!(scene.issuer.fetches(), 2);
    let gone = scene.answer(&scene.sign(&scene.claims())).await;
    assert_eq!(gone.0, 400, "the first key is withdrawn");

    let made_up = Signer::new("made up");
    for _ in 0..20 {
        assert_eq!(
            scene.answer(&made_up.sign(&scene.claims(), |_| ())).await.0,
            400
        );
    }
    assert_eq!(
        scene.issuer.fetches(),
        2,
        "made-up keys cost the provider nothing"
    );
    scene.server.clock.advance(Duration::from_secs(60));
    assert_eq!(
        scene.answer(&made_up.sign(&scene.claims(), |_| ())).await.0,
        400
    );
    assert_eq!(scene.issuer.fetches(), 3);
}

#[tokio::test]
async fn a_provider_that_is_down_or_another_is_not_believed() {
    let scene = Scene::new().await;
    scene.issuer.go_down(true);
    let (status, text) = scene.answer(&scene.sign(&scene.claims())).await;
    assert_eq!(status, 503, "{text}");
    scene.issuer.go_down(false);
    scene.server.clock.advance(Duration::from_secs(60));
    scene.login(&scene.claims()).await;
    // The server trusts the keys for a day while the provider is unreachable.
    scene.issuer.go_down(true);
    scene.server.clock.advance(Duration::from_secs(86_000));
    scene.login(&scene.claims()).await;
    scene.server.clock.advance(Duration::from_secs(500));
    assert_eq!(scene.answer(&scene.sign(&scene.claims())).await.0, 503);
    scene.issuer.go_down(false);
    let url = scene.issuer.url.clone();
    scene.issuer.rename("http://127.0.0.1:1/other");
    scene.server.clock.advance(Duration::from_secs(60));
    assert_eq!(scene.answer(&scene.sign(&scene.claims())).await.0, 503);
    scene.issuer.rename(&url);
    scene.server.clock.advance(Duration::from_secs(60));
    scene.login(&scene.claims()).await;
}

#[tokio::test]
async fn a_name_of_a_local_user_is_not_taken_over() {
    let scene = Scene::new().await;
    let (status, text) = scene
        .answer(&scene.sign(&scene.saying("preferred_username", json!("admin"))))
        .await;
    assert_eq!(status, 409, "{text}");
    let (status, _) = scene
        .answer(&scene.sign(&scene.saying("preferred_username", json!("a\u{1b}[2J"))))
        .await;
    assert_eq!(status, 400);
    scene.login(&scene.claims()).await;
    // A user who came through the provider has no password here, and nobody can set one.
    for password in ["", PASSWORD] {
        let form = [
            ("grant_type", "password"),
            ("username", "ann"),
            ("password", password),
        ];
        assert_eq!(scene.server.token(&form).await.status(), 400);
    }
}

#[tokio::test]
async fn without_a_provider_there_are_no_such_logins() {
    let server = TestServer::start().await;
    let info: Value = server.nobody().get(paths::INFO).made().await;
    assert!(info.get("oidc").is_none());
    let form = [("grant_type", JWT_BEARER), ("assertion", "x")];
    let answer: Value = server.token(&form).await.json().await.unwrap();
    assert_eq!(answer["error"], "unsupported_grant_type");
}

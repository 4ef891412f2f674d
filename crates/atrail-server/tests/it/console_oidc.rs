//! Logins of browsers through an OpenID provider.

use std::collections::HashMap;
use std::time::Duration;

use atrail_api::paths;
use atrail_model::Clock;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::browser::Browser;
use crate::issuer::Exchange;
use crate::oidc::Scene;
use crate::support::Made;

/// A browser that was led to the provider, and the query that it was led there with.
struct Away {
    browser: Browser,
    query: HashMap<String, String>,
}

async fn away(scene: &Scene, back: &str) -> Away {
    leave(Browser::new(&scene.server), scene, back).await
}

/// Leads this browser to the provider.
async fn leave(mut browser: Browser, scene: &Scene, back: &str) -> Away {
    let path = format!("{}?return={back}", paths::CONSOLE_OIDC_START);
    let answer = browser.get(&path).send().await.unwrap();
    assert_eq!(answer.status(), 303, "{}", answer.text().await.unwrap());
    browser.keep_cookies(&answer);
    let set: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    for line in set {
        let line = line.to_str().unwrap();
        assert!(
            line.contains("HttpOnly; SameSite=Lax; Max-Age=600"),
            "{line}"
        );
    }
    let place = answer.headers()["location"].to_str().unwrap();
    let url = Url::parse(place).unwrap();
    assert!(
        place.starts_with(&format!("{}/authorize?", scene.issuer.url)),
        "{place}"
    );
    let query = url.query_pairs().into_owned().collect();
    Away { browser, query }
}

impl Away {
    /// Comes back from the provider with this query, as the provider's page leads it; returns where the server leads it.
    async fn back(&mut self, query: &[(&str, &str)]) -> String {
        let query = Url::parse_with_params("http://x", query).unwrap();
        let path = format!(
            "{}?{}",
            paths::CONSOLE_OIDC_CALLBACK,
            query.query().unwrap_or("")
        );
        // The provider's page leads here, so a browser sends only the cookies that are not `SameSite=Strict`.
        let mut sent = self.browser.clone();
        sent.cookies.retain(|(name, _)| name.contains("oidc"));
        let request = sent.bare(Method::GET, &path);
        let answer = request
            .header("sec-fetch-site", "cross-site")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 303, "{}", answer.text().await.unwrap());
        self.browser.keep_cookies(&answer);
        let place = answer.headers()["location"].to_str().unwrap().to_owned();
        assert!(place.starts_with("/console/#/"), "{place}");
        place
    }

    fn state(&self) -> String {
        self.query["state"].clone()
    }
}

/// The provider's claims for a login with this nonce.
fn claims(scene: &Scene, nonce: &str) -> Value {
    let mut claims = scene.claims();
    claims["nonce"] = nonce.into();
    claims
}

#[tokio::test]
async fn a_browser_logs_in_through_the_provider() {
    let scene = Scene::with(|_| ()).await;
    let mut away = away(&scene, "%23%2Fexplore%3Fq%3Da").await;
    let query = away.query.clone();
    let callback = scene.server.url(paths::CONSOLE_OIDC_CALLBACK);
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "atrail-test"),
        ("redirect_uri", callback.as_str()),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(query[name], value);
    }
    assert!(query["scope"].split(' ').any(|scope| scope == "openid"));
    let token = scene.sign(&claims(&scene, &query["nonce"]));
    scene.issuer.exchange(Exchange::Gives(token));
    let place = away
        .back(&[
            ("code", "c-17"),
            ("state", &query["state"]),
            ("session_state", "x"),
        ])
        .await;
    assert_eq!(place, "/console/#/explore?q=a");
    let form = scene.issuer.exchanged();
    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!(form["code"], "c-17");
    assert_eq!(form["redirect_uri"], callback);
    let hashed = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
    assert_eq!(hashed, query["code_challenge"]);
    let me = away.browser.me().await.unwrap();
    assert_eq!(me.user.name, "ann");
    assert_eq!(me.oidc.unwrap().name, "127.0.0.1");
    assert_eq!(
        json!(me.accounts[0].roles),
        json!(["auditor"]),
        "the roles of the claims"
    );
    assert!(
        away.browser
            .cookies
            .iter()
            .all(|(name, _)| !name.contains("oidc")),
        "{:?}",
        away.browser.cookies
    );
    // The same way back leads nowhere.
    let place = away
        .back(&[("code", "c-17"), ("state", &query["state"])])
        .await;
    assert_eq!(place, "/console/#/login?problem=oidc_expired");
}

#[tokio::test]
async fn a_login_that_did_not_begin_in_this_browser_is_refused() {
    let scene = Scene::with(|_| ()).await;
    let one = away(&scene, "%23%2F").await;
    let mut other = away(&scene, "%23%2F").await;
    assert_ne!(one.query["state"], other.query["state"]);
    assert_ne!(one.query["nonce"], other.query["nonce"]);
    assert_ne!(one.query["code_challenge"], other.query["code_challenge"]);
    scene.issuer.exchange(Exchange::Gives(
        scene.sign(&claims(&scene, &other.query["nonce"])),
    ));
    let (of_one, of_other) = (one.state(), other.state());
    for query in [
        &[("code", "c"), ("state", of_one.as_str())][..],
        &[("code", "c"), ("state", "")],
        &[("code", "c")],
        &[],
    ] {
        let mut tried = Away {
            browser: other.browser.clone(),
            query: HashMap::new(),
        };
        assert_eq!(
            tried.back(query).await,
            "/console/#/login?problem=oidc_expired",
            "{query:?}"
        );
        assert!(tried.browser.me().await.is_none());
    }
    for query in [
        &[("error", "access_denied"), ("state", of_other.as_str())][..],
        &[("code", "c"), ("error", "x"), ("state", &of_other)],
        &[("state", &of_other)],
        &[
            ("code", "c"),
            ("state", &of_other),
            ("iss", "https://evil.example"),
        ],
    ] {
        let mut tried = Away {
            browser: other.browser.clone(),
            query: HashMap::new(),
        };
        assert_eq!(
            tried.back(query).await,
            "/console/#/login?problem=oidc_refused",
            "{query:?}"
        );
        assert!(tried.browser.me().await.is_none());
    }
    let place = other
        .back(&[
            ("code", "c"),
            ("state", &of_other),
            ("iss", &scene.issuer.url),
        ])
        .await;
    assert_eq!(place, "/console/#/", "the control");
    assert!(other.browser.me().await.is_some());
}

#[tokio::test]
async fn a_token_of_another_login_is_refused() {
    let scene = Scene::with(|_| ()).await;
    let nonce_of_another = claims(&scene, "another");
    let without_nonce = scene.claims();
    for (what, wrong) in [("another's", nonce_of_another), ("none", without_nonce)] {
        let mut away = away(&scene, "%23%2F").await;
        scene.issuer.exchange(Exchange::Gives(scene.sign(&wrong)));
        let state = away.state();
        let place = away.back(&[("code", "c"), ("state", &state)]).await;
        assert_eq!(place, "/console/#/login?problem=oidc_refused", "{what}");
        assert!(away.browser.me().await.is_none());
    }
    for (exchange, word) in [
        (Exchange::Refuses, "oidc_refused"),
        (Exchange::GivesNone, "oidc_refused"),
        (Exchange::Fails, "oidc_unavailable"),
    ] {
        let mut away = away(&scene, "%23%2F").await;
        scene.issuer.exchange(exchange);
        let state = away.state();
        let place = away.back(&[("code", "c"), ("state", &state)]).await;
        assert_eq!(place, format!("/console/#/login?problem={word}"));
    }
}

/// Goes to the provider and comes back with these claims added; returns where the server leads the browser.
async fn there_and_back(
    scene: &Scene,
    browser: &mut Browser,
    back: &str,
    more: &[(&str, Value)],
) -> String {
    let mut away = leave(browser.clone(), scene, back).await;
    let mut claims = claims(scene, &away.query["nonce"]);
    for (name, value) in more {
        claims[*name] = value.clone();
    }
    scene.issuer.exchange(Exchange::Gives(scene.sign(&claims)));
    let state = away.state();
    let place = away.back(&[("code", "c"), ("state", &state)]).await;
    *browser = away.browser;
    place
}

/// The provider may have remembered its user for days: only its own word that the user has just logged in is a fresh login.
#[tokio::test]
async fn a_login_by_the_provider_is_as_fresh_as_the_provider_says() {
    let scene = Scene::with(|_| ()).await;
    let now = scene.server.clock.now();
    let fresh = |me: &atrail_api::ConsoleMe| {
        let until: atrail_model::Timestamp = me.login.fresh_until.parse().unwrap();
        until > scene.server.clock.now()
    };
    let second = now.as_second();
    for (what, said, is_fresh) in [
        ("nothing", Value::Null, false),
        ("no number", "now".into(), false),
        ("yesterday", (second - 86_400).into(), false),
        ("tomorrow", (second + 86_400).into(), false),
        ("fifteen minutes ago", (second - 900).into(), false),
        ("fourteen minutes ago", (second - 840).into(), true),
        ("now, by a clock that is ahead", (second + 50).into(), true),
    ] {
        let mut browser = Browser::new(&scene.server);
        let said = [("auth_time", said)];
        let place = there_and_back(&scene, &mut browser, "%23%2F", &said).await;
        assert_eq!(place, "/console/#/", "{what}: it is a login all the same");
        let me = browser.me().await.unwrap();
        assert_eq!(fresh(&me), is_fresh, "{what}: {}", me.login.fresh_until);
        let changed = browser.request(Method::POST, paths::API_KEYS).json(&json!({
            "name": "k", "scopes": ["read"],
        }));
        let changed = changed.send().await.unwrap().status().as_u16();
        assert_eq!(changed == 401, !is_fresh, "{what}: {changed}");
    }
}

#[tokio::test]
async fn a_fresh_login_by_the_provider_asks_the_user_again_or_is_none() {
    let scene = Scene::with(|_| ()).await;
    let mut browser = Browser::new(&scene.server);
    there_and_back(&scene, &mut browser, "%23%2F", &[]).await;
    let before = browser.me().await.unwrap().login.id;
    let plain = leave(browser.clone(), &scene, "%23%2F").await.query;
    assert!(!plain.contains_key("prompt") && !plain.contains_key("max_age"));
    let back = "%23%2Fpeople&fresh=true";
    let again = leave(browser.clone(), &scene, back).await.query;
    assert_eq!(
        (again["prompt"].as_str(), again["max_age"].as_str()),
        ("login", "0")
    );
    let second = scene.server.clock.now().as_second();
    for stale in [Value::Null, (second - 900).into()] {
        let said = [("auth_time", stale)];
        let place = there_and_back(&scene, &mut browser, back, &said).await;
        assert_eq!(place, "/console/#/login?problem=oidc_stale");
        let me = browser.me().await.unwrap();
        assert_eq!(me.login.id, before, "the login that was there is left");
    }
    let said = [("auth_time", second.into())];
    let place = there_and_back(&scene, &mut browser, back, &said).await;
    assert_eq!(place, "/console/#/people");
    assert_ne!(browser.me().await.unwrap().login.id, before);
}

#[tokio::test]
async fn a_login_by_the_provider_ends_the_one_that_the_browser_had() {
    let scene = Scene::with(|_| ()).await;
    let initial = scene.server.initial.clone();
    let one = Browser::logged_in(&scene.server, &initial.user, &initial.password).await;
    let other = Browser::logged_in(&scene.server, &initial.user, &initial.password).await;
    let mut moved = one.clone();
    scene.issuer.exchange(Exchange::Refuses);
    let mut refused = leave(moved.clone(), &scene, "%23%2F").await;
    let state = refused.state();
    refused.back(&[("code", "c"), ("state", &state)]).await;
    assert!(
        one.me().await.is_some(),
        "a login that fails ends none that there was"
    );
    there_and_back(&scene, &mut moved, "%23%2F", &[]).await;
    assert_eq!(moved.me().await.unwrap().user.name, "ann");
    assert!(one.me().await.is_none(), "its cookie is worth nothing now");
    assert!(other.me().await.is_some(), "the control");
}

/// Anybody can make up a code: whoever guesses waits, and the provider is left alone.
#[tokio::test]
async fn guesses_of_a_code_have_to_wait() {
    let scene = Scene::with(|_| ()).await;
    let began = away(&scene, "%23%2F").await;
    let state = began.state();
    scene.issuer.exchange(Exchange::Refuses);
    let guess = async || {
        let mut tried = Away {
            browser: began.browser.clone(),
            query: HashMap::new(),
        };
        tried.back(&[("code", "guess"), ("state", &state)]).await
    };
    let refused = "/console/#/login?problem=oidc_refused";
    assert_eq!(guess().await, refused, "the control");
    let mut waits = false;
    for _ in 0..120 {
        waits = guess().await == "/console/#/login?problem=oidc_unavailable";
        if waits {
            break;
        }
    }
    assert!(waits);
}

#[tokio::test]
async fn a_login_by_the_provider_ends_as_the_provider_wants() {
    let scene = Scene::with(|oidc| oidc.login_ttl = Duration::from_secs(1200)).await;
    let mut away = away(&scene, "%23%2F").await;
    scene.issuer.exchange(Exchange::Gives(
        scene.sign(&claims(&scene, &away.query["nonce"])),
    ));
    let state = away.state();
    away.back(&[("code", "c"), ("state", &state)]).await;
    let me = away.browser.me().await.unwrap();
    assert_eq!(me.login.ends, "2017-07-25T10:49:28.541092735Z");
    scene.server.clock.advance(Duration::from_secs(1199));
    assert_eq!(away.browser.status(Method::GET, paths::ACCOUNTS).await, 200);
    scene.server.clock.advance(Duration::from_secs(1));
    assert!(away.browser.me().await.is_none());
}

#[tokio::test]
async fn only_the_consoles_own_page_begins_a_login_and_it_comes_back_to_the_console_alone() {
    let scene = Scene::with(|_| ()).await;
    let browser = Browser::new(&scene.server);
    let start = |site: &str, back: &str| {
        let path = format!("{}?return={back}", paths::CONSOLE_OIDC_START);
        let request = browser
            .bare(Method::GET, &path)
            .header("sec-fetch-site", site);
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(start("same-origin", "%23%2F").await, 303, "the control");
    for site in ["cross-site", "same-site"] {
        assert_eq!(start(site, "%23%2F").await, 403, "{site}");
    }
    let long = format!("%23%2F{}", "a".repeat(3000));
    for back in [
        "",
        "%2F",
        "https%3A%2F%2Fevil.example",
        "%2F%2Fevil.example",
        "%23%2Fa%0D%0Ab",
        "%23%2F%C3%A9",
        long.as_str(),
    ] {
        assert_eq!(start("same-origin", back).await, 400, "{back}");
    }
    scene.issuer.go_down(true);
    scene.server.clock.advance(Duration::from_secs(86_400));
    let path = format!("{}?return=%23%2F", paths::CONSOLE_OIDC_START);
    let answer = browser.get(&path).send().await.unwrap();
    assert_eq!(
        answer.headers()["location"],
        "/console/#/login?problem=oidc_unavailable"
    );
    let none = crate::support::TestServer::start().await;
    let browser = Browser::new(&none);
    assert_eq!(
        browser.status(Method::GET, paths::CONSOLE_OIDC_START).await,
        404
    );
    let info: Value = none.nobody().get(paths::INFO).made().await;
    assert!(info.get("oidc").is_none());
}

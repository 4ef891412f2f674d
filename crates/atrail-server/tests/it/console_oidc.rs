//! Logins of browsers through an OpenID provider.

use std::collections::HashMap;
use std::time::Duration;

use atrail_api::paths;
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
    let mut browser = Browser::new(&scene.server);
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
        let request = self.browser.bare(Method::GET, &path);
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

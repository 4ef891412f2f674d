//! Logins of browsers, and the rules under which their cookies count.

use std::time::Duration;

use atrail_api::{Problem, headers, paths};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::browser::Browser;
use crate::support::{PASSWORD, TestServer, event};

/// Advances the clock in steps in which the browser does something.
async fn in_use(server: &TestServer, browser: &Browser, minutes: u64) {
    for _ in 0..minutes / 10 {
        server.clock.advance(Duration::from_secs(600));
        browser.status(Method::GET, paths::ACCOUNTS).await;
    }
}

#[tokio::test]
async fn a_browser_logs_in_and_out() {
    let server = TestServer::start().await;
    let initial = server.initial.clone();
    let mut browser = Browser::new(&server);
    assert!(browser.me().await.is_none(), "the control");
    let answer = browser
        .log_in(&json!({"username": initial.user, "password": initial.password}))
        .await;
    assert_eq!(answer.status(), 200);
    let set: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    let attributes: Vec<_> = set
        .iter()
        .map(|line| line.to_str().unwrap())
        .map(|line| {
            let (pair, attributes) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert_eq!(value.len(), 64, "256 bits");
            format!("{name};{attributes}")
        })
        .collect();
    let expected = [
        "__Host-atrail; Secure; Path=/; HttpOnly; SameSite=Strict",
        "atrail; Path=/; HttpOnly; SameSite=Strict",
    ];
    assert_eq!(attributes, expected);
    let me = browser.me().await.unwrap();
    assert_eq!(me.user.name, initial.user);
    assert!(me.operator);
    assert_eq!(me.login.began, "2017-07-25T10:29:28.541092735Z");
    assert_eq!(me.login.expires, "2017-07-25T10:59:28.541092735Z");
    assert_eq!(me.login.ends, "2017-07-25T22:29:28.541092735Z");
    assert_eq!(me.login.fresh_until, "2017-07-25T10:44:28.541092735Z");
    assert_eq!(me.login.scopes, None);
    assert_eq!(me.server.vkey, server.running.verifier_key);
    assert_eq!(me.server.generation, 0);
    let [account] = me.accounts.as_slice() else {
        panic!("{me:?}");
    };
    assert_eq!(
        (&account.id, &account.name[..]),
        (&initial.account, "default")
    );
    assert_eq!(json!(account.roles), json!(["owner"]));
    assert_eq!(account.organizations[0].id, initial.organization);
    assert_eq!(account.organizations[0].spaces[0].id, initial.space);

    let before = browser.clone();
    let answer = browser.log_out().await;
    assert_eq!(answer.status(), 204);
    assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);
    assert!(browser.me().await.is_none());
    assert!(
        before.me().await.is_none(),
        "the cookie's value is worth nothing"
    );
    assert_eq!(browser.log_out().await.status(), 204, "once more");
}

#[tokio::test]
async fn browsers_have_logins_of_their_own_and_each_login_a_new_cookie() {
    let server = TestServer::start().await;
    server.user("ann", false, &[server.developer()]).await;
    let one = Browser::logged_in(&server, "ann", PASSWORD).await;
    let mut other = Browser::logged_in(&server, "ann", PASSWORD).await;
    assert_ne!(one.cookies, other.cookies);
    let old = other.clone();
    let again = json!({"username": "ann", "password": PASSWORD});
    assert_eq!(other.log_in(&again).await.status(), 200);
    assert_ne!(old.cookies, other.cookies);
    assert!(
        old.me().await.is_none(),
        "the new login took the place of the old"
    );
    assert_eq!(other.log_out().await.status(), 204);
    assert!(other.me().await.is_none());
    assert_eq!(
        one.me().await.unwrap().user.name,
        "ann",
        "the other browser's"
    );
}

#[tokio::test]
async fn every_refusal_of_a_login_is_the_same_and_guessing_has_to_wait() {
    let server = TestServer::start().await;
    server.user("ann", false, &[]).await;
    let mut browser = Browser::new(&server);
    let mut answers = Vec::new();
    for body in [
        json!({"username": "ann", "password": "wrong"}),
        json!({"username": "nobody", "password": "wrong"}),
        json!({"api_key": "wrong"}),
        json!({"api_key": "atk_0123456789abcdef_0123456789abcdef0123456789abcdef0123456789abcdef00000000"}),
    ] {
        let answer = browser.log_in(&body).await;
        assert_eq!(answer.status(), 401);
        assert!(browser.cookies.is_empty());
        let Problem { request_id, .. } = answer.json().await.unwrap();
        assert!(request_id.is_some());
        let answer = browser.log_in(&body).await;
        let mut problem: Problem = answer.json().await.unwrap();
        problem.request_id = None;
        answers.push(problem);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let wrong = json!({"username": "ann", "password": "wrong"});
    let mut waits = None;
    for _ in 0..20 {
        let answer = browser.log_in(&wrong).await;
        if answer.status() == 429 {
            waits = answer.headers().get("retry-after").cloned();
            break;
        }
    }
    assert!(waits.is_some_and(|seconds| seconds.to_str().unwrap().parse::<u64>().unwrap() > 0));
    // A login by password through the other door waits, too: both count as one.
    let form = [
        ("grant_type", "password"),
        ("username", "ann"),
        ("password", PASSWORD),
    ];
    assert_eq!(server.token(&form).await.status(), 429);
    for body in [
        json!({}),
        json!({"username": "ann"}),
        json!({"username": "a", "password": "b", "api_key": "c"}),
    ] {
        assert_eq!(browser.log_in(&body).await.status(), 400, "{body}");
    }
}

#[tokio::test]
async fn a_login_ends_when_it_is_idle_and_after_its_whole_time() {
    let server = TestServer::start().await;
    server.user("ann", false, &[server.developer()]).await;
    let browser = Browser::logged_in(&server, "ann", PASSWORD).await;
    in_use(&server, &browser, 11 * 60).await;
    assert!(browser.me().await.is_some(), "in use for eleven hours");
    in_use(&server, &browser, 50).await;
    assert!(browser.me().await.is_some());
    server.clock.advance(Duration::from_secs(11 * 60));
    assert!(browser.me().await.is_none(), "twelve hours are over");

    let browser = Browser::logged_in(&server, "ann", PASSWORD).await;
    server.clock.advance(Duration::from_secs(29 * 60));
    assert!(browser.me().await.is_some());
    server.clock.advance(Duration::from_secs(61));
    assert!(
        browser.me().await.is_none(),
        "to ask who is logged in is no use of the login"
    );
}

#[tokio::test]
async fn a_login_outlives_a_restart_and_ends_for_its_time_all_the_same() {
    let server = TestServer::start().await;
    server.user("ann", false, &[server.developer()]).await;
    let mut browser = Browser::logged_in(&server, "ann", PASSWORD).await;
    let server = server.restart().await;
    browser.origin = server.url("");
    assert!(browser.me().await.is_some());
    server.clock.advance(Duration::from_secs(30 * 60));
    assert!(browser.me().await.is_none());
}

#[tokio::test]
async fn what_ends_other_logins_ends_a_browsers_with_the_next_request() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ann = server.user("ann", false, &[server.developer()]).await;
    let browser = Browser::logged_in(&server, "ann", PASSWORD).await;
    let status = |browser: Browser| async move {
        let request = browser
            .get(paths::EVENTS)
            .header(headers::PROJECT_ID, &server_space(&browser).await);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(browser.clone()).await, 200, "the control");
    let mut role = server.developer();
    role["user"] = "ann".into();
    let space = server.initial.space.clone();
    let _: serde_json::Value = {
        use crate::support::Made;
        admin.delete(paths::ROLES).json(&role).made().await
    };
    let request = browser
        .get(paths::EVENTS)
        .header(headers::PROJECT_ID, &space);
    assert_eq!(
        request.send().await.unwrap().status(),
        404,
        "the role is gone"
    );
    assert!(browser.me().await.unwrap().accounts.is_empty());
    let change = json!({"old": PASSWORD, "new": "another fine password"});
    let changed = ann.request(Method::PUT, paths::PASSWORD).json(&change);
    assert_eq!(changed.send().await.unwrap().status(), 204);
    assert!(browser.me().await.is_none(), "the password has changed");
    let browser = Browser::logged_in(&server, "ann", "another fine password").await;
    let id = browser.me().await.unwrap().user.id;
    let deleted = admin
        .delete(&paths::USER.replace("{id}", &id))
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), 200);
    assert!(browser.me().await.is_none(), "the user is gone");
}

/// Returns the first space that a browser's user may see.
async fn server_space(browser: &Browser) -> String {
    let me = browser.me().await.unwrap();
    me.accounts[0].organizations[0].spaces[0].id.clone()
}

/// What a request states about where it comes from, and whether it counts by that.
#[derive(Debug, Clone, Copy)]
struct Stated {
    site: Option<&'static str>,
    /// The origin; `own` is the server's.
    origin: Option<&'static str>,
    media_type: Option<&'static str>,
    console: Option<&'static str>,
}

impl Stated {
    /// Returns every combination.
    fn all() -> Vec<Self> {
        const SITES: [Option<&str>; 5] = [
            None,
            Some("none"),
            Some("cross-site"),
            Some("same-site"),
            Some("same-origin"),
        ];
        const ORIGINS: [Option<&str>; 5] = [
            None,
            Some("own"),
            Some("null"),
            Some("https://evil.example"),
            Some("https://127.0.0.1"),
        ];
        const MEDIA_TYPES: [Option<&str>; 3] = [None, Some("application/json"), Some("text/plain")];
        const OWN_FIELD: [Option<&str>; 3] = [None, Some("1"), Some("0")];
        let mut all = Vec::new();
        for site in SITES {
            for origin in ORIGINS {
                for media_type in MEDIA_TYPES {
                    all.extend(OWN_FIELD.map(|console| Self {
                        site,
                        origin,
                        media_type,
                        console,
                    }));
                }
            }
        }
        all
    }

    /// Returns whether it has what a change needs besides the site.
    fn is_complete(self) -> bool {
        self.origin == Some("own")
            && self.media_type == Some("application/json")
            && self.console == Some("1")
    }

    fn of(self, request: RequestBuilder, own: &str) -> RequestBuilder {
        let fields = [
            ("sec-fetch-site", self.site),
            ("origin", self.origin),
            ("content-type", self.media_type),
            (headers::CONSOLE, self.console),
        ];
        fields
            .into_iter()
            .fold(request, |request, (name, value)| match value {
                Some("own") => request.header(name, own),
                Some(value) => request.header(name, value),
                None => request,
            })
    }
}

/// Cookie, method, `Sec-Fetch-Site`, origin, media type and the console's own field, in every combination.
#[tokio::test]
async fn a_cookie_counts_from_the_consoles_own_pages_alone() {
    let server = TestServer::start().await;
    server.user("ann", false, &[server.developer()]).await;
    let browser = Browser::logged_in(&server, "ann", PASSWORD).await;
    let space = &server.initial.space;
    let answer = browser
        .post(paths::SESSIONS)
        .header(headers::PROJECT_ID, space)
        .send()
        .await
        .unwrap();
    let session: serde_json::Value = answer.json().await.unwrap();
    let download = format!(
        "{}?session={}",
        paths::DOWNLOAD,
        session["id"].as_str().unwrap()
    );
    let stranger = Browser::new(&server);
    let calls = [
        (Method::GET, paths::SESSIONS, false),
        (Method::GET, download.as_str(), true),
        (Method::HEAD, download.as_str(), true),
        (Method::POST, paths::AGGREGATE, false),
        (Method::DELETE, paths::SESSION, false),
        (Method::PUT, paths::PASSWORD, false),
    ];
    let mut wrong = Vec::new();
    for (method, path, is_download) in calls {
        let mut counted = 0;
        for stated in Stated::all() {
            let request = stated.of(browser.bare(method.clone(), path), &browser.origin);
            let request = request.header(headers::PROJECT_ID, space);
            let status = request.send().await.unwrap().status();
            let site =
                stated.site == Some("same-origin") || (is_download && stated.site == Some("none"));
            let expected = site && (method.is_safe() || stated.is_complete());
            counted += usize::from(status != 403);
            if (status != 403) != expected {
                wrong.push(format!("{method} {path} {stated:?}: {status}"));
            }
        }
        assert!(counted > 0, "the control: {method} {path}");
        let without = stranger.request(method.clone(), path).send().await.unwrap();
        assert_eq!(without.status(), 401, "the control: no cookie");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_cookie_is_worth_nothing_beside_another_credential_or_on_other_routes() {
    let server = TestServer::start().await;
    let initial = server.initial.clone();
    let browser = Browser::logged_in(&server, &initial.user, &initial.password).await;
    let space = &initial.space;
    let get = |name: &str, value: &str| {
        let request = browser.get(paths::ACCOUNTS).header(name, value);
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(get("x-other", "1").await, 200, "the control");
    for (name, value) in [
        (headers::AUTH_TOKEN, "wrong"),
        (headers::AUTH_TOKEN, ""),
        ("authorization", "Bearer wrong"),
        ("authorization", "Basic Y2Y6"),
        ("authorization", "Digest x"),
    ] {
        assert_eq!(get(name, value).await, 401, "{name}: {value}");
    }
    for (method, path, body) in [
        (Method::POST, paths::EVENTS, event(1)),
        (
            Method::DELETE,
            paths::EVENTS,
            r#"{"start":"today","end":"today"}"#.to_owned(),
        ),
        (Method::POST, paths::ES_SEARCH, "{}".to_owned()),
        (Method::GET, paths::ES, String::new()),
        (Method::POST, paths::ACCOUNTS, r#"{"name":"a"}"#.to_owned()),
        (
            Method::POST,
            paths::USERS,
            r#"{"name":"a","password":"correct horse battery"}"#.to_owned(),
        ),
        (Method::POST, paths::TOKEN_KEYS, String::new()),
    ] {
        let request = browser
            .request(method.clone(), path)
            .header(headers::PROJECT_ID, space);
        let answer = request.body(body.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{method} {path}");
        let request = server.admin().await.request(method.clone(), path);
        let answer = request.body(body).send().await.unwrap();
        assert!(
            answer.status().is_success(),
            "the control: {method} {path}: {}",
            answer.status()
        );
    }
}

#[tokio::test]
async fn changes_of_rights_want_a_fresh_login() {
    let server = TestServer::start().await;
    let initial = server.initial.clone();
    let mut browser = Browser::logged_in(&server, &initial.user, &initial.password).await;
    let options = |browser: Browser| {
        let request = browser
            .request(Method::PUT, paths::OPTIONS)
            .header(headers::PROJECT_ID, &initial.space);
        async move {
            request
                .json(&json!({"retention": 30}))
                .send()
                .await
                .unwrap()
        }
    };
    assert_eq!(options(browser.clone()).await.status(), 200, "the control");
    in_use(&server, &browser, 20).await;
    assert_eq!(browser.status(Method::GET, paths::SESSIONS).await, 200);
    for (method, path) in [
        (Method::PUT, paths::OPTIONS),
        (Method::POST, paths::RETENTION),
        (Method::DELETE, paths::HOLDS),
        (Method::POST, paths::ROLES),
        (Method::DELETE, paths::ROLES),
        (Method::POST, paths::API_KEYS),
        (Method::DELETE, paths::API_KEYS),
        (Method::POST, paths::KEYS),
    ] {
        let answer = browser.request(method.clone(), path).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{method} {path}");
        let problem: Problem = answer.json().await.unwrap();
        assert_eq!(
            json!(problem.code),
            json!("fresh_login_required"),
            "{method} {path}"
        );
    }
    let again = json!({"username": initial.user, "password": initial.password});
    assert_eq!(browser.log_in(&again).await.status(), 200);
    assert_eq!(options(browser).await.status(), 200);
    // A token states no age: the client logs in for itself.
    let admin = server.admin().await;
    let request = admin
        .request(Method::PUT, paths::OPTIONS)
        .json(&json!({"retention": 31}));
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_key_logs_a_browser_in_with_its_scopes() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let new = json!({"name": "reads", "scopes": ["read"]});
    let key: serde_json::Value = admin
        .post(paths::API_KEYS)
        .json(&new)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let mut browser = Browser::new(&server);
    let answer = browser.log_in(&json!({"api_key": key["key"]})).await;
    assert_eq!(answer.status(), 200);
    let me = browser.me().await.unwrap();
    assert_eq!(me.login.scopes, Some(vec!["read".to_owned()]));
    assert_eq!(browser.status(Method::GET, paths::SESSIONS).await, 200);
    assert_eq!(browser.status(Method::GET, paths::API_KEYS).await, 403);
    let deleted = admin
        .delete(paths::API_KEYS)
        .json(&json!({"id": key["id"]}));
    assert_eq!(deleted.send().await.unwrap().status(), 200);
    assert!(browser.me().await.is_none(), "the key is gone");
}

#[tokio::test]
async fn without_the_console_no_browser_logs_in() {
    let server = TestServer::with(|settings| settings.console.is_on = false).await;
    let initial = server.initial.clone();
    let mut browser = Browser::new(&server);
    let body = json!({"username": initial.user, "password": initial.password});
    assert_eq!(browser.log_in(&body).await.status(), 404);
    assert_eq!(browser.log_out().await.status(), 404);
    for path in ["/console", "/console/", "/console/v-0/app.js"] {
        assert_eq!(browser.status(Method::GET, path).await, 404, "{path}");
    }
    let root = browser
        .get("/")
        .header("accept", "text/html")
        .send()
        .await
        .unwrap();
    assert_eq!(root.status(), 200);
    let info: serde_json::Value = root.json().await.unwrap();
    assert_eq!(info["name"], "atrail");
    // A login from before is worth nothing.
    let server = server.restart_with(|_| ()).await;
    browser.origin = server.url("");
    assert_eq!(browser.log_in(&body).await.status(), 200, "the control");
    let server = server
        .restart_with(|settings| settings.console.is_on = false)
        .await;
    browser.origin = server.url("");
    assert!(browser.me().await.is_none());
    assert_eq!(browser.status(Method::GET, paths::SESSIONS).await, 401);
}

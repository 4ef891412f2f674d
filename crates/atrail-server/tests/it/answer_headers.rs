//! The header fields of every kind of answer.

use atrail_api::paths;
use reqwest::{RequestBuilder, Response};
use serde_json::json;

use crate::browser::Browser;
use crate::support::{TestServer, event};

/// Fields whose values differ from one request to the next.
const OF_THE_REQUEST: [&str; 3] = ["date", "x-request-id", "content-length"];

/// Returns status and header fields as lines.
fn lines(server: &TestServer, answer: &Response) -> String {
    let fields = answer.headers().iter();
    let fields = fields.filter(|(name, _)| !OF_THE_REQUEST.contains(&name.as_str()));
    let mut fields: Vec<_> = fields
        .map(|(name, value)| {
            let value = value.to_str().unwrap();
            let value = match name.as_str() {
                "etag" => "[etag]",
                "content-range" => "[range]",
                "set-cookie" => "[cookie]",
                _ => value,
            };
            format!("  {name}: {value}\n")
        })
        .collect();
    fields.sort();
    server.masked(&format!("{}\n{}", answer.status(), fields.concat()))
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    admin.send_events(event(1)).await;
    let session = admin.session().await;
    let download = format!("{}?session={session}", paths::DOWNLOAD);
    let browser = Browser::new(&server);
    let document = browser.get(paths::CONSOLE_DOCUMENT).send().await.unwrap();
    let etag = document.headers()["etag"].to_str().unwrap().to_owned();
    let document = document.text().await.unwrap();
    let version = document.split("/console/v-").nth(1).unwrap();
    let version = version.split('/').next().unwrap();
    let asset = |name: &str| format!("/console/v-{version}/{name}");
    let initial = &server.initial;
    let login = json!({"username": initial.user, "password": initial.password});

    let mut seen = String::new();
    let mut all = Vec::new();
    let requests: Vec<(&str, RequestBuilder)> = vec![
        ("an unknown path", admin.get("/nothing")),
        (
            "an unknown thing",
            admin.get(&paths::SESSION.replace("{id}", "x")),
        ),
        ("nobody", server.nobody().get(paths::ACCOUNTS)),
        ("another method", admin.delete(paths::SEARCH)),
        ("not understood", admin.post(paths::SEARCH).body("[")),
        (
            "a head that is refused",
            admin
                .get(paths::ACCOUNTS)
                .header("host", "a")
                .header("x-auth-token", "b"),
        ),
        (
            "a token refused",
            server
                .http
                .post(server.url(paths::TOKEN))
                .form(&[("grant_type", "x")]),
        ),
        ("a list", admin.get(paths::ACCOUNTS)),
        ("events kept", admin.post(paths::EVENTS).body(event(2))),
        ("a session", admin.post(paths::SESSIONS)),
        ("a download", admin.get(&download)),
        ("its head", admin.request(reqwest::Method::HEAD, &download)),
        (
            "a part of it",
            admin.get(&download).header("range", "bytes=1-2"),
        ),
        (
            "a part outside",
            admin.get(&download).header("range", "bytes=999999999-"),
        ),
        (
            "its receipt",
            admin.get(&paths::SESSION_RECEIPT.replace("{id}", &session)),
        ),
        (
            "its manifest",
            admin.get(&paths::SESSION_MANIFEST.replace("{id}", &session)),
        ),
        ("hits", admin.post(paths::SEARCH).json(&json!({}))),
        ("a tail", admin.post(paths::TAIL).json(&json!({}))),
        ("Elasticsearch's", admin.get(paths::ES)),
        ("the description", admin.get(paths::OPENAPI)),
        ("metrics", admin.get(paths::METRICS)),
        ("alive", admin.get(paths::HEALTHZ)),
        ("the root", browser.get("/")),
        (
            "the root in a browser",
            browser.get("/").header("accept", "text/html,*/*;q=0.8"),
        ),
        ("without the slash", browser.get("/console")),
        (
            "the document",
            browser
                .get(paths::CONSOLE_DOCUMENT)
                .header("accept-encoding", "gzip, br"),
        ),
        (
            "the document, unpacked",
            browser.get(paths::CONSOLE_DOCUMENT),
        ),
        (
            "the document, known",
            browser
                .get(paths::CONSOLE_DOCUMENT)
                .header("if-none-match", &etag),
        ),
        (
            "a script",
            browser
                .get(&asset("app.js"))
                .header("accept-encoding", "gzip"),
        ),
        ("a style", browser.get(&asset("app.css"))),
        ("the worker", browser.get(&asset("worker.js"))),
        ("no asset", browser.get(&asset("none.js"))),
        ("a login", browser.post(paths::CONSOLE_LOGIN).json(&login)),
        (
            "a login refused",
            browser
                .post(paths::CONSOLE_LOGIN)
                .json(&json!({"api_key": "x"})),
        ),
        (
            "a foreign page",
            browser
                .bare(reqwest::Method::POST, paths::CONSOLE_LOGIN)
                .json(&login),
        ),
        ("a logout", browser.post(paths::CONSOLE_LOGOUT)),
    ];
    for (title, request) in requests {
        let answer = request.send().await.unwrap();
        seen.push_str(&format!("{title}\n{}\n", lines(&server, &answer)));
        all.push((title, answer));
    }
    for (title, answer) in &all {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.headers().get(name).unwrap(), value, "{title}");
        }
        let csp = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(
            csp.starts_with("default-src 'none'") && csp.contains("frame-ancestors 'none'"),
            "{title}: {csp}"
        );
        assert!(
            answer.headers().get("strict-transport-security").is_none(),
            "{title}: plain HTTP"
        );
        let cors = answer
            .headers()
            .keys()
            .any(|name| name.as_str().starts_with("access-control-"));
        assert!(!cors, "{title}");
    }
    insta::assert_snapshot!(seen);
}

/// A preflight gets no permission.
#[tokio::test]
async fn no_other_origin_is_told_that_it_may_call() {
    let server = TestServer::start().await;
    let browser = Browser::new(&server);
    for path in [paths::CONSOLE_LOGIN, paths::SESSIONS, paths::TOKEN, "/"] {
        let request = browser
            .bare(reqwest::Method::OPTIONS, path)
            .header("origin", "https://evil.example");
        let request = request.header("access-control-request-method", "POST");
        let answer = request
            .header("access-control-request-headers", "x-atrail-console")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 405, "{path}");
        let cors = answer
            .headers()
            .keys()
            .any(|name| name.as_str().starts_with("access-control-"));
        assert!(!cors, "{path}: {:?}", answer.headers());
    }
}

//! The bodies of the contract, in the form that they have on the wire.

use atrail_api::paths;
use reqwest::Method;
use serde_json::json;

use crate::support::{Made, TestServer, event, event_at};

#[tokio::test]
async fn the_answers_have_the_shapes_of_the_original() {
    // Without the index, which follows in the background, whether a day is searchable depends on nothing but seals.
    let server = TestServer::with(|settings| settings.store.search.is_on = false).await;
    let admin = server.admin().await;
    let mut seen = String::new();
    let mut note = |title: &str, (status, body): (u16, String)| {
        let body = server.masked(&body);
        let body = without_roots(body.trim_end());
        seen.push_str(&format!("{title}\n{status} {body}\n\n"));
    };

    note("info", admin.get(paths::INFO).seen().await);
    note("alive", admin.get(paths::HEALTHZ).seen().await);
    note("ready", admin.get(paths::READYZ).seen().await);
    note("accounts", admin.get(paths::ACCOUNTS).seen().await);
    note(
        "organizations",
        admin.get(paths::ORGANIZATIONS).seen().await,
    );
    note("spaces", admin.get(paths::SPACES).seen().await);
    note("users", admin.get(paths::USERS).seen().await);
    note("roles", admin.get(paths::ROLES).seen().await);

    let body = format!("{}\n{{\"no\":1}}\n", event(1));
    let send = || admin.post(paths::EVENTS);
    note("events, some refused", send().body(body).seen().await);
    note("an event kept", send().body(event(2)).seen().await);
    note("an event refused", send().body("{}").seen().await);
    let minimal = send().header("Prefer", "return=minimal").body(event(3));
    note("counts only", minimal.seen().await);
    note("nothing at all", refusal(send().body(" \n")).await);
    let yesterday = event_at(4, "2017-07-24T23:59:59Z");
    note("yesterday's", send().body(yesterday).seen().await);

    note("session", admin.post(paths::SESSIONS).seen().await);
    note("status", admin.get(paths::EVENTS).seen().await);
    // The list orders sessions by the time of their creation.
    server.clock.advance(std::time::Duration::from_secs(1));
    let scope =
        json!({"start": "2017-07-24", "end": "today", "AtAccountLevel": true, "SearchTime": "7-9"});
    let made = admin.post(paths::SESSIONS).json(&scope).seen().await;
    note("account session", made);
    note("sessions", admin.get(paths::SESSIONS).seen().await);
    let path = format!("/v3/sessions/{}", admin.session().await);
    note("deleted session", admin.delete(&path).seen().await);
    note("the same again", refusal(admin.delete(&path)).await);

    let mut range = json!({"start": "2017-07-12", "end": "today", "DryRun": true});
    let dry = admin.delete(paths::EVENTS).json(&range);
    note("dry run", dry.seen().await);
    range["DryRun"] = false.into();
    let deletion = admin.delete(paths::EVENTS).json(&range);
    note("deletion", deletion.seen().await);
    note("status after it", admin.get(paths::EVENTS).seen().await);
    insta::assert_snapshot!(seen);
}

/// The server's own events have random ids, so the roots over them are random.
fn without_roots(text: &str) -> String {
    let mut parts = text.split("\"root\":\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let behind = part.split_once('"').map_or("", |(_, behind)| behind);
        format!("{text}\"root\":\"[root]\"{behind}")
    })
}

#[tokio::test]
async fn every_error_is_a_problem() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut seen = String::new();
    let mut note = |title: &str, (status, body): (u16, String)| {
        let body = server.masked(&body);
        seen.push_str(&format!("{title}\n{status} {body}\n\n"));
    };
    note("no path", refusal(admin.get("/v3/nothing")).await);
    note(
        "no method",
        refusal(admin.request(Method::PATCH, paths::EVENTS)).await,
    );
    note(
        "no token",
        refusal(server.nobody().get(paths::SESSIONS)).await,
    );
    let lost = admin.in_space(None);
    note("no space", refusal(lost.get(paths::EVENTS)).await);
    let events = |body: &'static str| admin.get(paths::EVENTS).body(body);
    note("no JSON", refusal(events("{\"start\":")).await);
    note(
        "unknown member",
        refusal(events("{\"begin\":\"2017-07-01\"}")).await,
    );
    note("no day", refusal(events("{\"start\":\"24.7.2017\"}")).await);
    note("no hours", refusal(events("{\"SearchTime\":\"25\"}")).await);
    let reversed = "{\"start\":\"2017-07-25\",\"end\":\"2017-07-24\"}";
    note("reversed", refusal(events(reversed)).await);
    let query = |query: &str| admin.get(&format!("/v3/events?{query}"));
    note("query", refusal(query("AtAccountLevel=perhaps")).await);
    note("both", refusal(query("start=today").body("{}")).await);
    note("no session", refusal(admin.get(paths::DOWNLOAD)).await);
    let kind = admin.post("/v3/events?type=nonsense").body(event(1));
    note("no type", refusal(kind).await);
    let packed = admin.post(paths::EVENTS).header("Content-Encoding", "br");
    note("no encoding", refusal(packed.body(event(1))).await);
    insta::assert_snapshot!(seen);
}

async fn refusal(request: reqwest::RequestBuilder) -> (u16, String) {
    let answer = request.header("X-Request-Id", "r1").send().await.unwrap();
    let kind = &answer.headers()["content-type"];
    assert_eq!(kind, "application/problem+json");
    assert_eq!(answer.headers()["x-request-id"], "r1");
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn an_error_names_how_to_go_on_in_its_headers() {
    let server = TestServer::start().await;
    let answer = server.nobody().get(paths::SESSIONS).send().await.unwrap();
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    let patch = server.nobody().request(Method::PATCH, paths::SESSION);
    let answer = patch.send().await.unwrap();
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.headers()["allow"], "GET,HEAD,DELETE");
    assert!(answer.headers().contains_key("x-request-id"));
}

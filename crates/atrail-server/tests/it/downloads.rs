//! The bytes of a session over HTTP: whole, in parts, conditionally.

use atrail_api::paths;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Client, Made, TestServer, events, gunzipped};

struct Fixture {
    _server: TestServer,
    admin: Client,
    session: String,
    whole: Vec<u8>,
    etag: String,
}

impl Fixture {
    async fn new(count: usize) -> Self {
        let server = TestServer::start().await;
        let admin = server.admin().await;
        if count > 0 {
            admin.send_events(events(count)).await;
        }
        let session = admin.session().await;
        let mut fixture = Self {
            _server: server,
            admin,
            session,
            whole: Vec::new(),
            etag: String::new(),
        };
        let answer = fixture.get().send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.headers()["etag"]
            .to_str()
            .unwrap()
            .clone_into(&mut fixture.etag);
        fixture.whole = answer.bytes().await.unwrap().to_vec();
        fixture
    }

    fn request(&self, method: Method) -> RequestBuilder {
        let request = self.admin.request(method, paths::DOWNLOAD);
        request.header("SESSIONID", &self.session)
    }

    fn get(&self) -> RequestBuilder {
        self.request(Method::GET)
    }

    /// Returns status, `Content-Range` and body.
    async fn part(&self, headers: &[(&str, &str)]) -> (u16, Option<String>, Vec<u8>) {
        let mut request = self.get();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let range = answer.headers().get("content-range");
        let range = range.map(|value| value.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        (status, range, answer.bytes().await.unwrap().to_vec())
    }
}

#[tokio::test]
async fn a_download_is_exactly_what_was_sent() {
    let fixture = Fixture::new(1000).await;
    assert_eq!(gunzipped(&fixture.whole), events(1000));
    let path = format!("{}?session={}", paths::DOWNLOAD, fixture.session);
    let again = fixture.admin.get(&path).send().await.unwrap();
    assert_eq!(again.bytes().await.unwrap(), fixture.whole);
}

#[tokio::test]
async fn a_download_is_of_one_session() {
    let fixture = Fixture::new(1).await;
    let other = fixture.admin.session().await;
    for method in [Method::GET, Method::HEAD] {
        let download = |session: &str| {
            let path = format!("{}?session={session}", paths::DOWNLOAD);
            let request = fixture.admin.request(method.clone(), &path);
            request.header("SESSIONID", &fixture.session).send()
        };
        for session in [&other, ""] {
            let answer = download(session).await.unwrap();
            assert_eq!(answer.status(), 400, "{method} {session}");
        }
        // The control: the same session named twice.
        let answer = download(&fixture.session).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

#[tokio::test]
async fn its_headers_say_what_it_is_whatever_the_client_accepts() {
    let fixture = Fixture::new(10).await;
    let get = fixture.get();
    let head = fixture.request(Method::HEAD);
    for request in [get, head] {
        let request = request
            .header("Accept", "application/json")
            .header("Accept-Encoding", "br, identity;q=0, *;q=0")
            .header("Range", "lines=1-2");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let headers = answer.headers();
        assert_eq!(headers["content-type"], "application/gzip");
        assert_eq!(headers["content-length"], fixture.whole.len().to_string());
        assert_eq!(headers["accept-ranges"], "bytes");
        assert_eq!(headers["etag"], fixture.etag);
        assert_eq!(
            headers["content-disposition"],
            "attachment; filename=\"events-2017-07-25.ndjson.gz\""
        );
        assert!(!headers.contains_key("content-encoding"));
    }
}

#[tokio::test]
async fn a_client_that_knows_no_gzip_receives_the_same_bytes_as_octets() {
    let fixture = Fixture::new(10).await;
    let (octets, gzip) = ("application/octet-stream", "application/gzip");
    for (accept, named) in [
        (octets, octets),
        (
            "application/problem+json, Application/Octet-Stream;q=0.5",
            octets,
        ),
        ("application/gzip, application/octet-stream", gzip),
        ("application/octet-stream, */*;q=0.1", gzip),
        ("application/*", gzip),
        ("text/plain", gzip),
    ] {
        let answer = fixture.get().header("Accept", accept).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{accept}");
        assert_eq!(answer.headers()["content-type"], named, "{accept}");
        assert_eq!(answer.headers()["etag"], fixture.etag, "{accept}");
        assert!(!answer.headers().contains_key("content-encoding"));
        assert_eq!(answer.bytes().await.unwrap(), fixture.whole, "{accept}");
    }
}

#[tokio::test]
async fn the_entity_tag_is_the_hash_of_the_manifest() {
    let fixture = Fixture::new(10).await;
    let path = format!("/v3/sessions/{}/manifest", fixture.session);
    let manifest = fixture.admin.get(&path).send().await.unwrap();
    let manifest = manifest.bytes().await.unwrap();
    let hash = atrail_evidence::hex(&Sha256::digest(&manifest));
    assert_eq!(fixture.etag, format!("\"{hash}\""));
    let manifest: atrail_evidence::Manifest = serde_json::from_slice(&manifest).unwrap();
    let lengths: u64 = manifest.objects.iter().map(|object| object.length).sum();
    assert_eq!(lengths, fixture.whole.len() as u64);
}

#[tokio::test]
async fn parts_are_parts_of_the_whole() {
    let fixture = Fixture::new(500).await;
    let whole = &fixture.whole;
    let total = whole.len();
    for (range, start, end) in [
        ("bytes=0-0".to_owned(), 0, 1),
        ("bytes=10-19".to_owned(), 10, 20),
        ("bytes=100-".to_owned(), 100, total),
        ("bytes=-7".to_owned(), total - 7, total),
        (format!("bytes={}-", total - 1), total - 1, total),
        ("bytes=5-99999999999999999999999".to_owned(), 5, total),
    ] {
        let (status, content_range, bytes) = fixture.part(&[("Range", &range)]).await;
        assert_eq!(status, 206, "{range}");
        let expected = format!("bytes {start}-{}/{total}", end - 1);
        assert_eq!(content_range, Some(expected));
        assert_eq!(bytes, whole[start..end]);
    }
    let resumed = fixture
        .part(&[("Range", "bytes=100-"), ("If-Range", &fixture.etag)])
        .await;
    assert_eq!((resumed.0, resumed.2), (206, whole[100..].to_vec()));
}

#[tokio::test]
async fn ranges_that_cannot_be_served_are_ignored_or_refused() {
    let fixture = Fixture::new(10).await;
    let total = fixture.whole.len();
    let weak = format!("W/{}", fixture.etag);
    for headers in [
        vec![("Range", "bytes=0-1,4-5")],
        vec![("Range", "bytes=9-3")],
        vec![("Range", "bytes=x")],
        vec![("Range", "bytes=1-2"), ("If-Range", "\"other\"")],
        vec![("Range", "bytes=1-2"), ("If-Range", &weak)],
        vec![
            ("Range", "bytes=1-2"),
            ("If-Range", "Tue, 25 Jul 2017 10:29:28 GMT"),
        ],
    ] {
        let (status, range, bytes) = fixture.part(&headers).await;
        assert_eq!((status, range), (200, None), "{headers:?}");
        assert_eq!(bytes, fixture.whole);
    }
    let beyond = format!("bytes={total}-");
    for range in [beyond.as_str(), "bytes=-0"] {
        let (status, content_range, _) = fixture.part(&[("Range", range)]).await;
        assert_eq!(status, 416, "{range}");
        assert_eq!(content_range, Some(format!("bytes */{total}")));
    }
}

#[tokio::test]
async fn preconditions_are_those_of_the_rfc() {
    let fixture = Fixture::new(10).await;
    let etag = fixture.etag.as_str();
    for (name, value, expected) in [
        ("If-None-Match", etag, 304),
        ("If-None-Match", "\"other\"", 200),
        ("If-Match", etag, 200),
        ("If-Match", "\"other\"", 412),
    ] {
        let (status, _, bytes) = fixture.part(&[(name, value)]).await;
        assert_eq!(status, expected, "{name}: {value}");
        assert_eq!(bytes.is_empty(), expected == 304);
    }
}

#[tokio::test]
async fn a_download_without_events_is_a_gzip_file_all_the_same() {
    let fixture = Fixture::new(0).await;
    assert_eq!(gunzipped(&fixture.whole), "");
    assert!(!fixture.whole.is_empty());
}

#[tokio::test]
async fn an_interrupted_download_goes_on_after_a_restart() {
    let Fixture {
        _server: server,
        session,
        whole,
        etag,
        ..
    } = Fixture::new(500).await;
    let server = server.restart().await;
    let admin = server.admin().await;
    let rest = admin.get(paths::DOWNLOAD).header("SESSIONID", &session);
    let rest = rest.header("Range", "bytes=77-").header("If-Range", &etag);
    let rest = rest.send().await.unwrap();
    assert_eq!(rest.status(), 206);
    assert_eq!(rest.bytes().await.unwrap(), whole[77..]);
}

#[tokio::test]
async fn a_deletion_ends_the_sessions_that_pinned_the_events() {
    let fixture = Fixture::new(10).await;
    let (status, _) = fixture.admin.delete_all().seen().await;
    assert_eq!(status, 200);
    let (status, code) = fixture.get().refused().await;
    assert_eq!((status, code.as_str()), (410, "session_gone"));
}

/// The server refuses an unknown filter, and never ignores it.
#[tokio::test]
async fn an_unknown_member_of_the_query_is_refused() {
    let fixture = Fixture::new(3).await;
    let path = |more: &str| format!("{}?session={}{more}", paths::DOWNLOAD, fixture.session);
    assert_eq!(fixture.admin.get(&path("")).seen().await.0, 200);
    let (status, code) = fixture.admin.get(&path("&hour=7")).refused().await;
    assert_eq!((status, code.as_str()), (400, "bad_request"));
}

#[tokio::test]
async fn a_key_of_one_space_downloads_without_naming_it() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    admin.send_events(events(3)).await;
    let space = server.developer()["space"].clone();
    let new = json!({"name": "nightly", "scopes": ["read"], "space": space});
    let key: Value = admin.post(paths::API_KEYS).json(&new).made().await;
    let tokens = server.login("apikey", key["key"].as_str().unwrap()).await;
    let client = server.client(&tokens.access_token).in_space(None);

    let days = json!({"start": "2017-01-01", "end": "2017-12-31"});
    let made: Value = client.post(paths::SESSIONS).json(&days).made().await;
    assert_eq!(made["space"], space);
    assert_eq!(made["events"], 3);
    let session = made["id"].as_str().unwrap();
    let download = client.get(paths::DOWNLOAD).header("SESSIONID", session);
    let bytes = download.send().await.unwrap().bytes().await.unwrap();
    assert_eq!(gunzipped(&bytes).lines().count(), 3);
    for listing in [&client, &client.in_space(space.as_str())] {
        let listed: Value = listing.get(paths::SESSIONS).made().await;
        assert_eq!(listed[0]["id"], session);
    }
}

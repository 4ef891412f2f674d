//! A server for one test, and its clients.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use atrail_api::{RoleGrant, TokenResponse, User, UserCreate, headers, paths};
use atrail_catalog::outside::CatalogFile;
use atrail_model::{ManualClock, Timestamp};
use atrail_server::{Running, Server, Settings};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The time of the tests.
pub(crate) const NOW: &str = "2017-07-25T10:29:28.541092735Z";
/// The password of every user but the first.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// The content of `initial-credentials.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InitialCredentials {
    pub(crate) endpoint: String,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) api_key: String,
    pub(crate) account: String,
    pub(crate) organization: String,
    pub(crate) space: String,
}

pub(crate) struct TestServer {
    pub(crate) running: Running,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) initial: InitialCredentials,
    pub(crate) http: reqwest::Client,
    pub(crate) dir: Arc<TempDir>,
}

pub(crate) fn settings(dir: &TempDir) -> Settings {
    let mut settings = Settings::new(dir.path().join("data"));
    settings.listen = "127.0.0.1:0".parse().unwrap();
    settings
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(NOW.parse::<Timestamp>().unwrap()))
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// Starts a server with changed settings.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::in_dir(Arc::new(TempDir::new().unwrap()), clock(), change).await
    }

    pub(crate) async fn in_dir(
        dir: Arc<TempDir>,
        clock: Arc<ManualClock>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = settings(&dir);
        change(&mut settings);
        let began = Instant::now();
        // What an earlier server still computed when it stopped may hold the directory a moment longer.
        let running = loop {
            match Server::start(settings.clone(), clock.clone()).await {
                Err(error)
                    if error.to_string().contains("another atrail server")
                        && began.elapsed() < Duration::from_secs(60) =>
                {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                started => break started.unwrap(),
            }
        };
        let file = dir.path().join("data/initial-credentials.json");
        let initial = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        Self {
            running,
            clock,
            initial,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            dir,
        }
    }

    /// Stops the server and starts another one in its directory.
    pub(crate) async fn restart(self) -> Self {
        self.restart_with(|_| ()).await
    }

    /// The same, with changed settings.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let Self {
            running,
            clock,
            dir,
            ..
        } = self;
        running.shutdown().await.unwrap();
        Self::in_dir(dir, clock, change).await
    }

    pub(crate) fn credentials_file(&self) -> PathBuf {
        self.dir.path().join("data/initial-credentials.json")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.addr)
    }

    /// Returns the catalog, for changes without the server's knowledge.
    pub(crate) async fn catalog(&self) -> CatalogFile {
        let file = self.dir.path().join("data/catalog.sqlite");
        CatalogFile::open(&file).await
    }

    /// Requests tokens with this form.
    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> Response {
        let request = self.http.post(self.url(paths::TOKEN));
        let request = request.basic_auth("cf", Some("")).form(form);
        request.send().await.unwrap()
    }

    pub(crate) async fn login(&self, user: &str, password: &str) -> TokenResponse {
        let form = [
            ("grant_type", "password"),
            ("username", user),
            ("password", password),
        ];
        let answer = self.token(&form).await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }

    /// Returns a client without a token.
    pub(crate) fn nobody(&self) -> Client {
        Client {
            http: self.http.clone(),
            base: self.url(""),
            token: None,
            space: Some(self.initial.space.clone()),
        }
    }

    /// Returns a client with a token, in the default space.
    pub(crate) fn client(&self, token: &str) -> Client {
        Client {
            token: Some(token.to_owned()),
            ..self.nobody()
        }
    }

    /// Returns the first user: operator, and owner of the default account.
    pub(crate) async fn admin(&self) -> Client {
        let tokens = self.login("apikey", &self.initial.api_key).await;
        self.client(&tokens.access_token)
    }

    /// Creates a user with these roles.
    pub(crate) async fn user(&self, name: &str, operator: bool, roles: &[Value]) -> Client {
        let admin = self.admin().await;
        let new = UserCreate {
            name: name.to_owned(),
            password: Some(PASSWORD.to_owned()),
            operator,
        };
        let made: User = admin.post(paths::USERS).json(&new).made().await;
        assert_eq!(made.name, name);
        for role in roles {
            let mut grant = role.clone();
            grant["user"] = name.into();
            let grant: RoleGrant = serde_json::from_value(grant).unwrap();
            let _: RoleGrant = admin.post(paths::ROLES).json(&grant).made().await;
        }
        self.client(&self.login(name, PASSWORD).await.access_token)
    }

    pub(crate) fn owner(&self) -> Value {
        json!({"role": "owner", "account": self.initial.account})
    }

    pub(crate) fn developer(&self) -> Value {
        json!({"role": "developer", "space": self.initial.space})
    }

    /// Replaces ids of this server by their names, so that a text can be compared.
    pub(crate) fn masked(&self, text: &str) -> String {
        let text = text
            .replace(&self.initial.space, "[space]")
            .replace(&self.initial.organization, "[organization]")
            .replace(&self.initial.account, "[account]")
            .replace(&self.running.addr.to_string(), "[addr]");
        mask_runs(&mask_guids(&text))
    }
}

fn is_guid(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

fn mask_guids(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if rest.is_char_boundary(36) && rest.len() >= 36 && is_guid(&rest[..36]) {
            masked.push_str("[guid]");
            rest = &rest[36..];
        } else {
            masked.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    masked
}

/// Masks runs of 64 hexadecimal digits, which are hashes, and the roots of logs, which follow from keys and GUIDs.
fn mask_runs(text: &str) -> String {
    let mut before = ["", ""];
    let mut masked = Vec::new();
    for part in text.split('"') {
        let is_hash = part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_root = before == ["root", ":"];
        masked.push(match (is_hash, is_root) {
            (true, _) => "[hash]",
            (false, true) => "[root]",
            (false, false) => part,
        });
        before = [before[1], part];
    }
    masked.join("\"")
}

/// A client of the server.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    pub(crate) token: Option<String>,
    pub(crate) space: Option<String>,
}

impl Client {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header(headers::AUTH_TOKEN, format!("bearer {token}"));
        }
        if let Some(space) = &self.space {
            request = request.header(headers::PROJECT_ID, space);
        }
        request.timeout(Duration::from_secs(300))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    pub(crate) fn delete(&self, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path)
    }

    /// Deletes every event of the space up to today.
    pub(crate) fn delete_all(&self) -> RequestBuilder {
        let range = "start=1970-01-01&end=today";
        self.delete(&format!("{}?{range}", paths::EVENTS))
    }

    /// Returns the client in another space, or in none.
    pub(crate) fn in_space(&self, space: Option<&str>) -> Self {
        Self {
            space: space.map(str::to_owned),
            ..self.clone()
        }
    }

    /// Sends events, and requires that the server keeps all of them.
    pub(crate) async fn send_events(&self, body: String) {
        let answer = self.post(paths::EVENTS).body(body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }

    /// Creates a session, and returns its id.
    pub(crate) async fn session(&self) -> String {
        let made: Value = self.post(paths::SESSIONS).made().await;
        made["id"].as_str().unwrap().to_owned()
    }
}

pub(crate) trait Made {
    /// Returns the answer of a request that must succeed.
    async fn made<T: serde::de::DeserializeOwned>(self) -> T;
    /// Returns status and body.
    async fn seen(self) -> (u16, String);
    /// Returns status and code of a problem.
    async fn refused(self) -> (u16, String);
}

impl Made for RequestBuilder {
    async fn made<T: serde::de::DeserializeOwned>(self) -> T {
        let (status, text) = self.seen().await;
        assert!((200..300).contains(&status), "{status}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn seen(self) -> (u16, String) {
        let answer = self.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn refused(self) -> (u16, String) {
        let answer = self.send().await.unwrap();
        let status = answer.status().as_u16();
        let kind = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        let text = answer.text().await.unwrap();
        assert_eq!(kind, "application/problem+json", "{status}: {text}");
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["status"], status);
        (status, problem["code"].as_str().unwrap().to_owned())
    }
}

/// Returns a CADF event of the test's day.
pub(crate) fn event(id: usize) -> String {
    event_at(id, "2017-07-25T09:00:00.00+0000")
}

pub(crate) fn event_at(id: usize, time: &str) -> String {
    format!(
        r#"{{"typeURI":"http://schemas.dmtf.org/cloud/audit/1.0/event","id":"event-{id}","eventTime":"{time}","action":"read","outcome":"success","initiatorId":"ann","targetId":"bucket","observer":{{"name":"ActivityTracker"}}}}"#
    )
}

/// Returns `count` events, one on each line.
pub(crate) fn events(count: usize) -> String {
    (0..count).map(|id| event(id) + "\n").collect()
}

/// Returns events of about a MiB each that do not compress; each `part` has different ones.
pub(crate) fn noise(part: u64, count: u64) -> String {
    let mut text = String::new();
    let mut state = part.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for id in 0..count {
        let head = event(usize::try_from(part * 1000 + id).unwrap());
        text.push_str(head.trim_end_matches('}'));
        text.push_str("},\"noise\":\"");
        let mut noise = vec![0; 170_000 * 6];
        for six in noise.chunks_exact_mut(6) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // Six letters from the six lowest bits of each of these places.
            let mut bits = state;
            for letter in six {
                *letter = ALPHABET[(bits & 63) as usize];
                bits >>= 6;
            }
        }
        text.push_str(std::str::from_utf8(&noise).unwrap());
        text.push_str("\"}\n");
    }
    text
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Returns the content of a downloaded file.
pub(crate) fn gunzipped(bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut decoder = flate2::read::MultiGzDecoder::new(bytes);
    std::io::Read::read_to_string(&mut decoder, &mut text).unwrap();
    text
}

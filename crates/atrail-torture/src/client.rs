//! The part of HTTP that the tests need: one request per connection, and an answer of known length.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use serde_json::Value;

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status; 0 when there was no complete answer.
    pub status: u16,
    /// The content.
    pub body: Vec<u8>,
}

impl Reply {
    fn none() -> Self {
        Self {
            status: 0,
            body: Vec::new(),
        }
    }

    /// Parses its body; returns null when it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Returns its text, for messages.
    #[must_use]
    pub fn text(&self) -> String {
        if self.status == 0 {
            return "no whole answer".to_owned();
        }
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

/// A logged-in client.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    space: String,
    token: String,
}

/// Longer than any wait of the server.
const PATIENCE: Duration = Duration::from_secs(40);
/// All days that the workloads use.
const ALL_DAYS: &str = r#"{"start":"2017-07-01","end":"2017-08-31","AtAccountLevel":true}"#;

impl Client {
    /// Logs in with the first credentials of the data directory.
    ///
    /// # Errors
    /// The server's answer.
    pub fn log_in(address: SocketAddr, data: &Path) -> Result<Self, String> {
        let text = std::fs::read(data.join("initial-credentials.json"))
            .map_err(|error| format!("no credentials: {error}"))?;
        let all: HashMap<String, Value> =
            serde_json::from_slice(&text).map_err(|error| format!("credentials: {error}"))?;
        let secret = |name: &str| all[name].as_str().unwrap_or_default().to_owned();
        let mut client = Self {
            address,
            space: secret("space"),
            token: String::new(),
        };
        let body = format!(
            "grant_type=password&username=apikey&password={}",
            secret("api_key")
        );
        let headers =
            "Authorization: Basic Y2Y6\r\nContent-Type: application/x-www-form-urlencoded\r\n";
        let reply = client.raw("POST", "/oauth/token", headers, body.as_bytes());
        let token = reply.json()["access_token"].as_str().map(str::to_owned);
        client.token = token.ok_or_else(|| format!("login: {}", reply.text()))?;
        Ok(client)
    }

    /// Returns the access token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns the GUID of the space from the first start.
    #[must_use]
    pub fn space(&self) -> &str {
        &self.space
    }

    fn raw(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Reply {
        self.exchange(method, path, headers, body)
            .unwrap_or_else(|_| Reply::none())
    }

    fn exchange(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> io::Result<Reply> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
            self.address,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        stream.write_all(&request)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        parse(&answer).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Sends a request in the user's name.
    #[must_use]
    pub fn ask(&self, method: &str, path: &str, more: &str, body: &[u8]) -> Reply {
        let Self { space, token, .. } = self;
        let headers =
            format!("X-Auth-Token: bearer {token}\r\nX-Auth-Project-Id: {space}\r\n{more}");
        self.raw(method, path, &headers, body)
    }

    /// Sends events, as lines.
    #[must_use]
    pub fn send(&self, account: bool, lines: &str) -> Reply {
        let path = format!("/v3/events?AtAccountLevel={account}");
        self.ask(
            "POST",
            &path,
            "Prefer: return=minimal\r\n",
            lines.as_bytes(),
        )
    }

    /// Deletes a day of the space.
    #[must_use]
    pub fn delete_day(&self, day: &str) -> Reply {
        let body = format!(r#"{{"start":"{day}","end":"{day}"}}"#);
        self.ask("DELETE", "/v3/events", "", body.as_bytes())
    }

    /// Makes a session of all events.
    ///
    /// # Errors
    /// The server's answer.
    pub fn session(&self) -> Result<String, String> {
        let reply = self.ask("POST", "/v3/sessions", "", ALL_DAYS.as_bytes());
        let id = reply.json()["id"].as_str().map(str::to_owned);
        id.ok_or_else(|| format!("session: {}", reply.text()))
    }

    /// Downloads a session; returns the bytes as sent.
    ///
    /// # Errors
    /// The server's answer.
    pub fn download(&self, session: &str) -> Result<Vec<u8>, String> {
        let header = format!("SESSIONID: {session}\r\n");
        let reply = self.ask("GET", "/v3/events/download", &header, b"");
        if reply.status == 200 {
            Ok(reply.body)
        } else {
            Err(format!("download: {}", reply.text()))
        }
    }

    /// Returns every stored event.
    ///
    /// # Errors
    /// The reason for a failure.
    pub fn everything(&self) -> Result<Vec<String>, String> {
        let bytes = self.download(&self.session()?)?;
        let mut text = String::new();
        MultiGzDecoder::new(&bytes[..])
            .read_to_string(&mut text)
            .map_err(|error| format!("the download is no gzip of lines: {error}"))?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Asks for the counts of events; returns the answer.
    #[must_use]
    pub fn counts(&self) -> Reply {
        let path = "/v3/events?start=2017-07-01&end=2017-08-31&AtAccountLevel=true";
        self.ask("GET", path, "", b"")
    }

    /// Returns whether the server reports that it is ready for events.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.raw("GET", "/readyz", "", b"").status == 200
    }
}

fn parse(answer: &[u8]) -> Option<Reply> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = answer[end + 4..].to_vec();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    // An incomplete answer counts as none.
    (length.is_none_or(|length| length == body.len())).then_some(Reply { status, body })
}

//! An auditor who freezes sessions and downloads them repeatedly.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use atrail_evidence::{Manifest, hex};
use flate2::read::MultiGzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::env::Numbers;
use crate::http::{Caller, Connection};
use crate::ledger::Stored;
use crate::senders::{DOOMED_DAY, KEPT_DAYS, Scene};

/// Keeps some sessions open and compares their bytes again later.
#[derive(Debug)]
pub(crate) struct Auditor {
    numbers: Numbers,
    /// Sessions of days without deletions, and the SHA-256 of their downloads.
    kept: Vec<(String, String)>,
    /// Whether the auditor also sets retention; of several at once one may.
    pub(crate) sets_retention: bool,
    pub(crate) sessions: u64,
    pub(crate) compared: u64,
}

impl Auditor {
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            sets_retention: true,
            numbers: Numbers::new(seed),
            kept: Vec::new(),
            sessions: 0,
            compared: 0,
        }
    }

    /// Makes sessions and rechecks old ones until the scene is over or the server is gone.
    pub(crate) fn run(&mut self, scene: &Scene, caller: &Caller) {
        let Ok(mut connection) = Connection::open(caller) else {
            return;
        };
        while !scene.is_over.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(self.numbers.below(60)));
            if self.step(&mut connection).is_err() {
                return;
            }
        }
    }

    /// Checks every kept session, and keeps one more; runs undisturbed.
    pub(crate) fn take_stock(&mut self, caller: &Caller) {
        let mut connection = Connection::open(caller).unwrap();
        for (id, sha256) in &self.kept {
            let bytes = bytes(&mut connection, id).unwrap();
            assert_eq!(*sha256, hex(&Sha256::digest(bytes)), "session {id} changed");
            self.compared += 1;
        }
        self.keep_one_more(&mut connection).unwrap();
        if self.kept.len() > 6 {
            let (id, _) = self.kept.remove(0);
            end(&mut connection, &id).unwrap();
        }
    }

    fn keep_one_more(&mut self, connection: &mut Connection) -> io::Result<()> {
        let session = freeze(connection, &KEPT_DAYS, false)?;
        let id = session["id"].as_str().unwrap().to_owned();
        let whole = whole(connection, &session)?;
        self.kept.push((id, hex(&Sha256::digest(&whole.bytes))));
        self.sessions += 1;
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> io::Result<()> {
        match self.numbers.below(6) {
            // Of several auditors one: otherwise another may set retention between the change and its check.
            0 if self.sets_retention => {
                let days = self.numbers.below(1_000);
                let body = format!("{{\"retention\":{}}}", 1 + days);
                let set = connection.ask("PUT /v3/options", "", body.as_bytes())?;
                assert_eq!(set.status, 200, "{}", String::from_utf8_lossy(&set.body));
                let options = connection.ask("GET /v3/options", "", b"")?.json(200);
                assert!(
                    options.to_string().contains(&format!(":{}", 1 + days)),
                    "{options}"
                );
            }
            1 if !self.kept.is_empty() => self.look_again(connection)?,
            2 if self.kept.len() > 4 => {
                let (id, _) = self.kept.remove(0);
                end(connection, &id)?;
            }
            _ => self.keep_one_more(connection)?,
        }
        Ok(())
    }

    /// Checks that a session never changes, no matter what happened to the server meanwhile.
    fn look_again(&mut self, connection: &mut Connection) -> io::Result<()> {
        let at = self.numbers.below(self.kept.len() as u64);
        let (id, sha256) = &self.kept[usize::try_from(at).unwrap()];
        let bytes = bytes(connection, id)?;
        assert_eq!(*sha256, hex(&Sha256::digest(bytes)), "session {id} changed");
        self.compared += 1;
        Ok(())
    }
}

/// Returns every event of the account, read from one session.
pub(crate) fn everything(caller: &Caller) -> Vec<Stored> {
    let mut connection = Connection::open(caller).unwrap();
    let days = [DOOMED_DAY, KEPT_DAYS[1]];
    let session = freeze(&mut connection, &days, true).unwrap();
    let first = whole(&mut connection, &session).unwrap();
    let second = whole(&mut connection, &session).unwrap();
    assert!(first.bytes == second.bytes, "a second download is another");
    assert_eq!(session["events"], first.lines.len(), "{session}");
    let totals = connection.ask(
        &format!(
            "GET /v3/events?start={}&end={}&AtAccountLevel=true",
            days[0], days[1]
        ),
        "",
        b"",
    );
    let totals = totals.unwrap().json(200);
    let counted = totals.as_array().unwrap().iter();
    let counted: u64 = counted.map(|day| day["count"].as_u64().unwrap()).sum();
    assert_eq!(counted, first.lines.len() as u64, "{totals}");
    end(&mut connection, session["id"].as_str().unwrap()).unwrap();
    first.lines
}

struct Whole {
    bytes: Vec<u8>,
    lines: Vec<Stored>,
}

fn freeze(
    connection: &mut Connection,
    days: &[&str; 2],
    at_account_level: bool,
) -> io::Result<Value> {
    let body = format!(
        "{{\"start\":\"{}\",\"end\":\"{}\",\"AtAccountLevel\":{at_account_level}}}",
        days[0], days[1]
    );
    let answer = connection.ask("POST /v3/sessions", "", body.as_bytes())?;
    Ok(answer.json(201))
}

fn end(connection: &mut Connection, id: &str) -> io::Result<()> {
    let answer = connection.ask(&format!("DELETE /v3/sessions/{id}"), "", b"")?;
    assert!(matches!(answer.status, 200 | 204), "{}", answer.status);
    Ok(())
}

fn bytes(connection: &mut Connection, id: &str) -> io::Result<Vec<u8>> {
    let answer = connection.ask(&format!("GET /v3/events/download?session={id}"), "", b"")?;
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    Ok(answer.body)
}

/// Downloads a session, and compares the bytes with the session and its manifest.
fn whole(connection: &mut Connection, session: &Value) -> io::Result<Whole> {
    let id = session["id"].as_str().unwrap();
    let bytes = bytes(connection, id)?;
    assert_eq!(session["total-bytes"], bytes.len(), "{session}");
    let manifest = connection.ask(&format!("GET /v3/sessions/{id}/manifest"), "", b"")?;
    assert_eq!(session["etag"], hex(&Sha256::digest(&manifest.body)));
    let manifest: Manifest = serde_json::from_slice(&manifest.body).unwrap();
    let mut lines = Vec::new();
    let mut rest = bytes.as_slice();
    let mut objects = HashMap::new();
    for object in manifest.objects {
        let (part, behind) = rest.split_at(usize::try_from(object.length).unwrap());
        rest = behind;
        assert_eq!(
            object.sha256,
            hex(&Sha256::digest(part)),
            "{}",
            object.object
        );
        *objects.entry(object.object).or_insert(0) += 1;
        let mut text = String::new();
        MultiGzDecoder::new(part).read_to_string(&mut text).unwrap();
        lines.extend(text.lines().map(|line| Stored {
            at_account_level: object.domain.starts_with("account-"),
            line: line.to_owned(),
        }));
    }
    assert!(rest.is_empty(), "{} bytes are in no object", rest.len());
    assert!(objects.values().all(|times| *times == 1), "{objects:?}");
    Ok(Whole { bytes, lines })
}

//! Senders that repeat at another node what one has not answered, somebody who deletes, and an auditor who makes sessions on
//! one node and reads them on others.

use std::collections::BTreeMap;
use std::io;
use std::thread::sleep;
use std::time::Duration;

use atrail_evidence::hex;
use sha2::{Digest as _, Sha256};

use super::nodes::PATIENCE;
use crate::env::Numbers;
use crate::http::{Answer, Caller, Connection};
use crate::ledger::{Fate, Mark};
use crate::senders::{DOOMED_DAY, KEPT_DAYS, Scene, fresh_event, pick};

/// How long a sender waits for an answer before it asks another node.
const WAIT: Duration = Duration::from_secs(4);
/// How long an auditor does: sessions are sealed first.
const LONG_WAIT: Duration = Duration::from_secs(12);

/// Returns one of these, by chance.
pub(crate) fn one_of<'a, T>(numbers: &mut Numbers, all: &'a [T]) -> &'a T {
    &all[usize::try_from(numbers.below(all.len() as u64)).unwrap()]
}

/// Asks a node; fails without a whole answer, and when the node cannot serve now.
fn ask(caller: &Caller, request: &str, headers: &str, body: &[u8]) -> io::Result<Answer> {
    ask_for(WAIT, caller, request, headers, body)
}

fn ask_for(
    patience: Duration,
    caller: &Caller,
    request: &str,
    headers: &str,
    body: &[u8],
) -> io::Result<Answer> {
    let mut connection = Connection::open_for(caller, patience)?;
    let answer = connection.ask(request, headers, body)?;
    if matches!(answer.status, 429 | 500..) {
        let text = String::from_utf8_lossy(&answer.body);
        return Err(io::Error::other(format!("{}: {text}", answer.status)));
    }
    Ok(answer)
}

/// Sends new and old events to one domain, each time to any node.
#[derive(Debug)]
pub(crate) struct Sender {
    at_account_level: bool,
    numbers: Numbers,
    unsure: Vec<Mark>,
    acked: Vec<Mark>,
    /// How often a count right after an acknowledgement was compared.
    pub(crate) counts: u64,
}

impl Sender {
    pub(crate) fn new(name: u64, seed: u64) -> Self {
        Self {
            at_account_level: name == 0,
            numbers: Numbers::new(seed ^ (name << 40)),
            unsure: Vec::new(),
            acked: Vec::new(),
            counts: 0,
        }
    }

    /// Sends until the scene is over.
    pub(crate) fn run(&mut self, scene: &Scene, nodes: &[Caller]) {
        while scene.goes_on() {
            let marks = self.choose(scene);
            let node = one_of(&mut self.numbers, nodes);
            if self.send(scene, node, &marks).is_ok() {
                self.unsure.retain(|mark| !marks.contains(mark));
                self.acked.extend(marks);
                let excess = self.acked.len().saturating_sub(2_000);
                self.acked.drain(..excess);
                self.compare_count(scene, nodes);
            } else {
                scene.ledger.lock().unwrap().lost_answers += 1;
                self.unsure.extend(marks);
                sleep(Duration::from_millis(self.numbers.below(50)));
            }
        }
    }

    /// Chooses new, unanswered and acknowledged events, in any order.
    fn choose(&mut self, scene: &Scene) -> Vec<Mark> {
        let mut marks = Vec::new();
        for _ in 0..=self.numbers.below(30) {
            marks.push(match self.numbers.below(8) {
                0 if !self.acked.is_empty() => pick(&mut self.numbers, &self.acked),
                1 if !marks.is_empty() => pick(&mut self.numbers, &marks),
                2 | 3 if !self.unsure.is_empty() => pick(&mut self.numbers, &self.unsure),
                _ => self.fresh(scene),
            });
        }
        marks
    }

    fn fresh(&mut self, scene: &Scene) -> Mark {
        let is_doomed = !self.at_account_level && self.numbers.below(4) == 0;
        let day = if is_doomed {
            DOOMED_DAY
        } else {
            one_of(&mut self.numbers, &KEPT_DAYS)
        };
        let fate = Fate {
            at_account_level: self.at_account_level,
            is_doomed,
        };
        let mut ledger = scene.ledger.lock().unwrap();
        fresh_event(&mut ledger, &mut self.numbers, fate, day, true)
    }

    fn send(&self, scene: &Scene, node: &Caller, marks: &[Mark]) -> io::Result<()> {
        let (begun, body) = scene.ledger.lock().unwrap().begin(marks);
        let headers = "Prefer: return=minimal\r\nContent-Type: application/x-ndjson\r\n";
        let line = format!("POST /v3/events?AtAccountLevel={}", self.at_account_level);
        let answer = ask(node, &line, headers, body.as_bytes())?.json(200);
        assert_eq!(answer["accepted"], marks.len(), "{answer}");
        let mut ledger = scene.ledger.lock().unwrap();
        ledger.acknowledged(begun, marks, None);
        Ok(())
    }

    /// Asks any node, right after an acknowledgement, how many events are kept.
    fn compare_count(&mut self, scene: &Scene, nodes: &[Caller]) {
        let acked = scene.ledger.lock().unwrap().acked_for_good() as u64;
        let node = one_of(&mut self.numbers, nodes);
        let Ok(Some(count)) = kept(node) else {
            return;
        };
        let sent = scene.ledger.lock().unwrap().sent_for_good() as u64;
        assert!(
            (acked..=sent).contains(&count),
            "{} counts {count} events, and {acked} to {sent} are there",
            node.address
        );
        self.counts += 1;
    }
}

/// Counts the events that no deletion covers, as a node does.
pub(crate) fn kept(node: &Caller) -> io::Result<Option<u64>> {
    let path = format!(
        "GET /v3/events?start={}&end={}&AtAccountLevel=true",
        KEPT_DAYS[0], KEPT_DAYS[1]
    );
    let answer = ask(node, &path, "", b"")?.json(200);
    let days = answer.as_array().unwrap().iter();
    Ok(days.map(|day| day["count"].as_u64()).sum())
}

/// Deletes the doomed day at intervals, each time through any node.
pub(crate) fn delete_now_and_then(scene: &Scene, nodes: &[Caller], seed: u64) {
    let mut numbers = Numbers::new(seed);
    let body = format!("{{\"start\":\"{DOOMED_DAY}\",\"end\":\"{DOOMED_DAY}\"}}");
    while scene.goes_on() {
        sleep(Duration::from_millis(200 + numbers.below(800)));
        let begun = scene.ledger.lock().unwrap().tick();
        let node = one_of(&mut numbers, nodes);
        let answer = ask(node, "DELETE /v3/events", "", body.as_bytes());
        let count = answer.ok().map(|answer| {
            let said = answer.json(200);
            let first = said.as_str().unwrap().split(' ').next().unwrap();
            first.parse().unwrap_or_else(|_| panic!("{said}"))
        });
        scene.ledger.lock().unwrap().deleted(begun, count);
    }
}

/// What an auditor was given: bytes, and the receipt of them.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) session: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) receipt: Vec<u8>,
}

/// Makes sessions, and reads them on other nodes.
#[derive(Debug)]
pub(crate) struct Auditor {
    numbers: Numbers,
    pub(crate) given: Vec<Given>,
    /// How often the bytes of a session were compared again.
    pub(crate) compared: u64,
    /// Why steps failed, and how often.
    pub(crate) failed: BTreeMap<String, u64>,
}

impl Auditor {
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            numbers: Numbers::new(seed),
            given: Vec::new(),
            compared: 0,
            failed: BTreeMap::new(),
        }
    }

    pub(crate) fn run(&mut self, scene: &Scene, nodes: &[Caller]) {
        while scene.goes_on() {
            sleep(Duration::from_millis(100 + self.numbers.below(300)));
            let step = if self.given.is_empty() || self.numbers.below(3) > 0 {
                self.take_one(nodes)
            } else {
                self.look_again(nodes)
            };
            if let Err(error) = step {
                let mut why = error.to_string();
                why.truncate(90);
                *self.failed.entry(why).or_default() += 1;
            }
        }
    }

    /// Compares every session again, while nothing fails.
    pub(crate) fn look_at_all(&mut self, nodes: &[Caller]) {
        for given in &self.given {
            let node = one_of(&mut self.numbers, nodes);
            let mut connection = Connection::open_for(node, PATIENCE).unwrap();
            let path = format!("GET /v3/events/download?session={}", given.session);
            let again = connection.ask(&path, "", b"").unwrap();
            assert_eq!(again.status, 200, "{}", given.session);
            assert!(again.body == given.bytes, "{} changed", given.session);
            self.compared += 1;
        }
    }

    fn take_one(&mut self, nodes: &[Caller]) -> io::Result<()> {
        let [at, from, of] = [(); 3].map(|()| one_of(&mut self.numbers, nodes));
        let body = format!(
            "{{\"start\":\"{}\",\"end\":\"{}\",\"AtAccountLevel\":true}}",
            KEPT_DAYS[0], KEPT_DAYS[1]
        );
        let made = ask_for(LONG_WAIT, at, "POST /v3/sessions", "", body.as_bytes())?;
        let session = made.json(201)["id"].as_str().unwrap().to_owned();
        let path = format!("GET /v3/events/download?session={session}");
        let answer = ask_for(LONG_WAIT, from, &path, "", b"")?;
        let told = String::from_utf8_lossy(&answer.body);
        assert_eq!(
            answer.status, 200,
            "{} of {}: {told}",
            from.address, at.address
        );
        let receipt = ask_for(
            LONG_WAIT,
            of,
            &format!("GET /v3/sessions/{session}/receipt"),
            "",
            b"",
        )?;
        let told = String::from_utf8_lossy(&receipt.body);
        assert_eq!(
            receipt.status, 200,
            "{} of {}: {told}",
            of.address, at.address
        );
        self.given.push(Given {
            session,
            bytes: answer.body,
            receipt: receipt.body,
        });
        Ok(())
    }

    fn look_again(&mut self, nodes: &[Caller]) -> io::Result<()> {
        let given = one_of(&mut self.numbers, &self.given);
        let node = one_of(&mut self.numbers, nodes);
        let path = format!("GET /v3/events/download?session={}", given.session);
        let answer = ask_for(LONG_WAIT, node, &path, "", b"")?;
        assert_eq!(answer.status, 200);
        let hashes = [&answer.body, &given.bytes].map(|bytes| hex(&Sha256::digest(bytes)));
        assert_eq!(hashes[0], hashes[1], "session {} changed", given.session);
        self.compared += 1;
        Ok(())
    }
}

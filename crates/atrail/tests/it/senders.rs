//! Simultaneous users of a server: senders that repeat themselves, an auditor, and a client that deletes a day again
//! and again.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::env::Numbers;
use crate::http::{Answer, Caller, Connection};
use crate::ledger::{Fate, Ledger, Mark};

pub(crate) const DOOMED_DAY: &str = "2017-07-20";
/// First and last of the days without deletions.
pub(crate) const KEPT_DAYS: [&str; 2] = ["2017-07-21", "2017-07-22"];

/// The state that all of them share.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    pub(crate) ledger: Mutex<Ledger>,
    /// Set when all of them must stop.
    pub(crate) is_over: AtomicBool,
    /// Whether senders sometimes hang up without waiting for the answer.
    pub(crate) hangs_up: bool,
}

impl Scene {
    pub(crate) fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }
}

/// A request whose events have no ids: the sender repeats it as a whole, under its key.
#[derive(Debug)]
struct Keyed {
    key: String,
    marks: Vec<Mark>,
    is_acked: bool,
}

/// Sends new and old events to one domain.
#[derive(Debug)]
pub(crate) struct Sender {
    name: u64,
    at_account_level: bool,
    numbers: Numbers,
    /// Events whose last request got no answer.
    unsure: Vec<Mark>,
    /// Some acknowledged events.
    acked: Vec<Mark>,
    keyed: Vec<Keyed>,
    keys: u64,
}

impl Sender {
    pub(crate) fn new(name: u64, seed: u64, at_account_level: bool) -> Self {
        Self {
            name,
            at_account_level,
            numbers: Numbers::new(seed ^ (name << 40)),
            unsure: Vec::new(),
            acked: Vec::new(),
            keyed: Vec::new(),
            keys: 0,
        }
    }

    /// Sends until the scene is over or the server is gone.
    pub(crate) fn run(&mut self, scene: &Scene, caller: &Caller) {
        let Ok(mut connection) = Connection::open(caller) else {
            return;
        };
        while scene.goes_on() {
            let hangs_up = scene.hangs_up && self.numbers.below(16) == 0;
            let is_keyed = self.numbers.below(5) == 0;
            let outcome = if is_keyed {
                self.send_keyed(scene, &mut connection, hangs_up)
            } else {
                self.send_batch(scene, &mut connection, hangs_up)
            };
            if outcome.is_err() {
                scene.ledger.lock().unwrap().lost_answers += 1;
                // The server is gone, or the sender itself hung up.
                match Connection::open(caller) {
                    Ok(fresh) if hangs_up => connection = fresh,
                    Ok(_) | Err(_) => return,
                }
            }
        }
    }

    /// Sends new, unanswered and acknowledged events, in any order.
    fn send_batch(
        &mut self,
        scene: &Scene,
        connection: &mut Connection,
        hangs_up: bool,
    ) -> io::Result<()> {
        let mut marks = Vec::new();
        for _ in 0..=self.numbers.below(40) {
            let mark = match self.numbers.below(8) {
                0 if !self.acked.is_empty() => pick(&mut self.numbers, &self.acked),
                1 if !marks.is_empty() => pick(&mut self.numbers, &marks),
                2 | 3 if !self.unsure.is_empty() => pick(&mut self.numbers, &self.unsure),
                _ => self.fresh(scene, true),
            };
            let at = self.numbers.below(marks.len() as u64 + 1);
            marks.insert(usize::try_from(at).unwrap(), mark);
        }
        let is_minimal = !scene.hangs_up || self.numbers.below(2) == 0;
        let outcome = request(
            scene,
            connection,
            self.path(),
            "",
            &marks,
            is_minimal,
            hangs_up,
        );
        if outcome.is_ok() {
            self.unsure.retain(|mark| !marks.contains(mark));
            self.acked.extend(marks);
            let excess = self.acked.len().saturating_sub(2_000);
            self.acked.drain(..excess);
        } else {
            self.unsure.extend(marks);
        }
        outcome
    }

    fn send_keyed(
        &mut self,
        scene: &Scene,
        connection: &mut Connection,
        hangs_up: bool,
    ) -> io::Result<()> {
        let unsure = self.keyed.iter().position(|keyed| !keyed.is_acked);
        let at = match unsure {
            Some(at) if self.numbers.below(4) > 0 => at,
            _ if !self.keyed.is_empty() && self.numbers.below(3) == 0 => {
                usize::try_from(self.numbers.below(self.keyed.len() as u64)).unwrap()
            }
            _ => {
                let count = 1 + self.numbers.below(20);
                let marks = (0..count).map(|_| self.fresh(scene, false)).collect();
                self.keys += 1;
                self.keyed.push(Keyed {
                    key: format!("{}-{}", self.name, self.keys),
                    marks,
                    is_acked: false,
                });
                self.keyed.len() - 1
            }
        };
        let keyed = &self.keyed[at];
        let header = format!("Idempotency-Key: {}\r\n", keyed.key);
        let is_minimal = !scene.hangs_up || self.numbers.below(2) == 0;
        let outcome = request(
            scene,
            connection,
            self.path(),
            &header,
            &keyed.marks,
            is_minimal,
            hangs_up,
        );
        self.keyed[at].is_acked |= outcome.is_ok();
        if self.keyed.len() > 200 {
            self.keyed.remove(0);
        }
        outcome
    }

    const fn path(&self) -> &'static str {
        if self.at_account_level {
            "/v3/events?AtAccountLevel=true"
        } else {
            "/v3/events"
        }
    }

    fn fresh(&mut self, scene: &Scene, has_id: bool) -> Mark {
        let is_doomed = !self.at_account_level && self.numbers.below(4) == 0;
        let day = if is_doomed {
            DOOMED_DAY
        } else {
            KEPT_DAYS[usize::try_from(self.numbers.below(2)).unwrap()]
        };
        let fate = Fate {
            at_account_level: self.at_account_level,
            is_doomed,
        };
        let mut ledger = scene.ledger.lock().unwrap();
        fresh_event(&mut ledger, &mut self.numbers, fate, day, has_id)
    }
}

/// Records a new event of this day before it is sent for the first time.
pub(crate) fn fresh_event(
    ledger: &mut Ledger,
    numbers: &mut Numbers,
    fate: Fate,
    day: &str,
    has_id: bool,
) -> Mark {
    let hour = numbers.below(3);
    let noise = "~".repeat(usize::try_from(numbers.below(200)).unwrap());
    ledger.fresh(fate, has_id, |mark| {
        let id = if has_id {
            format!("\"id\":\"e-{mark}\",")
        } else {
            String::new()
        };
        format!(
            "{{\"n\":{mark},{id}\"eventTime\":\"{day}T{hour:02}:30:00.25Z\",\"action\":\"read\",\
             \"outcome\":\"success\",\"initiatorId\":\"i\",\"targetId\":\"t\",\"size\":1.50e+1,\"noise\":\"{noise}\"}}"
        )
    })
}

pub(crate) fn pick(numbers: &mut Numbers, marks: &[Mark]) -> Mark {
    marks[usize::try_from(numbers.below(marks.len() as u64)).unwrap()]
}

/// Sends these events and records the answers.
fn request(
    scene: &Scene,
    connection: &mut Connection,
    path: &str,
    header: &str,
    marks: &[Mark],
    is_minimal: bool,
    hangs_up: bool,
) -> io::Result<()> {
    let (begun, body) = scene.ledger.lock().unwrap().begin(marks);
    let prefer = if is_minimal {
        "Prefer: return=minimal\r\n"
    } else {
        ""
    };
    let headers = format!("{header}{prefer}Content-Type: application/x-ndjson\r\n");
    let line = format!("POST {path}");
    if hangs_up {
        connection.send(&line, &headers, body.as_bytes())?;
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    let answer = connection.ask(&line, &headers, body.as_bytes())?.json(200);
    let mut ledger = scene.ledger.lock().unwrap();
    let named = if is_minimal {
        let count = |name: &str| answer[name].as_u64().unwrap();
        assert_eq!(count("accepted"), marks.len() as u64, "{answer}");
        ledger.counted_stored += count("accepted") - count("duplicates");
        None
    } else {
        let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
        let all = answer.as_array().unwrap();
        assert_eq!(all.len(), marks.len(), "{answer}");
        let pairs = all.iter().map(|one| (text(one, "id"), text(one, "value")));
        Some(pairs.collect::<Vec<_>>())
    };
    ledger.acknowledged(begun, marks, named.as_deref());
    Ok(())
}

/// Deletes the doomed day at intervals, until the scene is over or the server is gone.
pub(crate) fn delete_again_and_again(scene: &Scene, caller: &Caller, seed: u64) {
    let mut numbers = Numbers::new(seed);
    let Ok(mut connection) = Connection::open(caller) else {
        return;
    };
    while scene.goes_on() {
        thread::sleep(Duration::from_millis(numbers.below(150)));
        let begun = scene.ledger.lock().unwrap().tick();
        let body = format!("{{\"start\":\"{DOOMED_DAY}\",\"end\":\"{DOOMED_DAY}\"}}");
        let answer = connection.ask("DELETE /v3/events", "", body.as_bytes());
        let count = answer.as_ref().ok().map(deleted_count);
        scene.ledger.lock().unwrap().deleted(begun, count);
        if count.is_none() {
            return;
        }
    }
}

fn deleted_count(answer: &Answer) -> u64 {
    let said = answer.json(200);
    let first = said.as_str().unwrap().split(' ').next().unwrap();
    first.parse().unwrap_or_else(|_| panic!("{said}"))
}

//! Measures how one tenant is affected by another that uses all it can.

mod attacks;
mod tenant;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::bench::Bench;
use crate::events::Events;
use crate::failure::Result;
use crate::figure::{Figure, percentile};
use crate::http::Connection;
use crate::server::Running;
use attacks::ATTACKS;
use tenant::Tenant;

/// Rounds of the innocent tenant before the attack, and the minimum during it.
const ROUNDS: usize = 100;
/// The maximum during a long attack.
const ROUNDS_MAX: usize = 2_000;
/// Time that the attack runs before the measurement.
const BEFORE: Duration = Duration::from_secs(2);

/// A modest tenant: sends an event, counts, logs in by password.
struct Innocent<'a> {
    bench: &'a Bench,
    server: &'a Running,
    connection: Connection,
    events: Events,
}

/// The durations of each kind of request.
#[derive(Default)]
struct Times {
    sends: Vec<Duration>,
    counts: Vec<Duration>,
    logins: Vec<Duration>,
}

pub(super) fn run(bench: &Bench) -> Result<()> {
    for (name, attack) in ATTACKS {
        if !bench.wants(name) {
            continue;
        }
        let server = bench.fresh_server()?;
        let greedy = Tenant::new(&server, "greedy")?;
        let mut innocent = Innocent {
            bench,
            server: &server,
            connection: server.connect()?,
            events: bench.generator(),
        };
        // The first requests create state that all later ones reuse.
        innocent.rounds(10, &AtomicBool::new(true))?;
        let before = innocent.rounds(ROUNDS, &AtomicBool::new(true))?;
        let is_over = AtomicBool::new(false);
        let (during, did) = thread::scope(|scope| {
            let attacking = scope.spawn(|| {
                let did = yield_cores().and_then(|()| attack(bench, &greedy, &is_over));
                is_over.store(true, Ordering::Release);
                did
            });
            thread::sleep(BEFORE);
            let during = innocent.rounds(ROUNDS, &is_over);
            is_over.store(true, Ordering::Release);
            let did = attacking.join();
            let did = did.unwrap_or_else(|_| Err("the attack ended".to_owned()));
            (during, did)
        });
        tell(name, before, during?, &did?);
    }
    Ok(())
}

/// Gives this thread, and those that it starts, the lowest priority: a real attacker computes on another machine, and
/// what is measured is how the server divides its cores.
fn yield_cores() -> Result<()> {
    rustix::process::setpriority_process(None, 19).map_err(|error| format!("setpriority: {error}"))
}

fn tell(name: &str, before: Times, during: Times, did: &str) {
    let kinds = [
        ("a send", before.sends, during.sends),
        ("a count", before.counts, during.counts),
        ("a login", before.logins, during.logins),
    ];
    for (kind, mut before, mut during) in kinds {
        before.sort();
        during.sort();
        let at = |times: &[Duration], share| percentile(times, share).as_secs_f64() * 1e3;
        let ratio = at(&during, 0.99) / at(&before, 0.99).max(f64::MIN_POSITIVE);
        Figure::new("isolation", &format!("{kind} while {name} ({did})"))
            .value("undisturbed_p50_ms", at(&before, 0.5))
            .value("undisturbed_p99_ms", at(&before, 0.99))
            .latencies(during)
            .ratio("the undisturbed p99", ratio)
            .tell();
    }
}

impl Innocent<'_> {
    /// Runs at least this many rounds, and more until the attack is over. All requests must succeed.
    fn rounds(&mut self, least: usize, is_over: &AtomicBool) -> Result<Times> {
        let mut times = Times::default();
        for round in 0..ROUNDS_MAX {
            if round >= least && is_over.load(Ordering::Acquire) {
                break;
            }
            let space = self.server.space().to_owned();
            let headers = self.server.headers(&space);
            let mut line = String::new();
            self.events.line((self.bench.last_day, 12), &mut line);
            let sent = self.ask("POST /v3/events", &headers, line.as_bytes())?;
            times.sends.push(sent);
            times
                .counts
                .push(self.ask("GET /v3/events", &headers, &[])?);
            // A login takes tens of milliseconds of a core: frequent logins would themselves be the load.
            if round % 4 == 0 {
                let form = format!(
                    "grant_type=password&username=admin&password={}",
                    self.server.password()
                );
                times
                    .logins
                    .push(self.ask("POST /oauth/token", tenant::FORM, form.as_bytes())?);
            }
        }
        Ok(times)
    }

    fn ask(&mut self, line: &str, headers: &str, body: &[u8]) -> Result<Duration> {
        let reply = self.connection.ask(line, headers, body, &mut |_| Ok(()))?;
        if (200..300).contains(&reply.status) {
            Ok(reply.took)
        } else {
            Err(format!("the innocent's {line}: {}", reply.status))
        }
    }
}

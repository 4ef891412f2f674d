//! The attacks of a greedy tenant, each of which runs until it is over. Each reports its work, which proves that there
//! was an attack.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::tenant::{FORM, Tenant};
use crate::bench::Bench;
use crate::failure::Result;

/// An attack; returns a description of its work.
type Attack = fn(&Bench, &Tenant, &AtomicBool) -> Result<String>;

/// All attacks, by their description.
pub(super) const ATTACKS: [(&str, Attack); 6] = [
    ("one holds the memory for bodies", hold_memory),
    ("one holds connections without a login", hold_connections),
    ("one sends large requests", send_much),
    ("one seals very many hours", spread_and_seal),
    ("one deletes very many hours", spread_and_delete),
    ("one tries passwords", try_passwords),
];

const SENDERS: usize = 16;
/// Hours in one request, the most that the server accepts.
const HOURS: u32 = 4_096;
const REQUESTS: u32 = 12;

/// Starts a request that is never finished.
fn begin(greedy: &Tenant, head: &str, length: usize, begun: usize) -> Result<TcpStream> {
    let mut stream = greedy.connect()?;
    let head = format!("{head}Host: x\r\nContent-Length: {length}\r\n\r\n");
    let sent = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(&vec![b' '; begun]));
    // The server may reset a request that it refuses at once while the client still sends.
    drop(sent);
    Ok(stream)
}

/// Sends a byte on each of these connections from time to time; returns how many of them are left at the end.
fn drip(mut held: Vec<TcpStream>, is_over: &AtomicBool) -> String {
    let all = held.len();
    while !is_over.load(Ordering::Acquire) {
        thread::sleep(Duration::from_secs(1));
        held.retain_mut(|stream| stream.write_all(b" ").is_ok());
    }
    format!("{} of {all} requests held to the end", held.len())
}

fn hold_memory(_: &Bench, greedy: &Tenant, is_over: &AtomicBool) -> Result<String> {
    let head = format!("POST /v3/events HTTP/1.1\r\n{}", greedy.headers);
    let held = (0..60).map(|_| begin(greedy, &head, 60 << 20, 8 << 20));
    Ok(drip(held.collect::<Result<_>>()?, is_over))
}

fn hold_connections(_: &Bench, greedy: &Tenant, is_over: &AtomicBool) -> Result<String> {
    let head = format!("POST /oauth/token HTTP/1.1\r\n{FORM}");
    let held = (0..1_500).map(|_| begin(greedy, &head, 2_000, 1));
    Ok(drip(held.collect::<Result<_>>()?, is_over))
}

/// Sends one request; returns its status, or 0 without an answer.
fn ask(stream: &mut TcpStream, line: &str, headers: &str, body: &[u8]) -> u16 {
    let head = format!(
        "{line} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    let mut some = [0; 64 << 10];
    let read = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body))
        .and_then(|()| stream.read(&mut some));
    let status = read.ok().and_then(|length| some[..length].get(9..12));
    let status = status.and_then(|digits| std::str::from_utf8(digits).ok());
    status.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn send_much(bench: &Bench, greedy: &Tenant, is_over: &AtomicBool) -> Result<String> {
    let accepted = AtomicU64::new(0);
    let headers = format!("{}Prefer: return=minimal\r\n", greedy.headers);
    thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                let mut events = bench.generator();
                while !is_over.load(Ordering::Acquire) {
                    let mut text = String::new();
                    (0..4_000).for_each(|_| {
                        let moment = events.at_random();
                        events.line(moment, &mut text);
                    });
                    let Ok(mut stream) = greedy.connect() else {
                        continue;
                    };
                    let status = ask(&mut stream, "POST /v3/events", &headers, text.as_bytes());
                    accepted.fetch_add(u64::from(status == 200), Ordering::Relaxed);
                }
            });
        }
    });
    let accepted = accepted.into_inner();
    Ok(format!("{accepted} requests of 4,000 events"))
}

/// Sends an event in each of very many hours; returns how many requests were accepted.
fn spread(greedy: &Tenant) -> Result<u32> {
    let mut taken = 0;
    let headers = format!("{}Prefer: return=minimal\r\n", greedy.headers);
    let first: atrail_model::Day = "2010-01-01".parse().expect("a day");
    for request in 0..REQUESTS {
        let hours = request * HOURS..(request + 1) * HOURS;
        let lines: String = hours
            .map(|hour| {
                let day = atrail_model::Day::from_number(first.number() + hour / 24);
                let day = day.expect("a day of our time");
                format!(
                    "{{\"eventTime\":\"{day}T{:02}:00:00Z\",\"action\":\"r\",\"outcome\":\"success\",\"initiatorId\":\"a\",\"targetId\":\"b\"}}\n",
                    hour % 24
                )
            })
            .collect();
        let mut stream = greedy.connect()?;
        taken += u32::from(ask(&mut stream, "POST /v3/events", &headers, lines.as_bytes()) == 200);
    }
    Ok(taken)
}

fn spread_and_seal(_: &Bench, greedy: &Tenant, _: &AtomicBool) -> Result<String> {
    let taken = spread(greedy)?;
    let headers = format!("{}Content-Type: application/json\r\n", greedy.headers);
    let scope = b"{\"start\":\"2010-01-01\",\"end\":\"2019-12-31\"}";
    let status = ask(&mut greedy.connect()?, "POST /v3/sessions", &headers, scope);
    Ok(format!(
        "{taken} of {REQUESTS} requests of {HOURS} hours, the session's answer {status}"
    ))
}

fn spread_and_delete(_: &Bench, greedy: &Tenant, _: &AtomicBool) -> Result<String> {
    let taken = spread(greedy)?;
    let line = "DELETE /v3/events?start=2010-01-01&end=2019-12-31";
    let status = ask(&mut greedy.connect()?, line, &greedy.headers, b"");
    Ok(format!(
        "{taken} of {REQUESTS} requests of {HOURS} hours, the deletion's answer {status}"
    ))
}

fn try_passwords(_: &Bench, greedy: &Tenant, is_over: &AtomicBool) -> Result<String> {
    let (tried, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for sender in 0..4 * SENDERS {
            let (tried, refused) = (&tried, &refused);
            scope.spawn(move || {
                for number in 0.. {
                    if is_over.load(Ordering::Acquire) {
                        return;
                    }
                    let form = format!(
                        "grant_type=password&username=nobody-{sender}-{number}&password=wrong"
                    );
                    let Ok(mut stream) = greedy.connect() else {
                        continue;
                    };
                    let status = ask(&mut stream, "POST /oauth/token", FORM, form.as_bytes());
                    let counter = if status == 400 { tried } else { refused };
                    counter.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(5));
                }
            });
        }
    });
    let (tried, refused) = (tried.into_inner(), refused.into_inner());
    Ok(format!("{tried} checked, {refused} refused"))
}

//! Asks questions, compares every answer, and reports how long they took.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::expected::{Hit, hash};
use crate::failure::Result;
use crate::figure::{Figure, percentile};
use crate::http::Connection;
use crate::server::Running;

/// A row is asked until this time has passed, ...
const SECONDS: f64 = 3.0;
/// ... at least and at most this often.
const TIMES: (usize, usize) = (5, 200);

/// The only right answer.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// These lines, the newest first.
    Hits(Vec<Hit>),
    /// This many events; the lines of a dashboard.
    Counts(u64, Vec<String>),
}

/// A question.
#[derive(Debug)]
pub(crate) struct Question {
    /// The line of the request.
    pub(crate) line: &'static str,
    /// The space that is targeted.
    pub(crate) space: String,
    pub(crate) body: Value,
    pub(crate) wanted: Wanted,
    /// The same question for PostgreSQL, in statements.
    pub(crate) sql: Vec<String>,
}

/// Questions of one kind.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// At least one.
    pub(crate) questions: Vec<Question>,
    /// Whether it is measured with nothing in memory, too.
    pub(crate) is_asked_cold: bool,
}

/// What the server has in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Warmth {
    /// The same question was answered before.
    Warm,
    /// No such question was, and the answer waits until the server has recorded it.
    New,
    /// The server has just started, and nothing of the disk is in memory.
    Cold,
}

/// A right answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) took: Duration,
    /// Bytes of events that were read because no index answered.
    pub(crate) scanned: u64,
}

/// Asks a question. A wrong answer is an error.
pub(crate) fn ask(
    connection: &mut Connection,
    server: &Running,
    question: &Question,
) -> Result<Answer> {
    let headers = format!(
        "{}Content-Type: application/json\r\n",
        server.headers(&question.space)
    );
    let body = question.body.to_string();
    let mut content = Vec::new();
    let reply = connection.ask(question.line, &headers, body.as_bytes(), &mut |bytes| {
        content.extend_from_slice(bytes);
        Ok(())
    })?;
    let checked = if reply.status == 200 {
        check(&content, &question.wanted)
    } else {
        let said = String::from_utf8_lossy(&content);
        Err(format!("{} {said}", reply.status))
    };
    let searched = checked.map_err(|error| format!("{} {body}: {error}", question.line))?;
    Ok(Answer {
        took: reply.took,
        scanned: searched["bytes_scanned"].as_u64().unwrap_or_default(),
    })
}

/// Returns what was searched, if the answer is right.
fn check(content: &[u8], wanted: &Wanted) -> Result<Value> {
    let parse = |line: &[u8]| -> Result<Value> {
        serde_json::from_slice(line).map_err(|error| format!("no JSON: {error}"))
    };
    match wanted {
        Wanted::Hits(hits) => {
            let lines: Vec<_> = content.split(|byte| *byte == b'\n').collect();
            let [pairs @ .., end, b""] = &lines[..] else {
                return Err("the answer has no end".to_owned());
            };
            let got: Vec<_> = pairs.iter().skip(1).step_by(2).map(|l| hash(l)).collect();
            compare(&got, hits)?;
            let mut end = parse(end)?;
            Ok(end["end"]["searched"].take())
        }
        Wanted::Counts(total, lines) => {
            let mut counted = parse(content)?;
            if counted["total"].as_u64() != Some(*total) {
                return Err(format!("{} events for {total}", counted["total"]));
            }
            let got = dashboard(&counted);
            // A question for the total alone has no dashboard.
            match got.iter().zip(lines).find(|(got, wanted)| got != wanted) {
                Some((got, wanted)) => Err(format!("{got} for {wanted}")),
                None if got.len() != lines.len() => {
                    Err(format!("{} lines for {}", got.len(), lines.len()))
                }
                None => Ok(counted["searched"].take()),
            }
        }
    }
}

/// Compares lines with those of a page; events of the same microsecond may come in any order.
fn compare(got: &[u64], wanted: &[Hit]) -> Result<()> {
    let time_of: HashMap<_, _> = wanted.iter().map(|hit| (hit.hash, hit.time)).collect();
    let times: Option<Vec<_>> = got.iter().map(|hash| time_of.get(hash).copied()).collect();
    let is_right = times.is_some_and(|times| times.iter().eq(wanted.iter().map(|hit| &hit.time)));
    let different: HashSet<_> = got.iter().collect();
    if is_right && different.len() == got.len() {
        return Ok(());
    }
    Err(format!(
        "{} hits that are not the {} expected ones in their order",
        got.len(),
        wanted.len()
    ))
}

/// Returns the lines of a dashboard, as [`Counts::lines`](super::expected::Counts::lines) does.
fn dashboard(counted: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let line = |key: &str, of: &Value| format!("{key}|{}", of["count"]);
    let hours = list(&counted["histogram"]["buckets"]).into_iter();
    let hours = hours.filter(|bucket| bucket["count"] != 0).map(|bucket| {
        let time = bucket["time"].as_str().unwrap_or_default();
        line(time.get(..13).unwrap_or(time), &bucket)
    });
    let values = list(&counted["facets"]).into_iter();
    let values = values.flat_map(|facet| list(&facet["values"]));
    let values = values.map(|value| line(value["value"].as_str().unwrap_or_default(), &value));
    hours.chain(values).collect()
}

/// Asks a row's questions again and again, and reports it; returns the median.
pub(super) fn tell_warm(server: &Running, name: &str, row: &Row) -> Result<Duration> {
    let mut connection = server.connect()?;
    let mut ask = |question| ask(&mut connection, server, question).map(|answer| answer.took);
    let new: Vec<_> = row.questions.iter().map(&mut ask).collect::<Result<_>>()?;
    if new.len() > 1 {
        tell(name, row, Warmth::New, new);
    }
    let (started, mut took) = (Instant::now(), Vec::new());
    for question in row.questions.iter().cycle() {
        let is_enough = started.elapsed().as_secs_f64() > SECONDS && took.len() >= TIMES.0;
        if is_enough || took.len() >= TIMES.1 {
            break;
        }
        took.push(ask(question)?);
    }
    took.sort();
    let median = percentile(&took, 0.5);
    tell(name, row, Warmth::Warm, took);
    Ok(median)
}

/// Reports how long a row's answers took.
pub(super) fn tell(name: &str, row: &Row, warmth: Warmth, took: Vec<Duration>) {
    let how = match warmth {
        Warmth::Warm => "warm",
        Warmth::New => "warm, each for the first time",
        Warmth::Cold => "cold",
    };
    Figure::new("search", &format!("{name}: {}, {how}", row.name))
        .value("asked", took.len() as f64)
        .latencies(took)
        .tell();
}

/// Asks a question that no index answers, and reports how fast the lines are read; returns how long it took.
pub(super) fn tell_scan(server: &Running, name: &str, row: &Row) -> Result<Duration> {
    let mut connection = server.connect()?;
    let mut took = Duration::ZERO;
    for question in &row.questions {
        // Once, so that the archive is in the page cache.
        ask(&mut connection, server, question)?;
        let before = server.cpu_seconds();
        let answer = ask(&mut connection, server, question)?;
        let cpu = (server.cpu_seconds() - before).max(0.01);
        took = answer.took;
        let gigabytes = answer.scanned as f64 / 1e9;
        Figure::new("search", &format!("{name}: {}", row.name))
            .value("seconds", answer.took.as_secs_f64())
            .value("gigabytes", gigabytes)
            .value(
                "gigabytes_per_second",
                gigabytes / answer.took.as_secs_f64(),
            )
            .value("gigabytes_per_cpu_second", gigabytes / cpu)
            .tell();
    }
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HITS: &[u8] = b"{\"day\":\"d\"}\n{\"id\":1}\n{\"day\":\"d\"}\n{\"id\":2}\n{\"end\":{\"searched\":{\"files\":3}}}\n";

    fn hits(lines: &[&[u8]]) -> Wanted {
        let hits = lines.iter().zip((0..9).rev());
        Wanted::Hits(
            hits.map(|(line, time)| Hit {
                time,
                hash: hash(line),
            })
            .collect(),
        )
    }

    #[test]
    fn only_the_wanted_hits_are_right() {
        let right = hits(&[b"{\"id\":1}", b"{\"id\":2}"]);
        assert_eq!(check(HITS, &right).unwrap()["files"], 3);
        let others: [&[&[u8]]; 4] = [
            &[b"{\"id\":2}", b"{\"id\":1}"],
            &[b"{\"id\":1}"],
            &[b"{\"id\":1}", b"{\"id\":2} "],
            &[b"{\"id\":1}", b"{\"id\":2}", b"{\"id\":3}"],
        ];
        for other in others {
            assert!(check(HITS, &hits(other)).is_err());
        }
        let cut = &HITS[..HITS.len() - 1];
        assert!(check(cut, &right).is_err());
    }

    #[test]
    fn only_the_wanted_counts_are_right() {
        let answer = br#"{"total":3,"histogram":{"buckets":[{"time":"2026-03-04T05:00:00.000000000Z","count":3},
            {"time":"2026-03-04T06:00:00.000000000Z","count":0}]},"facets":[{"field":"f","values":[{"value":"x","count":2}]}]}"#;
        let wanted = |total, lines: &[&str]| {
            Wanted::Counts(total, lines.iter().map(|line| (*line).to_owned()).collect())
        };
        assert!(check(answer, &wanted(3, &["2026-03-04T05|3", "x|2"])).is_ok());
        for (total, lines) in [
            (2, &["2026-03-04T05|3", "x|2"][..]),
            (3, &["2026-03-04T05|3", "x|1"]),
            (3, &["2026-03-04T05|3"]),
            (3, &["2026-03-04T05|3", "x|2", "y|1"]),
        ] {
            assert!(check(answer, &wanted(total, lines)).is_err());
        }
    }
}

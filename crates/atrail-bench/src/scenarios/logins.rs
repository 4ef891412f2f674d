//! Logs in by API key while another client makes sessions over very many objects.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::data::filled_by_hour;
use crate::bench::Bench;
use crate::failure::Result;
use crate::figure::{Figure, percentile};
use crate::http::Connection;
use crate::server::Running;

const SPACES: usize = 3;
/// With three spaces, a little over twenty thousand hours, each of which is an object.
const DAYS: u32 = 280;
const SESSIONS: usize = 20;
/// Logins before the sessions begin.
const ALONE: usize = 300;
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

pub(super) fn run(bench: &Bench) -> Result<()> {
    let (server, spaces) = filled_by_hour(bench, DAYS, SPACES)?;

    let mut connection = server.connect()?;
    let form = key_form(&server, &mut connection)?;
    let mut log_in = || -> Result<Duration> {
        let started = Instant::now();
        connection.content("POST /oauth/token", FORM, form.as_bytes())?;
        Ok(started.elapsed())
    };
    let mut alone = (0..ALONE).map(|_| log_in()).collect::<Result<Vec<_>>>()?;
    alone.sort();
    let is_over = AtomicBool::new(false);
    let (made, during) = thread::scope(|scope| {
        let making = scope.spawn(|| {
            let made = make_sessions(bench, &server, &spaces[0]);
            is_over.store(true, Ordering::Release);
            made
        });
        let mut during = Vec::new();
        let mut outcome = Ok(());
        while !is_over.load(Ordering::Acquire) && outcome.is_ok() {
            outcome = log_in().map(|took| during.push(took));
        }
        let made = making.join();
        let made = made.unwrap_or_else(|_| Err("the making of sessions ended".to_owned()));
        outcome.and(made).map(|made| (made, during))
    })?;
    let ms = |share| percentile(&alone, share).as_secs_f64() * 1e3;
    let objects = SPACES * DAYS as usize * 24;
    Figure::new(
        "logins",
        &format!("while sessions over {objects} objects are made"),
    )
    .value("alone_p50_ms", ms(0.5))
    .value("alone_p99_ms", ms(0.99))
    .latencies(during)
    .tell();
    Figure::new("logins", &format!("the sessions over {objects} objects"))
        .latencies(made)
        .tell();
    Ok(())
}

/// Returns the form of a login by a new API key of the operator.
fn key_form(server: &Running, connection: &mut Connection) -> Result<String> {
    let headers = server.headers(server.space());
    let made = connection.json("POST /v3/api_keys", &headers, &json!({"name": "bench"}))?;
    let key = made["key"].as_str().unwrap_or_default();
    Ok(format!(
        "grant_type=password&username=apikey&password={key}"
    ))
}

fn make_sessions(bench: &Bench, server: &Running, space: &str) -> Result<Vec<Duration>> {
    let scope: Value = json!({
        "start": bench.last_day.minus(DAYS - 1).to_string(),
        "end": bench.last_day.to_string(),
        "AtAccountLevel": true,
    });
    let headers = server.headers(space);
    let mut connection = server.connect()?;
    let mut made = Vec::new();
    for _ in 0..SESSIONS {
        let started = Instant::now();
        let session = server.session(space, &scope)?;
        made.push(started.elapsed());
        let id = session["id"].as_str().unwrap_or_default();
        connection.content(&format!("DELETE /v3/sessions/{id}"), &headers, &[])?;
    }
    Ok(made)
}

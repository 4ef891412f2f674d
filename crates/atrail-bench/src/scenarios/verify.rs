//! Verifies a download offline.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use super::data::filled;
use super::download::save;
use crate::bench::Bench;
use crate::failure::{Result, at};
use crate::figure::Figure;
use crate::process;

const TIMES: usize = 3;

pub(super) fn run(bench: &Bench) -> Result<()> {
    let (server, spaces) = filled(bench)?;
    let scope = json!({"start": bench.first_day().to_string(), "end": bench.last_day.to_string(), "AtAccountLevel": true});
    let session = server.session(&spaces[0], &scope)?;
    let dir = bench.empty_dir("verify")?;
    let file = dir.join("events.json.gz");
    save(&server, &spaces[0], &session, &file)?;
    let id = session["id"].as_str().unwrap_or_default();
    let headers = server.headers(&spaces[0]);
    let receipt =
        server
            .connect()?
            .content(&format!("GET /v3/sessions/{id}/receipt"), &headers, &[])?;
    let receipt_path = dir.join("events.json.gz.receipt");
    fs::write(&receipt_path, &receipt).map_err(|error| at(&receipt_path, &error))?;
    let keys = server
        .connect()?
        .json("GET /v3/keys", &headers, &Value::Null)?;
    let key = keys["key"].as_str();
    let key = key.ok_or_else(|| format!("no key: {keys}"))?.to_owned();
    drop(server);

    let (mut ours, mut theirs, mut peak) = (f64::MAX, f64::MAX, 0);
    for _ in 0..TIMES {
        let started = Instant::now();
        let child = Command::new(bench.binary())
            .args(["verify", "--key", &key])
            .arg(&file)
            .env("XDG_CONFIG_HOME", &dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("verify: {error}"))?;
        peak = peak.max(process::finish(child)?);
        ours = ours.min(started.elapsed().as_secs_f64());
        let started = Instant::now();
        let child = Command::new("sh")
            .args(["-c", "gunzip -c \"$0\" | sha256sum"])
            .arg(&file)
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("sh: {error}"))?;
        process::finish(child)?;
        theirs = theirs.min(started.elapsed().as_secs_f64());
    }
    let bytes = session["size-bytes"].as_f64().unwrap_or(0.0);
    Figure::new("verify", &format!("{} MB of events", (bytes / 1e6).round()))
        .value("seconds", ours)
        .value("event_megabytes_per_second", bytes / 1e6 / ours)
        .mib("peak_memory_mib", peak)
        .value("receipt_kb", receipt.len() as f64 / 1e3)
        .ratio("seconds of gunzip | sha256sum", ours / theirs)
        .tell();
    Ok(())
}

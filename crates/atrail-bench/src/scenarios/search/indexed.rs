//! Waits for the index.

use std::thread;
use std::time::{Duration, Instant};

use atrail_model::Day;
use serde_json::Value;

use crate::failure::Result;
use crate::server::Running;

const PAUSE: Duration = Duration::from_millis(10);
/// A server that indexes nothing more for this long has failed.
const PATIENCE: Duration = Duration::from_secs(300);
const WAITING: &str = "atrail_index_waiting_days ";
const INDEXED: &str = "atrail_index_events_total ";

/// Waits until the status of every day of the account reports that all of it is searchable.
pub(crate) fn wait_until_indexed(server: &Running, (first, last): (Day, Day)) -> Result<()> {
    let headers = server.headers(server.space());
    let line = format!("GET /v3/events?start={first}&end={last}&AtAccountLevel=true");
    let mut connection = server.connect()?;
    let (mut indexed, mut since) = (0.0, Instant::now());
    loop {
        // Each status is on record, so the metrics are asked first.
        let metrics = connection.content("GET /metrics", "", &[])?;
        let metrics = String::from_utf8_lossy(&metrics);
        let now = metric(&metrics, INDEXED)?;
        if now > indexed {
            (indexed, since) = (now, Instant::now());
        }
        if metric(&metrics, WAITING)? == 0.0 {
            let days = connection.json(&line, &headers, &Value::Null)?;
            let days = days.as_array().map(Vec::as_slice).unwrap_or_default();
            if !days.is_empty() && days.iter().all(|day| day["searchable"] == "All") {
                return Ok(());
            }
        }
        if since.elapsed() > PATIENCE {
            return Err(format!("the index does not become complete: {metrics}"));
        }
        thread::sleep(PAUSE);
    }
}

fn metric(page: &str, name: &str) -> Result<f64> {
    let value = page.lines().find_map(|line| line.strip_prefix(name));
    let value = value.and_then(|value| value.trim().parse().ok());
    value.ok_or_else(|| format!("the metrics lack {name}"))
}

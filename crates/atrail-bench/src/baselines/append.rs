//! Appends bytes to a file, with an fdatasync after each piece.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::failure::{Result, at};
use crate::figure::percentile;

/// The durations of the run.
#[derive(Debug)]
pub(crate) struct Appended {
    pub(crate) seconds: f64,
    /// Of a write with its fdatasync.
    pub(crate) p99: Duration,
}

/// Appends the pieces one after the other.
pub(crate) fn measure<'a>(dir: &Path, pieces: impl Iterator<Item = &'a [u8]>) -> Result<Appended> {
    let path = dir.join("appended");
    let failed = |error: std::io::Error| at(&path, &error);
    let mut file = File::create(&path).map_err(failed)?;
    let mut latencies = Vec::new();
    let started = Instant::now();
    for piece in pieces {
        let begun = Instant::now();
        file.write_all(piece).map_err(failed)?;
        file.sync_data().map_err(failed)?;
        latencies.push(begun.elapsed());
    }
    let seconds = started.elapsed().as_secs_f64();
    latencies.sort();
    Ok(Appended {
        seconds,
        p99: percentile(&latencies, 0.99),
    })
}

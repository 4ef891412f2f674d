//! Sample events to send.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use atrail_model::generator::Generator;
use atrail_model::{Day, DayRange, Timestamp};

use crate::error::{CliError, Result};
use crate::platform;

/// Number of events.
pub(crate) const COUNT: u64 = 3_000;

/// An arbitrary number; the same seed produces the same people and services every time.
const SEED: u64 = 2017;

/// Writes events of today and the two days before; today's are earlier than this moment.
pub(crate) fn write(path: &Path, now: Timestamp) -> Result<DayRange> {
    let clock = || CliError::failed("this machine's clock is outside 1970-01-01 to 2149-06-06");
    let today = Day::of(now).ok_or_else(clock)?;
    let days = DayRange::new(today.minus(2), today).ok_or_else(clock)?;
    let first_second = i64::from(days.start().number()) * 86_400;
    let start = Timestamp::from_second(first_second).map_err(|_| clock())?;
    let span_seconds = u64::try_from(now.as_second() - first_second).map_err(|_| clock())?;
    let events = Generator::new(SEED, start, Duration::from_secs(span_seconds), COUNT);
    let written = platform::create_private(path).and_then(|file| {
        let mut file = BufWriter::new(file);
        for event in events {
            writeln!(file, "{event}")?;
        }
        file.flush()
    });
    written
        .map_err(|error| CliError::file(format!("could not write {}", path.display()), error))?;
    Ok(days)
}

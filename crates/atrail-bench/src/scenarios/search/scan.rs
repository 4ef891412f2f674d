//! The baseline of everybody: `gzip -dc | grep` over the archive's files.

use std::process::Command;
use std::time::Instant;

use super::expected::Expected;
use super::words::RARE_WORD;
use crate::failure::Result;
use crate::figure::Figure;
use crate::server::Running;

/// The files of the spaces, because the account's own have what the bench did.
const COUNT: &str = "find \"$0\" -path '*/domain=space-*' -name '*.gz' -print0 | xargs -0 gzip -dc | grep -c \"$1\"";
const TIMES: usize = 2;

/// Counts the events with the rare word, and reports how long that takes. No search may have been recorded before.
pub(super) fn tell(name: &str, server: &Running, expected: &Expected) -> Result<()> {
    let mut seconds = f64::MAX;
    for _ in 0..TIMES {
        let started = Instant::now();
        let counted = Command::new("sh")
            .args(["-c", COUNT])
            .arg(server.data().join("archive"))
            .arg(RARE_WORD)
            .output()
            .map_err(|error| format!("sh: {error}"))?;
        seconds = seconds.min(started.elapsed().as_secs_f64());
        let counted = String::from_utf8_lossy(&counted.stdout);
        if counted.trim() != expected.rare_words.to_string() {
            return Err(format!(
                "grep finds {} events for {}",
                counted.trim(),
                expected.rare_words
            ));
        }
    }
    let case = format!("{name}: rare word of the account, by gzip -dc | grep -c");
    Figure::new("search", &case)
        .value("seconds", seconds)
        .value(
            "gigabytes_per_second",
            expected.bytes as f64 / 1e9 / seconds,
        )
        .tell();
    Ok(())
}

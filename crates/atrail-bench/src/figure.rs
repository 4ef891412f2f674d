//! Figures, for programs and for people.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Map, Value};

/// The figures of one case.
#[derive(Debug)]
pub(crate) struct Figure {
    members: Map<String, Value>,
    sentence: String,
}

impl Figure {
    pub(crate) fn new(scenario: &str, case: &str) -> Self {
        let mut members = Map::new();
        members.insert("scenario".to_owned(), scenario.into());
        members.insert("case".to_owned(), case.into());
        Self {
            members,
            sentence: format!("{scenario}: {case}:"),
        }
    }

    /// Adds a value; the name states its unit, as in `events_per_second`.
    pub(crate) fn value(mut self, name: &str, value: f64) -> Self {
        let rounded = rounded(value);
        self.members.insert(name.to_owned(), rounded.into());
        let words = name.replace('_', " ");
        self.sentence.push_str(&format!(" {rounded} {words},"));
        self
    }

    /// Adds a number of bytes, in MiB.
    pub(crate) fn mib(self, name: &str, bytes: u64) -> Self {
        self.value(name, bytes as f64 / f64::from(1 << 20))
    }

    /// Adds the ratio to a baseline of the same run.
    pub(crate) fn ratio(mut self, baseline: &str, ratio: f64) -> Self {
        let rounded = rounded(ratio);
        let ratios = self
            .members
            .entry("ratios")
            .or_insert_with(|| Map::new().into());
        if let Value::Object(ratios) = ratios {
            ratios.insert(baseline.to_owned(), rounded.into());
        }
        self.sentence.push_str(&format!(" {rounded} x {baseline},"));
        self
    }

    /// Adds the median, the 99th percentile and the maximum of some durations.
    pub(crate) fn latencies(self, mut latencies: Vec<Duration>) -> Self {
        latencies.sort();
        let millis = |share| percentile(&latencies, share).as_secs_f64() * 1e3;
        let (median, high, longest) = (millis(0.5), millis(0.99), millis(1.0));
        self.value("p50_ms", median)
            .value("p99_ms", high)
            .value("max_ms", longest)
    }

    /// Prints the figure: for programs on stdout, for people on stderr.
    pub(crate) fn tell(self) {
        let mut out = io::stdout().lock();
        // If nobody reads the figures, the run continues.
        let _ = writeln!(out, "{}", Value::Object(self.members));
        let _ = out.flush();
        say(self.sentence.trim_end_matches(','));
    }
}

/// Prints a text for people.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Returns the duration that this share of the sorted ones does not exceed; zero when there are none.
pub(crate) fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    let index = (share * last as f64).round() as usize;
    sorted.get(index).copied().unwrap_or_default()
}

/// Rounds to three significant digits.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let digits = 2 - value.abs().log10().floor() as i32;
    if digits <= 0 {
        return value.round();
    }
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_measured() {
        let sorted: Vec<_> = (1..=101).map(Duration::from_millis).collect();
        let millis = |share| percentile(&sorted, share).as_millis();
        assert_eq!(
            [millis(0.0), millis(0.5), millis(0.99), millis(1.0)],
            [1, 51, 100, 101]
        );
        assert_eq!(percentile(&[], 0.5), Duration::ZERO);
    }

    #[test]
    fn three_digits_count() {
        let all = [0.0, 0.012_345, 1.234_5, 123.45, 123_456.7, -9.999];
        assert_eq!(
            all.map(rounded),
            [0.0, 0.012_3, 1.23, 123.0, 123_457.0, -10.0]
        );
    }
}

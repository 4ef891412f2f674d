//! What events were taken for, counted.

use std::fmt;

use crate::Format;

/// How many events there were of each format. Its `Display` is for people: `2 cadf, 1 kong`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    counts: Vec<(Format, u64)>,
}

impl Tally {
    /// Counts one event.
    pub fn add(&mut self, format: Format) {
        match self.counts.iter_mut().find(|(known, _)| *known == format) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((format, 1)),
        }
    }

    /// Whether every event was CADF as it came.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.counts.iter().all(|(format, _)| format.is_plain())
    }

    /// Each format with its count, in the order in which they came.
    pub fn counts(&self) -> impl Iterator<Item = (Format, u64)> {
        self.counts.iter().copied()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (format, count)) in self.counts.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{count} {format}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_format() {
        let mut tally = Tally::default();
        assert!(tally.is_plain());
        tally.add(Format::Cadf);
        assert!(tally.is_plain());
        tally.add(Format::Kong);
        tally.add(Format::Cadf);
        assert!(!tally.is_plain());
        assert_eq!(tally.to_string(), "2 cadf, 1 kong");
    }
}

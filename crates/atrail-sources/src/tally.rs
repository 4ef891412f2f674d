//! Counts the sources of events.

use std::fmt;

use crate::Origin;

/// The number of events of each source. Its `Display` is for people: `2 cadf, 1 kong`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    counts: Vec<(Origin, u64)>,
}

impl Tally {
    /// Counts one event.
    pub fn add(&mut self, origin: Origin) {
        match self.counts.iter_mut().find(|(known, _)| *known == origin) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((origin, 1)),
        }
    }

    /// Reports whether every event was unchanged CADF.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.counts.iter().all(|(origin, _)| origin.is_plain())
    }

    /// Returns each source with its count, in the order of their first events.
    pub fn counts(&self) -> impl Iterator<Item = (Origin, u64)> {
        self.counts.iter().copied()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (origin, count)) in self.counts.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{count} {origin}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_origin() {
        let [plain, converted] = [true, false].map(|is_plain| {
            let found = crate::FORMATS.iter().find(|row| row.is_plain() == is_plain);
            Origin::Format(found.unwrap())
        });
        let mut tally = Tally::default();
        assert!(tally.is_plain());
        tally.add(plain);
        assert!(tally.is_plain());
        tally.add(converted);
        tally.add(Origin::Repaired);
        tally.add(plain);
        assert!(!tally.is_plain());
        assert_eq!(
            tally.to_string(),
            format!("2 {plain}, 1 {converted}, 1 repaired")
        );
    }
}

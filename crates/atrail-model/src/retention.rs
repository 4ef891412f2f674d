//! How long events are kept.

use std::fmt;
use std::num::NonZeroU32;

use crate::Domain;

/// How long events are kept, counted from their day. Longer is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Retention {
    /// This many days.
    Days(NonZeroU32),
    /// For ever.
    #[default]
    Forever,
}

/// The retention of one domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainRetention {
    /// The domain.
    pub domain: Domain,
    /// How long its events are kept.
    pub retention: Retention,
}

/// The number is not a retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("retention is a whole number of days from 1 to 4294967295, or -1 for ever; not {0}")]
pub struct RetentionError(i64);

impl Retention {
    /// Returns the number that people and programs write for it: days, or -1 for ever.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::Days(days) => i64::from(days.get()),
            Self::Forever => -1,
        }
    }
}

impl TryFrom<i64> for Retention {
    type Error = RetentionError;

    fn try_from(number: i64) -> Result<Self, RetentionError> {
        if number == -1 {
            return Ok(Self::Forever);
        }
        let days = u32::try_from(number).ok().and_then(NonZeroU32::new);
        days.map(Self::Days).ok_or(RetentionError(number))
    }
}

impl fmt::Display for Retention {
    /// Writes the retention in words: `30 days`, `for ever`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(NonZeroU32::MIN) => f.write_str("1 day"),
            Self::Days(days) => write!(f, "{days} days"),
            Self::Forever => f.write_str("for ever"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_or_minus_one_and_nothing_else() {
        for number in [-1, 1, 30, i64::from(u32::MAX)] {
            assert_eq!(
                Retention::try_from(number).map(Retention::number),
                Ok(number)
            );
        }
        for number in [0, -2, i64::MIN, i64::from(u32::MAX) + 1] {
            assert_eq!(Retention::try_from(number), Err(RetentionError(number)));
        }
    }

    #[test]
    fn for_ever_is_longest() {
        let of = |number| Retention::try_from(number).unwrap();
        assert!(of(1) < of(2) && of(i64::from(u32::MAX)) < of(-1));
        assert_eq!(
            [of(1), of(2), of(-1)].map(|r| r.to_string()),
            ["1 day", "2 days", "for ever"]
        );
    }
}

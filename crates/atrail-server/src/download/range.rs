//! Byte ranges (RFC 9110 §14): as requested, and as they resolve for a representation of known length.

use std::ops::Range;

/// One range as a request states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestRange {
    /// `first-last`, both included. Invariant: `first <= last`.
    FromTo {
        /// Position of the first byte.
        first: u64,
        /// Position of the last byte.
        last: u64,
    },
    /// `first-`: up to the end.
    From(u64),
    /// `-length`: the last bytes.
    Suffix(u64),
}

/// A range within the representation. Invariant: `start < end <= total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResolvedRange {
    start: u64,
    end: u64,
    total: u64,
}

impl RequestRange {
    /// Parses a `Range` header; `None` when the server ignores it: it has another unit, is malformed, or names several
    /// ranges, which a server may answer with the whole (§14.2). A number that exceeds 64 bits lies beyond any end.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let (unit, set) = header.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        // A list may contain empty elements (§5.6.1.2).
        let mut specs = set
            .split(',')
            .map(|spec| spec.trim_matches([' ', '\t']))
            .filter(|spec| !spec.is_empty());
        let only = specs.next()?;
        if specs.next().is_some() {
            return None;
        }
        match only.split_once('-')? {
            ("", length) => Some(Self::Suffix(number(length)?)),
            (first, "") => Some(Self::From(number(first)?)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::FromTo { first, last })
            }
        }
    }

    /// Returns the selected bytes of `total`; `None` when the range selects none and is not satisfiable (§14.1.2).
    pub(crate) fn resolve(self, total: u64) -> Option<ResolvedRange> {
        let (start, end) = match self {
            Self::FromTo { first, last } => (first, last.saturating_add(1).min(total)),
            Self::From(first) => (first, total),
            Self::Suffix(length) => (total.saturating_sub(length), total),
        };
        (start < end).then_some(ResolvedRange { start, end, total })
    }
}

impl ResolvedRange {
    /// Returns the positions of the selected bytes.
    pub(crate) const fn bytes(self) -> Range<u64> {
        self.start..self.end
    }

    /// Returns the value of `Content-Range` (§14.4).
    pub(crate) fn content_range(self) -> String {
        format!("bytes {}-{}/{}", self.start, self.end - 1, self.total)
    }
}

fn number(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resolved(header: &str, total: u64) -> Option<Range<u64>> {
        RequestRange::parse(header)?
            .resolve(total)
            .map(ResolvedRange::bytes)
    }

    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(resolved("bytes=0-499", 10_000), Some(0..500));
        assert_eq!(resolved("bytes=500-999", 10_000), Some(500..1000));
        assert_eq!(resolved("bytes=-500", 10_000), Some(9500..10_000));
        assert_eq!(resolved("bytes=9500-", 10_000), Some(9500..10_000));
        assert_eq!(resolved("bytes=0-0", 10_000), Some(0..1));
        assert_eq!(resolved("bytes=0-99999", 10_000), Some(0..10_000));
        assert_eq!(resolved("bytes=-99999", 10_000), Some(0..10_000));
        assert_eq!(resolved("Bytes= 1-2 ,", 10_000), Some(1..3));
    }

    #[test]
    fn what_lies_outside_is_not_satisfiable() {
        for header in [
            "bytes=10-",
            "bytes=10-20",
            "bytes=-0",
            "bytes=99999999999999999999999-",
        ] {
            assert_eq!(
                RequestRange::parse(header).unwrap().resolve(10),
                None,
                "{header}"
            );
        }
        for header in ["bytes=0-", "bytes=-1", "bytes=0-0"] {
            assert_eq!(
                RequestRange::parse(header).unwrap().resolve(0),
                None,
                "{header}"
            );
        }
    }

    #[test]
    fn what_is_malformed_or_several_is_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-4",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1-2-3",
            "bytes=1 -2",
            "lines=1-2",
            "bytes=0-1,3-4",
            "bytes=,",
            "bytes=٣-",
        ] {
            assert_eq!(RequestRange::parse(header), None, "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(header in "\\PC*", total: u64) {
            let _ = resolved(&header, total);
        }

        #[test]
        fn stays_inside(header in "bytes=[0-9]{0,21}-[0-9]{0,21}", total: u64) {
            if let Some(range) = RequestRange::parse(&header).and_then(|r| r.resolve(total)) {
                prop_assert!(range.bytes().start < range.bytes().end);
                prop_assert!(range.bytes().end <= total);
                let end = format!("/{total}");
                prop_assert!(range.content_range().ends_with(&end));
            }
        }
    }
}

//! Finding an ASCII text whatever its case, as fast as memory is read.
//!
//! Two bytes of the text that are rare in events are compared with many positions at once; only where both fit is the
//! whole compared. The compiler makes vector instructions of the loop.

use crate::query::{Pattern, Piece};

/// Positions that are compared at once.
const BLOCK: usize = 64;
/// The bit in which upper and lower case of an ASCII letter differ.
const CASE: u8 = 0x20;

/// An ASCII text that no escape but `\u` can hide in JSON: it has no quotation mark, backslash, slash or control
/// character. It is folded, and has two bytes or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Needle {
    text: Box<[u8]>,
    /// Where its two rarest bytes are.
    rare: [usize; 2],
}

impl Needle {
    /// Returns the best needle in a folded text.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        let fits = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'/');
        let runs = text.as_bytes().split(|byte| !fits(*byte));
        let longest = runs.max_by_key(|run| run.len()).unwrap_or_default();
        Self::new(longest)
    }

    /// Returns the best needle in some patterns, each of which must match.
    pub(crate) fn of_patterns(patterns: &[Pattern]) -> Option<Self> {
        let pieces = patterns.iter().flat_map(|pattern| &pattern.0);
        let needles = pieces.filter_map(|piece| match piece {
            Piece::Text(text) => Self::of_text(text),
            Piece::One | Piece::Any => None,
        });
        needles.max_by_key(|needle| needle.text.len())
    }

    fn new(text: &[u8]) -> Option<Self> {
        let mut by_rank: Vec<usize> = (0..text.len()).collect();
        by_rank.sort_by_key(|at| commonness(text[*at]));
        let [one, other] = *by_rank.get(..2)? else {
            return None;
        };
        Some(Self {
            text: text.into(),
            rare: [one, other],
        })
    }

    /// Returns the length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// Reports whether a character outside of ASCII folds to one of the needle's.
    pub(crate) fn has_relatives(&self) -> bool {
        self.text.iter().any(|byte| matches!(byte, b's' | b'k'))
    }

    /// Reports whether the needle is in these bytes, whatever the case of ASCII letters.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        let Some(last) = bytes.len().checked_sub(self.text.len()) else {
            return false;
        };
        let [one, other] = self.rare;
        let (x, y) = (self.text[one] | CASE, self.text[other] | CASE);
        let (xs, ys) = (&bytes[one..=one + last], &bytes[other..=other + last]);
        let (x_blocks, x_rest) = xs.as_chunks::<BLOCK>();
        let (y_blocks, y_rest) = ys.as_chunks::<BLOCK>();
        for (nth, (xs, ys)) in x_blocks.iter().zip(y_blocks).enumerate() {
            let mut found = 0_u8;
            for at in 0..BLOCK {
                found |= u8::from(xs[at] | CASE == x) & u8::from(ys[at] | CASE == y);
            }
            if found != 0 && self.is_at_one_of(bytes, nth * BLOCK, xs, ys) {
                return true;
            }
        }
        self.is_at_one_of(bytes, x_blocks.len() * BLOCK, x_rest, y_rest)
    }

    fn is_at_one_of(&self, bytes: &[u8], start: usize, xs: &[u8], ys: &[u8]) -> bool {
        let [x, y] = self.rare.map(|at| self.text[at] | CASE);
        xs.iter().zip(ys).enumerate().any(|(at, (one, other))| {
            one | CASE == x
                && other | CASE == y
                && bytes[start + at..][..self.text.len()].eq_ignore_ascii_case(&self.text)
        })
    }
}

/// Returns how common a byte is in events, roughly: 0 is rarest.
fn commonness(byte: u8) -> usize {
    /// By their number in real events, the commonest last.
    const ORDER: &[u8] = b"'$*&%;)(?=z+][jqwk_xg}{hylvmfbp67.5349-8u2o,n1scdi0r:a te";
    ORDER.iter().position(|common| *common == byte).unwrap_or(0)
}

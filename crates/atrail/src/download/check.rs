//! Checks the bytes of a download against its plan as they arrive.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::plan::{Piece, Plan};

/// Tracks the position in a download and the hash of the current piece so far.
#[derive(Debug, Clone)]
pub(crate) struct Checker {
    plan: Arc<Plan>,
    index: usize,
    hasher: Sha256,
    position: u64,
}

/// The result of adding bytes to a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The piece is incomplete.
    Partial,
    /// The piece is complete and right.
    Good,
    /// The piece is complete and wrong.
    Bad,
}

impl Checker {
    /// Returns a checker at the start of the download.
    pub(crate) fn new(plan: &Arc<Plan>) -> Self {
        Self {
            plan: Arc::clone(plan),
            index: 0,
            hasher: Sha256::new(),
            position: 0,
        }
    }

    /// Returns the number of bytes accepted so far.
    pub(crate) const fn position(&self) -> u64 {
        self.position
    }

    /// Returns the length of the whole download, in bytes.
    pub(crate) fn total(&self) -> u64 {
        self.plan.total
    }

    /// Returns the piece that the next byte belongs to; `None` at the end.
    pub(crate) fn piece(&self) -> Option<&Piece> {
        self.plan.pieces.get(self.index)
    }

    /// Returns how many of these bytes belong to the current piece.
    pub(crate) fn share(&self, bytes: usize) -> usize {
        let left = self
            .piece()
            .map_or(0, |piece| piece.start + piece.length - self.position);
        usize::try_from(left).map_or(bytes, |left| left.min(bytes))
    }

    /// Adds bytes of the current piece, at most its [`Checker::share`].
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Verdict {
        let Some(piece) = self.plan.pieces.get(self.index) else {
            return Verdict::Partial;
        };
        self.hasher.update(bytes);
        self.position += bytes.len() as u64;
        if self.position < piece.start + piece.length {
            return Verdict::Partial;
        }
        let actual: [u8; 32] = self.hasher.finalize_reset().into();
        if actual == piece.sha256 {
            self.index += 1;
            Verdict::Good
        } else {
            self.position = piece.start;
            Verdict::Bad
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::plan_of;
    use super::*;

    #[test]
    fn every_piece_is_judged_at_its_end() {
        let plan = Arc::new(plan_of(&[b"abc", b"de"]));
        let mut checker = Checker::new(&plan);
        assert_eq!(checker.share(10), 3);
        assert_eq!(checker.take(b"ab"), Verdict::Partial);
        assert_eq!(checker.share(10), 1);
        assert_eq!(checker.take(b"c"), Verdict::Good);
        assert_eq!(checker.take(b"dX"), Verdict::Bad);
        assert_eq!(checker.position(), 3);
        assert_eq!(checker.take(b"de"), Verdict::Good);
        assert_eq!((checker.position(), checker.share(10)), (5, 0));
    }
}

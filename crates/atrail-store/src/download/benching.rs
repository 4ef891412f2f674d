//! Plans the reads of a download's range.

use std::ops::Range;
use std::sync::Arc;

use super::plan::Plan;

/// The plan of a download.
#[derive(Debug)]
pub struct DownloadPlan(Arc<Plan>);

impl DownloadPlan {
    /// Returns a plan of consecutive parts with these lengths.
    #[must_use]
    pub fn of_lengths(lengths: &[u64]) -> Self {
        Self(Arc::new(Plan::of_lengths(lengths)))
    }

    /// Returns the number of pieces of the first chunk of a range.
    #[must_use]
    pub fn first_pieces(&self, range: Range<u64>) -> usize {
        self.0.chunks(range).next().map_or(0, |chunk| chunk.len())
    }

    /// Returns the number of pieces of a whole range.
    #[must_use]
    pub fn pieces(&self, range: Range<u64>) -> usize {
        self.0.chunks(range).map(|chunk| chunk.len()).sum()
    }
}

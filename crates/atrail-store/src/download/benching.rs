//! Planning what a range of a download is read in.

use std::ops::Range;
use std::sync::Arc;

use super::plan::Plan;

/// The plan of a download.
#[derive(Debug)]
pub struct DownloadPlan(Arc<Plan>);

impl DownloadPlan {
    /// Of parts that are so long, one after the other.
    #[must_use]
    pub fn of_lengths(lengths: &[u64]) -> Self {
        Self(Arc::new(Plan::of_lengths(lengths)))
    }

    /// The pieces that the first chunk of a range is read in.
    #[must_use]
    pub fn first_pieces(&self, range: Range<u64>) -> usize {
        self.0.chunks(range).next().map_or(0, |chunk| chunk.len())
    }

    /// The pieces that all of a range is read in.
    #[must_use]
    pub fn pieces(&self, range: Range<u64>) -> usize {
        self.0.chunks(range).map(|chunk| chunk.len()).sum()
    }
}

//! Limits how often the engine reads text again after breaks.

/// How often the engine may read one stretch of the input again.
const REREADS_MAX: u8 = 8;

/// Counts repeated reads.
#[derive(Debug, Clone, Default)]
pub(super) struct Rereads {
    /// The position up to which the engine has read the input.
    until: usize,
    count: u8,
}

impl Rereads {
    pub(super) const fn move_back(&mut self, count: usize) {
        self.until = self.until.saturating_sub(count);
    }

    /// Counts a repeated read of this stretch, and returns whether it is allowed.
    pub(super) fn take(&mut self, from: usize, to: usize) -> bool {
        if from >= self.until {
            self.count = 0;
        }
        self.until = self.until.max(to);
        self.count = self.count.saturating_add(1);
        self.count <= REREADS_MAX
    }
}

//! What is looked at again after a break.

/// How often one stretch of the input is looked at again.
const REREADS_MAX: u8 = 8;

/// Keeps count of what is looked at again.
#[derive(Debug, Default)]
pub(super) struct Rereads {
    /// Up to where the input was looked at.
    until: usize,
    count: u8,
}

impl Rereads {
    pub(super) const fn move_back(&mut self, count: usize) {
        self.until = self.until.saturating_sub(count);
    }

    /// Whether what lies between may be looked at once more.
    pub(super) fn take(&mut self, from: usize, to: usize) -> bool {
        if from >= self.until {
            self.count = 0;
        }
        self.until = self.until.max(to);
        self.count = self.count.saturating_add(1);
        self.count <= REREADS_MAX
    }
}

//! Counts lines and columns of a text that passes through a window.

/// Counts lines up to the last requested offset; it reads each byte once.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Offset in the window up to which lines were counted.
    counted: usize,
    /// The line at that offset, from 1.
    line: u64,
    /// Number of bytes before the window.
    dropped: u64,
    /// The start of that line, from the start of the input.
    line_start: u64,
    /// Whether only blanks precede that offset on its line.
    is_blank: bool,
}

impl Place {
    pub(crate) const fn new() -> Self {
        Self {
            counted: 0,
            line: 1,
            dropped: 0,
            line_start: 0,
            is_blank: true,
        }
    }

    /// Returns the line of a byte of the window. Offsets must not go back.
    pub(crate) fn line(&mut self, window: &[u8], at: usize) -> u64 {
        debug_assert!(at >= self.counted, "lines are counted once");
        let passed = window.get(self.counted..at).unwrap_or_default();
        if let Some(last) = memchr::memrchr(b'\n', passed) {
            self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
            self.line_start = self.dropped + (self.counted + last + 1) as u64;
            self.is_blank = passed[last + 1..].iter().all(is_blank);
        } else {
            self.is_blank = self.is_blank && passed.iter().all(is_blank);
        }
        self.counted = self.counted.max(at);
        self.line
    }

    /// Returns the line and the column, in bytes from 1, of a byte of the window.
    pub(crate) fn line_and_column(&mut self, window: &[u8], at: usize) -> (u64, u64) {
        let line = self.line(window, at);
        (line, self.dropped + at as u64 - self.line_start + 1)
    }

    /// Returns how many blanks precede a byte of the window on its line; `None` when anything else does.
    pub(crate) fn indent(&mut self, window: &[u8], at: usize) -> Option<usize> {
        let (_, column) = self.line_and_column(window, at);
        self.is_blank.then_some(column as usize - 1)
    }

    /// Allows offsets from here on again. The byte must be the first of its line except for blanks, and its line must
    /// begin in the window.
    pub(crate) fn go_back(&mut self, window: &[u8], at: usize) {
        if at >= self.counted {
            return;
        }
        let passed = &window[at..self.counted];
        self.line -= memchr::memchr_iter(b'\n', passed).count() as u64;
        if let Some(last) = memchr::memrchr(b'\n', &window[..at]) {
            self.line_start = self.dropped + last as u64 + 1;
        }
        self.counted = at;
        self.is_blank = true;
    }

    /// Removes the window's first `count` bytes.
    pub(crate) fn drop_front(&mut self, window: &[u8], count: usize) {
        if self.counted < count {
            self.line(window, count);
        }
        self.counted -= count;
        self.dropped += count as u64;
    }
}

const fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

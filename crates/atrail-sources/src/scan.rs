//! Finds where a JSON value ends, without checking whether it is valid: it counts brackets and skips strings.
//!
//! A truncated value would swallow those after it. So a scan also tracks where a value may begin, and stops at a line
//! that begins with a bracket where no value may begin, no deeper than the scanned value itself: another value begins
//! there.
//!
//! A scan can stop at the end of a window and continue with the next, so that it reads each byte once.

/// Down to this depth a scan tracks where a value may begin. Deeper, it only counts brackets; no event is nested as
/// deep.
const FOLLOWED_MAX_DEPTH: usize = u128::BITS as usize;

#[cfg(test)]
thread_local! {
    /// Number of bytes read on this thread, so that tests detect work that grows faster than the input.
    pub(crate) static SCANNED_BYTES: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// The search for a value's end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scan {
    /// The next byte to read.
    pub(crate) at: usize,
    /// Number of bytes before the value on its line.
    column: usize,
    depth: usize,
    inside: Inside,
    /// Marks which of the open brackets are braces; the innermost is the lowest bit.
    braces: u128,
    /// Whether brackets were ever open deeper than the scan tracks.
    is_too_deep: bool,
    /// Whether a value may begin here.
    may_begin: bool,
    /// Whether a line began with a bracket where no value may begin, deeper than the value itself.
    is_wrong: bool,
    /// Number of blanks before this position on its line, while the line has only blanks.
    indent: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Brackets,
    String,
    Scalar,
}

/// The result of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// The value ends before this byte.
    End(usize),
    /// The window ends before the value does.
    More,
    /// A string reaches the end of a line, here; JSON strings have no line breaks (RFC 8259 §7).
    Broken(usize),
    /// The value was truncated: here, first on its line, is a byte that cannot belong to it.
    CutOff(usize),
}

impl Scan {
    /// Creates the scan of the value that begins with `first` at `start`, with `column` bytes before it on its line.
    pub(crate) const fn new(start: usize, first: u8, column: usize) -> Self {
        let inside = match first {
            b'{' | b'[' | b'"' => Inside::Brackets,
            _ => Inside::Scalar,
        };
        Self {
            at: start,
            column,
            depth: 0,
            inside,
            braces: 0,
            is_too_deep: false,
            may_begin: true,
            is_wrong: false,
            indent: None,
        }
    }

    /// Returns how many bytes precede the value on its line.
    pub(crate) const fn column(&self) -> usize {
        self.column
    }

    /// Reports whether the text so far cannot be JSON, despite matching brackets.
    pub(crate) const fn is_wrong(&self) -> bool {
        self.is_wrong
    }

    /// Continues to the end of the window at most.
    pub(crate) fn run(&mut self, window: &[u8]) -> Scanned {
        #[cfg(test)]
        let from = self.at;
        let scanned = self.run_on(window);
        #[cfg(test)]
        SCANNED_BYTES.with(|sum| sum.set(sum.get() + (self.at - from) as u64));
        scanned
    }

    fn run_on(&mut self, window: &[u8]) -> Scanned {
        loop {
            let step = match self.inside {
                Inside::Brackets => self.brackets(window),
                Inside::String => self.string(window),
                Inside::Scalar => self.scalar(window),
            };
            if let Some(scanned) = step {
                return scanned;
            }
        }
    }

    fn brackets(&mut self, window: &[u8]) -> Option<Scanned> {
        while let Some(&byte) = window.get(self.at) {
            match byte {
                b'\n' => self.indent = Some(0),
                b' ' | b'\t' | b'\r' => self.indent = self.indent.map(|blanks| blanks + 1),
                _ => {
                    let indent = self.indent.take();
                    if indent.is_some_and(|indent| self.is_cut_off(byte, indent)) {
                        return Some(Scanned::CutOff(self.at));
                    }
                    self.is_wrong |= indent.is_some()
                        && matches!(byte, b'{' | b'[')
                        && !(self.may_begin || self.is_too_deep);
                    match byte {
                        b'"' => {
                            self.at += 1;
                            self.inside = Inside::String;
                            self.may_begin = false;
                            return None;
                        }
                        b'{' | b'[' => self.open(byte),
                        b'}' | b']' => {
                            self.close();
                            if self.depth == 0 {
                                self.at += 1;
                                return Some(Scanned::End(self.at));
                            }
                        }
                        b':' => self.may_begin = true,
                        b',' => self.may_begin = self.braces & 1 == 0,
                        _ => self.may_begin = false,
                    }
                }
            }
            self.at += 1;
        }
        Some(Scanned::More)
    }

    fn open(&mut self, byte: u8) {
        self.depth += 1;
        self.is_too_deep |= self.depth > FOLLOWED_MAX_DEPTH;
        self.braces = self.braces << 1 | u128::from(byte == b'{');
        self.may_begin = byte == b'[';
    }

    const fn close(&mut self) {
        // A scan begins with an opening bracket; a scan of any other value ends at once.
        self.depth = self.depth.saturating_sub(1);
        self.braces >>= 1;
        self.may_begin = false;
    }

    /// Reports whether a byte that is the first on its line, after `indent` blanks, cannot belong to this value.
    const fn is_cut_off(&self, byte: u8, indent: usize) -> bool {
        if self.depth == 0 || self.is_too_deep {
            return false;
        }
        match byte {
            b'{' | b'[' => indent <= self.column && !self.may_begin,
            // The end of the list around this value.
            b']' => (indent < self.column || self.column == 0) && self.braces & 1 == 1,
            _ => false,
        }
    }

    fn string(&mut self, window: &[u8]) -> Option<Scanned> {
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'\n');
        loop {
            let rest = window.get(self.at..).unwrap_or_default();
            let Some(run) = rest.iter().position(is_special) else {
                self.at = self.at.max(window.len());
                return Some(Scanned::More);
            };
            self.at += run;
            match rest[run..] {
                [b'"', ..] => {
                    self.at += 1;
                    self.inside = Inside::Brackets;
                    return (self.depth == 0).then_some(Scanned::End(self.at));
                }
                [b'\\', b'\n', ..] => return Some(Scanned::Broken(self.at + 1)),
                [b'\\', _, ..] => self.at += 2,
                [b'\\'] => return Some(Scanned::More),
                _ => return Some(Scanned::Broken(self.at)),
            }
        }
    }

    fn scalar(&mut self, window: &[u8]) -> Option<Scanned> {
        let ends = |byte: &u8| b",:]}[{\" \t\r\n".contains(byte);
        let rest = window.get(self.at..).unwrap_or_default();
        Some(match rest.iter().position(ends) {
            Some(run) => Scanned::End(self.at + run),
            None => {
                self.at = self.at.max(window.len());
                Scanned::More
            }
        })
    }
}

//! Finds where a JSON value ends, without caring whether it is right: brackets are counted, strings skipped.
//!
//! A scan can stop at the end of a window and go on with the next, so that each byte is looked at once.

/// A value's end, looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scan {
    /// The next byte to look at.
    pub(crate) at: usize,
    depth: usize,
    inside: Inside,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Brackets,
    String,
    Scalar,
}

/// What a scan came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// The value ends before this byte.
    End(usize),
    /// The window ends before the value does.
    More,
    /// A string runs into the end of a line, here; JSON strings hold no line breaks (RFC 8259 §7).
    Broken(usize),
}

impl Scan {
    /// The scan of the value that begins with `first` at `start`.
    pub(crate) const fn new(start: usize, first: u8) -> Self {
        let inside = match first {
            b'{' | b'[' | b'"' => Inside::Brackets,
            _ => Inside::Scalar,
        };
        Self {
            at: start,
            depth: 0,
            inside,
        }
    }

    /// Goes on as far as the window reaches.
    pub(crate) fn run(&mut self, window: &[u8]) -> Scanned {
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
        while let Some(byte) = window.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => {
                    self.inside = Inside::String;
                    return None;
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(Scanned::End(self.at));
                    }
                }
                _ => {}
            }
        }
        Some(Scanned::More)
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

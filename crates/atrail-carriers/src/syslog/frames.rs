//! The framing of messages in a stream (RFC 6587): octet counting, `LENGTH SP MESSAGE`, or a line break or NUL after each
//! message. The first byte of a connection decides; where a length is due, `<` begins a message of the other framing.

/// Length of a message, in bytes, beyond which its rest is dropped. Longer ones are no audit events; a device that
/// writes without an end must not occupy memory.
pub const MESSAGE_MAX_BYTES: usize = 256 << 10;
/// Number of digits at most in a length.
const DIGITS_MAX: usize = 9;

/// The stream is not framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message's length is not a number of at most {DIGITS_MAX} digits and a space")]
pub struct FramingFault;

/// Takes a stream apart. It keeps at most one message that has not arrived completely.
#[derive(Debug, Default)]
pub struct Frames {
    framing: Option<Framing>,
    /// The beginning of the next message.
    partial: Vec<u8>,
    /// Where in a message the next byte is.
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Counted,
    Lines,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Between messages, or in a length.
    #[default]
    Between,
    /// In a message with this many bytes to come.
    Counted(usize),
    /// In a message that a line break or NUL ends.
    Line,
}

impl Frames {
    /// Passes each message that ends in these bytes on, without its framing. Blank messages are skipped. The function's
    /// second argument states whether the message was longer than [`MESSAGE_MAX_BYTES`]: then only its beginning is
    /// passed.
    ///
    /// # Errors
    /// When a length is none. Nothing after it can be read.
    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        pass: &mut dyn FnMut(&[u8], bool),
    ) -> Result<(), FramingFault> {
        while let Some(&first) = bytes.first() {
            match self.state {
                State::Between => bytes = self.begin(first, bytes)?,
                State::Counted(left) => {
                    let (now, rest) = bytes.split_at(left.min(bytes.len()));
                    self.keep(now);
                    bytes = rest;
                    self.state = State::Counted(left - now.len());
                    if left == now.len() {
                        self.end(pass);
                    }
                }
                State::Line => {
                    let end = memchr::memchr2(b'\n', 0, bytes);
                    self.keep(&bytes[..end.unwrap_or(bytes.len())]);
                    bytes = end.map_or(&[], |end| &bytes[end + 1..]);
                    if end.is_some() {
                        self.end(pass);
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns how many bytes of a message arrived that has not ended.
    #[must_use]
    pub fn partial_bytes(&self) -> usize {
        self.partial.len()
    }

    /// Passes on what arrived of a last message that no framing ended, when the framing allows that.
    pub fn finish(&mut self, pass: &mut dyn FnMut(&[u8], bool)) {
        if self.state == State::Line {
            self.end(pass);
        }
    }

    /// Reads the first bytes of a message, or of its length.
    fn begin<'b>(&mut self, first: u8, bytes: &'b [u8]) -> Result<&'b [u8], FramingFault> {
        if self.partial.is_empty() && matches!(first, b'\n' | b'\r' | 0) {
            return Ok(&bytes[1..]);
        }
        let framing = *self.framing.get_or_insert(match first {
            b'0'..=b'9' => Framing::Counted,
            _ => Framing::Lines,
        });
        if framing == Framing::Lines || (self.partial.is_empty() && first == b'<') {
            self.state = State::Line;
            return Ok(bytes);
        }
        match first {
            b'0'..=b'9' if self.partial.len() < DIGITS_MAX => self.partial.push(first),
            b' ' if !self.partial.is_empty() => {
                let length = (self.partial.iter())
                    .fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
                self.partial.clear();
                if length > 0 {
                    self.state = State::Counted(length);
                }
            }
            _ => return Err(FramingFault),
        }
        Ok(&bytes[1..])
    }

    /// Keeps bytes of a message, up to one more than are passed on.
    fn keep(&mut self, bytes: &[u8]) {
        let room = (MESSAGE_MAX_BYTES + 1).saturating_sub(self.partial.len());
        self.partial
            .extend_from_slice(&bytes[..room.min(bytes.len())]);
    }

    fn end(&mut self, pass: &mut dyn FnMut(&[u8], bool)) {
        let is_cut = self.partial.len() > MESSAGE_MAX_BYTES;
        self.partial.truncate(MESSAGE_MAX_BYTES);
        if !self.partial.trim_ascii().is_empty() {
            pass(&self.partial, is_cut);
        }
        self.partial.clear();
        // A connection may live for months, and a long message is rare.
        self.partial.shrink_to(4 << 10);
        self.state = State::Between;
    }
}

//! Content whose length is stated piece by piece (RFC 9112 §7.1).

use std::io;

/// A line of a chunk's length is shorter.
const LINE_MAX_BYTES: usize = 1 << 10;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The line with the length of a chunk.
    Length,
    /// This many bytes of a chunk.
    Bytes(usize),
    /// The empty line behind a chunk.
    End,
    /// A line behind the last chunk; an empty one ends the content.
    Trailer,
}

/// A decoder; unusable after an error.
#[derive(Debug)]
pub(super) struct Chunks {
    next: Next,
    /// The beginning of an incomplete line.
    line: Vec<u8>,
}

impl Chunks {
    pub(super) const fn new() -> Self {
        Self {
            next: Next::Length,
            line: Vec::new(),
        }
    }

    /// Passes on the content in these bytes; returns whether it has ended with them.
    pub(super) fn pass_on(
        &mut self,
        mut bytes: &[u8],
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<bool> {
        while !bytes.is_empty() {
            if let Next::Bytes(left) = self.next {
                let (here, rest) = bytes.split_at(left.min(bytes.len()));
                take(here)?;
                bytes = rest;
                self.next = match left - here.len() {
                    0 => Next::End,
                    left => Next::Bytes(left),
                };
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                self.line.extend_from_slice(bytes);
                if self.line.len() > LINE_MAX_BYTES {
                    return Err(malformed());
                }
                return Ok(false);
            };
            self.line.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            if self.is_last_line()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads a whole line; returns whether it ends the content.
    fn is_last_line(&mut self) -> io::Result<bool> {
        let line = std::mem::take(&mut self.line);
        let line = std::str::from_utf8(&line).map_err(|_| malformed())?.trim();
        match self.next {
            Next::Length => {
                let digits = line.split(';').next().unwrap_or_default();
                self.next = match usize::from_str_radix(digits, 16).map_err(|_| malformed())? {
                    0 => Next::Trailer,
                    length => Next::Bytes(length),
                };
            }
            Next::End if line.is_empty() => self.next = Next::Length,
            Next::Trailer => return Ok(line.is_empty()),
            Next::End | Next::Bytes(_) => return Err(malformed()),
        }
        Ok(false)
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "content in malformed chunks")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIRE: &[u8] = b"5\r\nhello\r\nb;x=y\r\n, two\r\nfour\r\n0\r\n\r\n";

    fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> io::Result<(String, bool)> {
        let (mut chunks, mut content, mut is_whole) = (Chunks::new(), Vec::new(), false);
        for piece in pieces {
            is_whole = chunks.pass_on(piece, &mut |bytes| {
                content.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        Ok((String::from_utf8_lossy(&content).into_owned(), is_whole))
    }

    #[test]
    fn chunks_are_joined_however_they_arrive() {
        for length in 1..=WIRE.len() {
            let (content, is_whole) = decode(WIRE.chunks(length)).unwrap();
            assert_eq!(content, "hello, two\r\nfour", "in pieces of {length}");
            assert!(is_whole, "in pieces of {length}");
        }
        let cut = &WIRE[..WIRE.len() - 2];
        assert!(!decode(std::iter::once(cut)).unwrap().1);
    }

    #[test]
    fn what_is_no_chunk_is_an_error() {
        for wrong in [&b"hello\r\n"[..], b"2\r\nhello\r\n"] {
            assert!(decode(std::iter::once(wrong)).is_err());
        }
    }
}

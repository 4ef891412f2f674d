//! Downloads to standard output.
//!
//! A stream cannot be rewound. So this file holds an object's bytes back until their hash is right, up to
//! [`HELD_MAX_BYTES`]. It passes the bytes of a larger object on as they arrive, and ends the command if they turn out
//! wrong.

use std::io::{self, BufWriter, Write};

use flate2::write::MultiGzDecoder;

use super::convert::{Conversion, Converter};
use super::transfer::Sink;
use crate::error::{CliError, Result};
use crate::printer::safe;

/// Largest object that is held back until it is checked.
const HELD_MAX_BYTES: u64 = 16 << 20;

/// Writes the gzip's bytes to `W`.
#[derive(Debug)]
pub(crate) struct GzipStream<W> {
    out: W,
    held: Vec<u8>,
    passed_on: bool,
}

impl<W: Write> GzipStream<W> {
    /// Returns a stream to which nothing was written yet.
    pub(crate) const fn new(out: W) -> Self {
        Self {
            out,
            held: Vec::new(),
            passed_on: false,
        }
    }

    /// Flushes everything to the operating system.
    pub(crate) fn finish(mut self) -> Result<W> {
        self.out.flush().map_err(failed)?;
        Ok(self.out)
    }
}

impl<W: Write> Sink for GzipStream<W> {
    fn write(&mut self, bytes: &[u8], piece_length: u64) -> Result<()> {
        if piece_length > HELD_MAX_BYTES {
            self.passed_on = true;
            return self.out.write_all(bytes).map_err(failed);
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    fn accept(&mut self) -> Result<()> {
        self.passed_on = false;
        self.out.write_all(&self.held).map_err(failed)?;
        self.held.clear();
        self.out.flush().map_err(failed)
    }

    fn reject(&mut self, start: u64) -> Result<()> {
        if self.passed_on {
            return Err(CliError::corrupt(format!(
                "the object at byte {start} does not match its SHA-256, and is already written"
            ))
            .hint("discard the output; with -o FILE, atrail fetches the object once more"));
        }
        self.held.clear();
        Ok(())
    }
}

/// The destination of the gzip's bytes, which may convert them.
pub(crate) trait Output: Write {
    /// Writes the remaining bytes, and flushes everything to the operating system.
    fn end(self: Box<Self>) -> io::Result<()>;
}

impl<W: Write> Output for Converter<W> {
    fn end(self: Box<Self>) -> io::Result<()> {
        self.finish().map(drop)
    }
}

impl<W: Write> Output for BufWriter<W> {
    fn end(mut self: Box<Self>) -> io::Result<()> {
        self.flush()
    }
}

impl<W: Write> Output for Lines<W> {
    fn end(mut self: Box<Self>) -> io::Result<()> {
        self.flush()
    }
}

fn failed(error: io::Error) -> CliError {
    Conversion::failed(error, CliError::output)
}

/// Accepts a gzip of many members and prints its lines, made safe for a terminal.
pub(crate) struct Lines<W: Write>(MultiGzDecoder<SafeLines<W>>);

impl<W: Write> Lines<W> {
    /// Returns a printer to `out`.
    pub(crate) fn new(out: W) -> Self {
        Self(MultiGzDecoder::new(SafeLines::new(out)))
    }
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Prints lines of JSON or CSV, made safe for a terminal.
pub(crate) struct SafeLines<W: Write> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> SafeLines<W> {
    /// Returns a printer to `out`.
    pub(crate) const fn new(out: W) -> Self {
        Self {
            out,
            line: Vec::new(),
        }
    }
}

impl<W: Write> Write for SafeLines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let text = String::from_utf8_lossy(&self.line);
                let text = text.trim_end_matches(['\r', '\n']);
                writeln!(self.out, "{}", safe::json_for_terminal(text))?;
                self.line.clear();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn bytes_are_held_until_they_are_right() {
        let mut sink = GzipStream::new(Vec::new());
        sink.write(b"wrong", 5).unwrap();
        sink.reject(0).unwrap();
        sink.write(b"right", 5).unwrap();
        assert!(sink.out.is_empty());
        sink.accept().unwrap();
        assert_eq!(sink.out, b"right");
    }

    #[test]
    fn a_large_object_cannot_be_taken_back() {
        let mut sink = GzipStream::new(Vec::new());
        sink.write(b"x", HELD_MAX_BYTES + 1).unwrap();
        assert_eq!(sink.reject(0).unwrap_err().exit as u8, 6);
        assert_eq!(sink.out, b"x");
    }

    #[test]
    fn lines_of_many_members_are_safe() {
        let mut gzip = Vec::new();
        for text in ["{\"a\":1}\n{\"b\"", ":\"\u{9b}2J\"}\n"] {
            let mut member = GzEncoder::new(Vec::new(), Compression::fast());
            member.write_all(text.as_bytes()).unwrap();
            gzip.extend(member.finish().unwrap());
        }
        let mut shown = Vec::new();
        let mut lines = Lines::new(&mut shown);
        for byte in gzip {
            lines.write_all(&[byte]).unwrap();
        }
        lines.flush().unwrap();
        drop(lines);
        assert_eq!(
            String::from_utf8(shown).unwrap(),
            "{\"a\":1}\n{\"b\":\"\\u009b2J\"}\n"
        );
    }
}

//! Splits the download's text into lines and passes them to a format.

use std::fmt;
use std::io::{self, Write};

use atrail_model::limits::EVENT_MAX_BYTES;

use crate::{ExportError, Failure, Format, Options, Shape};

/// Longest line that the exporter accepts. An event converted from another format carries its original text in a JSON
/// string, and escaping multiplies its length by a few at worst.
pub const LINE_MAX_BYTES: usize = 16 * EVENT_MAX_BYTES;

/// Writes a download to `W` in another format. Wrap `W` in a [`BufWriter`](io::BufWriter) when its writes are
/// expensive.
///
/// Memory: the longest line, independent of the download's length.
pub struct Exporter<W: Write> {
    shape: Box<dyn Shape>,
    out: W,
    /// The beginning of a line whose end has not arrived yet.
    partial: Vec<u8>,
    lines: u64,
    has_begun: bool,
}

impl<W: Write> fmt::Debug for Exporter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter")
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}

impl<W: Write> Exporter<W> {
    /// Creates an exporter. It writes nothing before the first call of [`Self::push`] or [`Self::finish`].
    #[must_use]
    pub fn new(format: &Format, options: Options, out: W) -> Self {
        Self {
            shape: (format.shape)(options),
            out,
            partial: Vec::new(),
            lines: 0,
            has_begun: false,
        }
    }

    /// Exports the next bytes of the download's text, which may end anywhere.
    ///
    /// # Errors
    /// When the format cannot express a line, or the output fails. The export is then over.
    pub fn push(&mut self, text: &[u8]) -> Result<(), ExportError> {
        self.begin()?;
        let mut rest = text;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            if self.partial.is_empty() {
                self.check_length(line.len())?;
                self.event(line)?;
            } else {
                self.keep(line)?;
                let whole = std::mem::take(&mut self.partial);
                self.event(&whole)?;
                self.partial = whole;
                self.partial.clear();
            }
            rest = after;
        }
        self.keep(rest)
    }

    /// Ends the export and returns the output, flushed.
    ///
    /// # Errors
    /// When the text ended within a line, or the output fails.
    pub fn finish(mut self) -> Result<W, ExportError> {
        self.begin()?;
        if !self.partial.is_empty() {
            return Err(ExportError::Cut {
                line: self.lines + 1,
            });
        }
        self.shape.end(&mut self.out).map_err(ExportError::Output)?;
        self.out.flush().map_err(ExportError::Output)?;
        Ok(self.out)
    }

    fn begin(&mut self) -> Result<(), ExportError> {
        if !std::mem::replace(&mut self.has_begun, true) {
            self.shape
                .begin(&mut self.out)
                .map_err(ExportError::Output)?;
        }
        Ok(())
    }

    fn event(&mut self, line: &[u8]) -> Result<(), ExportError> {
        self.lines += 1;
        self.shape
            .event(line, &mut self.out)
            .map_err(|failure| match failure {
                Failure::Output(error) => ExportError::Output(error),
                Failure::Event(fault) => ExportError::Event {
                    line: self.lines,
                    fault,
                },
            })
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), ExportError> {
        self.check_length(self.partial.len() + part.len())?;
        self.partial.extend_from_slice(part);
        Ok(())
    }

    fn check_length(&self, length: usize) -> Result<(), ExportError> {
        if length > LINE_MAX_BYTES {
            return Err(ExportError::TooLong {
                line: self.lines + 1,
            });
        }
        Ok(())
    }
}

/// For use behind a decompressor. A write returns an [`ExportError`] as the [`io::Error`] that it is, or wrapped in
/// one.
impl<W: Write> Write for Exporter<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.push(text)?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

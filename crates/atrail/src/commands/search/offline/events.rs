//! Reads the events of a text: the lines of a download, other lines, or the lists and objects that `trail` reads.

use std::io::{self, BufRead, Read};

use atrail_export::LINE_MAX_BYTES;
use atrail_model::event;
use atrail_sources::{Framing, SourceKind, Stream};

use crate::error::Result;

/// What is read of a text at once, in bytes.
const CHUNK_BYTES: usize = 256 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Receives what a text holds.
pub(super) trait Reader {
    /// Receives an event as one line, without its LF.
    fn event(&mut self, line: &[u8]) -> Result<()>;

    /// Receives the place of something that is no event, as a line counted from 1, and the reason.
    fn refuse(&mut self, line: u64, reason: &str);
}

/// Why a text was not read to its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// It cannot be read.
    Unreadable(io::Error),
    /// The reader failed.
    Reader(crate::error::CliError),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// Reads the lines of a download. Every line is passed on: the receipt says what they must be.
pub(super) fn read_stored(text: impl BufRead, reader: &mut impl Reader) -> Result<(), Stop> {
    each_line(text, |_, line| match line {
        Some(line) => reader.event(line),
        None => Ok(()),
    })
}

/// Reads a text of any origin: one event a line, or lists and objects in any layout.
pub(super) fn read_any(mut text: impl BufRead, reader: &mut impl Reader) -> Result<(), Stop> {
    let mut begin = Vec::new();
    let is_lines = begins_with_an_event(&mut text, &mut begin)?;
    let text = io::Cursor::new(begin).chain(text);
    if is_lines {
        return each_line(text, |number, line| {
            let Some(line) = line else {
                reader.refuse(number, "the line is too long");
                return Ok(());
            };
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let bare = line.strip_prefix(BYTE_ORDER_MARK).filter(|_| number == 1);
            checked(number, bare.unwrap_or(line), reader)
        });
    }
    read_stream(text, reader)
}

/// Reads the first line that is not blank; returns whether an event stands alone on it.
fn begins_with_an_event(text: &mut impl BufRead, begin: &mut Vec<u8>) -> io::Result<bool> {
    loop {
        let start = begin.len();
        let mut line = text.take((LINE_MAX_BYTES + 1) as u64);
        if line.read_until(b'\n', begin)? == 0 {
            return Ok(true);
        }
        let line = begin[start..].trim_ascii();
        let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        if !line.is_empty() || begin.len() > LINE_MAX_BYTES {
            return Ok(event::time_of(line).is_some());
        }
    }
}

fn read_stream(mut text: impl Read, reader: &mut impl Reader) -> Result<(), Stop> {
    let kind = "cadf".parse().unwrap_or(SourceKind::Auto);
    let mut stream = Stream::new(kind, Framing::Sniffed);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut is_last = false;
    while !is_last {
        match text.read(&mut chunk) {
            Ok(0) => {
                stream.finish();
                is_last = true;
            }
            Ok(count) => stream.feed(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        }
        while let Some(item) = stream.next_item() {
            match item {
                Ok(candidate) => match event::one_line(&candidate.text) {
                    Some(line) => checked(candidate.line, &line, reader).map_err(Stop::Reader)?,
                    None => reader.refuse(candidate.line, NO_OBJECT),
                },
                Err(refusal) => reader.refuse(refusal.line, &refusal.to_string()),
            }
        }
    }
    Ok(())
}

const NO_OBJECT: &str = "no JSON object";

/// Passes a line on if it is an event, which has a time.
fn checked(number: u64, line: &[u8], reader: &mut impl Reader) -> Result<()> {
    if line.trim_ascii().is_empty() {
        return Ok(());
    }
    if event::time_of(line).is_some() {
        return reader.event(line);
    }
    let reason = match event::one_line(line) {
        Some(_) => "no eventTime that can be read",
        None => NO_OBJECT,
    };
    reader.refuse(number, reason);
    Ok(())
}

/// Passes on each line, from 1, without its LF; `None` for one that is longer than any event.
fn each_line(
    mut text: impl BufRead,
    mut each: impl FnMut(u64, Option<&[u8]>) -> Result<()>,
) -> Result<(), Stop> {
    let mut partial = Vec::new();
    let mut is_too_long = false;
    for number in 1.. {
        loop {
            let buffer = match text.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            if buffer.is_empty() {
                if !partial.is_empty() || is_too_long {
                    let line = (!is_too_long).then_some(partial.as_slice());
                    each(number, line).map_err(Stop::Reader)?;
                }
                return Ok(());
            }
            let end = memchr::memchr(b'\n', buffer);
            let part = &buffer[..end.unwrap_or(buffer.len())];
            is_too_long |= partial.len() + part.len() > LINE_MAX_BYTES;
            let is_whole = partial.is_empty() && end.is_some() && !is_too_long;
            if is_whole {
                each(number, Some(part)).map_err(Stop::Reader)?;
            } else if !is_too_long {
                partial.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            text.consume(used);
            if end.is_some() {
                if !is_whole {
                    let line = (!is_too_long).then_some(partial.as_slice());
                    each(number, line).map_err(Stop::Reader)?;
                    partial.clear();
                    is_too_long = false;
                }
                break;
            }
        }
    }
    Ok(())
}

//! A persistent connection, as light as a client can be: its cost is not the server's.

mod chunks;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::failure::Result;
use chunks::Chunks;

/// Longer than any wait of the server.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
const BUFFER_BYTES: usize = 256 << 10;

/// A connection to a server; unusable after an error.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    buffer: Vec<u8>,
    asked: Instant,
    /// Bytes in the buffer of an incomplete head.
    head: usize,
    /// The answer whose head has arrived, and what is missing of its content.
    coming: Option<(Reply, Left)>,
    /// Whether the server closes the connection after the last answer.
    is_closed: bool,
}

/// What is missing of an answer's content.
#[derive(Debug)]
enum Left {
    /// This many bytes.
    Bytes(u64),
    /// Chunks, whose end will be marked.
    Chunks(Chunks),
}

/// An answer and its timing.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// After how many seconds the server asks to try again.
    pub(crate) retry_after_secs: Option<u64>,
    /// Length of the content in bytes; of content in chunks, as much as has arrived.
    pub(crate) length: u64,
    /// Time from the request to the first bytes of the answer.
    pub(crate) first_byte: Duration,
    /// Time from the request to the last byte of the answer.
    pub(crate) took: Duration,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        Ok(Self {
            stream: open(address)?,
            address,
            buffer: vec![0; BUFFER_BYTES],
            asked: Instant::now(),
            head: 0,
            coming: None,
            is_closed: false,
        })
    }

    /// Sends a request, and passes the content of the answer on as it arrives. Each of `headers` ends in CRLF.
    pub(crate) fn ask(
        &mut self,
        line: &str,
        headers: &str,
        body: &[u8],
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Reply> {
        self.send(line, headers, body)?;
        loop {
            if let Some(reply) = self.receive(take)? {
                return Ok(reply);
            }
        }
    }

    /// Sends a request; the previous answer must have arrived.
    pub(crate) fn send(&mut self, line: &str, headers: &str, body: &[u8]) -> Result<()> {
        let mut request = Vec::with_capacity(512 + body.len());
        let written = write!(
            request,
            "{line} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n{headers}\r\n",
            self.address,
            body.len()
        );
        request.extend_from_slice(body);
        if self.is_closed {
            self.stream = open(self.address)?;
            self.is_closed = false;
        }
        self.asked = Instant::now();
        written
            .and_then(|()| self.stream.write_all(&request))
            .map_err(|error| format!("{line} at {}: {error}", self.address))
    }

    /// Waits for bytes of the answer and reads those that are there. Returns `None` while some are missing.
    pub(crate) fn receive(
        &mut self,
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Option<Reply>> {
        self.read(take)
            .map_err(|error| format!("{}: {error}", self.address))
    }

    fn read(&mut self, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<Option<Reply>> {
        let read = self.stream.read(&mut self.buffer[self.head..])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let end = self.head + read;
        let mut begin = 0;
        let (reply, left) = match &mut self.coming {
            Some(coming) => coming,
            none => {
                self.head = end;
                let mut four = self.buffer[..end].windows(4);
                let Some(head) = four.position(|four| four == b"\r\n\r\n") else {
                    return Ok(None);
                };
                begin = head + 4;
                self.head = 0;
                let Head {
                    status,
                    left,
                    retry_after_secs,
                    is_last,
                } = parse_head(&self.buffer[..begin])?;
                self.is_closed = is_last;
                let reply = Reply {
                    status,
                    retry_after_secs,
                    length: match left {
                        Left::Bytes(length) => length,
                        Left::Chunks(_) => 0,
                    },
                    first_byte: self.asked.elapsed(),
                    took: Duration::ZERO,
                };
                none.insert((reply, left))
            }
        };
        let arrived = &self.buffer[begin..end];
        let is_whole = match left {
            Left::Bytes(left) => {
                take(arrived)?;
                *left = left.saturating_sub(arrived.len() as u64);
                *left == 0
            }
            Left::Chunks(chunks) => chunks.pass_on(arrived, &mut |bytes| {
                reply.length += bytes.len() as u64;
                take(bytes)
            })?,
        };
        if !is_whole {
            return Ok(None);
        }
        reply.took = self.asked.elapsed();
        Ok(self.coming.take().map(|(reply, _)| reply))
    }

    /// Returns the descriptor by which the caller can wait for bytes.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Returns the content of an answer, which must be a success.
    pub(crate) fn content(&mut self, line: &str, headers: &str, body: &[u8]) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        let reply = self.ask(line, headers, body, &mut |bytes| {
            content.extend_from_slice(bytes);
            Ok(())
        })?;
        if (200..300).contains(&reply.status) {
            return Ok(content);
        }
        let said = String::from_utf8_lossy(&content);
        Err(format!("{line}: {} {said}", reply.status))
    }

    /// Returns the content of such an answer to a request without a body, as text.
    pub(crate) fn text(&mut self, line: &str) -> Result<String> {
        let content = self.content(line, "", &[])?;
        String::from_utf8(content).map_err(|error| format!("{line}: {error}"))
    }

    /// Returns the content of such an answer, parsed as JSON.
    pub(crate) fn json(&mut self, line: &str, headers: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let headers = format!("{headers}Content-Type: application/json\r\n");
        let content = self.content(line, &headers, body.as_bytes())?;
        serde_json::from_slice(&content).map_err(|error| format!("{line}: {error}"))
    }
}

fn open(address: SocketAddr) -> Result<TcpStream> {
    let open = || -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    };
    open().map_err(|error| format!("{address}: {error}"))
}

/// What the head of an answer says.
struct Head {
    status: u16,
    left: Left,
    retry_after_secs: Option<u64>,
    is_last: bool,
}

fn parse_head(head: &[u8]) -> io::Result<Head> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "an answer without an end");
    let head = std::str::from_utf8(head).map_err(|_| malformed())?;
    let (line, lines) = head.split_once("\r\n").ok_or_else(malformed)?;
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let (mut left, mut retry_after_secs, mut is_last) = (None, None, false);
    for (name, value) in lines.lines().filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => left = value.parse().ok().map(Left::Bytes),
            "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => {
                left = Some(Left::Chunks(Chunks::new()));
            }
            "retry-after" => retry_after_secs = value.parse().ok(),
            "connection" => is_last = value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    Ok(Head {
        status: status.ok_or_else(malformed)?,
        left: left.ok_or_else(malformed)?,
        retry_after_secs,
        is_last,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_when_to_try_again() {
        let head = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nConnection: close\r\nContent-Length: 7\r\n\r\n";
        let head = parse_head(head).unwrap();
        assert_eq!((head.status, head.retry_after_secs), (503, Some(2)));
        assert!(head.is_last && matches!(head.left, Left::Bytes(7)));
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n";
        let head = parse_head(head).unwrap();
        assert_eq!((head.status, head.retry_after_secs), (200, None));
        assert!(!head.is_last && matches!(head.left, Left::Chunks(_)));
        assert!(parse_head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}

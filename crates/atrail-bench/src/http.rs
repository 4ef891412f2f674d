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
    /// Length of the content in bytes; of content in chunks, as much as has arrived.
    pub(crate) length: u64,
    /// Time from the request to the first bytes of the answer.
    pub(crate) first_byte: Duration,
    /// Time from the request to the last byte of the answer.
    pub(crate) took: Duration,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let open = || -> io::Result<TcpStream> {
            let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        Ok(Self {
            stream: open().map_err(|error| format!("{address}: {error}"))?,
            address,
            buffer: vec![0; BUFFER_BYTES],
            asked: Instant::now(),
            head: 0,
            coming: None,
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
                let (status, left) = parse_head(&self.buffer[..begin])?;
                let reply = Reply {
                    status,
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

fn parse_head(head: &[u8]) -> io::Result<(u16, Left)> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "an answer without an end");
    let head = std::str::from_utf8(head).map_err(|_| malformed())?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|status| status.parse().ok());
    let left = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            return value.parse().ok().map(Left::Bytes);
        }
        let is_in_chunks =
            name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked");
        is_in_chunks.then(|| Left::Chunks(Chunks::new()))
    });
    Ok((status.ok_or_else(malformed)?, left.ok_or_else(malformed)?))
}

//! A connection that is kept, as light as a client can be: what it costs is not the server's.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;

/// Longer than the server waits for anything.
const PATIENCE: Duration = Duration::from_secs(120);
const BUFFER_BYTES: usize = 256 << 10;

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    buffer: Vec<u8>,
}

/// How an answer came.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Bytes of the content.
    pub(crate) length: u64,
    /// From the request to the first bytes of the answer.
    pub(crate) first_byte: Duration,
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
        })
    }

    /// Sends a request, and gives the content of the answer away as it comes. `headers` end in CRLF each.
    pub(crate) fn ask(
        &mut self,
        line: &str,
        headers: &str,
        body: &[u8],
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Reply> {
        self.exchange(line, headers, body, take)
            .map_err(|error| format!("{line} at {}: {error}", self.address))
    }

    fn exchange(
        &mut self,
        line: &str,
        headers: &str,
        body: &[u8],
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<Reply> {
        let mut request = Vec::with_capacity(512 + body.len());
        write!(
            request,
            "{line} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n{headers}\r\n",
            self.address,
            body.len()
        )?;
        request.extend_from_slice(body);
        let asked = Instant::now();
        self.stream.write_all(&request)?;
        let mut filled = 0;
        let head_end = loop {
            let read = self.stream.read(&mut self.buffer[filled..])?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            let head = self.buffer[..filled].windows(4);
            if let Some(end) = head.into_iter().position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let first_byte = asked.elapsed();
        let (status, length) = parse_head(&self.buffer[..head_end])?;
        take(&self.buffer[head_end..filled])?;
        let mut left = length.saturating_sub((filled - head_end) as u64);
        while left > 0 {
            let read = self.stream.read(&mut self.buffer)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            take(&self.buffer[..read])?;
            left = left.saturating_sub(read as u64);
        }
        Ok(Reply {
            status,
            length,
            first_byte,
        })
    }

    /// The content of an answer that must be a success.
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

    /// The same, as JSON.
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

fn parse_head(head: &[u8]) -> io::Result<(u16, u64)> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "no answer of a known length");
    let head = std::str::from_utf8(head).map_err(|_| malformed())?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|status| status.parse().ok());
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    Ok((status.ok_or_else(malformed)?, length.ok_or_else(malformed)?))
}

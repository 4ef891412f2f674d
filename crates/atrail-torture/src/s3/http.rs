//! As much of HTTP/1.1 as clients of S3 use.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::ops::Range;

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    /// The bucket and the key, decoded.
    pub(super) key: String,
    query: Vec<(String, String)>,
    range: Option<String>,
    pub(super) body: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) range: Option<(Range<usize>, usize)>,
    /// Only half of the body is sent.
    pub(super) is_cut: bool,
}

impl Reply {
    pub(super) fn of(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            body,
            range: None,
            is_cut: false,
        }
    }

    pub(super) fn error(status: u16, code: &str) -> Self {
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>planted</Message></Error>"
        );
        Self::of(status, xml.into_bytes())
    }
}

impl Asked {
    /// Returns the kind of the request.
    pub(super) fn kind(&self) -> &'static str {
        match self.method.as_str() {
            "GET" if self.parameter("list-type").is_some() => "LIST",
            "GET" => "GET",
            "PUT" => "PUT",
            "HEAD" => "HEAD",
            "DELETE" => "DELETE",
            _ => "OTHER",
        }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }

    /// Returns the requested part of that many bytes.
    pub(super) fn range(&self, length: usize) -> Option<Range<usize>> {
        let (start, end) = self
            .range
            .as_deref()?
            .strip_prefix("bytes=")?
            .split_once('-')?;
        let start: usize = start.parse().ok()?;
        let end = end
            .parse()
            .map_or(length, |last: usize| length.min(last + 1));
        (start < end).then_some(start..end)
    }
}

pub(super) struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Self {
        let _ = stream.set_nodelay(true);
        Self {
            reader: BufReader::new(stream),
        }
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.reader.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// Reads the next request; `None` when the client is gone.
    pub(super) fn next_request(&mut self) -> Option<Asked> {
        let first = self.line()?;
        let mut words = first.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let (mut length, mut range) = (0, None);
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':')?;
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().ok()?,
                "range" => range = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body).ok()?;
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let query = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Some(Asked {
            method,
            key: decoded(path.trim_start_matches('/')),
            query: query.collect(),
            range,
            body,
        })
    }

    /// Sends an answer; reports whether the connection can go on.
    pub(super) fn send(&mut self, method: &str, reply: &Reply) -> bool {
        let mut bytes = format!(
            "HTTP/1.1 {} planted\r\nContent-Length: {}\r\nETag: \"0\"\r\nLast-Modified: Mon, 24 Jul 2017 07:00:00 GMT\r\n",
            reply.status,
            reply.body.len()
        );
        if let Some((range, length)) = &reply.range {
            bytes.push_str(&format!(
                "Content-Range: bytes {}-{}/{length}\r\n",
                range.start,
                range.end - 1
            ));
        }
        bytes.push_str("\r\n");
        let mut bytes = bytes.into_bytes();
        if method != "HEAD" {
            let sent = if reply.is_cut {
                reply.body.len() / 2
            } else {
                reply.body.len()
            };
            bytes.extend_from_slice(&reply.body[..sent]);
        }
        self.reader.get_mut().write_all(&bytes).is_ok() && !reply.is_cut
    }
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text
            .get(at + 1..at + 3)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

//! HTTP by hand: a request on a connection that may break at any byte, and its result.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The caller's credentials, and the server's address.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    pub(crate) space: String,
}

/// A reusable connection.
#[derive(Debug)]
pub(crate) struct Connection {
    caller: Caller,
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Asserts the status, and returns the JSON of the answer.
    #[track_caller]
    pub(crate) fn json(&self, status: u16) -> serde_json::Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{text}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

impl Connection {
    pub(crate) fn open(caller: &Caller) -> io::Result<Self> {
        Self::open_for(caller, Duration::from_secs(60))
    }

    /// Opens one whose caller waits this long for each part of an answer.
    pub(crate) fn open_for(caller: &Caller, patience: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&caller.address, patience)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        Ok(Self {
            caller: caller.clone(),
            stream: BufReader::new(stream),
        })
    }

    /// Sends a request and reads its answer to the last byte; a truncated answer is an error.
    pub(crate) fn ask(&mut self, request: &str, headers: &str, body: &[u8]) -> io::Result<Answer> {
        self.send(request, headers, body)?;
        self.answer()
    }

    /// Sends a request. A caller that then drops the connection never learns the result.
    pub(crate) fn send(&mut self, request: &str, headers: &str, body: &[u8]) -> io::Result<()> {
        let Caller {
            address,
            token,
            space,
        } = &self.caller;
        let mut bytes = format!(
            "{request} HTTP/1.1\r\nHost: {address}\r\nX-Auth-Token: {token}\r\nX-Auth-Project-Id: {space}\r\n\
             Content-Length: {}\r\n{headers}\r\n",
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        self.stream.get_mut().write_all(&bytes)
    }

    fn answer(&mut self) -> io::Result<Answer> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status: {first:?}")))?;
        let mut length = 0;
        loop {
            let line = self.line()?.to_lowercase();
            if line.is_empty() {
                break;
            }
            assert!(!line.starts_with("transfer-encoding:"), "{line}");
            if let Some(text) = line.strip_prefix("content-length:") {
                length = text.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, body })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        line.strip_suffix("\r\n")
            .map(ToOwned::to_owned)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

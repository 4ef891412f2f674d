//! A server that answers as a test specifies, and records the requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A recorded request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Method and path, without the query: `GET /v2/info`.
    pub(crate) line: String,
    /// Header fields, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// An answer.
pub(crate) enum Answer {
    /// A status and a JSON text.
    Json(u16, String),
    /// An endless body: these bytes, repeated.
    Endless(&'static str),
    /// A header with a length that the body never reaches.
    Announced(u64),
}

type Answers = dyn Fn(&Request) -> Answer + Send + Sync;

/// A fake server that runs as long as the process.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Fake {
    pub(crate) fn start(answers: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fake = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
        };
        let (seen, answers): (_, Arc<Answers>) = (Arc::clone(&fake.seen), Arc::new(answers));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, answers) = (Arc::clone(&seen), Arc::clone(&answers));
                thread::spawn(move || serve(&stream, &seen, &*answers));
            }
        });
        fake
    }

    /// Returns the recorded requests.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// Forgets the recorded requests.
    pub(crate) fn forget(&self) {
        self.seen.lock().unwrap().clear();
    }
}

fn serve(stream: &TcpStream, seen: &Mutex<Vec<Request>>, answers: &Answers) {
    let Some(request) = read(stream) else { return };
    seen.lock().unwrap().push(request.clone());
    let mut stream = stream;
    const HEAD: &str = "Content-Type: application/json\r\nConnection: close\r\n";
    match answers(&request) {
        Answer::Json(status, text) => {
            let length = text.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status} x\r\n{HEAD}Content-Length: {length}\r\n\r\n{text}"
            );
        }
        Answer::Endless(unit) => {
            let _ = write!(stream, "HTTP/1.1 200 x\r\n{HEAD}\r\n");
            let chunk = unit.repeat((1 << 16) / unit.len());
            while stream.write_all(chunk.as_bytes()).is_ok() {}
        }
        Answer::Announced(length) => {
            let _ = write!(
                stream,
                "HTTP/1.1 200 x\r\n{HEAD}Content-Length: {length}\r\n\r\n "
            );
            // Wait until the client has gone.
            let _ = stream.read(&mut [0]);
        }
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split([' ', '?']);
    let line = format!("{} {}", words.next()?, words.next()?);
    let mut head = String::new();
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).ok()?;
        if field.trim().is_empty() {
            break;
        }
        head.push_str(&field.to_lowercase());
    }
    let length = head
        .lines()
        .find_map(|field| field.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        line,
        head,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

//! A server of S3 on this machine that fails as it is told to. It keeps objects in memory, and answers PUT, GET (with
//! ranges), HEAD, DELETE and ListObjectsV2.

mod faults;
mod http;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use http::{Asked, Connection, Reply};

use crate::Numbers;
pub use faults::S3Fault;

/// Objects of one page of a listing: few, so that tests see more than one.
const PAGE: usize = 50;

/// A running server; it ends with the value.
#[derive(Debug)]
pub struct S3 {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    is_stopped: AtomicBool,
}

#[derive(Debug)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    /// What a stale listing shows.
    listed_before: BTreeMap<String, Vec<u8>>,
    /// Faults, with how many of a thousand requests they meet.
    faults: Vec<(S3Fault, u64)>,
    numbers: Numbers,
    requests: BTreeMap<&'static str, u64>,
    injected: BTreeMap<S3Fault, u64>,
    is_away: bool,
}

impl S3 {
    /// Starts an empty server without faults.
    ///
    /// # Panics
    /// When it cannot listen on loopback.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                objects: BTreeMap::new(),
                listed_before: BTreeMap::new(),
                faults: Vec::new(),
                numbers: Numbers::new(1),
                requests: BTreeMap::new(),
                injected: BTreeMap::new(),
                is_away: false,
            }),
            is_stopped: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.is_stopped.load(Ordering::Acquire) {
                    return;
                }
                let shared = Arc::clone(&serving);
                thread::spawn(move || serve(&shared, stream));
            }
        });
        Self { address, shared }
    }

    /// Returns the server's address, for `archive_endpoint`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }

    /// Has these faults meet so many of a thousand requests from now on, chosen by this seed.
    pub fn fail(&self, faults: &[(S3Fault, u64)], seed: u64) {
        let mut state = self.state();
        state.faults = faults.to_vec();
        state.numbers = Numbers::new(seed);
        state.listed_before = state.objects.clone();
    }

    /// Makes the server drop every connection, or answer again.
    pub fn set_away(&self, is_away: bool) {
        self.state().is_away = is_away;
    }

    /// Returns the number of requests of each kind: `PUT`, `GET`, `HEAD`, `DELETE`, `LIST`.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<&'static str, u64> {
        self.state().requests.clone()
    }

    /// Returns how often each fault was injected.
    #[must_use]
    pub fn injected(&self) -> BTreeMap<S3Fault, u64> {
        self.state().injected.clone()
    }

    /// Returns the keys of all objects, each after its bucket.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    /// Returns an object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.state().objects.get(key).cloned()
    }

    /// Writes an object, as somebody else would.
    pub fn put(&self, key: &str, bytes: &[u8]) {
        self.state().objects.insert(key.to_owned(), bytes.to_vec());
    }

    /// Removes an object, as somebody else would.
    pub fn remove(&self, key: &str) {
        self.state().objects.remove(key);
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::Release);
        // Wakes the thread that waits for connections.
        drop(TcpStream::connect(self.address));
    }
}

fn serve(shared: &Arc<Shared>, stream: TcpStream) {
    let mut connection = Connection::new(stream);
    while let Some(asked) = connection.next_request() {
        if shared.is_stopped.load(Ordering::Acquire) {
            return;
        }
        let Some(reply) = answer(shared, &asked) else {
            return;
        };
        if !connection.send(&asked.method, &reply) {
            return;
        }
    }
}

/// Returns the answer to a request; `None` when the connection breaks instead.
fn answer(shared: &Arc<Shared>, asked: &Asked) -> Option<Reply> {
    let mut guard = shared.state.lock().unwrap();
    let state = &mut *guard;
    if state.is_away {
        return None;
    }
    let kind = asked.kind();
    *state.requests.entry(kind).or_default() += 1;
    let fault = state.next_fault(kind);
    match fault {
        Some(S3Fault::Error500) => return Some(Reply::error(500, "InternalError")),
        Some(S3Fault::SlowDown) => return Some(Reply::error(503, "SlowDown")),
        Some(S3Fault::ResetBefore) => return None,
        _ => {}
    }
    let mut reply = state.perform(asked, kind, fault);
    match fault {
        Some(S3Fault::AnswerLost) => return None,
        Some(S3Fault::LateReplay { after_millis }) => {
            let (shared, asked) = (Arc::clone(shared), asked.clone());
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(after_millis));
                let mut state = shared.state.lock().unwrap();
                state.objects.insert(asked.key, asked.body);
            });
            return None;
        }
        Some(S3Fault::CutGet) => reply.is_cut = true,
        Some(S3Fault::WrongBytes) => {
            if let Some(byte) = reply.body.last_mut() {
                *byte ^= 0x55;
            }
        }
        _ => {}
    }
    Some(reply)
}

impl State {
    fn next_fault(&mut self, kind: &str) -> Option<S3Fault> {
        let drawn = self.numbers.below(1000);
        let mut sum = 0;
        for &(fault, share) in &self.faults {
            if !fault.meets(kind) {
                continue;
            }
            sum += share;
            if drawn < sum {
                *self.injected.entry(fault).or_default() += 1;
                return Some(fault);
            }
        }
        None
    }

    fn perform(&mut self, asked: &Asked, kind: &str, fault: Option<S3Fault>) -> Reply {
        match kind {
            "PUT" => {
                self.objects.insert(asked.key.clone(), asked.body.clone());
                Reply::of(200, Vec::new())
            }
            "DELETE" => {
                self.objects.remove(&asked.key);
                Reply::of(204, Vec::new())
            }
            "GET" | "HEAD" => match self.objects.get(&asked.key) {
                None => Reply::error(404, "NoSuchKey"),
                Some(bytes) => match asked.range(bytes.len()) {
                    None => Reply::of(200, bytes.clone()),
                    Some(range) => Reply {
                        range: Some((range.clone(), bytes.len())),
                        ..Reply::of(206, bytes[range].to_vec())
                    },
                },
            },
            "LIST" if fault == Some(S3Fault::StaleList) => list(&self.listed_before, asked),
            "LIST" => list(&self.objects, asked),
            _ => Reply::error(501, "NotImplemented"),
        }
    }
}

fn list(objects: &BTreeMap<String, Vec<u8>>, asked: &Asked) -> Reply {
    let bucket = format!("{}/", asked.key.trim_end_matches('/'));
    let prefix = format!("{bucket}{}", asked.parameter("prefix").unwrap_or_default());
    let after = asked.parameter("continuation-token").unwrap_or_default();
    let found = objects
        .iter()
        .filter(|(key, _)| key.starts_with(&prefix) && **key > after);
    let page: Vec<_> = found.take(PAGE + 1).collect();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult>");
    for (key, bytes) in page.iter().take(PAGE) {
        let _ = write!(
            xml,
            "<Contents><Key>{}</Key><LastModified>2017-07-24T07:00:00.000Z</LastModified><ETag>&quot;0&quot;</ETag><Size>{}</Size></Contents>",
            &key[bucket.len()..],
            bytes.len()
        );
    }
    let _ = write!(xml, "<IsTruncated>{}</IsTruncated>", page.len() > PAGE);
    if page.len() > PAGE {
        let _ = write!(
            xml,
            "<NextContinuationToken>{}</NextContinuationToken>",
            page[PAGE - 1].0
        );
    }
    xml.push_str("</ListBucketResult>");
    Reply::of(200, xml.into_bytes())
}

//! A TCP proxy that misbehaves on purpose.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The treatment of bytes from the server to the client, on one connection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Behaviour {
    /// Cuts the connection after this many bytes.
    pub(crate) cut_after: Option<u64>,
    /// Flips one bit of this byte, unless [`Proxy::flips_at_most`] has been reached.
    pub(crate) flip_at: Option<u64>,
    /// Bytes per second.
    pub(crate) rate: Option<u64>,
    /// Sends this answer, status line included, in place of the server, which receives nothing.
    pub(crate) answer: Option<&'static str>,
}

/// Decides the behaviour of each new connection.
type Policy = Box<dyn FnMut() -> Behaviour + Send>;

/// A proxy on a port of its own, as long as the process lives.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    policy: Arc<Mutex<Policy>>,
    flips: Arc<AtomicU32>,
}

impl Proxy {
    pub(crate) fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let policy: Policy = Box::new(Behaviour::default);
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            policy: Arc::new(Mutex::new(policy)),
            flips: Arc::new(AtomicU32::new(u32::MAX)),
        };
        let (policies, flips) = (Arc::clone(&proxy.policy), Arc::clone(&proxy.flips));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let behaviour = (policies.lock().unwrap())();
                let flips = Arc::clone(&flips);
                thread::spawn(move || serve(&client, upstream, behaviour, &flips));
            }
        });
        proxy
    }

    /// Makes every connection behave like this from now on.
    pub(crate) fn always(&self, behaviour: Behaviour) {
        self.set(move || behaviour);
    }

    /// Flips bits this many times from now on, on the connections where the bytes come first.
    pub(crate) fn flips_at_most(&self, times: u32) {
        self.flips.store(times, Ordering::SeqCst);
    }

    /// Returns whether all flips are used up.
    pub(crate) fn has_flipped_all(&self) -> bool {
        self.flips.load(Ordering::SeqCst) == 0
    }

    /// Applies this policy to each connection from now on.
    pub(crate) fn set(&self, policy: impl FnMut() -> Behaviour + Send + 'static) {
        *self.policy.lock().unwrap() = Box::new(policy);
    }
}

fn serve(client: &TcpStream, upstream: SocketAddr, behaviour: Behaviour, flips: &AtomicU32) {
    if let Some(text) = behaviour.answer {
        return answer_itself(client, text);
    }
    let Ok(server) = TcpStream::connect(upstream) else {
        let _ = client.shutdown(Shutdown::Both);
        return;
    };
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    answer(&server, client, behaviour, flips);
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

/// Reads one request to its end, so that no unread bytes break the connection, and answers it.
fn answer_itself(mut client: &TcpStream, text: &str) {
    let mut request = Vec::new();
    let mut buffer = [0; 16 << 10];
    while !is_whole(&request) {
        match client.read(&mut buffer) {
            Ok(count @ 1..) => request.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
    let _ = client.write_all(text.as_bytes());
    let _ = client.shutdown(Shutdown::Both);
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    request.len() >= end + 4 + length.unwrap_or(0)
}

fn answer(mut server: &TcpStream, mut client: &TcpStream, behaviour: Behaviour, flips: &AtomicU32) {
    const CHUNK_BYTES: usize = 16 << 10;
    let mut buffer = [0; CHUNK_BYTES];
    let mut passed = 0_u64;
    while let Ok(count @ 1..) = server.read(&mut buffer) {
        let bytes = &mut buffer[..count];
        if let Some(at) = behaviour.flip_at
            && (passed..passed + bytes.len() as u64).contains(&at)
            && may_flip(flips)
        {
            bytes[usize::try_from(at - passed).unwrap()] ^= 1;
        }
        let left = behaviour.cut_after.map_or(u64::MAX, |cut| cut - passed);
        let allowed = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        if client.write_all(&bytes[..allowed]).is_err() || allowed < bytes.len() {
            return;
        }
        passed += count as u64;
        if let Some(rate) = behaviour.rate {
            thread::sleep(Duration::from_secs_f64(count as f64 / rate as f64));
        }
    }
}

fn may_flip(flips: &AtomicU32) -> bool {
    flips
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        })
        .is_ok()
}

//! Sends requests from several connections at once.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

use crate::failure::Result;
use crate::http::{Connection, PATIENCE};

/// A prepared request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    fn send(&self, connection: &mut Connection) -> Result<()> {
        connection.send(&self.line, &self.headers, &self.body)
    }
}

/// The result of a load.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) seconds: f64,
    pub(crate) latencies: Vec<Duration>,
    pub(crate) first_bytes: Vec<Duration>,
    /// Total bytes of the answers' content.
    pub(crate) received: u64,
}

/// The client sends a request up to this size without waiting for the server to read it.
const SMALL_BYTES: usize = 64 << 10;
/// Threads that many connections share: more threads would take processor time from the measured server.
const THREADS: usize = 2;

/// Sends each request once, by the next free connection. All must succeed.
pub(crate) fn send(
    address: SocketAddr,
    requests: &[Request],
    connections: usize,
) -> Result<Outcome> {
    let are_small = requests.iter().all(|r| r.body.len() <= SMALL_BYTES);
    // Large requests on connections that share a thread would wait for each other.
    let threads = if are_small { THREADS } else { connections };
    let threads = threads.min(connections);
    let next = AtomicUsize::new(0);
    let work = |number: usize| -> Result<Outcome> {
        let own = (number..connections).step_by(threads);
        let own: Result<Vec<_>> = own.map(|_| Connection::open(address)).collect();
        drive(own?, || requests.get(next.fetch_add(1, Ordering::Relaxed)))
    };
    let started = Instant::now();
    let outcomes: Vec<_> = thread::scope(|scope| {
        let work = &work;
        let workers: Vec<_> = (0..threads)
            .map(|number| scope.spawn(move || work(number)))
            .collect();
        let outcomes = workers.into_iter().map(thread::ScopedJoinHandle::join);
        outcomes
            .map(|outcome| outcome.unwrap_or_else(|_| Err("a thread of the load ended".to_owned())))
            .collect()
    });
    let seconds = started.elapsed().as_secs_f64();
    let mut all = Outcome {
        seconds,
        ..Outcome::default()
    };
    for outcome in outcomes {
        let mut outcome = outcome?;
        all.latencies.append(&mut outcome.latencies);
        all.first_bytes.append(&mut outcome.first_bytes);
        all.received += outcome.received;
    }
    Ok(all)
}

/// Keeps each connection busy as long as there are requests.
fn drive<'a>(
    connections: Vec<Connection>,
    mut next: impl FnMut() -> Option<&'a Request>,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut busy = Vec::with_capacity(connections.len());
    for mut connection in connections {
        if let Some(request) = next() {
            request.send(&mut connection)?;
            busy.push((connection, request));
        }
    }
    while !busy.is_empty() {
        let ready = ready(&busy)?;
        let mut at = 0;
        for is_ready in ready {
            let (connection, request) = &mut busy[at];
            at += 1;
            if !is_ready {
                continue;
            }
            let reply = connection.receive(&mut |_| Ok(()));
            let reply = reply.map_err(|error| format!("{}: {error}", request.line))?;
            let Some(reply) = reply else { continue };
            if !(200..300).contains(&reply.status) {
                return Err(format!("{}: {}", request.line, reply.status));
            }
            outcome.latencies.push(reply.took);
            outcome.first_bytes.push(reply.first_byte);
            outcome.received += reply.length;
            if let Some(another) = next() {
                another.send(connection)?;
                *request = another;
            } else {
                at -= 1;
                busy.remove(at);
            }
        }
    }
    Ok(outcome)
}

/// Waits until there is something to receive, and returns on which of the connections.
fn ready(busy: &[(Connection, &Request)]) -> Result<Vec<bool>> {
    // A single connection waits in its own read.
    if busy.len() == 1 {
        return Ok(vec![true]);
    }
    let mut polled: Vec<_> = busy
        .iter()
        .map(|(connection, _)| PollFd::from_borrowed_fd(connection.as_fd(), PollFlags::IN))
        .collect();
    let patience = Timespec::try_from(PATIENCE).map_err(|error| error.to_string())?;
    retry_on_intr(|| poll(&mut polled, Some(&patience)))
        .map_err(|error| format!("poll: {error}"))?;
    let ready: Vec<_> = polled.iter().map(|one| !one.revents().is_empty()).collect();
    if ready.contains(&true) {
        Ok(ready)
    } else {
        Err("no answer comes".to_owned())
    }
}

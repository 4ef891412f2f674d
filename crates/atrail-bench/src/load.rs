//! Sends requests from several connections at once.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

use crate::failure::Result;
use crate::http::{Connection, PATIENCE, Reply};

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
    /// How often the server refused a request, which was then sent again.
    pub(crate) refusals: u64,
}

/// The client sends a request up to this size without waiting for the server to read it.
const SMALL_BYTES: usize = 64 << 10;
/// Threads that many connections share: more threads would take processor time from the measured server.
const THREADS: usize = 2;

/// The answers after which a sender sends its request again, ...
const REPEATED: [u16; 2] = [429, 503];
/// ... for how long, ...
const REPEATED_FOR: Duration = Duration::from_secs(120);
/// ... and how long it waits at most before it does.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Sends each request, by the next free connection. One that is refused because the server is busy is sent again, as
/// senders do; its latency is the time until it succeeds. All must succeed.
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
        all.refusals += outcome.refusals;
    }
    Ok(all)
}

/// A connection with a request on it.
#[derive(Debug)]
struct Busy<'a> {
    connection: Connection,
    request: &'a Request,
    /// When the request was sent for the first time.
    begun: Instant,
    /// When a refused request is sent again.
    again: Option<Instant>,
}

impl<'a> Busy<'a> {
    fn begin(connection: Connection, request: &'a Request) -> Result<Self> {
        let mut busy = Self {
            connection,
            request,
            begun: Instant::now(),
            again: None,
        };
        request.send(&mut busy.connection)?;
        Ok(busy)
    }

    /// Sends another request.
    fn go_on(&mut self, request: &'a Request) -> Result<()> {
        self.request = request;
        self.begun = Instant::now();
        request.send(&mut self.connection)
    }

    /// Sends a refused request again, when it is time.
    fn repeat(&mut self) -> Result<()> {
        if self.again.is_some_and(|again| again <= Instant::now()) {
            self.again = None;
            self.request.send(&mut self.connection)?;
        }
        Ok(())
    }

    /// Notes when a refused request is sent again: when the server says. A sender gives up in the end.
    fn refused(&mut self, reply: &Reply) -> Result<()> {
        let line = &self.request.line;
        if !REPEATED.contains(&reply.status) {
            return Err(format!("{line}: {}", reply.status));
        }
        if self.begun.elapsed() > REPEATED_FOR {
            let seconds = REPEATED_FOR.as_secs();
            return Err(format!("{line}: {} for {seconds} s", reply.status));
        }
        let after = Duration::from_secs(reply.retry_after_secs.unwrap_or(1).max(1));
        self.again = Some(Instant::now() + after.min(LONGEST_WAIT));
        Ok(())
    }
}

/// Keeps each connection busy as long as there are requests.
fn drive<'a>(
    connections: Vec<Connection>,
    mut next: impl FnMut() -> Option<&'a Request>,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut busy = Vec::with_capacity(connections.len());
    for connection in connections {
        if let Some(request) = next() {
            busy.push(Busy::begin(connection, request)?);
        }
    }
    while !busy.is_empty() {
        let ready = ready(&busy)?;
        let mut at = 0;
        for is_ready in ready {
            let one = &mut busy[at];
            at += 1;
            one.repeat()?;
            if !is_ready {
                continue;
            }
            let reply = one.connection.receive(&mut |_| Ok(()));
            let reply = reply.map_err(|error| format!("{}: {error}", one.request.line))?;
            let Some(reply) = reply else { continue };
            if !(200..300).contains(&reply.status) {
                outcome.refusals += 1;
                one.refused(&reply)?;
                continue;
            }
            outcome.latencies.push(one.begun.elapsed());
            outcome.first_bytes.push(reply.first_byte);
            outcome.received += reply.length;
            if let Some(another) = next() {
                one.go_on(another)?;
            } else {
                at -= 1;
                busy.remove(at);
            }
        }
    }
    Ok(outcome)
}

/// Waits until there is something to receive or to send again, and returns on which of the connections there is
/// something to receive.
fn ready(busy: &[Busy<'_>]) -> Result<Vec<bool>> {
    // A single connection waits in its own read.
    if let [Busy { again: None, .. }] = busy {
        return Ok(vec![true]);
    }
    let next = busy.iter().filter_map(|one| one.again).min();
    let now = Instant::now();
    let patience = next.map_or(PATIENCE, |next| next.saturating_duration_since(now));
    let mut polled: Vec<_> = busy
        .iter()
        .filter(|one| one.again.is_none())
        .map(|one| PollFd::from_borrowed_fd(one.connection.as_fd(), PollFlags::IN))
        .collect();
    let patience = Timespec::try_from(patience).map_err(|error| error.to_string())?;
    retry_on_intr(|| poll(&mut polled, Some(&patience)))
        .map_err(|error| format!("poll: {error}"))?;
    let mut polled = polled.iter().map(|one| !one.revents().is_empty());
    let ready: Vec<_> = busy
        .iter()
        .map(|one| one.again.is_none() && polled.next().unwrap_or(false))
        .collect();
    if ready.contains(&true) || next.is_some() {
        Ok(ready)
    } else {
        Err("no answer comes".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    const REFUSED: &str =
        "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    const STORED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    const WRONG: &str = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

    /// Gives these answers, one after the other, each on the connection that is open or on the next.
    fn answering(answers: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let mut answers = answers.iter().peekable();
            while answers.peek().is_some() {
                let (mut stream, _) = listener.accept().unwrap();
                for answer in answers.by_ref() {
                    let mut seen = Vec::new();
                    while !seen.ends_with(b"\r\n\r\nbody") {
                        let mut byte = [0];
                        stream.read_exact(&mut byte).unwrap();
                        seen.push(byte[0]);
                    }
                    stream.write_all(answer.as_bytes()).unwrap();
                    if answer.contains("close") {
                        break;
                    }
                }
            }
        });
        address
    }

    fn requests(count: usize) -> Vec<Request> {
        let one = || Request {
            line: "POST /v3/events".to_owned(),
            headers: String::new(),
            body: b"body".to_vec(),
        };
        (0..count).map(|_| one()).collect()
    }

    #[test]
    fn a_refused_request_is_sent_again() {
        let address = answering(&[STORED, REFUSED, REFUSED, STORED, STORED]);
        let outcome = send(address, &requests(3), 1).unwrap();
        assert_eq!((outcome.latencies.len(), outcome.refusals), (3, 2));
        assert!(outcome.latencies[1] >= Duration::from_secs(2));
        assert!(outcome.seconds >= 2.0);
    }

    #[test]
    fn a_wrong_request_is_not() {
        let address = answering(&[STORED, WRONG]);
        let error = send(address, &requests(3), 1).unwrap_err();
        assert_eq!(error, "POST /v3/events: 400");
    }
}

//! Requests that are sent from several connections at once.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::http::Connection;

/// A request that is ready to go.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

/// How a load went.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) seconds: f64,
    pub(crate) latencies: Vec<Duration>,
    pub(crate) first_bytes: Vec<Duration>,
    /// Bytes of the answers' content.
    pub(crate) received: u64,
}

/// Sends each request once, by the next connection that is free. All must succeed.
pub(crate) fn send(
    address: SocketAddr,
    requests: &[Request],
    connections: usize,
) -> Result<Outcome> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Outcome> {
        let mut connection = Connection::open(address)?;
        let mut mine = Outcome {
            seconds: 0.0,
            latencies: Vec::new(),
            first_bytes: Vec::new(),
            received: 0,
        };
        while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
            let asked = Instant::now();
            let Request {
                line,
                headers,
                body,
            } = request;
            let reply = connection.ask(line, headers, body, &mut |_| Ok(()))?;
            if !(200..300).contains(&reply.status) {
                return Err(format!("{line}: {}", reply.status));
            }
            mine.latencies.push(asked.elapsed());
            mine.first_bytes.push(reply.first_byte);
            mine.received += reply.length;
        }
        Ok(mine)
    };
    let started = Instant::now();
    let outcomes: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..connections).map(|_| scope.spawn(work)).collect();
        let outcomes = workers.into_iter().map(thread::ScopedJoinHandle::join);
        outcomes
            .map(|outcome| {
                outcome.unwrap_or_else(|_| Err("a connection's thread ended".to_owned()))
            })
            .collect()
    });
    let seconds = started.elapsed().as_secs_f64();
    let mut all = Outcome {
        seconds,
        latencies: Vec::new(),
        first_bytes: Vec::new(),
        received: 0,
    };
    for outcome in outcomes {
        let mut outcome = outcome?;
        all.latencies.append(&mut outcome.latencies);
        all.first_bytes.append(&mut outcome.first_bytes);
        all.received += outcome.received;
    }
    Ok(all)
}

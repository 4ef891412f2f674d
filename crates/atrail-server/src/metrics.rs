//! The counters of the HTTP interface, and the page that shows them together with the store's.
//!
//! Labels are route templates, methods, status classes and a few fixed words: never a name, an id or an address. The
//! operator, who sends a credential, also sees the public parts of ingest keys.

mod exposition;
mod page;
mod receivers;
pub(crate) mod searches;
pub(crate) mod senders;
mod syslog;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use atrail_model::{Histogram, Timestamp};
use axum::http::{Method, StatusCode};

use crate::audit::action::{Action, Outcome};

pub(crate) use page::{CONTENT_TYPE, render};
pub(crate) use receivers::Receiver;
pub(crate) use syslog::SyslogRefusal;

/// Upper bounds of response times.
const REQUEST_BOUNDS: &[Duration] = &[
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_millis(1000),
    Duration::from_millis(2500),
    Duration::from_secs(10),
];
/// Classes of statuses: 1xx to 5xx.
const CLASSES: usize = 5;

/// The server's counters. Counting costs an atomic addition or two.
#[derive(Debug)]
pub(crate) struct Metrics {
    started: Timestamp,
    /// Method and path of every route.
    routes: &'static [(&'static str, &'static str)],
    /// For each route in their order, and last for unknown routes: a histogram for each status class.
    requests: Vec<[Histogram; CLASSES]>,
    places: HashMap<&'static str, Vec<(&'static str, usize)>>,
    open_connections: AtomicU64,
    connections: AtomicU64,
    refused_events: AtomicU64,
    panics: AtomicU64,
    auth_failures: [AtomicU64; AuthFailure::ALL.len()],
    refusals: [AtomicU64; Refusal::ALL.len()],
    /// By action and outcome.
    own_events: [[AtomicU64; Outcome::ALL.len()]; Action::ALL.len()],
    own_event_failures: [AtomicU64; Action::ALL.len()],
    searches: searches::Searches,
    receivers: receivers::Receivers,
    syslog: syslog::Syslog,
}

/// A kind of wrong or invalid secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthFailure {
    /// A wrong user name or password.
    Password,
    /// An unknown API key.
    ApiKey,
    /// A refresh token that is unknown, or was used before.
    RefreshToken,
    /// An invalid token of the OpenID provider.
    IdToken,
    /// An access token that is not the server's, has expired, or whose login has ended.
    AccessToken,
    /// A cookie of no login, or of one that has ended.
    Cookie,
    /// A link that was used before, has expired or never existed.
    Link,
}

impl AuthFailure {
    const ALL: [Self; 7] = [
        Self::Password,
        Self::ApiKey,
        Self::RefreshToken,
        Self::IdToken,
        Self::AccessToken,
        Self::Cookie,
        Self::Link,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::ApiKey => "api_key",
            Self::RefreshToken => "refresh_token",
            Self::IdToken => "id_token",
            Self::AccessToken => "access_token",
            Self::Cookie => "cookie",
            Self::Link => "link",
        }
    }
}

/// A limit that a client reached, and that keeps it from delaying others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The connections of one address.
    ConnectionsOfAddress,
    /// All connections.
    Connections,
    /// The time for a TLS handshake.
    SlowHandshake,
    /// The time for a request's head.
    SlowHead,
    /// The pace of a request's body.
    SlowBody,
    /// The pace at which the client reads an answer.
    SlowReader,
    /// The memory of one sender.
    MemoryOfSender,
    /// The memory of all requests.
    Memory,
    /// The passwords that wait to be checked.
    Passwords,
    /// The searches that wait for their turn, and the exports that one user reads.
    Searches,
}

impl Refusal {
    const ALL: [Self; 10] = [
        Self::ConnectionsOfAddress,
        Self::Connections,
        Self::SlowHandshake,
        Self::SlowHead,
        Self::SlowBody,
        Self::SlowReader,
        Self::MemoryOfSender,
        Self::Memory,
        Self::Passwords,
        Self::Searches,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::ConnectionsOfAddress => "connections_of_address",
            Self::Connections => "connections",
            Self::SlowHandshake => "slow_handshake",
            Self::SlowHead => "slow_head",
            Self::SlowBody => "slow_body",
            Self::SlowReader => "slow_reader",
            Self::MemoryOfSender => "memory_of_sender",
            Self::Memory => "memory",
            Self::Passwords => "passwords",
            Self::Searches => "searches",
        }
    }
}

impl Metrics {
    /// Creates the counters at zero, for a process that started at this time and has these routes.
    pub(crate) fn new(started: Timestamp, routes: &'static [(&'static str, &'static str)]) -> Self {
        let mut places: HashMap<_, Vec<_>> = HashMap::new();
        for (index, (method, path)) in routes.iter().enumerate() {
            places.entry(*path).or_default().push((*method, index));
        }
        let series = || std::array::from_fn(|_| Histogram::new(REQUEST_BOUNDS));
        Self {
            started,
            routes,
            requests: (0..=routes.len()).map(|_| series()).collect(),
            places,
            open_connections: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            refused_events: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            refusals: std::array::from_fn(|_| AtomicU64::new(0)),
            auth_failures: std::array::from_fn(|_| AtomicU64::new(0)),
            own_events: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))),
            own_event_failures: std::array::from_fn(|_| AtomicU64::new(0)),
            searches: searches::Searches::default(),
            receivers: receivers::Receivers::default(),
            syslog: syslog::Syslog::default(),
        }
    }

    /// Counts an answer. `template` is the path of the matched route, if any; `took` is the time up to the answer's
    /// head.
    pub(crate) fn answered(
        &self,
        method: &Method,
        template: Option<&str>,
        status: StatusCode,
        took: Duration,
    ) {
        let route = template
            .and_then(|path| self.places.get(path))
            .and_then(|methods| methods.iter().find(|(known, _)| method.as_str() == *known))
            .map_or(self.routes.len(), |(_, index)| *index);
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES) - 1;
        self.requests[route][class].observe(took);
    }

    /// Counts a connection, which counts as open until the returned value is dropped.
    pub(crate) fn connected(self: &Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.open_connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// Counts refused events.
    pub(crate) fn refused_events(&self, count: u64) {
        self.refused_events.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts a request that the server refused, or a connection that it closed, because a limit was reached.
    pub(crate) fn refused(&self, refusal: Refusal) {
        self.refusals[refusal as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a wrong or invalid secret.
    pub(crate) fn auth_failed(&self, failure: AuthFailure) {
        self.auth_failures[failure as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an event of the server itself that became durable.
    pub(crate) fn own_event(&self, action: Action, outcome: Outcome) {
        self.own_events[action as usize][outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a failed attempt to record one.
    pub(crate) fn own_event_failed(&self, action: Action) {
        self.own_event_failures[action as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a handler that panicked.
    pub(crate) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<Metrics>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open_connections.fetch_sub(1, Ordering::Relaxed);
    }
}

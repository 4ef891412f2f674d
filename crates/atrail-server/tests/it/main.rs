//! The server through its public interface: real sockets, a real store, a clock that stands still.

#![allow(
    clippy::disallowed_methods,
    reason = "the answers are those of a server that the test started"
)]
#![allow(clippy::unwrap_used, missing_docs)]

mod access;
mod answer_headers;
mod audit;
mod behind;
mod broken;
mod browser;
mod bulk;
mod clock;
mod console;
mod console_links;
mod console_oidc;
mod console_records;
mod console_streams;
mod contract;
mod credentials;
mod damage;
mod downloads;
mod exports;
mod grafana;
mod heads;
mod hec;
mod hostile;
mod ingest_keys;
mod intake;
mod invitations;
mod isolation;
mod issuer;
mod key_records;
mod lifecycle;
mod matrix;
mod member_keys;
mod oidc;
mod operations;
mod options;
mod own_events;
mod own_logins;
mod places;
mod provider;
mod readings;
mod receivers;
mod records;
mod search_limits;
mod search_records;
mod searches;
mod senders;
mod sent_keys;
mod shapes;
mod support;
mod syslog;
mod tail;
mod tenancy;
mod tokens;
mod uses;

//! The real binary, driven as people and scripts drive it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod api_keys;
mod archive;
mod auditor;
mod backup;
#[allow(clippy::print_stdout, reason = "it says what it did")]
mod books;
mod broken;
#[allow(clippy::print_stdout, reason = "it says what it skips")]
mod bucket;
mod cloud;
#[allow(clippy::print_stdout, reason = "it says what it does and skips")]
mod cluster;
mod commands;
mod console;
mod damage;
mod days;
mod dev;
mod download;
mod env;
mod exits;
mod export;
mod fake;
mod faults;
mod files;
mod formats;
mod guide;
mod help;
mod holds;
mod http;
#[allow(clippy::print_stdout, reason = "it says what it skips")]
mod import;
mod import_cloud;
mod import_digests;
mod import_growing;
mod import_refusals;
mod import_unsigned;
mod impostor;
mod ingest_keys;
#[allow(clippy::print_stdout, reason = "it says what it did")]
mod kill;
mod ledger;
mod logins;
mod lost_commits;
#[cfg(feature = "cluster")]
mod migrate;
mod names;
mod option;
mod packages;
#[allow(clippy::print_stdout, reason = "it says what it skips")]
mod postgres;
mod power_loss;
mod proxy;
mod pty;
#[allow(clippy::print_stdout, reason = "it says what it skips")]
mod quickstart_cluster;
#[allow(clippy::print_stderr, reason = "it says what it skips")]
mod readers;
mod recover;
mod refusals;
mod released;
mod resume;
mod scrub;
mod search;
mod secrets;
mod senders;
mod serving;
mod sources;
mod spelling;
#[allow(clippy::print_stdout, reason = "it says what it skips")]
mod sso;
mod tail;
mod tenants;
mod terminal;
mod texts;
mod tls;
mod tools;
mod trail;
mod verify;
mod words;

//! Faults below fsync, for tests of the real server.
//!
//! A shim in C ([`Shim`]) stands between the server and the file system: it traces every operation that changes
//! something, and makes chosen ones fail. From a trace, [`Disk`] builds the possible content of a disk after a power
//! loss at any moment. [`Ledger`] records the promises that senders received, and compares them with the events that a
//! server serves afterwards. [`S3`] is a server of buckets that fails as it is told to, [`Gate`] a
//! way between two programs that breaks. `docs/RELIABILITY.md` describes which faults this detects and which it does not.

#![allow(
    clippy::unwrap_used,
    reason = "for tests: a failed unwrap is a failed test"
)]

mod client;
mod control;
mod disk;
mod gate;
mod image;
mod ledger;
mod numbers;
mod postgres_proxy;
mod s3;
mod server;
mod shim;
mod trace;
mod workload;

pub use client::{Client, Reply};
pub use control::{Control, Fault, How};
pub use disk::{Disk, Syncs};
pub use gate::{Gate, Way};
pub use ledger::{Ledger, nanos};
pub use numbers::Numbers;
pub use postgres_proxy::{Cut, PostgresProxy};
pub use s3::{S3, S3Fault};
pub use server::{Program, Server};
pub use shim::Shim;
pub use trace::{Op, Record, read as read_trace};
pub use workload::{send_one, short_workload, workload};

//! The formats through the crate's public interface: on synthetic events, on hostile ones, and on real ones where the
//! samples exist.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod csv;
mod es_bulk;
mod exporter;
mod json;
mod real;
mod support;

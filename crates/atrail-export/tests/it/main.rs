//! The formats through the crate's face: on made-up events, on hostile ones, and on real ones where they are there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod csv;
mod es_bulk;
mod exporter;
mod json;
mod real;
mod support;

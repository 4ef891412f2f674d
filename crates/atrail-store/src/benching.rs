//! Interfaces for the micro-benchmarks. Not part of the crate's API.

pub use crate::download::benching::DownloadPlan;
pub use atrail_archive::object::benching::BlockWriter;

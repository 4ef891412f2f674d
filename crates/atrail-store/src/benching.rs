//! What the micro-benchmarks call. No part of the crate's face.

pub use crate::download::benching::DownloadPlan;
pub use crate::object::benching::BlockWriter;

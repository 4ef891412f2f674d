//! Baselines: other programs on the same machine, with the same bytes, in the same run.

pub(crate) mod append;
pub(crate) mod nginx;
pub(crate) mod postgres;

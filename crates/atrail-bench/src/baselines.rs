//! What the same machine does with the same bytes, in the same run.

pub(crate) mod append;
pub(crate) mod nginx;
pub(crate) mod postgres;

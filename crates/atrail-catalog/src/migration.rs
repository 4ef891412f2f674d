//! Moves a catalog between a file and a database that nodes share: the same rows, and so the same signed history.
//!
//! [`tables`] has the one list of what is copied. [`usage`] says who may use a catalog in PostgreSQL, so that nobody uses a
//! catalog that is not complete, or one that was moved away.

mod copy;
mod tables;
mod usage;

#[cfg(test)]
mod tests;

pub use copy::{Contents, TableSum};
pub use usage::Usage;

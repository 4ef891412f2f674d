//! Keeps the search index: files that name where events stand, made of sealed segments in the background.
//!
//! The index is never the truth, and nothing on the way of an event waits for it. A file is written like an object: its
//! path is noted as waste, the file becomes durable, and one transaction makes it count and unmarks the path. The
//! transaction that removes an event removes the files that have it (`atrail-catalog`, `index_files.rs`), and their bytes
//! are erased with the object's.

mod build;
mod care;
mod feed;
mod home;
mod plan;
mod state;
#[cfg(test)]
mod tests;

pub use care::IndexCheck;
pub(crate) use feed::background;
pub use state::IndexProgress;
pub(crate) use state::Indexing;

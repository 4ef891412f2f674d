//! Index files: what makes a search fast.
//!
//! An index file is a Parquet table of the events of one domain and UTC day, a row an event, with sections of our own
//! after each row group and before the footer. `docs/INDEX.md` has every byte. It is derived from sealed segments and
//! never the truth: whoever meets a damaged or missing file searches the lines of the archive instead.
//!
//! A [`Writer`] gets the blocks of segments. An [`IndexFile`] answers what a [`Plan`] asks, part by part (a part is a row
//! group and its sections): a [`Selection`] of rows that match for sure, and of rows that only their lines can decide.

mod bits;
mod blocks;
mod bytes;
mod columns;
mod count;
mod directory;
mod error;
mod extract;
mod file;
mod filter;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod fuzzing;
mod intern;
mod page;
mod plan;
mod read;
mod rows;
mod select;
#[cfg(test)]
mod tests;
mod unusual;
mod writer;

pub use blocks::{Block, Segment};
pub use count::Counted;
pub use error::IndexError;
pub use file::{Footer, IndexFile, Part, Source};
pub use plan::Plan;
pub use read::PartReader;
pub use rows::{Row, Rows};
pub use select::Selection;
pub use writer::{Settings, Writer, Written};

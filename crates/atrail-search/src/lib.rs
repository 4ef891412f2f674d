//! Finding events: the query language, its evaluation on lines, and the index files that make it fast.
//!
//! Everything here is pure: no I/O, no async. The store decides which files and which lines are searched.

pub mod aggregate;
mod compare;
#[cfg(feature = "internals")]
pub mod generate;
#[cfg(feature = "index")]
pub mod index;
mod json;
mod matcher;
#[cfg(feature = "internals")]
pub mod naive;
mod order;
pub mod query;
mod regexes;
pub mod text;
mod values;

pub use matcher::{Matcher, ValueTest};
pub use order::{Order, TimeRange};
pub use query::{Query, QueryError};
pub use values::{Extractor, Seen, each_text, each_value, values};

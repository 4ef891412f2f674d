//! Finds and counts events. Every answer equals a full scan of what is acknowledged in its scope: the index only spares
//! reading lines.
//!
//! A search walks the days of its range in order, some at a time. Of each it takes, in one step, what the archive has and
//! what is not sealed yet ([`days`]); jobs look at parts of the index and at the lines that no index covers ([`job`]);
//! [`rank`] keeps the best places, and [`fetch`] reads their lines.

mod aggregate;
mod blocks;
mod budget;
mod cursor;
mod days;
mod error;
mod export;
mod fetch;
mod find;
mod index_cache;
mod job;
mod rank;
mod run;
mod searchable;
mod starts;
mod types;

pub use atrail_search::aggregate::{Buckets, Counting, Counts, TopValues};
pub use atrail_search::{Order, Query, QueryError, TimeRange};
pub use budget::{Budget, Cancel};
pub use cursor::Cursor;
pub use error::SearchError;
pub(crate) use index_cache::{IndexCache, Unopened, VERSION as INDEX_VERSION};
pub use searchable::Searchable;
pub(crate) use starts::Starts;
pub use types::{Found, Hit, Page, Question, Searched};

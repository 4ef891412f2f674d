//! Downloads that end with exactly the right bytes after any number of interruptions.
//!
//! [`plan`] lists the expected pieces and [`check`] compares the bytes with it. [`transfer`] fetches until every piece
//! is right, from an [`transfer::Origin`] into a [`transfer::Sink`]: a [`part`] file, or a [`stream`]. Only [`origin`]
//! knows HTTP. [`convert`] writes checked bytes in another format.
//!
//! The client holds at most one object of up to 16 MiB in memory, and only when it writes to a stream.

mod check;
mod convert;
mod origin;
mod part;
mod plan;
mod stream;
mod transfer;

pub(crate) use check::Checker;
pub(crate) use convert::Conversion;
pub(crate) use origin::SessionOrigin;
pub(crate) use part::{Part, PartState, ScopeRecord, is_complete};
pub(crate) use plan::Plan;
pub(crate) use stream::{GzipStream, Lines, Output, SafeLines};
pub(crate) use transfer::transfer;

//! Reading an event's line, without building a tree.
//!
//! Stored lines are JSON. Any other bytes are read as if they were, without an error: what they hold is then
//! unspecified, but nothing panics and each byte is read once.

mod paths;
mod reader;

pub(crate) use paths::{Paths, Visit, walk};
pub(crate) use reader::{Raw, Reader, Scalar, Token};

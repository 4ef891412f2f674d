//! Why an index file does not answer.

use std::io;

/// Why an index file could not be read. Either way its blocks have to be searched by their lines.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The file could not be read.
    #[error("cannot read the index file")]
    Read(#[source] io::Error),
    /// The file is not what was written.
    #[error("the index file is damaged: {0}")]
    Damaged(&'static str),
}

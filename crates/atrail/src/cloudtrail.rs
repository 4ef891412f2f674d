//! AWS CloudTrail's digest files: each lists the log files that were delivered in an hour with their hashes, names the
//! digest before it, and is signed. A copy of a trail is checked with them, without a network.
//!
//! Source: the CloudTrail user guide, "Validating CloudTrail log file integrity" (digest file structure, custom
//! implementations).

pub(crate) mod chain;
pub(crate) mod digest;
pub(crate) mod keys;
pub(crate) mod names;

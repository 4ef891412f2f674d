//! The archive: how an object's bytes are written and read back, where objects are kept, and which of them proved sound.

mod blobs;
mod inspect;
mod lines;
pub mod members;
pub mod object;
pub mod verified;

pub use blobs::{
    Blobs, BucketAddress, BucketRequests, BucketSettings, Expected, LocalBlobs, MemoryBlobs,
    Variables,
};
#[cfg(feature = "cluster")]
pub use blobs::{Remote, RemoteBlobs};
pub use inspect::{Inspected, inspect};
pub use lines::read_lines;

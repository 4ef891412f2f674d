//! The store through its public face, on a real directory.

mod deletion;
mod durability;
mod sessions;
mod support;

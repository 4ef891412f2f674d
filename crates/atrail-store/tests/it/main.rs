//! Tests of the store through its public interface, on a real directory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clock;
mod compaction;
mod dedup;
mod deletion;
mod download;
mod durability;
mod edges;
mod evidence;
mod half_done;
mod index;
mod isolation;
mod mishaps;
mod owed;
mod places;
mod retention;
mod scrub;
mod search;
mod search_language;
mod search_property;
mod sessions;
#[allow(clippy::print_stdout, reason = "a failed history tells its steps")]
mod simulation;
mod support;
mod tail;
mod tenancy;

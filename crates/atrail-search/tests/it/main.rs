//! Tests of the search library through its public face.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(clippy::print_stdout, reason = "it says what is skipped")]

mod counting;
mod docs;
mod fields;
mod folding;
mod index;
mod language;
mod matching;
mod properties;
mod refusals;
mod words;

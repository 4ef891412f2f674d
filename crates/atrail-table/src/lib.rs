//! Terminal tables for untrusted text, and numbers for people. Pure.
//!
//! [`draw`] draws a complete set of rows; [`Drawing`] draws rows that arrive one by one. Both make every cell [`safe`]
//! first.

mod fit;
mod numbers;
mod pointed;
pub mod safe;
mod table;

pub use numbers::{counted, grouped, part_of, size};
pub use pointed::pointed;
pub use table::{Column, Drawing, Layout, draw};

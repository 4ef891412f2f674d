//! Tables for a terminal, of text that nobody vouches for. Pure.
//!
//! [`draw`] is for rows that are all there, [`Drawing`] for rows that are still to come; whatever a cell holds, it is made
//! [`safe`] first.

mod fit;
pub mod safe;
mod table;

pub use table::{Column, Drawing, Layout, draw};

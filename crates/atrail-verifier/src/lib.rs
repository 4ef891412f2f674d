//! What a check of a download or of a proof found, in words; and the same check for a browser, as WebAssembly.
//!
//! [`lines`], [`verdict`] and [`event_lines`] are what `atrail verify` prints. [`verify`] and [`prove`] are the checks
//! as functions from JSON text to JSON text, as the console calls them; `docs/CONSOLE.md` gives their members.

mod answer;
mod judged;
#[cfg(target_family = "wasm")]
mod wasm;
mod words;

pub use answer::{prove, verify};
pub use judged::{Judged, chain, not_proven};
pub use words::{event_lines, lines, verdict};

//! Text as it is compared and as it is searched: folded, and in words.
//!
//! Both depend on tables of Unicode, which grow with every version: an index that stores folded text or words keeps
//! [`RULES`] beside it, and answers for nothing when they differ.

mod fold;
mod words;

pub use fold::{fold, fold_char};
pub(crate) use words::{ANY, ONE, words_with_wildcards};
pub use words::{Word, is_word_char, words};

/// The version of the rules of this module, and that of Unicode's tables. Equal versions give equal results.
pub const RULES: (u8, (u8, u8, u8)) = (1, char::UNICODE_VERSION);

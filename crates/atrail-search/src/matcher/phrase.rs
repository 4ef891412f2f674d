//! Words side by side.

use super::glob::Glob;
use super::needle::Needle;
use crate::json::Raw;
use crate::query::Pattern;
use crate::text::{fold, words};

/// Some words in a row, prepared for many texts.
#[derive(Debug)]
pub(crate) struct Phrase {
    words: Vec<Glob>,
    /// A part of them that ASCII text must contain.
    needle: Option<Needle>,
}

impl Phrase {
    pub(crate) fn new(patterns: &[Pattern]) -> Self {
        Self {
            words: patterns.iter().map(Glob::new).collect(),
            needle: Needle::of_patterns(patterns),
        }
    }

    /// Reports whether a text of a line has the words.
    pub(crate) fn is_in(&self, text: Raw<'_>) -> bool {
        if text.is_plain_ascii()
            && let Some(needle) = &self.needle
            && !needle.is_in(text.bytes)
        {
            return false;
        }
        let text = text.text();
        let text = fold(&text);
        // Which beginnings of the phrase end with the word before.
        let mut begun = vec![false; self.words.len()];
        for word in words(&text) {
            for at in (0..self.words.len()).rev() {
                let follows = at == 0 || begun[at - 1];
                let glob = &self.words[at];
                begun[at] = follows
                    && (glob.matches(word.text)
                        || word.short.is_some_and(|short| glob.matches(short)));
            }
            if begun.last() == Some(&true) {
                return true;
            }
        }
        false
    }
}

//! The words of a text.
//!
//! A word is a run of letters, digits and `_`. Three kinds of runs that belong together are one word instead: a UUID
//! with its hyphens, an IPv4 address and an IPv6 address. The first eight digits of a UUID may stand for it, as people
//! copy them from tables.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The bytes of a UUID with its hyphens.
const UUID_BYTES: usize = 36;
/// The bytes of the longest IPv6 address, one that ends like an IPv4 address.
const IPV6_MAX_BYTES: usize = 45;

/// A word of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<'a> {
    /// The word.
    pub text: &'a str,
    /// What may stand for it: the first eight digits of a UUID.
    pub short: Option<&'a str>,
}

/// Reports whether a character belongs to a run.
#[must_use]
pub fn is_word_char(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Returns the words of a folded text, in their order, none overlapping another.
pub fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    Words {
        text,
        at: 0,
        has_wildcards: false,
    }
}

/// Stands for `*` in [`words_with_wildcards`]: a code point that no text should have.
pub(crate) const ANY: char = '\u{fdd0}';
/// Stands for `?`.
pub(crate) const ONE: char = '\u{fdd1}';

/// Returns the words of a folded text, in which [`ANY`] and [`ONE`] belong to a run.
pub(crate) fn words_with_wildcards(text: &str) -> impl Iterator<Item = Word<'_>> {
    Words {
        text,
        at: 0,
        has_wildcards: true,
    }
}

/// The bytes of ASCII that belong to a run.
const IS_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_';
        byte += 1;
    }
    table
};

struct Words<'a> {
    text: &'a str,
    at: usize,
    has_wildcards: bool,
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            let start = self.at;
            if byte == b':'
                && bytes.get(start + 1) == Some(&b':')
                && !self.follows_word_or(b':')
                && let Some(end) = self.ipv6(start)
            {
                return Some(self.word(start, end));
            }
            let end = self.run_end(start);
            if end == start {
                self.at += self.char_bytes(start);
                continue;
            }
            return Some(
                self.longer(start, end)
                    .unwrap_or_else(|| self.word(start, end)),
            );
        }
        None
    }
}

impl<'a> Words<'a> {
    /// Ends a word, from which the search continues.
    fn word(&mut self, start: usize, end: usize) -> Word<'a> {
        self.at = end;
        Word {
            text: &self.text[start..end],
            short: None,
        }
    }

    /// Returns the word of several runs that begins with this run.
    fn longer(&mut self, start: usize, end: usize) -> Option<Word<'a>> {
        let bytes = self.text.as_bytes();
        let length = end - start;
        match bytes.get(end)? {
            b'-' if length == 8 => {
                let end = self.uuid(start)?;
                let word = self.word(start, end);
                Some(Word {
                    short: word.text.get(..8),
                    ..word
                })
            }
            b'.' if length <= 3 => {
                let end = self.ipv4(start)?;
                Some(self.word(start, end))
            }
            b':' if length <= 4 && start.checked_sub(1).is_none_or(|at| bytes[at] != b':') => {
                let end = self.ipv6(start)?;
                Some(self.word(start, end))
            }
            _ => None,
        }
    }

    /// Returns where the run of word's characters from this position on ends.
    fn run_end(&self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        let mut end = start;
        loop {
            while bytes
                .get(end)
                .is_some_and(|byte| IS_WORD[usize::from(*byte)])
            {
                end += 1;
            }
            match bytes.get(end) {
                Some(byte) if !byte.is_ascii() => match self.word_char(end) {
                    0 => return end,
                    length => end += length,
                },
                _ => return end,
            }
        }
    }

    fn uuid(&self, start: usize) -> Option<usize> {
        let end = start + UUID_BYTES;
        let candidate = self.text.as_bytes().get(start..end)?;
        let is_uuid = candidate.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
        (is_uuid && self.word_char(end) == 0).then_some(end)
    }

    /// Finds the end of four numbers with dots between them, which are not part of a longer row of numbers.
    fn ipv4(&self, start: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        if let [.., digit, b'.'] = &bytes[..start]
            && digit.is_ascii_digit()
        {
            return None;
        }
        let is_part = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
        let length = bytes[start..].iter().take(16).take_while(is_part).count();
        let candidate = self.text.get(start..start + length)?;
        let candidate = candidate.strip_suffix('.').unwrap_or(candidate);
        Ipv4Addr::from_str(candidate).ok()?;
        let end = start + candidate.len();
        let more = matches!(bytes.get(end..), Some([b'.', digit, ..]) if digit.is_ascii_digit());
        (!more && self.word_char(end) == 0).then_some(end)
    }

    /// Finds the end of an IPv6 address. It has a decimal digit: `face::bad` is more often a name in some language.
    fn ipv6(&self, start: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let is_part = |byte: &&u8| byte.is_ascii_hexdigit() || matches!(**byte, b':' | b'.');
        let length = bytes[start..]
            .iter()
            .take_while(is_part)
            .take(IPV6_MAX_BYTES + 2)
            .count();
        let mut candidate = self.text.get(start..start + length)?;
        candidate = candidate.strip_suffix('.').unwrap_or(candidate);
        if candidate.ends_with(':') && !candidate.ends_with("::") {
            candidate = &candidate[..candidate.len() - 1];
        }
        Ipv6Addr::from_str(candidate).ok()?;
        let end = start + candidate.len();
        let has_digit = candidate.bytes().any(|byte| byte.is_ascii_digit());
        (has_digit && self.word_char(end) == 0).then_some(end)
    }

    /// Reports whether a word's character, or this byte, precedes the position.
    fn follows_word_or(&self, byte: u8) -> bool {
        let before = self.text[..self.at].chars().next_back();
        before.is_some_and(|c| c == char::from(byte) || is_word_char(c))
    }

    /// Returns the length of the word's character at this position in bytes, or 0.
    fn word_char(&self, at: usize) -> usize {
        match self.text.as_bytes().get(at) {
            None => 0,
            Some(byte) if byte.is_ascii() => usize::from(IS_WORD[usize::from(*byte)]),
            Some(_) => {
                let c = self.text[at..].chars().next();
                let is_part =
                    |c: char| is_word_char(c) || self.has_wildcards && matches!(c, ANY | ONE);
                c.filter(|c| is_part(*c)).map_or(0, char::len_utf8)
            }
        }
    }

    fn char_bytes(&self, at: usize) -> usize {
        if self.text.as_bytes()[at].is_ascii() {
            return 1;
        }
        self.text[at..].chars().next().map_or(1, char::len_utf8)
    }
}

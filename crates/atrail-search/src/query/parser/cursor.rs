//! Reading a query's text.

/// A position in a text.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// The characters up to a blank, a parenthesis or a quotation mark.
#[derive(Debug, Clone)]
pub(super) struct Word<'a> {
    /// As it is written.
    pub(super) raw: &'a str,
    /// Its characters.
    pub(super) chars: Vec<Char>,
    start: usize,
}

/// A character of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Char {
    /// The character.
    pub(super) c: char,
    /// Whether a backslash takes away its special meaning.
    pub(super) is_escaped: bool,
    /// Where it is in the query, in bytes: the backslash, if there is one.
    pub(super) offset: usize,
}

impl Char {
    /// Reports whether this is the character with its special meaning.
    pub(super) fn is(self, c: char) -> bool {
        self.c == c && !self.is_escaped
    }

    pub(super) fn is_wildcard(self) -> bool {
        self.is('*') || self.is('?')
    }
}

impl Word<'_> {
    /// Returns which of the characters is the first colon.
    pub(super) fn colon(&self) -> Option<usize> {
        self.chars.iter().position(|c| c.is(':'))
    }

    /// Returns the place of one of the characters in the query, or of the word's end.
    pub(super) fn offset(&self, index: usize) -> usize {
        self.chars
            .get(index)
            .map_or(self.start + self.raw.len(), |c| c.offset)
    }

    /// Returns the text, its wildcards and its colons taken for themselves.
    pub(super) fn text(&self) -> String {
        self.chars.iter().map(|c| c.c).collect()
    }

    pub(super) fn has_wildcard(&self) -> bool {
        self.chars.iter().any(|c| c.is_wildcard())
    }
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Returns the position, in bytes.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    /// Returns the unread text.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Skips this character, when it is the next.
    pub(super) fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    pub(super) fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Returns the column of a position, in characters, counted from 1.
    pub(super) fn column(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or(self.text);
        before.chars().count() + 1
    }

    /// Reports whether this word stands here by itself.
    pub(super) fn is_at_operator(&self, operator: &str) -> bool {
        let Some(rest) = self.rest().strip_prefix(operator) else {
            return false;
        };
        let next = rest.chars().next();
        next.is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')' | '"'))
    }

    /// Reads a word. The error is the place of a backslash at the very end.
    pub(super) fn word(&mut self) -> Result<Word<'a>, usize> {
        self.word_until(|c| c.is_whitespace() || matches!(c, '(' | ')' | '"'))
    }

    /// Reads the characters before one that ends them.
    pub(super) fn word_until(&mut self, ends: impl Fn(char) -> bool) -> Result<Word<'a>, usize> {
        let start = self.at;
        let mut chars = Vec::new();
        while let Some(c) = self.peek().filter(|c| !ends(*c)) {
            let offset = self.at;
            let is_escaped = c == '\\';
            self.at += c.len_utf8();
            let c = if is_escaped {
                self.peek()
                    .inspect(|c| self.at += c.len_utf8())
                    .ok_or(offset)?
            } else {
                c
            };
            chars.push(Char {
                c,
                is_escaped,
                offset,
            });
        }
        Ok(Word {
            raw: &self.text[start..self.at],
            chars,
            start,
        })
    }

    /// Reads a text in quotation marks; `None` when it does not end.
    pub(super) fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += at + 1;
                    return Some(text);
                }
                '\\' => text.push(chars.next()?.1),
                c => text.push(c),
            }
        }
        None
    }
}

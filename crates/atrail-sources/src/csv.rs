//! Comma-separated values (RFC 4180): records of fields, which may be in quotes and then have line breaks in them.

use std::borrow::Cow;

/// The search for the end of a record. It can stop at the end of a window and continue with the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordEnd {
    at: usize,
    inside: Inside,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Before the first byte of a field.
    Start,
    /// In a field without quotes.
    Plain,
    /// Between quotes.
    Quoted,
    /// After a quote in a field with quotes: the end of the field, or the first of two that mean one.
    Quote,
}

/// The result of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The record ends before this byte: a line break, or the end of the input.
    At(usize),
    /// The window ends before the record does.
    More,
    /// It is no record: it has a quote where none may be, or one that is never closed.
    Broken,
}

impl RecordEnd {
    /// Creates the search from a record's first byte on.
    pub(crate) const fn from(start: usize) -> Self {
        Self {
            at: start,
            inside: Inside::Start,
        }
    }

    /// Continues to the end of the window at most. `last` states that the input ends with the window.
    pub(crate) fn run(&mut self, window: &[u8], last: bool) -> Ended {
        while let Some(&byte) = window.get(self.at) {
            match (self.inside, byte) {
                (Inside::Quoted, _) => match memchr::memchr(b'"', &window[self.at..]) {
                    Some(run) => {
                        self.at += run;
                        self.inside = Inside::Quote;
                    }
                    None => {
                        self.at = window.len();
                        break;
                    }
                },
                (_, b'\n') => return Ended::At(self.at),
                (_, b',') => self.inside = Inside::Start,
                (Inside::Start | Inside::Quote, b'"') => self.inside = Inside::Quoted,
                (Inside::Start, _) => self.inside = Inside::Plain,
                (Inside::Plain, b'"') => return Ended::Broken,
                (Inside::Plain, _) => {
                    let ends = memchr::memchr3(b',', b'\n', b'"', &window[self.at..]);
                    self.at = ends.map_or(window.len(), |run| self.at + run);
                    continue;
                }
                // Before a line break.
                (Inside::Quote, b'\r') => {}
                (Inside::Quote, _) => return Ended::Broken,
            }
            self.at += 1;
        }
        match self.inside {
            _ if !last => Ended::More,
            Inside::Quoted => Ended::Broken,
            _ => Ended::At(window.len()),
        }
    }

    /// Adjusts to a window whose first bytes are dropped.
    pub(crate) const fn move_back(&mut self, count: usize) {
        self.at = self.at.saturating_sub(count);
    }
}

/// Returns the fields of one record, without their quotes. It ends where the text is no record.
pub(crate) fn fields(record: &str) -> Fields<'_> {
    Fields { rest: Some(record) }
}

/// See [`fields`].
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    /// The text from the next field on.
    rest: Option<&'a str>,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let Some(quoted) = rest.strip_prefix('"') else {
            let (field, after) = match rest.split_once(',') {
                Some((field, after)) => (field, Some(after)),
                None => (rest, None),
            };
            self.rest = after;
            return Some(field.into());
        };
        let bytes = quoted.as_bytes();
        let (mut at, mut is_doubled) = (0, false);
        let end = loop {
            at += memchr::memchr(b'"', &bytes[at..])?;
            if bytes.get(at + 1) != Some(&b'"') {
                break at;
            }
            is_doubled = true;
            at += 2;
        };
        let after = quoted[end + 1..].trim_ascii_end();
        self.rest = match after.strip_prefix(',') {
            // The blanks that were trimmed belong to the fields that follow.
            Some(_) => Some(&quoted[end + 2..]),
            None if after.is_empty() => None,
            None => return None,
        };
        let field = &quoted[..end];
        Some(if is_doubled {
            field.replace("\"\"", "\"").into()
        } else {
            field.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(text: &str) -> Ended {
        let ended = RecordEnd::from(0).run(text.as_bytes(), true);
        // Byte by byte it finds the same.
        let mut search = RecordEnd::from(0);
        for length in 0..=text.len() {
            let found = search.run(&text.as_bytes()[..length], length == text.len());
            if found != Ended::More {
                assert_eq!(found, ended, "{text}");
                return ended;
            }
        }
        panic!("the input has ended: {text}");
    }

    #[test]
    fn a_record_ends_at_a_line_break_outside_of_quotes() {
        for (text, ended) in [
            ("", Ended::At(0)),
            ("a,b\nc", Ended::At(3)),
            ("a,\"b\nc\"\nd", Ended::At(7)),
            ("a,\"b\"\"\n\"\"\",c\nd", Ended::At(12)),
            ("\"\"\n", Ended::At(2)),
            ("\"a\"\r\nb", Ended::At(4)),
            ("a,\"b\n", Ended::Broken),
            ("a,b\"c\n", Ended::Broken),
            ("a,\"b\"c\n", Ended::Broken),
            ("a,\"b\"\"", Ended::Broken),
            ("a,", Ended::At(2)),
        ] {
            assert_eq!(end(text), ended, "{text:?}");
        }
    }

    #[test]
    fn fields_are_read_without_quotes() {
        for (text, expected) in [
            ("", &[""][..]),
            ("a,b", &["a", "b"]),
            ("a,,", &["a", "", ""]),
            ("a,\"\"", &["a", ""]),
            ("\"a, \"\"b\"\"\n\",c ", &["a, \"b\"\n", "c "]),
            ("a,\"b\"\r", &["a", "b"]),
            ("\"\"\"\",\"\"\"\"\"\"", &["\"", "\"\""]),
            ("a,\"b\"c,d", &["a"]),
            ("a,\"b", &["a"]),
            ("ä,\"ö\"", &["ä", "ö"]),
        ] {
            let found: Vec<_> = fields(text).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }
}

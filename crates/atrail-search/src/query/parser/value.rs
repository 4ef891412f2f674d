//! The values of a field.

use std::net::IpAddr;

use super::bare::{self, check_wildcards, piece};
use super::cursor::Word;
use super::{Parser, Subject, is_time};
use crate::TimeRange;
use crate::query::field::is_known;
use crate::query::limits::REGEX_MAX_BYTES;
use crate::query::{Bound, Expr, Field, Pattern, Piece, QueryError, Test, service, time};
use crate::text::fold;
use atrail_model::Timestamp;

/// How a time is written, for messages.
const TIME_FORMS: &str =
    "a time is a day such as 2026-11-01, or an instant such as 2026-11-01T10:00:00Z";

impl Parser<'_> {
    /// Reads one value.
    pub(super) fn value(&mut self, subject: &Subject) -> Result<Expr, QueryError> {
        let start = self.cursor.at();
        match self.cursor.peek() {
            None => {
                return Err(self.here("a value must follow the colon; for any value write *"));
            }
            Some(c) if c.is_whitespace() || c == ')' => {
                return Err(
                    self.here("a value must follow the colon directly; for any value write *")
                );
            }
            Some(_) => {}
        }
        self.count(start)?;
        let Subject::Field(field) = subject else {
            return self.existing();
        };
        match self.cursor.peek() {
            Some('"') => {
                let text = self.quoted()?;
                self.ends("the value")?;
                self.exactly(field, start, &text)
            }
            Some('[' | '{') => self.range(field),
            Some('<' | '>') => self.comparison(field),
            Some('/') => match self.regex()? {
                Some(regex) => self.matching(field, start, regex),
                None => self.word_value(field),
            },
            _ => self.word_value(field),
        }
    }

    /// Reads the name of a field that must have a value.
    fn existing(&mut self) -> Result<Expr, QueryError> {
        let start = self.cursor.at();
        let name = if self.cursor.peek() == Some('"') {
            self.quoted()?
        } else {
            let word = self
                .cursor
                .word()
                .map_err(|at| self.ends_in_backslash(at))?;
            if word.has_wildcard() || matches!(word.chars.first(), Some(c) if "/[{<>".contains(c.c))
            {
                return Err(self.error(
                    start,
                    "the name of one field must follow, as in _exists_:initiator.host",
                ));
            }
            word.text()
        };
        self.ends("the name")?;
        let field = Field::named(&name).map_err(|error| self.error(start, error.to_string()))?;
        Ok(Expr::Exists(field))
    }

    fn word_value(&mut self, field: &Field) -> Result<Expr, QueryError> {
        let start = self.cursor.at();
        let word = self
            .cursor
            .word()
            .map_err(|at| self.ends_in_backslash(at))?;
        self.ends("the value")?;
        if word.chars.iter().all(|c| c.is('*')) {
            return Ok(Expr::Exists(field.clone()));
        }
        self.refuse_inner_field(field, &word)?;
        if !word.has_wildcard() {
            if !is_time(field)
                && let Some((address, length)) = network(word.raw)
            {
                return Ok(is(field, Test::Network(address, length)));
            }
            if !is_time(field) && is_broken_network(word.raw) {
                return Err(self.error(
                    start,
                    "this is no network: an IPv4 prefix has at most 32 bits, an IPv6 prefix at most 128; to search for the text, quote it",
                ));
            }
            return self.exactly(field, start, &word.text());
        }
        if is_time(field) {
            return Err(self.error(start, format!("a time has no wildcards; {TIME_FORMS}")));
        }
        check_wildcards(&word).map_err(|(at, message)| self.error(at, message))?;
        let pattern = Pattern::of(word.chars.iter().copied().map(piece));
        if pattern.0.contains(&Piece::One) {
            self.count_regex(start)?;
        }
        Ok(is(field, Test::Like(pattern)))
    }

    /// Refuses a value in which another condition seems to begin.
    fn refuse_inner_field(&self, field: &Field, word: &Word) -> Result<(), QueryError> {
        if is_time(field) || bare::is_whole(word) {
            return Ok(());
        }
        let mut begin = 0;
        for (index, c) in word.chars.iter().enumerate() {
            if !c.is(':') {
                continue;
            }
            let name: String = word.chars[begin..index].iter().map(|c| c.c).collect();
            if is_known(&name) {
                return Err(self.error(
                    word.offset(begin),
                    format!("does another condition begin here? put a blank before {name}:, or quote the whole value"),
                ));
            }
            begin = index + 1;
        }
        Ok(())
    }

    /// Returns the condition that the field has exactly this value.
    fn exactly(&self, field: &Field, start: usize, text: &str) -> Result<Expr, QueryError> {
        if is_time(field) {
            return Ok(Expr::Time(self.time(start, text)?));
        }
        Ok(is(field, Test::Equals(fold(text).into_owned())))
    }

    /// Reads a regular expression between slashes, when there is one: a slash ends it, and ends the value. Otherwise it
    /// is a path.
    fn regex(&mut self) -> Result<Option<String>, QueryError> {
        let start = self.cursor.at();
        let mut regex = String::new();
        let mut chars = self.cursor.rest().char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '/' => {
                    let next = chars.peek().map(|(_, c)| *c);
                    if at == 1 || next.is_some_and(|c| !c.is_whitespace() && c != ')') {
                        break;
                    }
                    self.cursor.go_to(start + at + 1);
                    return Ok(Some(regex));
                }
                '\\' => match chars.next() {
                    Some((_, '/')) => regex.push('/'),
                    Some((_, c)) => regex.extend(['\\', c]),
                    None => return Err(self.ends_in_backslash(start + at)),
                },
                c => regex.push(c),
            }
        }
        let word = self
            .cursor
            .word()
            .map_err(|at| self.ends_in_backslash(at))?;
        self.cursor.go_to(start);
        let of_regexes = |c: char| "[]{}|^$+".contains(c);
        if word.chars.iter().any(|c| !c.is_escaped && of_regexes(c.c)) || word.raw.contains(".*") {
            return Err(self.error(
                start,
                "this regular expression does not end with a slash before a blank; inside it write \\/ for a slash; a path that is meant as it is goes into quotation marks",
            ));
        }
        Ok(None)
    }

    fn matching(&mut self, field: &Field, start: usize, regex: String) -> Result<Expr, QueryError> {
        if is_time(field) {
            return Err(self.error(
                start,
                format!("a time has no regular expression; {TIME_FORMS}; for the text as it is written use eventTime"),
            ));
        }
        if regex.len() > REGEX_MAX_BYTES {
            return Err(self.error(
                start,
                format!(
                    "the regular expression has {} bytes; at most {REGEX_MAX_BYTES} are possible",
                    regex.len()
                ),
            ));
        }
        self.count_regex(start)?;
        crate::regexes::compile(&regex).map_err(|message| self.error(start, message))?;
        Ok(is(field, Test::Regex(regex)))
    }

    /// Reads `>v`, `>=v`, `<v` or `<=v`.
    fn comparison(&mut self, field: &Field) -> Result<Expr, QueryError> {
        let is_lower = self.cursor.take('>');
        if !is_lower {
            self.cursor.take('<');
        }
        let is_included = self.cursor.take('=');
        let start = self.cursor.at();
        let text = if self.cursor.peek() == Some('"') {
            self.quoted()?
        } else {
            let word = self
                .cursor
                .word()
                .map_err(|at| self.ends_in_backslash(at))?;
            if word.has_wildcard() {
                return Err(self.error(
                    start,
                    "a comparison has no wildcards; quote the value if they belong to it",
                ));
            }
            word.text()
        };
        self.ends("the value")?;
        if text.is_empty() {
            return Err(self.error(start, "a value must follow the comparison directly"));
        }
        let bound = if is_included {
            Bound::Including(text)
        } else {
            Bound::Excluding(text)
        };
        let (lower, upper) = if is_lower {
            (bound, Bound::None)
        } else {
            (Bound::None, bound)
        };
        self.within(field, (start, lower), (start, upper))
    }

    /// Reads `[a TO b]`; a brace in place of a bracket leaves the bound out.
    fn range(&mut self, field: &Field) -> Result<Expr, QueryError> {
        let start = self.cursor.at();
        let includes_lower = self.cursor.take('[') || !self.cursor.take('{');
        let lower = self.bound()?;
        self.cursor.skip_blanks();
        if !self.cursor.is_at_operator("TO") {
            return Err(self.here("a range is written [a TO b], with TO in upper case; if no range is meant, quote the value"));
        }
        self.cursor.go_to(self.cursor.at() + 2);
        let upper = self.bound()?;
        self.cursor.skip_blanks();
        let includes_upper = self.cursor.take(']');
        if !includes_upper && !self.cursor.take('}') {
            return Err(self.error(start, "this range is never closed by ] or }"));
        }
        self.ends("the range")?;
        let bound = |(at, text): (usize, Option<String>), is_included| match text {
            None => (at, Bound::None),
            Some(text) if is_included => (at, Bound::Including(text)),
            Some(text) => (at, Bound::Excluding(text)),
        };
        self.within(
            field,
            bound(lower, includes_lower),
            bound(upper, includes_upper),
        )
    }

    /// Reads a bound of a range; `*` is none.
    fn bound(&mut self) -> Result<(usize, Option<String>), QueryError> {
        self.cursor.skip_blanks();
        let start = self.cursor.at();
        if self.cursor.peek() == Some('"') {
            return Ok((start, Some(self.quoted()?)));
        }
        let word = self
            .cursor
            .word_until(|c| c.is_whitespace() || matches!(c, ']' | '}' | '"' | '(' | ')'))
            .map_err(|at| self.ends_in_backslash(at))?;
        if word.raw == "*" {
            return Ok((start, None));
        }
        if word.has_wildcard() || word.chars.is_empty() {
            return Err(self.error(
                start,
                "a range is written [a TO b]; * alone stands for no limit, and a value with blanks or brackets goes into quotation marks",
            ));
        }
        Ok((start, Some(word.text())))
    }

    fn within(
        &self,
        field: &Field,
        (lower_at, lower): (usize, Bound),
        (upper_at, upper): (usize, Bound),
    ) -> Result<Expr, QueryError> {
        if (&lower, &upper) == (&Bound::None, &Bound::None) {
            return Ok(Expr::Exists(field.clone()));
        }
        let empty = "nothing lies in this range; the lesser value comes first";
        if is_time(field) {
            let from = match &lower {
                Bound::None => Timestamp::MIN,
                Bound::Including(text) => self.time(lower_at, text)?.from,
                Bound::Excluding(text) => self.time(lower_at, text)?.to,
            };
            let to = match &upper {
                Bound::None => Timestamp::MAX,
                Bound::Including(text) => self.time(upper_at, text)?.to,
                Bound::Excluding(text) => self.time(upper_at, text)?.from,
            };
            if from >= to {
                return Err(self.error(lower_at, empty));
            }
            return Ok(Expr::Time(TimeRange { from, to }));
        }
        if lower.leaves_nothing(&upper) {
            return Err(self.error(lower_at, empty));
        }
        Ok(is(field, Test::Within(lower, upper)))
    }

    fn time(&self, at: usize, text: &str) -> Result<TimeRange, QueryError> {
        time::span(text).ok_or_else(|| self.error(at, TIME_FORMS))
    }
}

/// Returns the condition that one of the field's values passes the test.
fn is(field: &Field, test: Test) -> Expr {
    service::is(field, test)
}

/// Reports whether a text is an address and a number that is no length of its prefixes.
fn is_broken_network(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, length)| {
        let is_number = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        is_number && address.parse::<IpAddr>().is_ok()
    })
}

/// Reads an address, or a network as `10.0.0.0/8`. Bits behind the prefix do not matter.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => longest,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) => return None,
    };
    if length > longest {
        return None;
    }
    let (address, length) = crate::compare::canonical(address, length)?;
    Some((crate::compare::masked(address, length), length))
}

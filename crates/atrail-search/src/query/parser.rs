//! The grammar.
//!
//! ```text
//! query   = [ or ]
//! or      = and *( "OR" and )
//! and     = not *( [ "AND" ] not )
//! not     = *( "-" | "NOT" ) primary
//! primary = "(" or ")" | name ":" values | word | phrase
//! values  = "(" or ")" | value          ; in these parentheses a primary is "(" or ")" or a value
//! value   = word | phrase | "/" regex "/" | range | ( ">" | ">=" | "<" | "<=" ) ( word | phrase )
//! range   = ( "[" | "{" ) bound "TO" bound ( "]" | "}" )
//! ```

mod bare;
mod cursor;
mod value;

use super::limits::{QUERY_MAX_BYTES, QUERY_MAX_CONDITIONS, QUERY_MAX_DEPTH, REGEXES_MAX};
use super::{Expr, Field, QueryError, field};
use cursor::Cursor;

/// Reads a query.
pub(super) fn parse(text: &str) -> Result<Expr, QueryError> {
    let mut parser = Parser {
        cursor: Cursor::new(text),
        depth: 0,
        conditions: 0,
        regexes: 0,
    };
    if text.len() > QUERY_MAX_BYTES {
        return Err(parser.error(
            0,
            format!(
                "the query has {} bytes; at most {QUERY_MAX_BYTES} are possible",
                text.len()
            ),
        ));
    }
    parser.cursor.skip_blanks();
    if parser.cursor.peek().is_none() {
        return Ok(Expr::All);
    }
    let expr = parser.or(&Subject::Event)?;
    match parser.cursor.peek() {
        None => Ok(expr),
        Some(_) => {
            Err(parser.here("no parenthesis is open here; to search for one, quote it: \")\""))
        }
    }
}

/// What a condition is about.
#[derive(Debug, Clone)]
enum Subject {
    /// The event: a condition names a field, or is text.
    Event,
    /// The existence of the field that a value names.
    Existence,
    /// This field.
    Field(Field),
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    depth: usize,
    conditions: usize,
    regexes: usize,
}

/// The operators that are words.
const OPERATORS: [&str; 3] = ["AND", "OR", "NOT"];

impl Parser<'_> {
    fn or(&mut self, subject: &Subject) -> Result<Expr, QueryError> {
        let mut alternatives = vec![self.and(subject)?];
        while self.take_operator("OR") {
            alternatives.push(self.and(subject)?);
        }
        Ok(Expr::any_of(alternatives))
    }

    fn and(&mut self, subject: &Subject) -> Result<Expr, QueryError> {
        let mut conditions = vec![self.not(subject)?];
        loop {
            if self.take_operator("AND") {
                conditions.push(self.not(subject)?);
                continue;
            }
            self.cursor.skip_blanks();
            if matches!(self.cursor.peek(), None | Some(')')) || self.cursor.is_at_operator("OR") {
                return Ok(Expr::all_of(conditions));
            }
            conditions.push(self.not(subject)?);
        }
    }

    fn not(&mut self, subject: &Subject) -> Result<Expr, QueryError> {
        self.cursor.skip_blanks();
        let start = self.cursor.at();
        if self.take_operator("NOT") {
            return self
                .nested(start, |parser| parser.not(subject))
                .map(Expr::negated);
        }
        if self.cursor.take('-') {
            return match self.cursor.peek() {
                None | Some(' ' | '\t' | '\r' | '\n' | ')') => Err(self.error(
                    start,
                    "a condition must follow the minus directly, as in -outcome:success; to search for the sign, quote it with what is around it",
                )),
                Some('-') => Err(self.error(start, "two minus signs; write one, or quote the text")),
                Some(_) => self.nested(start, |parser| parser.not(subject)).map(Expr::negated),
            };
        }
        self.primary(subject)
    }

    fn primary(&mut self, subject: &Subject) -> Result<Expr, QueryError> {
        self.cursor.skip_blanks();
        self.operand_follows()?;
        if self.cursor.peek() == Some('(') {
            return self.group(subject);
        }
        match subject {
            Subject::Event => self.clause(),
            Subject::Existence | Subject::Field(_) => self.value(subject),
        }
    }

    /// Refuses what cannot begin a condition.
    fn operand_follows(&self) -> Result<(), QueryError> {
        if let Some(operator) = OPERATORS
            .into_iter()
            .find(|operator| self.cursor.is_at_operator(operator))
        {
            return Err(self.here(format!(
                "{operator} needs a condition on {}; to search for the word, quote it: \"{operator}\"",
                if operator == "NOT" { "its right" } else { "both sides" }
            )));
        }
        match self.cursor.peek() {
            None => Err(self.here("a condition is missing at the end")),
            Some(')') => Err(self.here("a condition is missing before this parenthesis")),
            Some(_) => Ok(()),
        }
    }

    fn group(&mut self, subject: &Subject) -> Result<Expr, QueryError> {
        let start = self.cursor.at();
        self.cursor.take('(');
        let inside = self.nested(start, |parser| parser.or(subject))?;
        if !self.cursor.take(')') {
            return Err(self.error(start, "this parenthesis is never closed"));
        }
        self.ends("the parenthesis")?;
        Ok(inside)
    }

    /// Reads a condition that names a field, or that is a word or a phrase.
    fn clause(&mut self) -> Result<Expr, QueryError> {
        let start = self.cursor.at();
        if self.cursor.peek() == Some('"') {
            let text = self.quoted()?;
            if self.cursor.take(':') {
                return self.field(start, &text);
            }
            self.ends("the phrase")?;
            self.count(start)?;
            return bare::phrase(&text).map_err(|message| self.error(start, message));
        }
        let word = self
            .cursor
            .word()
            .map_err(|at| self.ends_in_backslash(at))?;
        bare::refuse_other_syntax(&word).map_err(|(at, message)| self.error(at, message))?;
        if let Some(colon) = word.colon().filter(|_| !bare::is_whole(&word)) {
            let name =
                bare::field_name(&word, colon).map_err(|(at, message)| self.error(at, message))?;
            self.cursor.go_to(word.offset(colon) + 1);
            return self.field(start, &name);
        }
        self.ends("the word")?;
        self.count(start)?;
        let text = bare::text(&word).map_err(|(at, message)| self.error(at, message))?;
        for _ in 0..bare::regexes(&text) {
            self.count_regex(start)?;
        }
        Ok(text)
    }

    /// Reads what follows the name of a field and its colon.
    fn field(&mut self, start: usize, name: &str) -> Result<Expr, QueryError> {
        let subject = if name.eq_ignore_ascii_case("_exists_") {
            Subject::Existence
        } else {
            let field = Field::named(name).map_err(|error| self.error(start, error.to_string()))?;
            Subject::Field(field)
        };
        if self.cursor.peek() == Some('(') {
            return self.group(&subject);
        }
        self.value(&subject)
    }

    /// Reads a quoted text. A backslash takes the next character as it is.
    fn quoted(&mut self) -> Result<String, QueryError> {
        let start = self.cursor.at();
        self.cursor
            .quoted()
            .ok_or_else(|| self.error(start, "this quotation mark is never closed"))
    }

    /// Requires that a condition ends here.
    fn ends(&self, what: &str) -> Result<(), QueryError> {
        match self.cursor.peek() {
            None | Some(')') => Ok(()),
            Some(c) if c.is_whitespace() => Ok(()),
            Some(_) => Err(self.here(format!(
                "{what} must end before this; put a blank between them, or quote the whole"
            ))),
        }
    }

    fn take_operator(&mut self, operator: &str) -> bool {
        self.cursor.skip_blanks();
        let found = self.cursor.is_at_operator(operator);
        if found {
            self.cursor.go_to(self.cursor.at() + operator.len());
        }
        found
    }

    fn nested<T>(
        &mut self,
        start: usize,
        inside: impl FnOnce(&mut Self) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        if self.depth == QUERY_MAX_DEPTH {
            return Err(self.error(
                start,
                format!("parentheses and negations are nested more than {QUERY_MAX_DEPTH} deep"),
            ));
        }
        self.depth += 1;
        let result = inside(self);
        self.depth -= 1;
        result
    }

    fn count(&mut self, start: usize) -> Result<(), QueryError> {
        self.conditions += 1;
        if self.conditions > QUERY_MAX_CONDITIONS {
            return Err(self.error(
                start,
                format!("there are more than {QUERY_MAX_CONDITIONS} conditions"),
            ));
        }
        Ok(())
    }

    fn count_regex(&mut self, start: usize) -> Result<(), QueryError> {
        self.regexes += 1;
        if self.regexes > REGEXES_MAX {
            return Err(self.error(
                start,
                format!("there are more than {REGEXES_MAX} regular expressions and values with ?"),
            ));
        }
        Ok(())
    }

    fn ends_in_backslash(&self, at: usize) -> QueryError {
        self.error(
            at,
            "a backslash takes the next character as it is, and here is none; write \\\\ for a backslash",
        )
    }

    fn here(&self, message: impl Into<String>) -> QueryError {
        self.error(self.cursor.at(), message)
    }

    fn error(&self, at: usize, message: impl Into<String>) -> QueryError {
        QueryError {
            column: self.cursor.column(at),
            message: message.into(),
        }
    }
}

/// Reports whether a field's values are compared as times.
fn is_time(field: &Field) -> bool {
    field.name == field::TIME
}

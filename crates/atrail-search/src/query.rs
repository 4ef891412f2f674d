//! The query language: docs/SEARCH.md describes it.

mod canonical;
mod expr;
mod field;
pub mod limits;
mod parser;
mod service;
mod time;

pub use expr::{Bound, Expr, Field, Path, Pattern, Piece, Test};
pub use field::{FieldError, SHORT_NAMES, ShortName};

/// A query: its text, and what it means.
#[derive(Debug, Clone)]
pub struct Query {
    /// The text, as it was given.
    pub text: String,
    /// What it means.
    pub expr: Expr,
}

/// Why a query is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct QueryError {
    /// Where in the text, in characters, counted from 1.
    pub column: usize,
    /// What is wrong there, and how to mend it.
    pub message: String,
}

impl Query {
    /// Reads a query. A text without anything but blanks matches every event.
    ///
    /// # Errors
    /// When a part of the text has no meaning, or the query is beyond one of the [`limits`]. Nothing is ever ignored.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        parser::parse(text).map(|expr| Self {
            text: text.to_owned(),
            expr,
        })
    }

    /// Returns the query that every event matches.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            text: String::new(),
            expr: Expr::All,
        }
    }

    /// Returns the query of a condition that was not read from text. Its text is the canonical one. A range in which
    /// nothing lies, which is refused in a text, matches no event.
    ///
    /// # Errors
    /// When a regular expression cannot be read, or the condition is beyond one of the [`limits`].
    pub fn of(expr: Expr) -> Result<Self, QueryError> {
        let text = canonical::text(&without_empty_ranges(expr));
        let read = parser::parse(&text)?;
        Ok(Self { text, expr: read })
    }

    /// Returns a text with the same meaning, which is the same for every way to write this query but for the order of
    /// its conditions. Reading it gives the same [`Self::expr`].
    #[must_use]
    pub fn canonical(&self) -> String {
        canonical::text(&self.expr)
    }

    /// Returns the fields that the query names, each once.
    #[must_use]
    pub fn fields(&self) -> Vec<&Field> {
        let mut fields = Vec::new();
        collect(&self.expr, &mut fields);
        fields
    }
}

fn without_empty_ranges(expr: Expr) -> Expr {
    let all = |parts: Vec<Expr>| parts.into_iter().map(without_empty_ranges);
    match expr {
        Expr::And(parts) => Expr::all_of(all(parts)),
        Expr::Or(parts) => Expr::any_of(all(parts)),
        Expr::Not(inner) => without_empty_ranges(*inner).negated(),
        Expr::Is(_, Test::Within(lower, upper)) if lower.leaves_nothing(&upper) => Expr::nothing(),
        Expr::Time(range) if range.from >= range.to => Expr::nothing(),
        other => other,
    }
}

fn collect<'a>(expr: &'a Expr, fields: &mut Vec<&'a Field>) {
    match expr {
        Expr::All | Expr::Text(_) | Expr::Time(_) => {}
        Expr::And(parts) | Expr::Or(parts) => {
            for part in parts {
                collect(part, fields);
            }
        }
        Expr::Not(inner) => collect(inner, fields),
        Expr::Exists(field) | Expr::Is(field, _) => {
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
    }
}

//! What an index file can say about a query.

use super::columns::{COLUMNS, ID, field_of, folded};
use super::intern::hash;
use super::writer::pair;
use crate::query::{Expr, Field, Pattern, Query, Test};
use crate::text::words;
use crate::{TimeRange, ValueTest};

/// A query, prepared for index files: made once, used for every file.
#[derive(Debug)]
pub struct Plan {
    pub(super) root: Step,
}

/// A condition on the rows of a part.
#[derive(Debug)]
pub(super) enum Step {
    All,
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Time(TimeRange),
    Exists(Fields),
    Is(Fields, Box<Probe>),
    /// The event's text has these words, by their hashes; it may have them in another order.
    Words(Vec<u64>),
}

/// What an index knows of a field's values.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// The columns that have them.
    pub(super) columns: Vec<usize>,
    /// Fields of which the rows with a value are known, but not the values.
    pub(super) marked: Vec<usize>,
    /// Whether the event's id is one of them.
    pub(super) id: bool,
    /// Whether some of them are only in the lines.
    pub(super) unknown: bool,
}

/// A test of values.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) test: ValueTest,
    pub(super) equals: Option<Equals>,
}

/// The one value that passes a test, but for its case.
#[derive(Debug)]
pub(super) struct Equals {
    /// The value, when it has only characters of ASCII.
    pub(super) ascii: Option<String>,
    /// Hashes of the columns' pairs with it.
    pub(super) pairs: Vec<u64>,
    /// The hash of the id's pair with it.
    pub(super) id_pair: u64,
    /// Hashes of its words, which are words of the event's text.
    pub(super) words: Vec<u64>,
}

impl Plan {
    /// Prepares a query.
    #[must_use]
    pub fn new(query: &Query) -> Self {
        Self {
            root: Step::of(&query.expr),
        }
    }
}

impl Step {
    fn of(expr: &Expr) -> Self {
        match expr {
            Expr::All => Self::All,
            Expr::And(parts) => {
                let mut steps = Self::each(parts);
                // Those that rule out most at the least cost come first.
                steps.sort_by_key(Self::cost);
                Self::And(steps)
            }
            Expr::Or(parts) => Self::Or(Self::each(parts)),
            Expr::Not(part) => Self::Not(Box::new(Self::of(part))),
            Expr::Time(range) => Self::Time(*range),
            Expr::Exists(field) => Self::Exists(Fields::of(field)),
            Expr::Is(field, test) => {
                let probe = Probe {
                    test: ValueTest::new(test),
                    equals: match test {
                        Test::Equals(value) => Some(Equals::of(value)),
                        _ => None,
                    },
                };
                Self::Is(Fields::of(field), Box::new(probe))
            }
            Expr::Text(patterns) => {
                let whole = patterns.iter().filter_map(Pattern::as_text);
                Self::Words(whole.map(|word| hash(word.as_bytes())).collect())
            }
        }
    }

    fn each(parts: &[Expr]) -> Vec<Self> {
        parts.iter().map(Self::of).collect()
    }

    fn cost(&self) -> u8 {
        match self {
            Self::All | Self::Time(_) => 0,
            Self::Is(fields, probe) if !fields.unknown && probe.equals.is_some() => 1,
            Self::Is(fields, _) | Self::Exists(fields) if !fields.unknown => 2,
            Self::And(parts) | Self::Or(parts) => parts.iter().map(Self::cost).max().unwrap_or(0),
            Self::Not(part) => part.cost(),
            Self::Is(..) | Self::Exists(_) | Self::Words(_) => 3,
        }
    }
}

impl Fields {
    pub(super) fn of(field: &Field) -> Self {
        let mut fields = Self::default();
        for path in &field.paths {
            match field_of(path) {
                Some(column) if column < COLUMNS.len() => fields.columns.push(column),
                Some(ID) => fields.id = true,
                Some(marked) => fields.marked.push(marked),
                None => fields.unknown = true,
            }
        }
        fields
    }
}

impl Equals {
    fn of(value: &str) -> Self {
        Self {
            ascii: value.is_ascii().then(|| value.to_owned()),
            pairs: (0..COLUMNS.len())
                .map(|column| pair(&folded(column), value))
                .collect(),
            id_pair: pair(&folded(ID), value),
            words: words(value)
                .map(|word| hash(word.text.as_bytes()))
                .collect(),
        }
    }
}

//! The columns of a CSV export, and which of them a user wants.

use std::str::FromStr;

use super::{COLUMNS, Column};

/// The first column's name: its cells are computed.
pub(super) const TIME: &str = "time";
/// The last column's name: its cells are the stored lines.
pub(super) const EVENT: &str = "event";

/// A column of an export.
#[derive(Debug, Clone, Copy)]
pub(super) enum Chosen {
    Time,
    Member(&'static Column),
    Event,
}

impl Chosen {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Time => TIME,
            Self::Member(Column(name, _)) => name,
            Self::Event => EVENT,
        }
    }
}

/// The columns of a CSV export, in their order. By default, all of them.
///
/// Invariant: there is at least one, and none occurs twice.
#[derive(Debug, Clone)]
pub struct Columns(Vec<Chosen>);

/// A text is no list of columns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseColumnsError {
    /// No column has this name.
    #[error("there is no column \"{0}\"; the columns are {names}", names = names().join(", "))]
    Unknown(String),
    /// The list names a column twice.
    #[error("the column {0} is named twice")]
    Twice(&'static str),
}

impl Columns {
    pub(super) fn iter(&self) -> impl Iterator<Item = Chosen> + '_ {
        self.0.iter().copied()
    }
}

impl Default for Columns {
    fn default() -> Self {
        Self(all().collect())
    }
}

impl FromStr for Columns {
    type Err = ParseColumnsError;

    fn from_str(list: &str) -> Result<Self, ParseColumnsError> {
        let mut columns: Vec<Chosen> = Vec::new();
        for name in list.split(',') {
            let found = all().find(|column| column.name() == name);
            let column = found.ok_or_else(|| ParseColumnsError::Unknown(name.to_owned()))?;
            if columns.iter().any(|before| before.name() == name) {
                return Err(ParseColumnsError::Twice(column.name()));
            }
            columns.push(column);
        }
        Ok(Self(columns))
    }
}

fn all() -> impl Iterator<Item = Chosen> {
    let members = COLUMNS.iter().map(Chosen::Member);
    std::iter::once(Chosen::Time)
        .chain(members)
        .chain([Chosen::Event])
}

fn names() -> Vec<&'static str> {
    all().map(Chosen::name).collect()
}

//! The table of formats.

use std::ops::Deref;
use std::sync::{LazyLock, OnceLock};

use super::search::Search;
use super::{Format, NameSet, cadf, kong, mapped, oslo};

/// Every embedded format. [`SourceKind::Auto`](crate::SourceKind::Auto) reads an object as the first one when no other
/// row recognises it. Of two rows that recognise the same object, the upper one wins; the last row is for anything.
pub static FORMATS: LazyLock<Table> = LazyLock::new(|| {
    let rows = [cadf::FORMAT, kong::FORMAT, oslo::FORMAT];
    Table::new(rows.into_iter().chain(mapped::embedded()).collect())
});

/// A table of formats, with at least one row.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Format>,
    /// For each row, the names by which [`Search`] finds candidates.
    search: OnceLock<(Search, Vec<RowNames>)>,
}

/// The names that a row searches.
#[derive(Debug)]
pub(crate) struct RowNames {
    /// An object without any of these is not recognised by the row.
    pub(crate) telling: NameSet,
    /// The member of each of its wrappings.
    pub(crate) members: Vec<NameSet>,
}

impl Table {
    /// Creates a table.
    pub(crate) const fn new(rows: Vec<Format>) -> Self {
        Self {
            rows,
            search: OnceLock::new(),
        }
    }

    /// Returns a copy of a table with other rows before its last one, or the position of the first of these that has a
    /// name of another row.
    pub(crate) fn with(&self, rows: Vec<Format>) -> Result<Self, usize> {
        let mut all = self.rows.clone();
        let last = all.pop();
        for (index, row) in rows.into_iter().enumerate() {
            let names = |row: &Format| [&[row.name], row.aliases].concat();
            let is_taken = |name: &&str| {
                let mut rows = all.iter().chain(&last);
                *name == "auto" || rows.any(|known| names(known).contains(name))
            };
            if names(&row).iter().any(is_taken) {
                return Err(index);
            }
            all.push(row);
        }
        all.extend(last);
        Ok(Self::new(all))
    }

    /// Returns the row for anything.
    pub(crate) fn generic(&self) -> &Format {
        &self.rows[self.rows.len() - 1]
    }

    /// Returns the search for names, and the names of each row.
    pub(crate) fn search(&self) -> &(Search, Vec<RowNames>) {
        self.search.get_or_init(|| {
            let mut names = Vec::new();
            let mut set = |name: &[u8]| {
                let known = names.iter().position(|known: &Vec<u8>| *known == name);
                let at = known.unwrap_or_else(|| {
                    names.push(name.to_vec());
                    names.len() - 1
                });
                NameSet::of(at)
            };
            let rows = self.rows.iter().map(|row| {
                let mut telling = NameSet::default();
                if let Some(object) = row.object {
                    telling = telling | set(object.telling.in_quotes());
                }
                for name in row
                    .mapping()
                    .into_iter()
                    .flat_map(|mapping| mapping.telling())
                {
                    telling = telling | set(format!("\"{name}\"").as_bytes());
                }
                let members = row.wrappings.iter().map(|row| set(row.member.in_quotes()));
                RowNames {
                    telling,
                    members: members.collect(),
                }
            });
            let rows = rows.collect();
            (Search::new(names), rows)
        })
    }
}

impl Deref for Table {
    type Target = [Format];

    fn deref(&self) -> &[Format] {
        &self.rows
    }
}

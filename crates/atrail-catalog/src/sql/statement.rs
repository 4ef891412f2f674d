//! Statements that are put together: as many parameters as there are rows or ids.

use sqlx::AssertSqlSafe;
use sqlx::SqlSafeStr;

use super::query::Query;
use super::value::{Bind, Value};

/// A statement in the making. Its text consists of constants alone; data goes into parameters.
#[derive(Debug)]
pub(crate) struct Statement {
    sql: String,
    values: Vec<Value>,
}

impl Statement {
    /// Begins with this text.
    pub(crate) fn new(sql: &'static str) -> Self {
        Self {
            sql: sql.to_owned(),
            values: Vec::new(),
        }
    }

    /// Appends text.
    pub(crate) fn push(&mut self, sql: &'static str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Appends a parameter with this value.
    pub(crate) fn push_bind(&mut self, value: impl Bind) -> &mut Self {
        self.sql.push('?');
        self.values.push(value.value());
        self
    }

    /// Appends `VALUES` with a row for each item.
    pub(crate) fn push_values<I: IntoIterator>(
        &mut self,
        items: I,
        mut row: impl FnMut(Separated<'_>, I::Item),
    ) -> &mut Self {
        self.push("VALUES ");
        for (n, item) in items.into_iter().enumerate() {
            self.push(if n == 0 { "(" } else { ", (" });
            row(self.separated(", "), item);
            self.push(")");
        }
        self
    }

    /// Appends a list, with this text between its members.
    pub(crate) const fn separated(&mut self, separator: &'static str) -> Separated<'_> {
        Separated {
            statement: self,
            separator,
            is_begun: false,
        }
    }

    /// Returns the finished statement.
    pub(crate) fn build(self) -> Query {
        Query::of(AssertSqlSafe(self.sql).into_sql_str(), self.values)
    }
}

/// A list within a [`Statement`].
#[derive(Debug)]
pub(crate) struct Separated<'s> {
    statement: &'s mut Statement,
    separator: &'static str,
    is_begun: bool,
}

impl Separated<'_> {
    /// Appends a parameter with this value.
    pub(crate) fn push_bind(&mut self, value: impl Bind) -> &mut Self {
        self.separate();
        self.statement.push_bind(value);
        self
    }

    fn separate(&mut self) {
        if self.is_begun {
            self.statement.push(self.separator);
        }
        self.is_begun = true;
    }
}

//! Rows, and the values in them.

use sqlx::Row as _;
#[cfg(feature = "cluster")]
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use super::Error;
#[cfg(feature = "cluster")]
use super::postgres::integer::FromPostgres;

/// A row of a query's result.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    #[cfg(feature = "cluster")]
    Postgres(PgRow),
}

/// A value that a column can hold.
pub(crate) trait Decode: Sized {
    /// Returns a column's value.
    fn of_name(row: &Row, column: &str) -> Result<Self, Error>;
    /// Returns the value of the column at this place, from 0.
    fn of_place(row: &Row, place: usize) -> Result<Self, Error>;
}

macro_rules! decode {
    ($($kind:ty),+) => {$(
        impl Decode for $kind {
            fn of_name(row: &Row, column: &str) -> Result<Self, Error> {
                match row {
                    Row::Sqlite(row) => row.try_get(column),
                    #[cfg(feature = "cluster")]
                    Row::Postgres(row) => FromPostgres::get(row, column),
                }
            }
            fn of_place(row: &Row, place: usize) -> Result<Self, Error> {
                match row {
                    Row::Sqlite(row) => row.try_get(place),
                    #[cfg(feature = "cluster")]
                    Row::Postgres(row) => FromPostgres::get(row, place),
                }
            }
        }
    )+};
}
decode!(i64, bool, String, Vec<u8>);
decode!(Option<i64>, Option<bool>, Option<String>, Option<Vec<u8>>);

impl Row {
    /// Returns a column's value.
    ///
    /// # Errors
    /// When the row has no such column, or its value is of another type.
    pub(crate) fn try_get<T: Decode>(&self, column: &str) -> Result<T, Error> {
        T::of_name(self, column)
    }

    /// Returns the value of the column at this place, from 0.
    ///
    /// # Errors
    /// When the row has fewer columns, or the value is of another type.
    pub(crate) fn at<T: Decode>(&self, place: usize) -> Result<T, Error> {
        T::of_place(self, place)
    }
}

/// What a row can be read as: a tuple, column by column.
pub(crate) trait FromRow: Sized {
    fn from_row(row: &Row) -> Result<Self, Error>;
}

macro_rules! tuples {
    ($(($($kind:ident $place:tt),+))+) => {$(
        impl<$($kind: Decode),+> FromRow for ($($kind,)+) {
            fn from_row(row: &Row) -> Result<Self, Error> {
                Ok(($(row.at::<$kind>($place)?,)+))
            }
        }
    )+};
}
tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
}

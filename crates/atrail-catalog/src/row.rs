//! The format of ids and moments in the catalog: ids as 16 bytes, moments as nanoseconds since 1970-01-01 UTC.

use atrail_disk::Result;
use atrail_model::{AccountId, LoginId, OrganizationId, SpaceId, Timestamp, UserId};

use super::failure::failed_to;
use crate::sql::{self, Row};

/// Rows of one INSERT: far below SQLite's limit of 32,766 parameters.
pub(super) const ROWS_AT_ONCE: usize = 1000;

/// An id that the catalog can store.
pub(crate) trait Id: Sized {
    fn from_bytes(bytes: [u8; 16]) -> Self;
    fn bytes(&self) -> &[u8];
}

macro_rules! ids {
    ($($id:ty),*) => {$(
        impl Id for $id {
            fn from_bytes(bytes: [u8; 16]) -> Self {
                Self::from_bytes(bytes)
            }
            fn bytes(&self) -> &[u8] {
                self.as_bytes()
            }
        }
    )*};
}
ids!(AccountId, OrganizationId, SpaceId, UserId, LoginId);
ids!(
    atrail_model::SessionId,
    atrail_model::SegmentId,
    atrail_model::ObjectId,
    atrail_model::Incarnation,
    super::session::Generation
);

/// Typed access to a row's columns; a value of the wrong form is a database error.
pub(crate) trait Columns {
    fn id<T: Id>(&self, column: &str) -> Result<T>;
    fn optional_id<T: Id>(&self, column: &str) -> Result<Option<T>>;
    fn text(&self, column: &str) -> Result<String>;
    fn optional_text(&self, column: &str) -> Result<Option<String>>;
    fn integer(&self, column: &str) -> Result<i64>;
    fn unsigned(&self, column: &str) -> Result<u64>;
    fn moment(&self, column: &str) -> Result<Timestamp>;
    fn optional_moment(&self, column: &str) -> Result<Option<Timestamp>>;
    fn bytes(&self, column: &str) -> Result<Vec<u8>>;
    fn hash(&self, column: &str) -> Result<[u8; 32]>;
    fn optional_hash(&self, column: &str) -> Result<Option<[u8; 32]>>;
    fn optional_unsigned(&self, column: &str) -> Result<Option<u64>>;
}

impl Columns for Row {
    fn id<T: Id>(&self, column: &str) -> Result<T> {
        Ok(T::from_bytes(fixed(self, column)?))
    }

    fn optional_id<T: Id>(&self, column: &str) -> Result<Option<T>> {
        let value: Option<Vec<u8>> = self.try_get(column).map_err(failed_to("read a row"))?;
        if value.is_none() {
            Ok(None)
        } else {
            self.id(column).map(Some)
        }
    }

    fn text(&self, column: &str) -> Result<String> {
        self.try_get(column).map_err(failed_to("read a row"))
    }

    fn optional_text(&self, column: &str) -> Result<Option<String>> {
        self.try_get(column).map_err(failed_to("read a row"))
    }

    fn integer(&self, column: &str) -> Result<i64> {
        self.try_get(column).map_err(failed_to("read a row"))
    }

    fn unsigned(&self, column: &str) -> Result<u64> {
        let value = self.integer(column)?;
        u64::try_from(value).map_err(|error| malformed(column, error.into()))
    }

    fn moment(&self, column: &str) -> Result<Timestamp> {
        let nanoseconds = i128::from(self.integer(column)?);
        Timestamp::from_nanosecond(nanoseconds).map_err(|error| malformed(column, error.into()))
    }

    fn optional_moment(&self, column: &str) -> Result<Option<Timestamp>> {
        let value: Option<i64> = self.try_get(column).map_err(failed_to("read a row"))?;
        value.map(|_| self.moment(column)).transpose()
    }

    fn bytes(&self, column: &str) -> Result<Vec<u8>> {
        self.try_get(column).map_err(failed_to("read a row"))
    }

    fn hash(&self, column: &str) -> Result<[u8; 32]> {
        fixed(self, column)
    }

    fn optional_hash(&self, column: &str) -> Result<Option<[u8; 32]>> {
        let value: Option<Vec<u8>> = self.try_get(column).map_err(failed_to("read a row"))?;
        value.map(|_| self.hash(column)).transpose()
    }

    fn optional_unsigned(&self, column: &str) -> Result<Option<u64>> {
        let value: Option<i64> = self.try_get(column).map_err(failed_to("read a row"))?;
        value.map(|_| self.unsigned(column)).transpose()
    }
}

fn fixed<const N: usize>(row: &Row, column: &str) -> Result<[u8; N]> {
    let bytes = row.bytes(column)?;
    bytes.try_into().map_err(|wrong: Vec<u8>| {
        malformed(
            column,
            format!("{} bytes where {N} belong", wrong.len()).into(),
        )
    })
}

fn malformed(
    column: &str,
    source: Box<dyn std::error::Error + Send + Sync>,
) -> atrail_disk::StoreError {
    failed_to("read a row")(sql::Error::ColumnDecode {
        index: column.to_owned(),
        source,
    })
}

/// Returns a moment in the catalog's format. Moments before the year 1677 and after 2262 do not occur in it.
pub(crate) fn nanoseconds(moment: Timestamp) -> i64 {
    let nanoseconds = moment.as_nanosecond();
    i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX })
}

/// Returns a count in the catalog's format.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).expect("no count of events or bytes comes near 2^63")
}

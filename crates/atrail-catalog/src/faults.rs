//! Lets tests inspect a catalog, and make it fail.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use atrail_disk::Result;
use parking_lot::Mutex;

use super::Catalog;
use super::failure::failed_to;
use super::view::Write;
use crate::sql;

/// The faults that a test planted.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Operations that succeed and are then reported as failed, once each.
    misreported: Mutex<Vec<&'static str>>,
    /// The promise that every transaction breaks.
    #[cfg(test)]
    pub(super) flaw: Mutex<Option<super::testing::Flaw>>,
}

impl Catalog {
    /// Runs statements in a transaction.
    pub async fn run(&self, sql: &'static str) {
        let mut write = self.write("run what a test wants").await.unwrap();
        write.run(sql).await;
        write.commit().await.unwrap();
    }

    /// Returns the number that a query yields.
    pub async fn number(&self, sql: &'static str) -> i64 {
        let row = sql::query_as(sql).fetch_one(self.readers()).await;
        let (number,): (i64,) = row.unwrap();
        number
    }

    /// Reports the next operation of this name as failed, although it is done.
    pub fn misreport(&self, what: &'static str) {
        self.faults.misreported.lock().push(what);
    }

    /// Fails if a test wants this operation reported as failed.
    pub(crate) fn told_of(&self, what: &'static str) -> Result<()> {
        let mut misreported = self.faults.misreported.lock();
        let Some(at) = misreported.iter().position(|one| *one == what) else {
            return Ok(());
        };
        misreported.remove(at);
        Err(failed_to(what)(sql::Error::PoolTimedOut))
    }
}

impl Write {
    /// Runs statements in this transaction.
    pub async fn run(&mut self, sql: &'static str) {
        sql::raw(sql).execute(&mut *self.0).await.unwrap();
    }
}

//! The number up to which each domain is sealed, in each log.
//!
//! A seal records the watermarks of its own domains in its own log, in the transaction that has the segments. So it
//! depends on neither other domains nor other logs.

use std::collections::HashMap;

use atrail_disk::Result;
use atrail_model::Domain;
use atrail_wal::LogNumber;

use super::Catalog;
use super::domains::domain_row;
use super::failure::failed_to;
use super::row::{Columns, ROWS_AT_ONCE, signed};
use crate::sql::{self, Connection, Statement};

impl Catalog {
    /// Returns the sequence number of a log up to which each domain's events are sealed. A domain that is missing has
    /// no sealed event in this log.
    pub async fn sealed_to(&self, log: LogNumber) -> Result<HashMap<Domain, u64>> {
        let rows = sql::query(concat!(
            "SELECT d.domain, d.account, d.space, w.sequence FROM watermarks w ",
            "JOIN domains d ON d.domain = w.domain WHERE w.log = ?"
        ))
        .bind(log.0)
        .fetch_all(self.readers())
        .await
        .map_err(failed_to("read what is sealed"))?;
        rows.iter()
            .map(|row| Ok((domain_row(row)?.domain, row.unsigned("sequence")?)))
            .collect()
    }
}

/// Records the numbers up to which these domains are sealed in a log. A watermark never decreases.
pub(super) async fn record(
    connection: &mut Connection,
    log: LogNumber,
    sealed_to: &[(i64, u64)],
) -> Result<()> {
    for chunk in sealed_to.chunks(ROWS_AT_ONCE) {
        let mut query = Statement::new("INSERT INTO watermarks (log, domain, sequence) ");
        query.push_values(chunk, |mut row, (domain, sequence)| {
            row.push_bind(log.0)
                .push_bind(*domain)
                .push_bind(signed(*sequence));
        });
        query.push(concat!(
            " ON CONFLICT (log, domain) DO UPDATE SET sequence = excluded.sequence",
            " WHERE excluded.sequence > watermarks.sequence"
        ));
        query
            .build()
            .execute(&mut *connection)
            .await
            .map_err(failed_to("record what is sealed"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use atrail_model::AccountId;

    use super::*;

    #[tokio::test]
    async fn each_domain_has_a_watermark_of_its_own_in_each_log() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("catalog.sqlite");
        let catalog = Catalog::open(&file, String::new()).await.expect("opens");
        let now = "2017-07-25T10:00:00Z".parse().expect("a time");
        let tenancy = crate::Tenancy::new(catalog.clone());
        let mut domains: Vec<(i64, Domain)> = Vec::new();
        for name in ["a", "b"] {
            let account: AccountId = tenancy.create_account(name, now).await.expect("made").id;
            let rows = catalog.domain_rows().await.expect("read");
            let row = rows[&Domain::Account(account)];
            domains.push((row.number, row.domain));
        }
        let [(first, one), (second, two)] = domains[..] else {
            unreachable!("two were made");
        };
        let other = LogNumber(2);
        for (log, marks) in [
            (LogNumber::OF_DIRECTORY, vec![(first, 7), (second, 3)]),
            (other, vec![(first, 100)]),
            (LogNumber::OF_DIRECTORY, vec![(second, 9)]),
            // A late record decreases none.
            (LogNumber::OF_DIRECTORY, vec![(first, 5)]),
        ] {
            let mut tx = catalog.begin("record").await.expect("begins");
            record(&mut tx, log, &marks).await.expect("recorded");
            tx.commit().await.expect("commits");
        }
        let of = async |log| catalog.sealed_to(log).await.expect("read");
        let own = HashMap::from([(one, 7), (two, 9)]);
        assert_eq!(of(LogNumber::OF_DIRECTORY).await, own);
        assert_eq!(of(other).await, HashMap::from([(one, 100)]));
        assert!(of(LogNumber(3)).await.is_empty());
    }
}

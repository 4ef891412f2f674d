//! The number up to which each domain is sealed, in each log.
//!
//! A seal records the watermarks of its own domains in its own log, in the transaction that has the segments. So it
//! depends on neither other domains nor other logs.

use std::collections::HashMap;

use atrail_disk::{Result, StoreError};
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

/// How far a seal advances a domain's watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    /// The domain's number.
    pub domain: i64,
    /// The watermark that the seal continues.
    pub after: u64,
    /// The watermark from then on.
    pub to: u64,
}

/// Records the numbers up to which these domains are sealed in a log, each once.
///
/// # Errors
/// `Conflict` when another seal has advanced the watermark of one of them: then its events are sealed already.
pub(super) async fn advance(
    connection: &mut Connection,
    log: LogNumber,
    sealed: &[Advance],
) -> Result<()> {
    for chunk in sealed.chunks(ROWS_AT_ONCE) {
        let numbers: Vec<_> = chunk.iter().map(|one| one.domain.to_string()).collect();
        let rows: Vec<(i64, i64)> = sql::query_as(concat!(
            "SELECT w.domain, w.sequence FROM json_each(?1) j ",
            "CROSS JOIN watermarks w ON w.domain = j.value WHERE w.log = ?2"
        ))
        .bind(format!("[{}]", numbers.join(",")))
        .bind(log.0)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed_to("read what is sealed"))?;
        let known: HashMap<_, _> = rows.into_iter().collect();
        let is_next =
            |one: &Advance| known.get(&one.domain).copied().unwrap_or(0) == signed(one.after);
        if !chunk.iter().all(is_next) {
            return Err(StoreError::Conflict(
                "another server has sealed these events meanwhile".to_owned(),
            ));
        }
        let mut query = Statement::new("INSERT INTO watermarks (log, domain, sequence) ");
        query.push_values(chunk, |mut row, one| {
            row.push_bind(log.0)
                .push_bind(one.domain)
                .push_bind(signed(one.to));
        });
        query.push(" ON CONFLICT (log, domain) DO UPDATE SET sequence = excluded.sequence");
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
            (LogNumber::OF_DIRECTORY, vec![(first, 0, 7), (second, 0, 3)]),
            (other, vec![(first, 0, 100)]),
            (LogNumber::OF_DIRECTORY, vec![(second, 3, 9)]),
            // Seals that do not continue the last one.
            (LogNumber::OF_DIRECTORY, vec![(first, 0, 8)]),
            (
                LogNumber::OF_DIRECTORY,
                vec![(second, 9, 10), (first, 3, 8)],
            ),
            (LogNumber(3), vec![(first, 100, 101)]),
        ] {
            let mut tx = catalog.begin("record").await.expect("begins");
            let is_next = marks.iter().all(|(_, after, _)| [0, 3].contains(after))
                && !marks.contains(&(first, 0, 8));
            let marks = marks.into_iter();
            let marks = marks.map(|(domain, after, to)| Advance { domain, after, to });
            let marks: Vec<_> = marks.collect();
            let recorded = advance(&mut tx, log, &marks).await;
            assert_eq!(recorded.is_ok(), is_next, "{marks:?}");
            if is_next {
                tx.commit().await.expect("commits");
            }
        }
        let of = async |log| catalog.sealed_to(log).await.expect("read");
        let own = HashMap::from([(one, 7), (two, 9)]);
        assert_eq!(of(LogNumber::OF_DIRECTORY).await, own);
        assert_eq!(of(other).await, HashMap::from([(one, 100)]));
        assert!(of(LogNumber(3)).await.is_empty());
    }
}

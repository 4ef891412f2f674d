//! Retention in the catalog.

use atrail_model::{Retention, Target};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::archive::{domain_row, guid_of};
use super::{Catalog, failed_to};
use crate::error::{Result, StoreError};
use crate::retention::DomainRetention;

impl Catalog {
    /// What holds for the target's domains, in download order. Unknown targets have none.
    pub(crate) async fn retention(&self, target: Target) -> Result<Vec<DomainRetention>> {
        let what = "read retention";
        let mut connection = self.readers().acquire().await.map_err(failed_to(what))?;
        list(&mut connection, target, what).await
    }

    /// Sets it for all of the target's domains at once, and returns what holds then.
    pub(crate) async fn set_retention(
        &self,
        target: Target,
        retention: Retention,
    ) -> Result<Vec<DomainRetention>> {
        let what = "set retention";
        let mut tx = self.begin(what).await?;
        let set = match (retention, target) {
            (Retention::Days(days), Target::Space(_)) => sqlx::query(concat!(
                "INSERT INTO retention (days, domain) SELECT ?, domain FROM domains WHERE space = ? ",
                "ON CONFLICT (domain) DO UPDATE SET days = excluded.days"
            ))
            .bind(days.get()),
            (Retention::Days(days), Target::Account(_)) => sqlx::query(concat!(
                "INSERT INTO retention (days, domain) SELECT ?, domain FROM domains WHERE account = ? ",
                "ON CONFLICT (domain) DO UPDATE SET days = excluded.days"
            ))
            .bind(days.get()),
            (Retention::Forever, Target::Space(_)) => sqlx::query(
                "DELETE FROM retention WHERE domain IN (SELECT domain FROM domains WHERE space = ?)",
            ),
            (Retention::Forever, Target::Account(_)) => sqlx::query(
                "DELETE FROM retention WHERE domain IN (SELECT domain FROM domains WHERE account = ?)",
            ),
        };
        set.bind(guid_of(target))
            .execute(&mut *tx)
            .await
            .map_err(failed_to(what))?;
        let rows = list(&mut tx, target, what).await?;
        self.commit(tx, what).await?;
        Ok(rows)
    }
}

async fn list(
    connection: &mut SqliteConnection,
    target: Target,
    what: &'static str,
) -> Result<Vec<DomainRetention>> {
    let sql = match target {
        Target::Space(_) => concat!(
            "SELECT d.domain, d.account, d.space, r.days FROM domains d ",
            "LEFT JOIN retention r ON r.domain = d.domain WHERE d.space = ?"
        ),
        Target::Account(_) => concat!(
            "SELECT d.domain, d.account, d.space, r.days FROM domains d ",
            "LEFT JOIN retention r ON r.domain = d.domain WHERE d.account = ? ",
            "ORDER BY d.space IS NOT NULL, d.domain"
        ),
    };
    let rows = sqlx::query(sql)
        .bind(guid_of(target))
        .fetch_all(connection)
        .await
        .map_err(failed_to(what))?;
    rows.iter().map(domain_retention).collect()
}

fn domain_retention(row: &SqliteRow) -> Result<DomainRetention> {
    let days: Option<i64> = row.try_get("days").map_err(failed_to("read a row"))?;
    let retention = days.map_or(Ok(Retention::Forever), Retention::try_from);
    Ok(DomainRetention {
        domain: domain_row(row)?.domain,
        retention: retention.map_err(|error| StoreError::Damaged {
            what: "the catalog".to_owned(),
            why: error.to_string(),
        })?,
    })
}

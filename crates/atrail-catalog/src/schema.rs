//! The catalog's tables, and the upgrade of an older catalog.

use atrail_disk::{Result, StoreError};

use super::failure::failed_to;
use crate::sql::{self, Pool};

#[cfg(feature = "cluster")]
pub(crate) mod postgres;

/// The steps in the order in which they were added. A released step never changes; a change is a new step.
const STEPS: &[&str] = &[
    include_str!("schema/0001_tenancy.sql"),
    include_str!("schema/0002_identity.sql"),
    include_str!("schema/0003_archive.sql"),
    include_str!("schema/0004_sessions.sql"),
    include_str!("schema/0005_retention.sql"),
    include_str!("schema/0006_compaction.sql"),
    include_str!("schema/0007_identity.sql"),
    include_str!("schema/0008_evidence.sql"),
    include_str!("schema/0009_account_hours.sql"),
    include_str!("schema/0010_contents_of_objects.sql"),
    include_str!("schema/0011_set_apart.sql"),
    include_str!("schema/0012_readings.sql"),
    include_str!("schema/0013_invitations.sql"),
    include_str!("schema/0014_clock.sql"),
    include_str!("schema/0015_session_texts.sql"),
    include_str!("schema/0016_inviters.sql"),
    include_str!("schema/0017_places.sql"),
    include_str!("schema/0018_watermarks.sql"),
    include_str!("schema/0019_removed_ranges.sql"),
    include_str!("schema/0020_keys.sql"),
    include_str!("schema/0021_index_files.sql"),
    include_str!("schema/0022_ingest_keys.sql"),
    include_str!("schema/0023_browser_logins.sql"),
    include_str!("schema/0024_arrivals.sql"),
    include_str!("schema/0025_proven_logins.sql"),
    include_str!("schema/0026_accounts_of_arrivals.sql"),
    include_str!("schema/0027_keys_by_organization.sql"),
    include_str!("schema/0028_shared_log.sql"),
];

/// Checks that a catalog that must not be changed is at the last step.
pub(super) async fn check(pool: &Pool) -> Result<()> {
    let done = done(pool).await?;
    if done < STEPS.len() {
        return Err(StoreError::Conflict(format!(
            "the catalog was made by an earlier version of atrail (schema {done}, this one knows {}): start the \
             server of this version once, which brings it up to date",
            STEPS.len()
        )));
    }
    Ok(())
}

/// Returns how many steps were done.
async fn done(pool: &Pool) -> Result<usize> {
    let (done,): (i64,) = sql::query_as("SELECT COALESCE(MAX(step), 0) FROM schema_steps")
        .fetch_one(pool)
        .await
        .map_err(failed_to("read its schema version"))?;
    let done = usize::try_from(done).unwrap_or(usize::MAX);
    if done > STEPS.len() {
        return Err(made_later(done));
    }
    Ok(done)
}

/// Refuses a catalog with this many steps.
fn made_later(done: usize) -> StoreError {
    StoreError::Conflict(format!(
        "the catalog was made by a later version of atrail (schema {done}, this one knows {}): run that version",
        STEPS.len()
    ))
}

/// Upgrades the catalog to the last step; each step is a transaction of its own.
pub(super) async fn apply(pool: &Pool) -> Result<()> {
    sql::raw("CREATE TABLE IF NOT EXISTS schema_steps (step INTEGER PRIMARY KEY)")
        .execute(pool)
        .await
        .map_err(failed_to("prepare its schema"))?;
    let done = done(pool).await?;
    for (step, sql) in (1_i64..).zip(STEPS).skip(done) {
        let mut tx = pool
            .begin_write()
            .await
            .map_err(failed_to("upgrade its schema"))?;
        sql::raw(*sql)
            .execute(&mut *tx)
            .await
            .map_err(failed_to("upgrade its schema"))?;
        sql::query("INSERT INTO schema_steps (step) VALUES (?)")
            .bind(step)
            .execute(&mut *tx)
            .await
            .map_err(failed_to("upgrade its schema"))?;
        tx.commit().await.map_err(failed_to("upgrade its schema"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {

    use super::*;

    /// Returns a catalog of a version that had this many steps.
    async fn made_by_version_of(steps: usize) -> Pool {
        let pool = sql::sqlite::in_memory().await;
        let table = "CREATE TABLE schema_steps (step INTEGER PRIMARY KEY)";
        sql::raw(table).execute(&pool).await.unwrap();
        for (step, sql) in (1_i64..).zip(STEPS).take(steps) {
            sql::raw(*sql).execute(&pool).await.unwrap();
            let done = sql::query("INSERT INTO schema_steps (step) VALUES (?)").bind(step);
            done.execute(&pool).await.unwrap();
        }
        pool
    }

    /// The roles and keys of an earlier version are known after the upgrade.
    #[tokio::test]
    async fn roles_and_keys_from_before_there_were_more_are_kept() {
        let pool = made_by_version_of(6).await;
        let old = "INSERT INTO accounts VALUES (x'0a', 'a', 0);
            INSERT INTO organizations VALUES (x'0b', x'0a', 'o', 0);
            INSERT INTO spaces VALUES (x'0c', x'0b', 's', 0);
            INSERT INTO users VALUES (x'01', 'ann', 'h', 1, 0);
            INSERT INTO owners VALUES (x'0a', x'01');
            INSERT INTO developers VALUES (x'0c', x'01');
            INSERT INTO api_keys VALUES ('k', x'01', 'key', x'02', 0);
            INSERT INTO logins VALUES (x'03', x'01', 'k', 0, 9);";
        sql::raw(old).execute(&pool).await.unwrap();
        apply(&pool).await.unwrap();
        let roles: Vec<(String,)> = sql::query_as(
            "SELECT hex(holder) || ' ' || role || ' of ' || hex(account) || ' (' || hex(space) || ') ' || claimed \
             FROM roles ORDER BY role",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        let roles: Vec<_> = roles.iter().map(|(text,)| text.as_str()).collect();
        assert_eq!(roles, ["01 developer of 0A (0C) 0", "01 owner of 0A () 0"]);
        let key: (Option<String>, Option<i64>) =
            sql::query_as("SELECT scopes, expires FROM api_keys")
                .fetch_one(&pool)
                .await
                .unwrap();
        assert_eq!(key, (None, None), "good for everything and for ever");
    }

    /// The holder of a role still uses its account, and the key of a user of one account stays with that account.
    #[tokio::test]
    async fn roles_from_before_there_were_invitations_are_accepted() {
        let pool = made_by_version_of(10).await;
        let old = "INSERT INTO accounts (guid, name, created) VALUES (x'0a', 'a', 0), (x'0b', 'b', 0);
            INSERT INTO users VALUES (x'01', 'ann', 'h', 0, 0), (x'02', 'bob', 'h', 0, 0);
            INSERT INTO roles VALUES (x'01', 'owner', x'0a', NULL, 0), (x'02', 'auditor', x'0a', NULL, 0),
                (x'02', 'writer', x'0b', NULL, 0);
            INSERT INTO api_keys (key, holder, name, hash, created) VALUES ('k', x'01', 'k', x'', 0),
                ('l', x'02', 'l', x'', 0);";
        sql::raw(old).execute(&pool).await.unwrap();
        apply(&pool).await.unwrap();
        let rows = async |sql: &'static str| {
            let rows: Vec<(String,)> = sql::query_as(sql).fetch_all(&pool).await.unwrap();
            rows.into_iter().map(|(text,)| text).collect::<Vec<_>>()
        };
        let uses = "SELECT hex(holder) || ' ' || hex(account) FROM account_uses ORDER BY 1";
        assert_eq!(rows(uses).await, ["01 0A", "02 0A", "02 0B"]);
        let keys = "SELECT key || ' ' || hex(account) FROM api_keys ORDER BY 1";
        assert_eq!(rows(keys).await, ["k 0A", "l "]);
        assert!(rows("SELECT name FROM invitations").await.is_empty());
    }

    /// There was one log: an old catalog's watermarks belong to the log of its directory.
    #[tokio::test]
    async fn watermarks_from_before_there_were_several_logs_are_those_of_the_directory() {
        let pool = made_by_version_of(17).await;
        let old = "INSERT INTO accounts (guid, name, created) VALUES (x'0a', 'a', 0);
            INSERT INTO domains (domain, account, space) VALUES (1, x'0a', NULL), (2, x'0a', x'0b');
            INSERT INTO sealed_to (domain, sequence) VALUES (1, 70), (2, 8);";
        sql::raw(old).execute(&pool).await.unwrap();
        apply(&pool).await.unwrap();
        let rows: Vec<(i64, i64, i64)> =
            sql::query_as("SELECT log, domain, sequence FROM watermarks ORDER BY domain")
                .fetch_all(&pool)
                .await
                .unwrap();
        assert_eq!(rows, [(1, 1, 70), (1, 2, 8)]);
    }

    /// Requests with an old key have an id of their own, the key works where it did, and no account gets a second record
    /// of an old login.
    #[tokio::test]
    async fn keys_and_logins_from_before_keys_were_sent_with_requests_are_kept() {
        let pool = made_by_version_of(18).await;
        let old = "INSERT INTO accounts (guid, name, created) VALUES (x'0a', 'a', 0), (x'0b', 'b', 0);
            INSERT INTO users VALUES (x'01', 'ann', 'h', 0, 0), (x'02', 'bob', 'h', 0, 0);
            INSERT INTO roles VALUES (x'01', 'owner', x'0a', NULL, 0), (x'01', 'auditor', x'0b', NULL, 0),
                (x'02', 'auditor', x'0a', NULL, 0), (x'02', 'writer', x'0b', NULL, 0);
            INSERT INTO account_uses VALUES (x'01', x'0a');
            INSERT INTO api_keys (key, holder, name, hash, created, account) VALUES
                ('k', x'01', 'k', x'', 0, x'0a'), ('l', x'02', 'l', x'', 0, NULL);
            INSERT INTO logins (login, holder, api_key, created, expires) VALUES
                (x'11', x'01', NULL, 0, 9), (x'12', x'02', 'l', 0, 9);
            INSERT INTO sessions (session, owner, space, account, at_account_level, first_day, last_day, first_hour, last_hour,
                created, accessed, events, size_bytes, total_bytes, downloaded_bytes, manifest, etag) VALUES
                (x'21', x'01', NULL, x'0a', 0, 7, 7, 0, 23, 0, 0, 0, 0, 0, 0, x'', x''),
                (x'22', x'01', NULL, x'0a', 1, 7, 7, 0, 23, 0, 0, 0, 0, 0, 0, x'', x''),
                (x'23', x'01', x'0c', x'0a', 0, 7, 7, 0, 23, 0, 0, 0, 0, 0, 0, x'', x'');";
        sql::raw(old).execute(&pool).await.unwrap();
        apply(&pool).await.unwrap();
        let rows = async |sql: &'static str| {
            let rows: Vec<(String,)> = sql::query_as(sql).fetch_all(&pool).await.unwrap();
            rows.into_iter().map(|(text,)| text).collect::<Vec<_>>()
        };
        let keys = "SELECT key || ' ' || length(login) || ' ' || bound || ' ' || COALESCE(maker, 'none') \
            FROM api_keys ORDER BY key";
        assert_eq!(rows(keys).await, ["k 16 0 none", "l 16 0 none"]);
        assert_eq!(
            rows("SELECT DISTINCT hex(login) FROM api_keys").await.len(),
            2
        );
        let records = "SELECT hex(login) || ' ' || hex(account) FROM login_records ORDER BY 1";
        assert_eq!(rows(records).await, ["11 0A", "12 0A", "12 0B"]);
        let sessions = "SELECT hex(session) FROM sessions ORDER BY 1";
        assert_eq!(rows(sessions).await, ["22", "23"], "those with a target");
        let ended = sql::raw("DELETE FROM logins").execute(&pool).await;
        ended.unwrap();
        assert!(rows(records).await.is_empty());
    }

    /// A login from before browsers had any stays one of tokens, and takes its links with it.
    #[tokio::test]
    async fn logins_from_before_browsers_had_any_are_kept() {
        let pool = made_by_version_of(21).await;
        let old = "INSERT INTO users VALUES (x'01', 'ann', 'h', 0, 0);
            INSERT INTO logins (login, holder, created, expires) VALUES (x'11', x'01', 0, 9), (x'12', x'01', 0, 9);
            INSERT INTO refresh_tokens VALUES (x'21', x'11', 0, NULL);";
        sql::raw(old).execute(&pool).await.unwrap();
        apply(&pool).await.unwrap();
        let rows = async |sql: &'static str| {
            let rows: Vec<(String,)> = sql::query_as(sql).fetch_all(&pool).await.unwrap();
            rows.into_iter().map(|(text,)| text).collect::<Vec<_>>()
        };
        let logins = "SELECT hex(login) || ' ' || (cookie IS NULL) || ' ' || (cookie_ends IS NULL) FROM logins ORDER BY 1";
        assert_eq!(rows(logins).await, ["11 1 1", "12 1 1"]);
        let links = "INSERT INTO login_links VALUES (x'31', x'01', NULL, x'11', NULL, 9), (x'32', x'01', NULL, x'12', NULL, 9);
            UPDATE logins SET cookie = x'41' WHERE login = x'11';";
        sql::raw(links).execute(&pool).await.unwrap();
        let twice = sql::raw("UPDATE logins SET cookie = x'41' WHERE login = x'12'");
        twice.execute(&pool).await.unwrap_err();
        let ended = sql::raw("DELETE FROM logins WHERE login = x'11'");
        ended.execute(&pool).await.unwrap();
        assert_eq!(rows("SELECT hex(hash) FROM login_links").await, ["32"]);
    }

    /// A catalog of the version before knows no arrivals, and gets room for them.
    #[tokio::test]
    async fn arrivals_begin_with_none() {
        let pool = made_by_version_of(23).await;
        apply(&pool).await.unwrap();
        let insert = "INSERT INTO arrivals (request, time, age) VALUES (x'01', 5, 7)";
        sql::raw(insert).execute(&pool).await.unwrap();
        let rows: Vec<(i64, i64)> = sql::query_as("SELECT time, age FROM arrivals")
            .fetch_all(&pool)
            .await
            .unwrap();
        assert_eq!(rows, [(5, 7)]);
    }

    /// Of a login from before, a password or a key proves its user at its beginning, and a provider at no time.
    #[tokio::test]
    async fn logins_from_before_are_proven_but_by_providers() {
        let pool = made_by_version_of(24).await;
        let old = "INSERT INTO users VALUES (x'01', 'ann', 'h', 0, 0);
            INSERT INTO logins (login, holder, created, expires, ends) VALUES (x'11', x'01', 3, 9, NULL), (x'12', x'01', 4, 9, 9);";
        sql::raw(old).execute(&pool).await.unwrap();
        apply(&pool).await.unwrap();
        let logins = "SELECT hex(login) || ' ' || COALESCE(proven, 'never') || ' ' || (made_by IS NULL) FROM logins ORDER BY 1";
        let rows: Vec<(String,)> = sql::query_as(logins).fetch_all(&pool).await.unwrap();
        let rows: Vec<_> = rows.into_iter().map(|(text,)| text).collect();
        assert_eq!(rows, ["11 3 1", "12 never 1"]);
    }

    /// An arrival of the version before belongs to no account, and stays known.
    #[tokio::test]
    async fn arrivals_from_before_have_no_account() {
        let pool = made_by_version_of(25).await;
        let insert = "INSERT INTO arrivals (request, time, age) VALUES (x'01', 5, 7)";
        sql::raw(insert).execute(&pool).await.unwrap();
        apply(&pool).await.unwrap();
        let known = "SELECT COUNT(*) FROM arrivals WHERE time = 5 AND account IS NULL";
        let row: (i64,) = sql::query_as(known).fetch_one(&pool).await.unwrap();
        assert_eq!(row, (1,));
    }

    /// The row of an object summarizes its contents, even for an object of an earlier version.
    #[tokio::test]
    async fn objects_tell_what_their_segments_hold() {
        let pool = made_by_version_of(9).await;
        let old = "INSERT INTO accounts (guid, name, created) VALUES (x'0a', 'a', 0);
            INSERT INTO domains VALUES (1, x'0a', NULL);
            INSERT INTO objects (object, domain, day, hour, path, size_bytes, sha256) VALUES
                (x'01', 1, 7, 0, 'p', 99, x''), (x'02', 1, 7, 0, 'q', 99, x''), (x'03', 1, 7, 0, 'r', 99, x'');
            INSERT INTO segments (segment, object, position, count, size_bytes, root) VALUES
                (x'0011', x'01', 1, 2, 20, x''), (x'1200', x'01', 0, 3, 30, x''), (x'0013', x'02', 0, 4, 40, x'');";
        sql::raw(old).execute(&pool).await.unwrap();
        apply(&pool).await.unwrap();
        let rows: Vec<(i64, i64, Vec<u8>)> =
            sql::query_as("SELECT events, events_bytes, segments FROM objects ORDER BY object")
                .fetch_all(&pool)
                .await
                .unwrap();
        let in_order = vec![0x12, 0x00, 0x00, 0x11];
        let none = (0, 0, vec![]);
        assert_eq!(rows, [(5, 50, in_order), (4, 40, vec![0x00, 0x13]), none]);
    }

    /// Earlier objects of an hour stay in their order, and later ones follow them.
    #[tokio::test]
    async fn objects_from_before_they_had_places_keep_their_order() {
        let pool = made_by_version_of(16).await;
        let old = "INSERT INTO accounts (guid, name, created) VALUES (x'0a', 'a', 0);
            INSERT INTO domains (domain, account, space) VALUES (1, x'0a', NULL), (2, x'0a', x'0c'), (3, x'0a', x'0d');
            INSERT INTO objects (object, domain, day, hour, path, size_bytes, sha256) VALUES
                (x'03', 1, 7, 0, 'p', 99, x''), (x'01', 1, 7, 0, 'q', 99, x''), (x'02', 1, 6, 5, 'r', 99, x''),
                (x'04', 2, 7, 0, 's', 99, x''), (x'05', 1, 7, 0, 't', 99, x'');
            UPDATE objects SET retired = 5 WHERE object = x'05';";
        sql::raw(old).execute(&pool).await.unwrap();
        apply(&pool).await.unwrap();
        let rows = async |sql: &'static str| {
            let rows: Vec<(String,)> = sql::query_as(sql).fetch_all(&pool).await.unwrap();
            rows.into_iter().map(|(text,)| text).collect::<Vec<_>>()
        };
        let objects = "SELECT domain || ' ' || hex(object) || ' ' || place FROM objects ORDER BY domain, day, hour, place";
        let in_order = ["1 02 1", "1 01 2", "1 03 3", "1 05 4", "2 04 1"];
        assert_eq!(rows(objects).await, in_order);
        let domains = "SELECT domain || ' ' || places FROM domains ORDER BY domain";
        assert_eq!(rows(domains).await, ["1 4", "2 1", "3 0"]);
        let twice = "UPDATE objects SET place = 3 WHERE object = x'01'";
        let refused = sql::raw(twice).execute(&pool).await;
        refused.unwrap_err();
    }

    /// The hours of accounts equal those of their domains: in a catalog of an earlier version, and after every change.
    #[tokio::test]
    async fn hours_of_accounts_follow_those_of_their_domains() {
        let pool = made_by_version_of(8).await;
        let run = |sql: &'static str| sql::raw(sql).execute(&pool);
        run(
            "INSERT INTO accounts (guid, name, created) VALUES (x'0a', 'a', 0), (x'0b', 'b', 0);
            INSERT INTO domains VALUES (1, x'0a', NULL), (2, x'0a', x'0c'), (3, x'0b', NULL);
            INSERT INTO hour_totals VALUES (1, 7, 0, 10, 100), (2, 7, 0, 1, 5), (3, 7, 0, 4, 4);",
        )
        .await
        .unwrap();
        apply(&pool).await.unwrap();
        let hours = || async {
            let rows: Vec<(String,)> = sql::query_as(
                "SELECT hex(account) || ' ' || day || ' ' || hour || ': ' || count || ' ' || size_bytes \
                 FROM account_hours ORDER BY account, day, hour",
            )
            .fetch_all(&pool)
            .await
            .unwrap();
            rows.into_iter().map(|(text,)| text).collect::<Vec<_>>()
        };
        assert_eq!(hours().await, ["0A 7 0: 11 105", "0B 7 0: 4 4"]);
        run(
            "INSERT INTO hour_totals VALUES (1, 7, 0, 1, 1), (2, 7, 0, 2, 2), (2, 7, 1, 3, 3) \
             ON CONFLICT (domain, day, hour) DO UPDATE SET \
             count = count + excluded.count, size_bytes = size_bytes + excluded.size_bytes",
        )
        .await
        .unwrap();
        assert_eq!(
            hours().await,
            ["0A 7 0: 14 108", "0A 7 1: 3 3", "0B 7 0: 4 4"]
        );
        run("DELETE FROM hour_totals WHERE domain = 2")
            .await
            .unwrap();
        assert_eq!(hours().await, ["0A 7 0: 11 101", "0B 7 0: 4 4"]);
        run("DELETE FROM hour_totals").await.unwrap();
        assert!(hours().await.is_empty());
    }
}

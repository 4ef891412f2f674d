use std::collections::BTreeSet;

use super::tables::{COPIED, OF_THE_PLACE};
use super::*;
use crate::Catalog;
use crate::sql::{self, AssertSqlSafe, Pool};
use crate::testing::postgres::Database;

async fn names(pool: &Pool, text: &str) -> BTreeSet<String> {
    let rows = sql::query_as::<(String,)>(AssertSqlSafe(text.to_owned()));
    let rows = rows.fetch_all(pool).await.unwrap();
    rows.into_iter().map(|(name,)| name).collect()
}

async fn file(dir: &tempfile::TempDir, name: &str) -> Catalog {
    Catalog::open(&dir.path().join(name), "key".to_owned())
        .await
        .unwrap()
}

/// A table that is added to the schema is added to the list, too, or to what stays with its place.
#[tokio::test]
async fn the_list_has_every_table_that_both_databases_have() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = file(&dir, "catalog.sqlite").await;
    let there = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let there = names(catalog.readers(), there).await;
    let listed = COPIED.iter().map(|table| table.name.to_owned());
    let listed: BTreeSet<_> = listed.chain(OF_THE_PLACE.map(str::to_owned)).collect();
    assert_eq!(there, listed);
    assert_eq!(
        listed.len(),
        COPIED.len() + OF_THE_PLACE.len(),
        "none twice"
    );
    let Some(database) = Database::new().await else {
        return;
    };
    let other = database.catalog().await;
    // What PostgreSQL alone has is about nodes; a test of the schema names it.
    let theirs = "SELECT relname::TEXT FROM pg_class WHERE relnamespace = 'public'::REGNAMESPACE AND relkind = 'r'";
    let theirs = names(other.readers(), theirs).await;
    assert!(listed.is_subset(&theirs), "{theirs:?}");
    // No table comes before one that it refers to.
    let place = |name: &str| COPIED.iter().position(|table| table.name == name);
    let references = sql::query_as::<(String, String)>(
        "SELECT conrelid::REGCLASS::TEXT, confrelid::REGCLASS::TEXT FROM pg_constraint WHERE contype = 'f'",
    );
    let references = references.fetch_all(other.readers()).await.unwrap();
    assert!(references.len() > 30, "the control: {}", references.len());
    for (from, to) in references {
        let (Some(from), Some(to)) = (place(&from), place(&to)) else {
            continue;
        };
        let is_own = from == to && COPIED[from].own.is_some();
        assert!(
            to < from || is_own,
            "{:?} refers to {:?}",
            COPIED[from],
            COPIED[to]
        );
    }
    other.close().await;
}

/// Rows of every kind go there and back, and a row that was changed in between is noticed.
#[tokio::test]
async fn rows_go_there_and_back() {
    let Some(database) = Database::new().await else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (file(&dir, "here.sqlite").await, database.catalog().await);
    here.run(
        "INSERT INTO accounts (guid, name, created) VALUES (x'0a', 'a', 0), (x'0b', 'b''', -1);
         INSERT INTO domains (domain, account, space, places) VALUES (1, x'0a', NULL, 3), (7, x'0b', x'0c', 0);
         INSERT INTO hour_totals VALUES (1, 7, 0, 10, 100), (7, 7, 0, 4, 4);
         UPDATE account_hours SET count = 10 WHERE account = x'0a';
         INSERT INTO users VALUES (x'01', 'ann', 'h', 1, 0), (x'02', 'bob', '', 0, 9223372036854775807);
         INSERT INTO logins (login, holder, created, expires, made_by) VALUES
             (x'11', x'01', 0, 9, x'12'), (x'12', x'01', 0, 9, x'13'), (x'13', x'01', 0, 9, NULL);
         INSERT INTO watermarks VALUES (1, 1, 99);
         INSERT INTO index_home VALUES (1, 'mark');",
    )
    .await;
    let mut told = 0;
    let copied = here.copy_into(&there, &mut |_, rows| told += rows).await;
    let copied = copied.unwrap();
    assert_eq!((copied.rows(), told), (14, 14));
    assert_eq!(there.contents(&here).await.unwrap(), copied);
    assert_eq!(there.number("SELECT COUNT(*) FROM watermarks").await, 0);
    // Numbers go on after those that were copied.
    there
        .run("INSERT INTO domains (account, space) VALUES ('\\x0a', '\\x0d')")
        .await;
    assert_eq!(there.number("SELECT MAX(domain) FROM domains").await, 8);
    let differing = there.contents(&here).await.unwrap();
    assert_eq!(differing.differences(&copied), ["domains"]);
    // The same again replaces what is there.
    assert_eq!(
        here.copy_into(&there, &mut |_, _| ()).await.unwrap(),
        copied
    );
    assert_eq!(there.contents(&here).await.unwrap(), copied);
    let back = file(&dir, "back.sqlite").await;
    assert_eq!(
        there.copy_into(&back, &mut |_, _| ()).await.unwrap(),
        copied
    );
    assert_eq!(back.contents(&there).await.unwrap(), copied);
    back.run("UPDATE users SET operator = 0 WHERE name = 'ann'")
        .await;
    let differing = back.contents(&there).await.unwrap();
    assert_eq!(differing.differences(&copied), ["users"]);
    there.close().await;
}

#[test]
fn the_marks_of_a_catalog_are_read_as_they_are_written() {
    for usage in [
        Usage::Nodes,
        Usage::Filling("one".to_owned()),
        Usage::Moved {
            migration: "one".to_owned(),
            place: "/var/lib/a trail".to_owned(),
        },
    ] {
        assert_eq!(Usage::of(&usage.mark()), usage);
    }
    let directory = "9f1c6c0e-1b1a-4b51-8a46-54c1bb2b3a11";
    assert_eq!(Usage::of(directory), Usage::Directory);
}

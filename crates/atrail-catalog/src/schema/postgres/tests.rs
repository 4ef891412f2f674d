use std::collections::BTreeMap;

use super::*;
use crate::schema::{STEPS, apply as apply_to_sqlite};
use crate::sql::AssertSqlSafe;
use crate::sql::{self, Pool};
use crate::testing::postgres::Database;

/// What PostgreSQL alone has: its own place for the node, the number of a row, which SQLite has unasked, the tables of nodes
/// that share the catalog, and their log.
const OWN: [&str; 16] = [
    "catalog_home",
    "session_texts.rowid",
    "cluster_steps",
    "nodes",
    "removals",
    "erased_objects",
    "closing_domains",
    "claims",
    "sealed_secrets",
    "checkpoints",
    "checkpoint_objects",
    "epoch_demand",
    "dedup_runs",
    "sequencer",
    "batches",
    "signed_to",
];

/// Tables and views with their columns.
type Columns = BTreeMap<String, Vec<String>>;

#[test]
fn each_step_has_a_form_for_either() {
    assert_eq!(FIRST + LATER.len(), STEPS.len());
}

#[tokio::test]
async fn both_have_the_same_tables_and_columns() {
    let Some(database) = Database::new().await else {
        return;
    };
    let sqlite = sql::sqlite::in_memory().await;
    apply_to_sqlite(&sqlite).await.unwrap();
    let ours = columns(
        &sqlite,
        "SELECT m.name AS name, c.name AS part, c.\"notnull\" OR c.pk > 0 AS filled FROM sqlite_master m \
         JOIN pragma_table_info(m.name) c WHERE m.type IN ('table', 'view') ORDER BY 1, 2",
    );
    let catalog = database.catalog().await;
    let theirs = columns(
        catalog.readers(),
        "SELECT c.relname::TEXT AS name, a.attname::TEXT AS part, a.attnotnull AS filled FROM pg_class c \
         JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'public'::REGNAMESPACE \
         AND c.relkind IN ('r', 'v') AND a.attnum > 0 ORDER BY 1, 2",
    );
    let (ours, theirs) = (ours.await, theirs.await);
    for own in OWN.iter().filter(|own| !own.contains('.')) {
        let select = || sql::raw(AssertSqlSafe(format!("SELECT * FROM {own}")));
        let here = select().execute(catalog.readers()).await;
        assert!(here.is_ok(), "PostgreSQL has no table {own}");
        let there = select().execute(&sqlite).await;
        assert!(there.is_err(), "SQLite has a table {own}");
    }
    assert!(ours.len() > 30, "the control: {}", ours.len());
    assert_eq!(ours, theirs);
    catalog.close().await;
}

async fn columns(pool: &Pool, sql: &'static str) -> Columns {
    let rows: Vec<(String, String, bool)> = sql::query_as(sql).fetch_all(pool).await.unwrap();
    let mut all = Columns::new();
    for (table, column, is_filled) in rows {
        let name = format!("{table}.{column}");
        if OWN.contains(&table.as_str()) || OWN.contains(&name.as_str()) {
            continue;
        }
        let mark = if is_filled { "" } else { "?" };
        all.entry(table)
            .or_default()
            .push(format!("{column}{mark}"));
    }
    all
}

/// A catalog of a later version is refused, and one of this version stays as it is.
#[tokio::test]
async fn later_versions_are_refused() {
    let Some(database) = Database::new().await else {
        return;
    };
    let catalog = database.catalog().await;
    let count = "SELECT COUNT(*) FROM schema_steps";
    let steps = 1 + i64::try_from(LATER.len()).unwrap();
    assert_eq!(catalog.number(count).await, steps);
    catalog.close().await;
    let catalog = database.catalog().await;
    assert_eq!(catalog.number(count).await, steps);
    catalog
        .run("INSERT INTO schema_steps (step) VALUES (1000)")
        .await;
    catalog.close().await;
    let refused = database.open().await.unwrap_err().to_string();
    assert!(refused.contains("later version"), "{refused}");
}

//! Copies all rows of a catalog into another one, in one transaction, and compares them.

use atrail_disk::{Result, StoreError};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};

use super::tables::{COPIED, Table};
use crate::failure::failed_to;
use crate::row::Columns;
use crate::sql::{self, AssertSqlSafe, Bind, Connection, Pool, Row, Value};
use crate::{Catalog, sql::Error};

const COPY: &str = "copy the tables of another catalog";
const READ: &str = "read its tables";
/// Parameters of one INSERT: below SQLite's limit of 32,766.
const PARAMETERS: usize = 20_000;
/// Bytes of texts and bytes of one INSERT, unless one row has more.
const CHUNK_BYTES: usize = 4 << 20;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Truth,
    Text,
    Bytes,
}

/// A table with its columns, which both databases have.
#[derive(Debug)]
struct Layout {
    table: Table,
    columns: Vec<(String, Kind)>,
}

/// What a table holds: its rows, and a sum of their hashes, in which their order does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableSum {
    /// The number of rows.
    pub rows: u64,
    sum: [u64; 4],
}

/// What a catalog holds, table by table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents(Vec<(&'static str, TableSum)>);

impl Contents {
    /// Returns the number of rows of all tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.0.iter().map(|(_, sum)| sum.rows).sum()
    }

    /// Returns the number of tables.
    #[must_use]
    pub fn tables(&self) -> u64 {
        self.0.len() as u64
    }

    /// Returns the tables that differ, in order.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let pairs = self.0.iter().zip(&other.0);
        let differing = pairs.filter(|(one, other)| one != other);
        differing.map(|((table, _), _)| *table).collect()
    }
}

impl TableSum {
    fn add(&mut self, row: &[Value]) {
        let mut hasher = Sha256::new();
        let mut add = |tag: u8, bytes: &[u8]| {
            hasher.update([tag]);
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        };
        for value in row {
            match value {
                Value::Integer(Some(number)) => add(1, &number.to_be_bytes()),
                Value::Truth(Some(truth)) => add(2, &[u8::from(*truth)]),
                Value::Text(Some(text)) => add(3, text.as_bytes()),
                Value::Bytes(Some(bytes)) => add(4, bytes),
                _ => add(0, &[]),
            }
        }
        let hash = hasher.finalize();
        for (lane, part) in self.sum.iter_mut().zip(hash.chunks_exact(8)) {
            let part = part.try_into().map_or(0, u64::from_be_bytes);
            *lane = lane.wrapping_add(part);
        }
        self.rows += 1;
    }
}

impl Layout {
    fn names(&self) -> String {
        let names = self.columns.iter().map(|(name, _)| format!("\"{name}\""));
        names.collect::<Vec<_>>().join(", ")
    }

    fn select(&self) -> String {
        format!("SELECT {} FROM {}", self.names(), self.table.name)
    }

    fn insert(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns.len()].join(", "));
        format!(
            "INSERT INTO {} ({}) VALUES {}",
            self.table.name,
            self.names(),
            vec![row; rows].join(", ")
        )
    }

    fn values(&self, row: &Row) -> std::result::Result<Vec<Value>, Error> {
        let kinds = self.columns.iter().enumerate();
        let values = kinds.map(|(place, (_, kind))| {
            Ok(match kind {
                Kind::Integer => row.at::<Option<i64>>(place)?.value(),
                Kind::Truth => row.at::<Option<bool>>(place)?.value(),
                Kind::Text => row.at::<Option<String>>(place)?.value(),
                Kind::Bytes => row.at::<Option<Vec<u8>>>(place)?.value(),
            })
        });
        values.collect()
    }

    /// Returns the place of the column that is filled in later.
    fn later(&self) -> Option<usize> {
        let (own, _) = self.table.own?;
        self.columns.iter().position(|(name, _)| name == own)
    }
}

impl Catalog {
    /// Replaces all rows of another catalog by those of this one, in one transaction; `tell` learns of each table. Returns what
    /// was copied. Nobody may be writing to this one.
    ///
    /// # Errors
    /// When either fails: then the other one is as it was.
    pub async fn copy_into(
        &self,
        target: &Self,
        tell: &mut (dyn FnMut(&'static str, u64) + Send),
    ) -> Result<Contents> {
        let layouts = layouts(self.readers(), target.readers()).await?;
        let mut read = self.readers().begin_read().await.map_err(failed_to(READ))?;
        let mut tx = target.begin(COPY).await?;
        for layout in layouts.iter().rev() {
            empty(&mut tx, layout).await?;
        }
        let mut copied = Vec::with_capacity(layouts.len());
        for layout in &layouts {
            // Triggers may have filled it.
            empty(&mut tx, layout).await?;
            let sum = copy(&mut read, &mut tx, layout).await?;
            tell(layout.table.name, sum.rows);
            copied.push((layout.table.name, sum));
        }
        if !tx.is_sqlite() {
            go_on_numbering(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(Contents(copied))
    }

    /// Returns what this catalog holds of what another one has, too.
    ///
    /// # Errors
    /// When either fails.
    pub async fn contents(&self, other: &Self) -> Result<Contents> {
        let mut read = self.readers().begin_read().await.map_err(failed_to(READ))?;
        let mut contents = Vec::new();
        for layout in layouts(self.readers(), other.readers()).await? {
            let mut sum = TableSum::default();
            let mut rows = sql::query(AssertSqlSafe(layout.select())).fetch(&mut *read);
            while let Some(row) = rows.next().await {
                let values = row.and_then(|row| layout.values(&row));
                sum.add(&values.map_err(failed_to(READ))?);
            }
            contents.push((layout.table.name, sum));
        }
        Ok(Contents(contents))
    }
}

async fn empty(connection: &mut Connection, layout: &Layout) -> Result<()> {
    let delete = format!("DELETE FROM {}", layout.table.name);
    let deleted = sql::query(AssertSqlSafe(delete)).execute(connection).await;
    deleted.map(drop).map_err(failed_to(COPY))
}

async fn copy(read: &mut Connection, write: &mut Connection, layout: &Layout) -> Result<TableSum> {
    let mut sum = TableSum::default();
    let later = layout.later();
    let at_once = PARAMETERS / layout.columns.len().max(1);
    let (mut chunk, mut bytes) = (Vec::new(), 0);
    let mut rows = sql::query(AssertSqlSafe(layout.select())).fetch(&mut *read);
    while let Some(row) = rows.next().await {
        let values = row.and_then(|row| layout.values(&row));
        let mut values = values.map_err(failed_to(READ))?;
        sum.add(&values);
        if let Some(later) = later {
            values[later] = <Vec<u8>>::null();
        }
        bytes += values.iter().map(size_of_value).sum::<usize>();
        chunk.push(values);
        if chunk.len() == at_once || bytes >= CHUNK_BYTES {
            insert(write, layout, &mut chunk).await?;
            bytes = 0;
        }
    }
    drop(rows);
    insert(write, layout, &mut chunk).await?;
    fill_in(read, write, layout).await?;
    Ok(sum)
}

fn size_of_value(value: &Value) -> usize {
    match value {
        Value::Text(Some(text)) => text.len(),
        Value::Bytes(Some(bytes)) => bytes.len(),
        _ => 0,
    }
}

async fn insert(
    connection: &mut Connection,
    layout: &Layout,
    chunk: &mut Vec<Vec<Value>>,
) -> Result<()> {
    if chunk.is_empty() {
        return Ok(());
    }
    let text = layout.insert(chunk.len());
    let insert = sql::query(AssertSqlSafe(text)).bind_all(chunk.drain(..).flatten());
    let inserted = insert.execute(connection).await;
    inserted.map(drop).map_err(failed_to(COPY))
}

/// Fills in the column that refers to rows of the same table.
async fn fill_in(read: &mut Connection, write: &mut Connection, layout: &Layout) -> Result<()> {
    let (table, Some((own, key))) = (layout.table.name, layout.table.own) else {
        return Ok(());
    };
    let select = format!("SELECT {key}, {own} FROM {table} WHERE {own} IS NOT NULL");
    let rows = sql::query_as::<(Vec<u8>, Vec<u8>)>(AssertSqlSafe(select));
    for (key_bytes, own_bytes) in rows.fetch_all(read).await.map_err(failed_to(READ))? {
        let update = format!("UPDATE {table} SET {own} = ? WHERE {key} = ?");
        let update = sql::query(AssertSqlSafe(update));
        let update = update.bind(own_bytes).bind(key_bytes);
        update.execute(&mut *write).await.map_err(failed_to(COPY))?;
    }
    Ok(())
}

/// Has PostgreSQL number new rows after those that were copied. (SQLite does so by itself.)
async fn go_on_numbering(connection: &mut Connection) -> Result<()> {
    let numbered = sql::query(
        "SELECT table_name::TEXT AS name, column_name::TEXT AS part FROM information_schema.columns \
         WHERE table_schema = current_schema() AND is_identity = 'YES' AND identity_generation = 'BY DEFAULT'",
    );
    let numbered = numbered.fetch_all(&mut *connection).await;
    for row in numbered.map_err(failed_to(COPY))? {
        let (table, column) = (row.text("name")?, row.text("part")?);
        let set = format!(
            "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), COALESCE(MAX({column}), 0) + 1, FALSE) FROM {table}"
        );
        let set = sql::query(AssertSqlSafe(set)).fetch_all(&mut *connection);
        set.await.map_err(failed_to(COPY))?;
    }
    Ok(())
}

/// Returns the columns of the tables, of which one catalog is in SQLite and the other in PostgreSQL. PostgreSQL tells what
/// they hold, and SQLite which of them both have: PostgreSQL numbers the rows of some.
async fn layouts(one: &Pool, other: &Pool) -> Result<Vec<Layout>> {
    let (sqlite, postgres) = match (one.is_sqlite(), other.is_sqlite()) {
        (true, false) => (one, other),
        (false, true) => (other, one),
        _ => {
            return Err(StoreError::Invalid(
                "a catalog is moved between a file and PostgreSQL".to_owned(),
            ));
        }
    };
    let mut layouts = Vec::with_capacity(COPIED.len());
    for table in COPIED {
        let names =
            sql::query_as::<(String,)>("SELECT name FROM pragma_table_info(?) ORDER BY name");
        let names = names.bind(table.name).fetch_all(sqlite).await;
        let kinds = sql::query_as::<(String, String)>(
            "SELECT column_name::TEXT, data_type::TEXT FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = ?",
        );
        let kinds = kinds.bind(table.name).fetch_all(postgres).await;
        let kinds = kinds.map_err(failed_to(READ))?;
        let mut columns = Vec::new();
        for (name,) in names.map_err(failed_to(READ))? {
            let kind = kinds.iter().find(|(column, _)| *column == name);
            let kind = match kind.map(|(_, kind)| kind.as_str()) {
                Some("bigint") => Kind::Integer,
                Some("boolean") => Kind::Truth,
                Some("text") => Kind::Text,
                Some("bytea") => Kind::Bytes,
                found => {
                    return Err(StoreError::Damaged {
                        what: format!("the column {name} of {}", table.name),
                        why: format!("PostgreSQL has it as {found:?}"),
                    });
                }
            };
            columns.push((name, kind));
        }
        layouts.push(Layout { table, columns });
    }
    Ok(layouts)
}

//! The domain logs: appends entries, and reads the contents of receipts. `docs/EVIDENCE.md` has the format.
//!
//! An append is part of the transaction that does what the entry says, so a log records exactly what happened. It
//! compares and swaps the log's size: of two concurrent writers one is refused.

mod epoch;
mod layout;
mod listed;
mod part;
mod read;

use std::collections::{BTreeMap, BTreeSet};

use atrail_disk::Result;
use atrail_evidence::{
    ControlEntry, ControlState, DayEntry, Hash, Record, TreeHasher, days, leaf_hash,
};
use atrail_model::Day;

use super::failure::{failed_to, malformed};
use super::row::{Columns, signed};
use crate::sql::{self, Connection, Statement};

pub(super) use epoch::level;
pub use epoch::{Beginning, Epoch};
pub use layout::CONTROL;
use layout::{PART_LEVEL, days_of_part, part_of, tree};
pub use listed::{PLACES_AT_ONCE, Rare};
use part::Part;
pub use read::{Head, Placed};

/// An entry to append to a domain's log.
#[derive(Debug, Clone)]
pub(crate) enum NewEntry {
    /// To the list of this day. The log sets the position of a deletion.
    Day(Day, DayEntry),
    /// To the control list.
    Control(ControlEntry),
}

const WHAT: &str = "append to a domain's log";
/// Records of one INSERT.
const RECORDS_AT_ONCE: usize = 500;

/// A domain's log during an append.
#[derive(Debug)]
struct Log {
    id: i64,
    tree: TreeHasher,
    control: TreeHasher,
    days: Days,
}

/// The part of `days` that an append needs.
#[derive(Debug, Default)]
struct Days {
    /// The lists of all days of the affected parts.
    lists: BTreeMap<u32, TreeHasher>,
    /// The roots of all parts that have a day with entries.
    parts: BTreeMap<u32, Hash>,
    /// The affected parts with all their nodes.
    nodes: BTreeMap<u32, Part>,
    touched_days: BTreeSet<u32>,
    touched_parts: BTreeSet<u32>,
}

/// One record to insert into the catalog.
struct Row {
    position: u64,
    list: i64,
    place: u64,
    entry: String,
    record: String,
    nodes: Vec<u8>,
}

/// Appends entries, in this order, to the current log of a domain.
///
/// # Errors
/// `Damaged` when the domain has no log; when another writer appended meanwhile; when the catalog fails.
pub(super) async fn append(
    connection: &mut Connection,
    domain: i64,
    entries: Vec<NewEntry>,
) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut log = Log::load(connection, domain, &entries).await?;
    let size = log.tree.count();
    let rows: Vec<_> = entries
        .into_iter()
        .map(|entry| log.append(entry))
        .collect::<Result<_>>()?;
    log.store(connection, size, &rows).await
}

impl Log {
    async fn load(connection: &mut Connection, domain: i64, entries: &[NewEntry]) -> Result<Self> {
        let row = sql::query(
            "SELECT log, tree, control FROM logs WHERE domain = ? ORDER BY log DESC LIMIT 1",
        )
        .bind(domain)
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed_to(WHAT))?;
        let row = row.ok_or_else(|| malformed("a domain has no log"))?;
        let id = row.integer("log")?;
        let parts: BTreeSet<u32> = entries
            .iter()
            .filter_map(|entry| match entry {
                NewEntry::Day(day, _) => Some(part_of(day.number())),
                NewEntry::Control(_) => None,
            })
            .collect();
        Ok(Self {
            id,
            tree: tree(&row, "tree")?,
            control: tree(&row, "control")?,
            days: Days::load(connection, id, &parts).await?,
        })
    }

    fn append(&mut self, entry: NewEntry) -> Result<Row> {
        let (list, place, name, text) = match entry {
            NewEntry::Day(day, mut entry) => {
                let list = self.days.lists.entry(day.number()).or_default();
                let place = list.count();
                if let DayEntry::Delete(deletion) = &mut entry {
                    deletion.position = place;
                }
                let text = entry.to_text();
                list.push(leaf_hash(text.as_bytes()));
                self.days.update(day.number());
                (i64::from(day.number()), place, day.to_string(), text)
            }
            NewEntry::Control(entry) => {
                let (place, text) = (self.control.count(), entry.to_text());
                self.control.push(leaf_hash(text.as_bytes()));
                (CONTROL, place, "control".to_owned(), text)
            }
        };
        let position = self.tree.count();
        let record = Record {
            index: position,
            list: name,
            position: place,
            entry: leaf_hash(text.as_bytes()).into(),
            days: self.days.root(),
            control: ControlState {
                size: self.control.count(),
                root: self.control.root().into(),
            },
        }
        .to_text();
        let nodes = self.tree.push_completing(leaf_hash(record.as_bytes()));
        Ok(Row {
            position,
            list,
            place,
            entry: text,
            record,
            nodes: nodes.iter().flat_map(|hash| hash.0).collect(),
        })
    }

    async fn store(
        &self,
        connection: &mut Connection,
        size_before: u64,
        rows: &[Row],
    ) -> Result<()> {
        let swapped = sql::query(
            "UPDATE logs SET size = ?, tree = ?, control = ? WHERE log = ? AND size = ?",
        )
        .bind(signed(self.tree.count()))
        .bind(self.tree.to_bytes())
        .bind(self.control.to_bytes())
        .bind(self.id)
        .bind(signed(size_before))
        .execute(&mut *connection)
        .await
        .map_err(failed_to(WHAT))?;
        if swapped.rows_affected() != 1 {
            return Err(malformed("a domain's log is not of the size of its tree"));
        }
        for chunk in rows.chunks(RECORDS_AT_ONCE) {
            let mut query = Statement::new(
                "INSERT INTO log_records (log, position, list, place, entry, record, nodes) ",
            );
            query.push_values(chunk, |mut values, row| {
                values
                    .push_bind(self.id)
                    .push_bind(signed(row.position))
                    .push_bind(row.list)
                    .push_bind(signed(row.place))
                    .push_bind(&row.entry)
                    .push_bind(&row.record)
                    .push_bind(&row.nodes);
            });
            query
                .build()
                .execute(&mut *connection)
                .await
                .map_err(failed_to(WHAT))?;
        }
        self.days.store(connection, self.id).await
    }
}

impl Days {
    async fn load(connection: &mut Connection, log: i64, parts: &BTreeSet<u32>) -> Result<Self> {
        let mut days = Self {
            parts: read::parts(connection, log).await?,
            ..Self::default()
        };
        for part in parts {
            let (first, last) = days_of_part(*part);
            let lists = read::day_lists(connection, log, first, last).await?;
            let leaves = lists
                .iter()
                .map(|(day, list)| (day - first, days::leaf(list.count(), list.root())));
            days.nodes.insert(*part, Part::new(leaves));
            days.lists.extend(lists);
        }
        Ok(days)
    }

    fn update(&mut self, day: u32) {
        let part = part_of(day);
        let nodes = self
            .nodes
            .entry(part)
            .or_insert_with(|| Part::new(std::iter::empty()));
        if let Some(list) = self.lists.get(&day) {
            let (first, _) = days_of_part(part);
            nodes.set(day - first, days::leaf(list.count(), list.root()));
        }
        self.parts.insert(part, nodes.root());
        self.touched_days.insert(day);
        self.touched_parts.insert(part);
    }

    fn root(&self) -> Hash {
        let parts: Vec<_> = self
            .parts
            .iter()
            .map(|(part, root)| (*part, *root))
            .collect();
        days::subtree(PART_LEVEL, days::LEVELS, &parts)
    }

    async fn store(&self, connection: &mut Connection, log: i64) -> Result<()> {
        let touched: Vec<_> = self.touched_days.iter().collect();
        for chunk in touched.chunks(RECORDS_AT_ONCE) {
            let mut query = Statement::new("INSERT INTO day_lists (log, day, tree) ");
            query.push_values(chunk, |mut values, day| {
                values
                    .push_bind(log)
                    .push_bind(**day)
                    .push_bind(self.lists[*day].to_bytes());
            });
            query.push(" ON CONFLICT (log, day) DO UPDATE SET tree = excluded.tree");
            query
                .build()
                .execute(&mut *connection)
                .await
                .map_err(failed_to(WHAT))?;
        }
        for part in &self.touched_parts {
            sql::query(concat!(
                "INSERT INTO day_parts (log, part, root) VALUES (?, ?, ?) ",
                "ON CONFLICT (log, part) DO UPDATE SET root = excluded.root"
            ))
            .bind(log)
            .bind(part)
            .bind(self.parts[part].0.as_slice())
            .execute(&mut *connection)
            .await
            .map_err(failed_to(WHAT))?;
        }
        Ok(())
    }
}

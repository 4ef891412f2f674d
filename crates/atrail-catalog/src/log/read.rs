//! Reads a domain's log: its head, its lists, and the hashes for proofs.

use std::collections::{BTreeMap, HashMap};

use atrail_disk::Result;
use atrail_evidence::{ControlEntry, Hash, NodeId, ProofPlan, Root, TreeHasher, days};
use atrail_model::Domain;
use futures_util::TryStreamExt;

use super::layout::{CONTROL, PART_LEVEL, days_of_part, tree};
use crate::Catalog;
use crate::domains::{DomainRow, domain_row};
use crate::failure::{failed_to, malformed};
use crate::row::{Columns, signed};
use crate::sql::{self, Connection, Row, Statement};
use crate::view::View;

/// The present state of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The log's number in the catalog.
    pub log: i64,
    /// The log's epoch: a GUID, or empty for the first.
    pub epoch: String,
    /// The number of entries.
    pub size: u64,
    /// The Merkle root of the entries.
    pub root: Root,
}

/// An entry with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The day's number, or [`super::CONTROL`].
    pub list: i64,
    /// Its position in the list.
    pub place: u64,
    /// The index of its record in the log.
    pub index: u64,
    /// The entry.
    pub entry: String,
}

const WHAT: &str = "read a domain's log";

impl View<'_> {
    /// Returns the head of a domain's current log; `None` when it has no log.
    pub async fn head(&mut self, domain: i64) -> Result<Option<Head>> {
        let row = sql::query(
            "SELECT log, epoch, tree FROM logs WHERE domain = ? ORDER BY log DESC LIMIT 1",
        )
        .bind(domain)
        .fetch_optional(&mut *self.connection)
        .await
        .map_err(failed_to(WHAT))?;
        row.as_ref().map(head_of).transpose()
    }

    /// Returns the entries of the lists in this range, in order. Subtracts their bytes from `room`; returns `None` when
    /// there is not enough.
    pub async fn entries(
        &mut self,
        log: i64,
        (first, last): (i64, i64),
        room: &mut u64,
    ) -> Result<Option<Vec<Placed>>> {
        let mut rows = sql::query(concat!(
            "SELECT list, place, position, entry FROM log_records ",
            "WHERE log = ? AND list BETWEEN ? AND ? ORDER BY list, place"
        ))
        .bind(log)
        .bind(first)
        .bind(last)
        .fetch(&mut *self.connection);
        let mut placed = Vec::new();
        while let Some(row) = rows.try_next().await.map_err(failed_to(WHAT))? {
            let entry = row.text("entry")?;
            let Some(left) = room.checked_sub(entry.len() as u64) else {
                return Ok(None);
            };
            *room = left;
            placed.push(Placed {
                list: row.integer("list")?,
                place: row.unsigned("place")?,
                index: row.unsigned("position")?,
                entry,
            });
        }
        Ok(Some(placed))
    }

    /// Returns the verifier key that a log names for its signatures: the last one, or an empty text when it names none.
    pub async fn key(&mut self, log: i64) -> Result<String> {
        let control = self
            .entries(log, (CONTROL, CONTROL), &mut { u64::MAX })
            .await?;
        let named = control.iter().flatten().rev().find_map(|placed| {
            match ControlEntry::parse(&placed.entry) {
                Ok(ControlEntry::Genesis(genesis)) => Some(genesis.key),
                Ok(ControlEntry::Key(change)) => Some(change.key),
                _ => None,
            }
        });
        Ok(named.unwrap_or_default())
    }

    /// Returns the text of a record.
    pub async fn record(&mut self, log: i64, index: u64) -> Result<String> {
        let row = sql::query("SELECT record FROM log_records WHERE log = ? AND position = ?")
            .bind(log)
            .bind(signed(index))
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(failed_to(WHAT))?;
        row.ok_or_else(|| malformed("a domain's log lacks a record"))?
            .text("record")
    }

    /// Returns the audit path of a record in the log of that size.
    pub async fn inclusion(&mut self, log: i64, index: u64, size: u64) -> Result<Vec<Hash>> {
        let plan = ProofPlan::inclusion(index, size);
        prove(&mut *self.connection, log, plan).await
    }

    /// Returns the proof that the log of one size is a beginning of the log of the other size.
    pub async fn consistency(&mut self, log: i64, from: u64, to: u64) -> Result<Vec<Hash>> {
        let plan = ProofPlan::consistency(from, to);
        prove(&mut *self.connection, log, plan).await
    }

    /// Returns the root of a log at this size; `None` when it is shorter.
    pub async fn root_at(&mut self, head: &Head, size: u64) -> Result<Option<Root>> {
        if size > head.size {
            return Ok(None);
        }
        if size == head.size {
            return Ok(Some(head.root));
        }
        // Each one-bit of the size stands for a complete subtree of its tree.
        let mut needed = Vec::new();
        let mut begin = 0;
        for level in (0..u64::BITS).rev().filter(|bit| size >> bit & 1 == 1) {
            needed.push(NodeId {
                level: u8::try_from(level).unwrap_or(u8::MAX),
                index: begin >> level,
            });
            begin += 1 << level;
        }
        let nodes = nodes(&mut *self.connection, head.log, &needed).await?;
        let mut bytes = size.to_be_bytes().to_vec();
        for id in &needed {
            let node = nodes.get(id);
            bytes.extend_from_slice(
                &node
                    .ok_or_else(|| malformed("a domain's log lacks a hash"))?
                    .0,
            );
        }
        let tree = TreeHasher::from_bytes(&bytes);
        Ok(Some(tree.ok_or_else(|| malformed("a tree is cut"))?.root()))
    }

    /// Returns the range proof of these days in `days`.
    pub async fn days_proof(&mut self, log: i64, (first, last): (u16, u16)) -> Result<Vec<Hash>> {
        let parts = parts(&mut *self.connection, log).await?;
        let mut leaves: HashMap<u32, BTreeMap<u32, Hash>> = HashMap::new();
        for part in [first, last].map(|day| u32::from(day) >> PART_LEVEL) {
            if let std::collections::hash_map::Entry::Vacant(vacant) = leaves.entry(part) {
                let (first, last) = days_of_part(part);
                let lists = day_lists(&mut *self.connection, log, first, last).await?;
                vacant.insert(
                    lists
                        .iter()
                        .map(|(day, list)| (*day, days::leaf(list.count(), list.root())))
                        .collect(),
                );
            }
        }
        let proof = days::range_nodes(first, last)
            .into_iter()
            .map(|(level, index)| {
                let under = |begin: u32, end: u32| begin..end;
                if level >= PART_LEVEL {
                    let span = level - PART_LEVEL;
                    let nodes: Vec<_> = parts
                        .range(under(index << span, (index + 1) << span))
                        .map(|(part, root)| (part - (index << span), *root))
                        .collect();
                    return days::subtree(PART_LEVEL, level, &nodes);
                }
                let begin = index << level;
                let nodes: Vec<_> = leaves
                    .get(&(begin >> PART_LEVEL))
                    .into_iter()
                    .flat_map(|days| days.range(under(begin, begin + (1 << level))))
                    .map(|(day, leaf)| (day - begin, *leaf))
                    .collect();
                days::subtree(0, level, &nodes)
            });
        Ok(proof.collect())
    }
}

impl Catalog {
    /// Returns the heads of those of these domains that have a log, all of one moment.
    pub async fn heads_of(&self, domains: &[DomainRow]) -> Result<Vec<(Domain, Head)>> {
        let mut snapshot = self.snapshot(WHAT).await?;
        let mut heads = Vec::with_capacity(domains.len());
        for row in domains {
            if let Some(head) = snapshot.view().head(row.number).await? {
                heads.push((row.domain, head));
            }
        }
        Ok(heads)
    }

    /// Returns the heads of all domains' current logs.
    pub async fn heads(&self) -> Result<Vec<(Domain, Head)>> {
        let rows = sql::query(concat!(
            "SELECT d.domain, d.account, d.space, l.log, l.epoch, l.tree FROM domains d JOIN logs l ",
            "ON l.log = (SELECT MAX(log) FROM logs WHERE domain = d.domain)"
        ))
        .fetch_all(self.readers())
        .await
        .map_err(failed_to(WHAT))?;
        rows.iter()
            .map(|row| Ok((domain_row(row)?.domain, head_of(row)?)))
            .collect()
    }
}

fn head_of(row: &Row) -> Result<Head> {
    let tree = tree(row, "tree")?;
    Ok(Head {
        log: row.integer("log")?,
        epoch: row.text("epoch")?,
        size: tree.count(),
        root: tree.root(),
    })
}

/// Returns the trees of those of these days' lists that have entries.
pub(super) async fn day_lists(
    connection: &mut Connection,
    log: i64,
    first: u32,
    last: u32,
) -> Result<BTreeMap<u32, TreeHasher>> {
    let rows = sql::query("SELECT day, tree FROM day_lists WHERE log = ? AND day BETWEEN ? AND ?")
        .bind(log)
        .bind(first)
        .bind(last)
        .fetch_all(connection)
        .await
        .map_err(failed_to(WHAT))?;
    let list = |row| Ok((number(row, "day")?, tree(row, "tree")?));
    rows.iter().map(list).collect()
}

/// Returns the roots of all parts of `days` that have a day with entries.
pub(super) async fn parts(connection: &mut Connection, log: i64) -> Result<BTreeMap<u32, Hash>> {
    let rows = sql::query("SELECT part, root FROM day_parts WHERE log = ?")
        .bind(log)
        .fetch_all(connection)
        .await
        .map_err(failed_to(WHAT))?;
    let part = |row: &Row| Ok((number(row, "part")?, Hash(row.hash("root")?)));
    rows.iter().map(part).collect()
}

fn number(row: &Row, column: &str) -> Result<u32> {
    u32::try_from(row.integer(column)?).map_err(|_| malformed("a list is of no day"))
}

async fn prove(
    connection: &mut Connection,
    log: i64,
    plan: Option<ProofPlan>,
) -> Result<Vec<Hash>> {
    let plan = plan.ok_or_else(|| malformed("a domain's log is shorter than what refers to it"))?;
    let needed: Vec<_> = plan.nodes().collect();
    let nodes = nodes(connection, log, &needed).await?;
    plan.prove(|id| nodes.get(&id).copied())
        .ok_or_else(|| malformed("a domain's log lacks a hash"))
}

/// Returns the hashes of complete subtrees: each is stored with the record that completed it.
async fn nodes(
    connection: &mut Connection,
    log: i64,
    needed: &[NodeId],
) -> Result<HashMap<NodeId, Hash>> {
    let mut found = HashMap::new();
    if needed.is_empty() {
        return Ok(found);
    }
    let last_record = |id: &NodeId| ((id.index + 1) << id.level) - 1;
    let mut query = Statement::new("SELECT position, nodes FROM log_records WHERE log = ");
    query.push_bind(log).push(" AND position IN (");
    let mut positions = query.separated(", ");
    for id in needed {
        positions.push_bind(signed(last_record(id)));
    }
    query.push(")");
    let rows = query.build().fetch_all(connection).await;
    let mut completed: HashMap<u64, Vec<u8>> = HashMap::new();
    for row in rows.map_err(failed_to(WHAT))? {
        completed.insert(row.unsigned("position")?, row.bytes("nodes")?);
    }
    for id in needed {
        let begin = usize::from(id.level) * 32;
        let node = completed
            .get(&last_record(id))
            .and_then(|nodes| nodes.get(begin..begin + 32))
            .and_then(|bytes| bytes.try_into().ok());
        found.insert(
            *id,
            Hash(node.ok_or_else(|| malformed("a domain's log lacks a hash"))?),
        );
    }
    Ok(found)
}

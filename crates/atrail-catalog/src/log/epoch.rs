//! Begins logs: of a new account or space, and anew when the signed history cannot be continued.

use std::collections::BTreeMap;

use atrail_disk::Result;
use atrail_evidence::{
    ControlEntry, DayEntry, Genesis, Hash, Hold, HoldLevel, Policy, Root, Seal, SealedSegment,
    SpaceAdded, SpaceRemoved, TreeHasher, leaf_hash,
};
use atrail_model::{
    AccountId, Day, Domain, Retention, SegmentId, SpaceId, Timestamp, format_timestamp,
};
use uuid::Uuid;

use super::{NewEntry, WHAT, append};
use crate::domains::{DomainRow, domain_row};
use crate::failure::{failed_to, malformed};
use crate::retention;
use crate::row::{Columns, Id};
use crate::sql::{self, Connection};
use crate::view::{View, Write};

/// Segments of one entry where a day has very many.
const SEGMENTS_AT_ONCE: usize = 1000;

/// The actor of the beginning of logs, and its time.
#[derive(Debug, Clone)]
pub struct Beginning<'a> {
    /// The verifier key of the key that signs them.
    pub verifier_key: &'a str,
    /// Who begins it.
    pub actor: &'a str,
    /// When it begins.
    pub now: Timestamp,
}

/// The reason why a log begins anew.
#[derive(Debug, Clone, Default)]
pub struct Epoch {
    /// A GUID, or empty when the history begins here.
    pub epoch: String,
    /// Why the log begins anew, for readers of the log.
    pub reason: String,
    /// The newest known checkpoint of each domain.
    pub continues: BTreeMap<Domain, String>,
}

impl Beginning<'_> {
    /// Begins the log of a new account.
    pub(crate) async fn account(
        &self,
        connection: &mut Connection,
        account: AccountId,
    ) -> Result<()> {
        let row = row_of(connection, Domain::Account(account)).await?;
        self.log(connection, &row, &Epoch::default()).await?;
        Ok(())
    }

    /// Begins the log of a new space, and records in its account's log that it was added. A hold on the account also
    /// covers the new space.
    pub(crate) async fn space(&self, connection: &mut Connection, space: SpaceId) -> Result<()> {
        self.space_of(connection, space, &Epoch::default()).await
    }

    async fn space_of(
        &self,
        connection: &mut Connection,
        space: SpaceId,
        epoch: &Epoch,
    ) -> Result<()> {
        let row = row_of(connection, Domain::Space(space)).await?;
        let account = row_of(connection, Domain::Account(row.account)).await?;
        sql::query(concat!(
            "INSERT INTO holds (domain, at_account_level, reason, actor, since) ",
            "SELECT ?, at_account_level, reason, actor, since FROM holds WHERE domain = ? AND at_account_level"
        ))
        .bind(row.number)
        .bind(account.number)
        .execute(&mut *connection)
        .await
        .map_err(failed_to(WHAT))?;
        let genesis = self.log(connection, &row, epoch).await?;
        let added = self.space_added(space, genesis);
        append(connection, account.number, vec![added]).await
    }

    /// Begins the logs of the first account and space, unless they exist: in a recovered catalog.
    pub(crate) async fn founded(
        &self,
        connection: &mut Connection,
        account: AccountId,
        space: SpaceId,
        is_again: bool,
    ) -> Result<()> {
        // There may have been logs of these domains, and signatures on them.
        let epoch = if is_again {
            Epoch {
                epoch: Uuid::now_v7().to_string(),
                reason: "the first account was made again".to_owned(),
                continues: BTreeMap::new(),
            }
        } else {
            Epoch::default()
        };
        let row = row_of(connection, Domain::Account(account)).await?;
        if View::of(connection).head(row.number).await?.is_none() {
            self.log(connection, &row, &epoch).await?;
        }
        let row = row_of(connection, Domain::Space(space)).await?;
        if View::of(connection).head(row.number).await?.is_none() {
            self.space_of(connection, space, &epoch).await?;
        }
        Ok(())
    }

    /// Records in its account's log that a space was removed.
    pub(crate) async fn space_removed(
        &self,
        connection: &mut Connection,
        space: SpaceId,
    ) -> Result<()> {
        let row = row_of(connection, Domain::Space(space)).await?;
        let account = row_of(connection, Domain::Account(row.account)).await?;
        append(connection, account.number, vec![self.removed(space)]).await
    }

    /// Returns the retention of a space's events.
    pub(crate) async fn policy(
        &self,
        connection: &mut Connection,
        space: SpaceId,
    ) -> Result<Retention> {
        let row = row_of(connection, Domain::Space(space)).await?;
        retention::of_domain(connection, row.number).await
    }

    /// Records in a space's log that its retention changed, if it did.
    pub(crate) async fn note_policy(
        &self,
        connection: &mut Connection,
        space: SpaceId,
        before: Retention,
    ) -> Result<()> {
        let row = row_of(connection, Domain::Space(space)).await?;
        let now = retention::of_domain(connection, row.number).await?;
        if now == before {
            return Ok(());
        }
        let policy = ControlEntry::Policy(Policy {
            time: format_timestamp(self.now),
            actor: self.actor.to_owned(),
            retention_days: now.number(),
        });
        append(connection, row.number, vec![NewEntry::Control(policy)]).await
    }

    /// Begins the logs of all domains of an account anew: with all policies and holds, and all existing segments.
    async fn epoch(
        &self,
        connection: &mut Connection,
        account: AccountId,
        epoch: &Epoch,
    ) -> Result<()> {
        let rows = sql::query(concat!(
            "SELECT d.domain, d.account, d.space, s.guid IS NOT NULL AS stands FROM domains d ",
            "LEFT JOIN spaces s ON s.guid = d.space WHERE d.account = ? ORDER BY d.space IS NOT NULL, d.domain"
        ))
        .bind(account.bytes())
        .fetch_all(&mut *connection)
        .await
        .map_err(failed_to(WHAT))?;
        let mut spaces = Vec::new();
        let mut account_number = None;
        for row in &rows {
            let stands: bool = row.try_get("stands").map_err(failed_to(WHAT))?;
            let row = domain_row(row)?;
            let genesis = self.log(connection, &row, epoch).await?;
            match row.domain {
                Domain::Account(_) => account_number = Some(row.number),
                Domain::Space(space) => {
                    spaces.push(self.space_added(space, genesis));
                    spaces.extend((!stands).then(|| self.removed(space)));
                }
            }
            adopt_segments(connection, row.number, self.now).await?;
        }
        let account = account_number.ok_or_else(|| malformed("an account has no domain"))?;
        append(connection, account, spaces).await
    }

    /// Begins a log: the genesis, then the policy and the standing holds. Returns the leaf hash of the genesis.
    async fn log(
        &self,
        connection: &mut Connection,
        row: &DomainRow,
        epoch: &Epoch,
    ) -> Result<Hash> {
        let empty = TreeHasher::default().to_bytes();
        sql::query("INSERT INTO logs (domain, epoch, size, tree, control) VALUES (?, ?, 0, ?, ?)")
            .bind(row.number)
            .bind(&epoch.epoch)
            .bind(&empty)
            .bind(&empty)
            .execute(&mut *connection)
            .await
            .map_err(failed_to(WHAT))?;
        let genesis = ControlEntry::Genesis(Genesis {
            time: format_timestamp(self.now),
            domain: row.domain.to_string(),
            key: self.verifier_key.to_owned(),
            epoch: epoch.epoch.clone(),
            continues: epoch
                .continues
                .get(&row.domain)
                .cloned()
                .unwrap_or_default(),
            reason: epoch.reason.clone(),
        });
        let hash = leaf_hash(genesis.to_text().as_bytes()).into();
        let mut entries = vec![NewEntry::Control(genesis)];
        entries.extend(self.standing(connection, row.number).await?);
        append(connection, row.number, entries).await?;
        Ok(hash)
    }

    async fn standing(&self, connection: &mut Connection, domain: i64) -> Result<Vec<NewEntry>> {
        let mut entries = Vec::new();
        let policy: Option<(i64,)> = sql::query_as("SELECT days FROM retention WHERE domain = ?")
            .bind(domain)
            .fetch_optional(&mut *connection)
            .await
            .map_err(failed_to(WHAT))?;
        if let Some((retention_days,)) = policy {
            entries.push(NewEntry::Control(ControlEntry::Policy(Policy {
                time: format_timestamp(self.now),
                actor: self.actor.to_owned(),
                retention_days,
            })));
        }
        let holds: Vec<(bool, String, String)> = sql::query_as(
            "SELECT at_account_level, reason, actor FROM holds WHERE domain = ? ORDER BY at_account_level",
        )
        .bind(domain)
        .fetch_all(connection)
        .await
        .map_err(failed_to(WHAT))?;
        for (at_account_level, reason, actor) in holds {
            entries.push(NewEntry::Control(ControlEntry::Hold(Hold {
                time: format_timestamp(self.now),
                actor,
                level: level(at_account_level),
                reason,
            })));
        }
        Ok(entries)
    }

    fn space_added(&self, space: SpaceId, genesis: Hash) -> NewEntry {
        NewEntry::Control(ControlEntry::SpaceAdded(SpaceAdded {
            time: format_timestamp(self.now),
            actor: self.actor.to_owned(),
            space: space.to_string(),
            genesis,
        }))
    }

    fn removed(&self, space: SpaceId) -> NewEntry {
        NewEntry::Control(ControlEntry::SpaceRemoved(SpaceRemoved {
            time: format_timestamp(self.now),
            actor: self.actor.to_owned(),
            space: space.to_string(),
        }))
    }
}

impl Write {
    /// As [`Beginning::epoch`].
    pub async fn begin_epoch(
        &mut self,
        beginning: &Beginning<'_>,
        account: AccountId,
        epoch: &Epoch,
    ) -> Result<()> {
        beginning.epoch(&mut self.0, account, epoch).await
    }
}

/// Returns the level of a hold for a log entry.
pub(crate) const fn level(at_account_level: bool) -> HoldLevel {
    if at_account_level {
        HoldLevel::Account
    } else {
        HoldLevel::Space
    }
}

async fn row_of(connection: &mut Connection, domain: Domain) -> Result<DomainRow> {
    let (sql, guid) = match domain {
        Domain::Space(id) => (
            "SELECT domain, account, space FROM domains WHERE space = ?",
            id.bytes().to_vec(),
        ),
        Domain::Account(id) => (
            "SELECT domain, account, space FROM domains WHERE account = ? AND space IS NULL",
            id.bytes().to_vec(),
        ),
    };
    let row = sql::query(sql)
        .bind(guid)
        .fetch_optional(connection)
        .await
        .map_err(failed_to(WHAT))?;
    domain_row(&row.ok_or_else(|| malformed("an account or space has no domain"))?)
}

/// Records the existing segments, a day at a time.
async fn adopt_segments(connection: &mut Connection, domain: i64, now: Timestamp) -> Result<()> {
    let days: Vec<(i64,)> =
        sql::query_as("SELECT DISTINCT day FROM current_objects WHERE domain = ? ORDER BY day")
            .bind(domain)
            .fetch_all(&mut *connection)
            .await
            .map_err(failed_to(WHAT))?;
    for (number,) in days {
        let rows = sql::query(concat!(
            "SELECT s.segment, o.hour, s.count, s.size_bytes, s.root FROM current_objects o ",
            "JOIN segments s ON s.object = o.object ",
            "WHERE o.domain = ? AND o.day = ? ORDER BY o.hour, o.place, s.position"
        ))
        .bind(domain)
        .bind(number)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed_to(WHAT))?;
        let segments = rows.iter().map(|row| {
            Ok(SealedSegment {
                id: row.id::<SegmentId>("segment")?.to_string(),
                hour: u8::try_from(row.integer("hour")?)
                    .map_err(|_| malformed("an object is of no hour"))?,
                count: row.unsigned("count")?,
                size: row.unsigned("size_bytes")?,
                root: Root(row.hash("root")?).into(),
            })
        });
        let segments = segments.collect::<Result<Vec<_>>>()?;
        let day = u32::try_from(number).ok().and_then(Day::from_number);
        let day = day.ok_or_else(|| malformed("an object is of no day"))?;
        let seals = segments.chunks(SEGMENTS_AT_ONCE).map(|segments| {
            let seal = Seal {
                time: format_timestamp(now),
                day: day.to_string(),
                segments: segments.to_vec(),
            };
            NewEntry::Day(day, DayEntry::Seal(seal))
        });
        append(connection, domain, seals.collect()).await?;
    }
    Ok(())
}

//! Fills a new catalog with the contents of an archive whose catalog was lost.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use atrail_archive::object::Segment;
use atrail_disk::Result;
use atrail_model::{AccountId, Domain, ObjectId, OrganizationId, SegmentId, SpaceId, Timestamp};

use super::contents::{Contents, tell_contents};
use super::failure::failed_to;
use super::row::{Columns, Id, nanoseconds, signed};
use super::waste::delete_waste;
use super::{Catalog, places, removed_ranges};
use crate::domains::DomainRow;
use crate::sql::{self, Connection, Row};

/// An object that proved sound.
#[derive(Debug)]
pub struct Adopted {
    /// Its id.
    pub id: ObjectId,
    /// Its path below the archive.
    pub path: String,
    /// The length of its bytes.
    pub size_bytes: u64,
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// In order; at least one, all of one place.
    pub segments: Vec<Segment>,
}

/// An object whose bytes are in another one.
#[derive(Debug)]
pub struct Replaced {
    /// The object.
    pub id: ObjectId,
    /// Where its bytes begin in the other one, where that is known.
    pub start: Option<u64>,
}

/// A tenancy whose names replace the lost ones.
#[derive(Debug)]
pub struct Placeholders {
    /// The accounts, with their names.
    pub accounts: Vec<(AccountId, String)>,
    /// The organization of all spaces, with its account.
    pub organization: Option<(OrganizationId, AccountId, String)>,
    /// The spaces, with their names.
    pub spaces: Vec<(SpaceId, String)>,
}

const WHAT: &str = "take in what was found";

impl Catalog {
    /// Returns the objects of a domain, each with its length and segments, including those that retention removed from
    /// the archive.
    pub async fn objects_of(
        &self,
        domain: i64,
    ) -> Result<HashMap<ObjectId, (u64, Vec<SegmentId>)>> {
        let rows = sql::query(
            "SELECT object, size_bytes, events, events_bytes, segments FROM objects WHERE domain = ?",
        )
        .bind(domain)
        .fetch_all(self.readers())
        .await
        .map_err(failed_to(WHAT))?;
        let object = |row: &Row| {
            let id = row.id("object")?;
            let segments = Contents::of_row(row, id)?.segments;
            Ok((id, (row.unsigned("size_bytes")?, segments)))
        };
        rows.iter().map(object).collect()
    }

    /// Reports whether a domain's log mentions a segment.
    pub async fn is_logged(&self, domain: i64, segment: SegmentId) -> Result<bool> {
        let (is_logged,): (bool,) = sql::query_as(concat!(
            "SELECT EXISTS (SELECT 1 FROM log_records r JOIN logs l ON l.log = r.log ",
            "WHERE l.domain = ? AND instr(r.entry, ?) > 0)"
        ))
        .bind(domain)
        .bind(segment.to_string())
        .fetch_one(self.readers())
        .await
        .map_err(failed_to(WHAT))?;
        Ok(is_logged)
    }

    /// Creates the tenancy and its domains; returns their numbers.
    pub async fn adopt_tenancy(
        &self,
        found: &Placeholders,
        now: Timestamp,
    ) -> Result<HashMap<Domain, DomainRow>> {
        let now = nanoseconds(now);
        let mut tx = self.begin(WHAT).await?;
        let mut statements = Vec::new();
        for (account, name) in &found.accounts {
            statements.push(
                sql::query("INSERT INTO accounts (guid, name, created) VALUES (?, ?, ?)")
                    .bind(account.bytes())
                    .bind(name)
                    .bind(now),
            );
            statements
                .push(sql::query("INSERT INTO domains (account) VALUES (?)").bind(account.bytes()));
        }
        if let Some((organization, account, name)) = &found.organization {
            statements.push(
                sql::query(
                    "INSERT INTO organizations (guid, account, name, created) VALUES (?, ?, ?, ?)",
                )
                .bind(organization.bytes())
                .bind(account.bytes())
                .bind(name)
                .bind(now),
            );
            for (space, name) in &found.spaces {
                statements.push(
                    sql::query(
                        "INSERT INTO spaces (guid, organization, name, created) VALUES (?, ?, ?, ?)",
                    )
                    .bind(space.bytes())
                    .bind(organization.bytes())
                    .bind(name)
                    .bind(now),
                );
                statements.push(
                    sql::query("INSERT INTO domains (account, space) VALUES (?, ?)")
                        .bind(account.bytes())
                        .bind(space.bytes()),
                );
            }
        }
        for statement in statements {
            statement.execute(&mut *tx).await.map_err(failed_to(WHAT))?;
        }
        tx.commit().await?;
        self.domain_rows().await
    }

    /// Adds objects to the archive, with their segments and totals.
    pub async fn adopt_objects(
        &self,
        domains: &HashMap<Domain, DomainRow>,
        objects: &[Adopted],
    ) -> Result<()> {
        let objects = objects.iter().map(|object| (object, [].as_slice()));
        self.adopt_in_place_of(domains, objects, Timestamp::MIN)
            .await
    }

    /// As [`Self::adopt_objects`]; each object also replaces others whose segments it has: sessions find their bytes in
    /// it.
    pub async fn adopt_in_place_of<'a>(
        &self,
        domains: &HashMap<Domain, DomainRow>,
        objects: impl Iterator<Item = (&'a Adopted, &'a [Replaced])> + Send,
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.begin(WHAT).await?;
        let mut gaining = BTreeSet::new();
        let mut strangers: BTreeMap<_, Vec<ObjectId>> = BTreeMap::new();
        for (object, replaced) in objects {
            let place = object.segments.first().map(|first| first.place);
            let Some((place, number)) =
                place.and_then(|place| Some((place, domains.get(&place.domain)?.number)))
            else {
                continue;
            };
            if gaining.insert(number) {
                removed_ranges::refuse_unfinished(&mut tx, [number].into_iter()).await?;
            }
            let former = replaced.iter().map(|former| former.id);
            let first = places::first(&mut tx, former, WHAT).await?;
            let behind = places::next(&mut tx, number, 1, WHAT).await?;
            sql::query(concat!(
                "INSERT INTO objects (object, domain, day, hour, place, path, size_bytes, sha256) ",
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            ))
            .bind(object.id.bytes())
            .bind(number)
            .bind(place.day.number())
            .bind(place.hour.number())
            .bind(behind)
            .bind(&object.path)
            .bind(signed(object.size_bytes))
            .bind(object.sha256.as_slice())
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
            sql::query(
                "INSERT INTO uncompacted (domain, day, hour) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            )
            .bind(number)
            .bind(place.day.number())
            .bind(place.hour.number())
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
            for former in replaced {
                replace(&mut tx, former, object.id, now).await?;
            }
            delete_waste(&mut tx, std::slice::from_ref(&object.path)).await?;
            for (position, segment) in (0_i64..).zip(&object.segments) {
                adopt_segment(&mut tx, object.id, number, position, segment).await?;
            }
            tell_contents(&mut tx, object.id, WHAT).await?;
            match first {
                Some(first) => places::put(&mut tx, object.id, first, WHAT).await?,
                None => {
                    let hour = strangers.entry((number, place.day, place.hour));
                    hour.or_default().push(object.id);
                }
            }
        }
        // Where the catalog records no other order, their ids order them.
        for ((number, day, hour), strangers) in strangers {
            places::sort_in(&mut tx, number, (day, hour), strangers, WHAT).await?;
        }
        tx.commit().await
    }
}

/// Removes an object whose bytes are in another one.
async fn replace(
    tx: &mut Connection,
    former: &Replaced,
    by: ObjectId,
    now: Timestamp,
) -> Result<()> {
    let id = former.id.bytes();
    let mut statements = vec![
        sql::query(concat!(
            "UPDATE hour_totals AS t SET count = t.count - o.events, size_bytes = t.size_bytes - o.events_bytes FROM objects o ",
            "WHERE o.object = ? AND o.retired IS NULL AND (t.domain, t.day, t.hour) = (o.domain, o.day, o.hour)"
        ))
        .bind(id),
    ];
    if let Some(start) = former.start {
        statements.push(
            sql::query("UPDATE moved_objects SET now_in = ?, start = start + ? WHERE now_in = ?")
                .bind(by.bytes())
                .bind(signed(start))
                .bind(id),
        );
        statements.push(
            sql::query(concat!(
                "INSERT INTO moved_objects (object, now_in, start, moved) ",
                "SELECT ?, ?, ?, MAX(?, COALESCE(MAX(created), 0)) FROM sessions"
            ))
            .bind(id)
            .bind(by.bytes())
            .bind(signed(start))
            .bind(nanoseconds(now)),
        );
    }
    statements.push(
        sql::query("INSERT INTO waste (path) SELECT path FROM objects WHERE object = ? ON CONFLICT DO NOTHING")
            .bind(id),
    );
    statements.push(sql::query("DELETE FROM objects WHERE object = ?").bind(id));
    for statement in statements {
        statement.execute(&mut *tx).await.map_err(failed_to(WHAT))?;
    }
    Ok(())
}

async fn adopt_segment(
    tx: &mut Connection,
    object: ObjectId,
    domain: i64,
    position: i64,
    segment: &Segment,
) -> Result<()> {
    sql::query(concat!(
        "INSERT INTO segments (segment, object, position, count, size_bytes, root) ",
        "VALUES (?, ?, ?, ?, ?, ?)"
    ))
    .bind(segment.id.bytes())
    .bind(object.bytes())
    .bind(position)
    .bind(signed(segment.count))
    .bind(signed(segment.size_bytes))
    .bind(segment.root.0.as_slice())
    .execute(&mut *tx)
    .await
    .map_err(failed_to(WHAT))?;
    sql::query(concat!(
        "INSERT INTO hour_totals (domain, day, hour, count, size_bytes) VALUES (?, ?, ?, ?, ?) ",
        "ON CONFLICT (domain, day, hour) DO UPDATE SET ",
        "count = hour_totals.count + excluded.count, size_bytes = hour_totals.size_bytes + excluded.size_bytes"
    ))
    .bind(domain)
    .bind(segment.place.day.number())
    .bind(segment.place.hour.number())
    .bind(signed(segment.count))
    .bind(signed(segment.size_bytes))
    .execute(&mut *tx)
    .await
    .map_err(failed_to(WHAT))?;
    Ok(())
}

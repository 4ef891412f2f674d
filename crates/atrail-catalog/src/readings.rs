//! Readings of sessions in the catalog.

use std::net::IpAddr;

use atrail_disk::Result;
use atrail_model::{ByteSet, LoginId};

use super::Catalog;
use super::failure::{failed_to, malformed};
use super::row::{Columns, Id};
use super::session::SessionKey;
use crate::sql::{self, Connection, Row};

/// The bytes of a session that one login received at one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The login.
    pub login: LoginId,
    /// Its address.
    pub address: IpAddr,
    /// The bytes that may have been served.
    pub handed_out: ByteSet,
    /// Those among them that no client has to request again.
    pub certain: ByteSet,
    /// Whether its end is recorded.
    pub ended: bool,
}

/// A reading and its number among those of its session, in the order in which they began.
pub type Numbered = (u64, Reading);

/// The readings of a session that have changed.
#[derive(Debug, Clone)]
pub struct ChangedReadings {
    /// The session.
    pub session: SessionKey,
    /// Readings that are new or differ from what is stored.
    pub changed: Vec<Numbered>,
    /// Numbers of readings that are kept no longer.
    pub gone: Vec<u64>,
}

impl Catalog {
    /// Returns the readings of a session, in the order in which they began.
    pub async fn readings(&self, session: &SessionKey) -> Result<Vec<Numbered>> {
        let rows = sql::query(concat!(
            "SELECT r.place, r.login, r.address, r.handed_out, r.certain, r.ended FROM readings r ",
            "JOIN sessions s ON s.session = r.session ",
            "WHERE r.session = ? AND s.generation IS NOT DISTINCT FROM ? ORDER BY r.place"
        ))
        .bind(session.id.bytes())
        .bind(session.generation.as_ref().map(Id::bytes))
        .fetch_all(self.readers())
        .await
        .map_err(failed_to("read who reads a session"))?;
        rows.iter().map(reading).collect()
    }

    /// Stores changed readings of these sessions; stores none for a session that has ended.
    pub async fn keep_readings(&self, kept: &[ChangedReadings]) -> Result<()> {
        let what = "keep who reads a session";
        let mut tx = self.begin(what).await?;
        for of_session in kept {
            store(&mut tx, of_session).await.map_err(failed_to(what))?;
        }
        tx.commit().await
    }
}

async fn store(connection: &mut Connection, kept: &ChangedReadings) -> Result<(), sql::Error> {
    let generation = kept.session.generation.as_ref().map(Id::bytes);
    for number in &kept.gone {
        sql::query(concat!(
            "DELETE FROM readings WHERE session = ?1 AND place = ?2 AND EXISTS ",
            "(SELECT 1 FROM sessions WHERE session = ?1 AND generation IS NOT DISTINCT FROM ?3)"
        ))
        .bind(kept.session.id.bytes())
        .bind(place(*number))
        .bind(generation)
        .execute(&mut *connection)
        .await?;
    }
    for (number, reading) in &kept.changed {
        let Reading {
            login,
            address,
            handed_out,
            certain,
            ended,
        } = reading;
        sql::query(concat!(
            "INSERT INTO readings (session, place, login, address, handed_out, certain, ended) ",
            "SELECT session, ?, ?, ?, ?, ?, ? FROM sessions WHERE session = ? AND generation IS NOT DISTINCT FROM ? ",
            "ON CONFLICT (session, place) DO UPDATE SET ",
            "handed_out = excluded.handed_out, certain = excluded.certain, ended = excluded.ended"
        ))
        .bind(place(*number))
        .bind(login.bytes())
        .bind(address.to_string())
        .bind(handed_out.to_bytes())
        .bind(certain.to_bytes())
        .bind(*ended)
        .bind(kept.session.id.bytes())
        .bind(generation)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Returns a number as the catalog stores it: no session has so many readings that it would not fit.
fn place(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn reading(row: &Row) -> Result<Numbered> {
    let set = |column| {
        let bytes = row.bytes(column)?;
        ByteSet::from_bytes(&bytes).ok_or_else(|| malformed("the bytes of a reading"))
    };
    let address = row.text("address")?.parse::<IpAddr>();
    let number = u64::try_from(row.integer("place")?);
    let reading = Reading {
        login: row.id("login")?,
        address: address.map_err(malformed)?,
        handed_out: set("handed_out")?,
        certain: set("certain")?,
        ended: row.integer("ended")? != 0,
    };
    Ok((number.map_err(malformed)?, reading))
}

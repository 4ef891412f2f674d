//! Readings of sessions in the catalog.

use std::net::IpAddr;

use atrail_disk::Result;
use atrail_model::{ByteSet, LoginId};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::Catalog;
use super::failure::failed_to;
use super::row::{Columns, Id};
use super::session::SessionKey;
use super::sessions::malformed;

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

/// All readings of a session, in the order in which they began.
#[derive(Debug, Clone)]
pub struct KeptReadings {
    /// The session.
    pub session: SessionKey,
    /// Its readings.
    pub readings: Vec<Reading>,
}

impl Catalog {
    /// Returns the readings of a session, in the order in which they began.
    pub async fn readings(&self, session: &SessionKey) -> Result<Vec<Reading>> {
        let rows = sqlx::query(concat!(
            "SELECT r.login, r.address, r.handed_out, r.certain, r.ended FROM readings r ",
            "JOIN sessions s ON s.session = r.session ",
            "WHERE r.session = ? AND s.generation IS ? ORDER BY r.place"
        ))
        .bind(session.id.bytes())
        .bind(session.generation.as_ref().map(Id::bytes))
        .fetch_all(self.readers())
        .await
        .map_err(failed_to("read who reads a session"))?;
        rows.iter().map(reading).collect()
    }

    /// Replaces the readings of these sessions; stores none for a session that has ended.
    pub async fn keep_readings(&self, kept: &[KeptReadings]) -> Result<()> {
        let what = "keep who reads a session";
        let mut tx = self.begin(what).await?;
        for of_session in kept {
            replace(&mut tx, of_session)
                .await
                .map_err(failed_to(what))?;
        }
        tx.commit().await
    }
}

async fn replace(
    connection: &mut SqliteConnection,
    kept: &KeptReadings,
) -> Result<(), sqlx::Error> {
    let generation = kept.session.generation.as_ref().map(Id::bytes);
    sqlx::query(concat!(
        "DELETE FROM readings WHERE session = ?1 AND EXISTS ",
        "(SELECT 1 FROM sessions WHERE session = ?1 AND generation IS ?2)"
    ))
    .bind(kept.session.id.bytes())
    .bind(generation)
    .execute(&mut *connection)
    .await?;
    for (place, reading) in (0_i64..).zip(&kept.readings) {
        let Reading {
            login,
            address,
            handed_out,
            certain,
            ended,
        } = reading;
        sqlx::query(concat!(
            "INSERT INTO readings (session, place, login, address, handed_out, certain, ended) ",
            "SELECT session, ?, ?, ?, ?, ?, ? FROM sessions WHERE session = ? AND generation IS ?"
        ))
        .bind(place)
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

fn reading(row: &SqliteRow) -> Result<Reading> {
    let set = |column| {
        let bytes = row.bytes(column)?;
        ByteSet::from_bytes(&bytes).ok_or_else(|| malformed(&"the bytes of a reading"))
    };
    let address = row.text("address")?.parse::<IpAddr>();
    Ok(Reading {
        login: row.id("login")?,
        address: address.map_err(|error| malformed(&error))?,
        handed_out: set("handed_out")?,
        certain: set("certain")?,
        ended: row.integer("ended")? != 0,
    })
}

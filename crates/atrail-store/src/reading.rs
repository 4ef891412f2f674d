//! Readings of a session: who was handed which of its bytes. What the store keeps of it outlives the process; what it means
//! is decided by who puts downloads on record.

use std::net::IpAddr;

use crate::Store;
use crate::byte_set::ByteSet;
use crate::error::Result;
use crate::session::SessionKey;
use atrail_model::LoginId;

/// What one login was handed of a session at one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Who reads.
    pub login: LoginId,
    /// From where.
    pub address: IpAddr,
    /// The bytes that may have been handed out.
    pub handed_out: ByteSet,
    /// Those among them that no client has to ask for again.
    pub certain: ByteSet,
    /// Whether its end is on record.
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

impl Store {
    /// The readings of a session that were kept last.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn readings(&self, session: &SessionKey) -> Result<Vec<Reading>> {
        self.core.catalog.readings(session).await
    }

    /// Keeps the readings of sessions in place of those that were kept before. When it returns, they are durable. Of a session
    /// that has ended nothing is kept.
    ///
    /// # Errors
    /// When the catalog fails, or the disk is full and what is set aside has no room either.
    pub async fn keep_readings(&self, kept: &[KeptReadings]) -> Result<()> {
        let core = &self.core;
        core.with_reserve(|| core.catalog.keep_readings(kept)).await
    }
}

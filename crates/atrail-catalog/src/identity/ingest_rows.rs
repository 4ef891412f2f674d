//! Ingest keys as the catalog's rows have them: reads these, and derives the standing of requests with one.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use atrail_disk::Result;
use atrail_model::{
    AccountRole, HeldRole, Home, IngestTerms, KeyScope, LoginId, SpaceRole, Standing, Timestamp,
    User, UserId,
};

use super::ingest_silence::IngestTurn;
use super::ingest_uses::IngestCounts;
use crate::failure::failed_to;
use crate::row::{Columns, Id};
use crate::sql::{self, Connection, Row};

/// An ingest key without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestKey {
    /// The public part.
    pub id: String,
    /// The id of the requests with the key.
    pub login: LoginId,
    /// The name that its maker has chosen; unique in its account.
    pub name: String,
    /// Where its events go, and how they are read.
    pub terms: IngestTerms,
    /// Whether an event that names an organization goes to the account's space of that name, if it has exactly one.
    pub by_organization: bool,
    /// Whether the server can check signatures that senders make with the secret.
    pub signs: bool,
    /// The number of the secret, which grows with each rotation.
    pub generation: u64,
    /// SHA-256 of the client certificate that stands for the key.
    pub certificate: Option<[u8; 32]>,
    /// The name of the user who made it.
    pub maker: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last rotated.
    pub rotated: Option<Timestamp>,
    /// Until when the secret before the last rotation works, if it does.
    pub previous_until: Option<Timestamp>,
    /// When a request last carried the key.
    pub used: Option<Timestamp>,
    /// When the server last stored an event of it, or found that it had it already.
    pub received: Option<Timestamp>,
    /// What the server did with its events.
    pub counts: IngestCounts,
    /// After how long without an event its sender counts as silent.
    pub silent_after: Option<Duration>,
    /// Since when the sender counts as silent, if it does.
    pub silent_since: Option<Timestamp>,
    /// When its sender last fell silent or came back, while its domain has no event about that.
    pub unrecorded: Option<IngestTurn>,
}

/// The query of [`IngestKey`]s with this condition.
macro_rules! keys {
    ($condition:literal) => {
        concat!(
            "SELECT key, login, name, account, space, hash, previous, previous_until, format, strict, by_organization, signs, generation, ",
            "certificate, maker, created, rotated, used, received, accepted, duplicates, refused, bytes, silent_after, ",
            "silent, turned, turned_after, turn_recorded FROM ingest_keys WHERE ",
            $condition,
            " ORDER BY created, key"
        )
    };
}
pub(super) use keys;

/// Returns the standing of the requests with an ingest key, as the connection sees it; `None` when the key is gone.
pub(super) async fn standing(
    connection: &mut Connection,
    login: LoginId,
    what: &'static str,
) -> Result<Option<Standing>> {
    let row = sql::query(
        "SELECT key, name, account, space, format, strict FROM ingest_keys WHERE login = ?",
    )
    .bind(login.bytes())
    .fetch_optional(connection)
    .await
    .map_err(failed_to(what))?;
    let Some(row) = row else { return Ok(None) };
    let terms = terms(&row)?;
    let (account, space) = (terms.account, terms.space);
    let role = match space {
        Some(space) => HeldRole::Space(space, SpaceRole::Writer),
        None => HeldRole::Account(account, AccountRole::Writer),
    };
    Ok(Some(Standing {
        user: User {
            id: UserId::from_bytes(*login.as_bytes()),
            name: row.text("name")?,
            operator: false,
        },
        scopes: [KeyScope::Send].into_iter().collect(),
        by_limited_key: true,
        roles: HashSet::from([role]),
        spaces: space
            .map(|space| (space, account))
            .into_iter()
            .collect::<HashMap<_, _>>(),
        home: Home {
            account: Some(account),
            space,
        },
        api_key: Some(row.text("key")?.into()),
        ingest: Some(terms),
        // No user uses the account.
        noted: HashSet::from([account]),
        until: Timestamp::MAX,
    }))
}

fn terms(row: &Row) -> Result<IngestTerms> {
    Ok(IngestTerms {
        account: row.id("account")?,
        space: row.optional_id("space")?,
        format: row.optional_text("format")?.map(Into::into),
        strict: row.integer("strict")? != 0,
    })
}

/// Returns the hash of the secret before the last rotation, and until when it works.
pub(super) fn previous(row: &Row) -> Result<Option<([u8; 32], Timestamp)>> {
    match row.optional_moment("previous_until")? {
        Some(until) => Ok(Some((row.hash("previous")?, until))),
        None => Ok(None),
    }
}

pub(super) fn ingest_key(row: &Row) -> Result<IngestKey> {
    let silent = row.integer("silent")? != 0;
    let turned = row.optional_moment("turned")?;
    Ok(IngestKey {
        id: row.text("key")?,
        login: row.id("login")?,
        name: row.text("name")?,
        terms: terms(row)?,
        by_organization: row.integer("by_organization")? != 0,
        signs: row.integer("signs")? != 0,
        generation: row.unsigned("generation")?,
        certificate: row.optional_hash("certificate")?,
        maker: row.text("maker")?,
        created: row.moment("created")?,
        rotated: row.optional_moment("rotated")?,
        previous_until: row.optional_moment("previous_until")?,
        used: row.optional_moment("used")?,
        received: row.optional_moment("received")?,
        counts: IngestCounts {
            accepted: row.unsigned("accepted")?,
            duplicates: row.unsigned("duplicates")?,
            refused: row.unsigned("refused")?,
            bytes: row.unsigned("bytes")?,
        },
        silent_after: row
            .optional_unsigned("silent_after")?
            .map(Duration::from_secs),
        silent_since: turned.filter(|_| silent),
        unrecorded: match turned {
            Some(at) if row.integer("turn_recorded")? == 0 => Some(IngestTurn {
                silent,
                at,
                after: row.optional_moment("turned_after")?,
            }),
            _ => None,
        },
    })
}

//! The engine: appends, seals, compacts, deletes, signs, and serves sessions and downloads.
//!
//! It stands on the log, the archive and the catalog, which do not know it. Nothing here knows HTTP. [`Store`] is the
//! main interface of this crate.

mod apart;
mod archive_place;
mod background;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod benching;
#[cfg(feature = "cluster")]
mod beside;
mod buffers;
mod closing;
#[cfg(feature = "cluster")]
mod cluster;
mod compaction;
mod core;
mod counters;
mod counting;
mod dedup;
mod deletion;
mod domains;
mod download;
mod duties;
mod ending;
mod erase;
mod full_disk;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod guards;
mod hold;
mod indexing;
mod ingest;
mod logs;
#[cfg(feature = "cluster")]
pub mod migrate;
mod on_record;
mod outcome;
mod own_events;
mod parts;
mod places;
mod reading;
mod removals;
mod retention;
mod seal;
mod seal_rate;
pub mod search;
mod secrets;
mod session;
mod settings;
mod signing;
#[cfg(feature = "cluster")]
mod start_turn;
mod startup;
mod stats;
mod status;
mod store;
mod tail;
mod take_in;
mod time;
mod timekeeper;
mod turns;

pub use self::core::Store;
pub use atrail_catalog::names::canonical as canonical_name;
pub use atrail_catalog::readings::{ChangedReadings, Numbered, Reading};
pub use atrail_catalog::session::{Generation, Session, SessionKey, SessionState};
pub use atrail_catalog::{
    Account, Answerer, ApiKey, ApiKeyHolder, BrowserLogin, Credentials, EndedLogin, Exchange,
    ExternalUser, Founding, Grant, Granted, Granter, Identity, IngestCounts, IngestKey,
    IngestSecret, IngestTurn, IngestUse, Invitation, InvitationId, KeptBy, KeyHolder, KeyReach,
    LoginKind, NewApiKey, NewIngestKey, NewLogin, Organization, OwnLogin, Proof,
    RECORDS_OF_A_LOGIN, Revoked, Signer, Space, Tenancy,
};
pub use atrail_disk::{ErrorKind, Result, StoreError};
pub use atrail_wal::{JournalPlace, NewEvent, Unsealed};
pub use compaction::Compacted;
pub use dedup::DedupStats;
pub use download::Download;
pub use ending::EventsOfSpace;
pub use indexing::{IndexCheck, IndexProgress};
pub use ingest::AppendTotal;
pub use logs::{Listed, ListedLog, LogKinds};
pub use parts::{MemoryParts, Parts};
pub use places::StoredEvent;
#[cfg(feature = "cluster")]
pub use secrets::ClusterKey;
pub use secrets::{LocalSecrets, MemorySecrets, Secrets};
pub use session::NewSession;
pub use settings::{ClusterSettings, SearchSettings, StoreSettings};
pub use stats::StoreStats;
pub use tail::{After, Tail, Tailed};
pub use timekeeper::{Disagreement, TimeStatus};
pub use turns::{Crowd, Turn, Turns};

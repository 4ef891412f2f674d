//! Keeps events durable and serves them: write-ahead log, sealing, catalog, sessions, downloads.
//!
//! Nothing here knows HTTP. [`Store`] is the main interface of this crate.

mod anchors;
mod apart;
mod background;
mod backup;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod benching;
mod blobs;
mod buffers;
mod byte_set;
mod catalog;
mod checksum;
mod closing;
mod compaction;
mod core;
mod counters;
mod dedup;
mod deletion;
mod domains;
mod download;
pub mod durable;
mod duties;
mod ending;
mod erase;
mod error;
mod full_disk;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod guards;
mod hold;
mod ingest;
mod inspect;
mod journal;
mod listing;
mod object;
mod on_record;
mod own_events;
mod parts;
mod passage;
mod reader;
mod reading;
mod recover;
mod reserve;
mod retention;
mod scrub;
mod seal;
mod seal_rate;
mod secrets;
mod session;
mod settings;
mod signing;
mod space;
mod startup;
mod stats;
mod status;
mod store;
mod take_in;
mod task;
mod time;
mod timekeeper;
mod turns;
mod verified;
mod wal;

pub use self::core::Store;
pub use backup::{BackupReport, BackupStep, backup};
pub use byte_set::ByteSet;
pub use catalog::database_error::DatabaseError;
pub use catalog::names::canonical as canonical_name;
pub use catalog::readings::{KeptReadings, Reading};
pub use catalog::session::{Generation, Session, SessionKey, SessionState};
pub use catalog::{
    Account, Answerer, ApiKey, ApiKeyHolder, Catalog, Credentials, Exchange, ExternalUser,
    Founding, Grant, Granted, Granter, Identity, Invitation, InvitationId, KeyHolder, KeyReach,
    LoginKind, NewApiKey, NewLogin, Organization, Proof, RECORDS_OF_A_LOGIN, Revoked, Space,
    Tenancy,
};
pub use compaction::Compacted;
pub use counters::{Histogram, HistogramSnapshot};
pub use dedup::DedupStats;
pub use download::Download;
pub use ending::EventsOfSpace;
pub use error::{ErrorKind, Result, StoreError};
pub use ingest::AppendTotal;
pub use journal::Unsealed;
pub use parts::{MemoryParts, Parts};
pub use recover::tenancy::RecoveredDomain;
pub use recover::{RecoverReport, RecoverStep, recover};
pub use scrub::{Finding, ScrubOptions, ScrubReport, ScrubStep, scrub};
pub use secrets::{LocalSecrets, MemorySecrets, Secrets};
pub use session::NewSession;
pub use settings::StoreSettings;
pub use stats::StoreStats;
pub use timekeeper::{Disagreement, TimeStatus};
pub use turns::{Crowd, Turn, Turns};
pub use wal::NewEvent;

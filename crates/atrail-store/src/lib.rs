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
mod buffers;
mod catalog;
mod closing;
mod compaction;
mod core;
mod counters;
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
mod ingest;
mod on_record;
mod own_events;
mod parts;
mod reading;
mod recover;
mod retention;
mod scrub;
mod seal;
mod seal_rate;
mod secrets;
mod session;
mod settings;
mod signing;
mod startup;
mod stats;
mod status;
mod store;
mod take_in;
mod time;
mod timekeeper;
mod turns;

pub use self::core::Store;
pub use atrail_disk::{DatabaseError, ErrorKind, Result, StoreError};
pub use atrail_wal::{NewEvent, Unsealed};
pub use backup::{BackupReport, BackupStep, backup};
pub use catalog::names::canonical as canonical_name;
pub use catalog::readings::{KeptReadings, Reading};
pub use catalog::session::{Generation, Session, SessionKey, SessionState};
pub use catalog::{
    Account, Answerer, ApiKey, ApiKeyHolder, Catalog, Credentials, Exchange, ExternalUser,
    Founding, Grant, Granted, Granter, Identity, Invitation, InvitationId, LoginKind, NewApiKey,
    NewLogin, Organization, Proof, Revoked, Space, Tenancy,
};
pub use compaction::Compacted;
pub use dedup::DedupStats;
pub use download::Download;
pub use ending::EventsOfSpace;
pub use ingest::AppendTotal;
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

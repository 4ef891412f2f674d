//! The wire types, paths and error codes that server and client share.
//!
//! Names and shapes are those of the original Activity Tracker's v3 API where it had them. New members follow the
//! original's, and clients may ignore them.

mod auth;
mod console;
mod error;
mod events;
pub mod headers;
mod holds;
mod index;
mod ingest_keys;
mod keys;
mod options;
pub mod paths;
mod places;
mod search;
mod sessions;
mod tenancy;

/// How the text begins that answers plain HTTP on a port that speaks HTTPS, with the status 400.
pub const PORT_SPEAKS_HTTPS: &str = "this port speaks HTTPS";

pub use auth::{
    InfoResponse, Login, LoginBy, LoginKind, OidcInfo, PasswordChange, TokenError, TokenRequest,
    TokenResponse, TokenRevocation,
};
pub use console::{
    ConsoleAccount, ConsoleIdentity, ConsoleLimits, ConsoleLink, ConsoleLogin, ConsoleLoginState,
    ConsoleMe, ConsoleOidc, ConsoleOrganization, ConsoleServer, ConsoleSpace,
};
pub use error::{ErrorCode, Problem};
pub use events::{AckOrRefusal, DaySummary, EventsQuery, IngestCounts, IngestQuery};
pub use holds::{HoldRequest, HoldRow};
pub use index::{DamagedIndexFile, IndexCare, IndexCareKind, IndexRequest, IndexState};
pub use ingest_keys::{
    IngestKey, IngestKeyCreate, IngestKeyCreated, IngestKeyRotate, IngestKeysQuery,
};
pub use keys::EvidenceKey;
pub use options::{ClockState, OptionRow, OptionsRequest, RetentionState};
pub use places::{
    EventPlace, LogCheckpoint, LogEntry, LogQuery, MissedRange, TailEnd, TailEnded, TailMissed,
    TailPlace, TailStart,
};
pub use search::{
    AggregateQuery, Aggregates, Bucket, ExportQuery, Facet, FacetQuery, FacetValue, Histogram,
    HistogramQuery, HitPlace, NewExport, SearchEnd, SearchQuery, SearchSummary, Searched,
    SpaceCount, SpaceCounts, TailQuery,
};
pub use sessions::{
    Checkpoint, DateRange, Deleted, Session, SessionRequest, SessionState, SessionTypes,
};
pub use tenancy::{
    Account, AccountCreate, ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyDelete, ApiKeysQuery,
    HeldRole, Invitation, KeyScope, List, NamesQuery, Organization, OrganizationCreate, Relation,
    RelationData, Relationships, Role, RoleGrant, Space, SpaceCreate, SpaceDelete, SpaceDeleted,
    User, UserCreate,
};

//! The HTTP interface of atrail: routes, authentication, byte ranges, configuration.
//!
//! [`Server::start`] opens the store in its data directory, creates the first user if there is none, and serves until
//! [`Running::shutdown`]. Handlers are thin, and reach events only through `auth::access` and `auth::indices`.

mod answer_headers;
mod app;
mod audit;
mod auth;
mod config;
mod days;
mod download;
mod error;
mod es;
mod extract;
mod fields;
mod founding;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod fuzzing;
mod head;
mod idempotency;
mod ingest;
mod ingest_keys;
mod json_text;
mod metrics;
mod observe;
mod openapi;
mod pace;
mod receivers;
mod routes;
mod search;
mod serve;
mod settings;
mod tail;
mod unread;
mod untold;

#[cfg(feature = "cluster")]
pub use atrail_store::migrate;
pub use config::{ConfigError, ConfigFile};
pub use routes::ROUTES;
pub use serve::{Running, Server, StartError, SyslogKeyError, TlsError, check};
pub use settings::{
    ConsoleSettings, ListenerSettings, LogFormat, LogLevel, LogSettings, OidcAlgorithm,
    OidcSettings, PublicUrl, RoleRule, SearchLimits, Serves, SettingError, Settings,
    SyslogSettings, SyslogTransport, listen_address,
};

//! The words of atrail as types: ids, domains, days and hours, events and their limits.
//!
//! Everything here is pure: no I/O, no async, and no clock except the [`Clock`] that the caller passes in.

mod byte_set;
mod clock;
mod counters;
mod day;
mod domain;
pub mod event;
pub mod generator;
mod hold;
mod hours;
mod ids;
mod ingest_terms;
mod key_scope;
pub mod limits;
pub mod passage;
mod place;
mod recent;
mod requester;
mod retention;
mod role;
mod scope;
mod standing;
mod totals;

pub use byte_set::ByteSet;
pub use clock::{
    Clock, Elapsed, ManualClock, Moment, SystemClock, Timestamp, format_timestamp, whole_seconds,
};
pub use counters::{Counter, Histogram, HistogramSnapshot};
pub use day::{Day, DayRange, ParseDayError};
pub use domain::{Domain, ParseDomainError};
pub use event::{Event, EventError};
pub use hold::StandingHold;
pub use hours::{Hour, Hours, ParseHoursError};
pub use ids::{
    AccountId, Incarnation, LoginId, ObjectId, OrganizationId, ParseIdError, SegmentId, SessionId,
    SpaceId, UserId,
};
pub use ingest_terms::IngestTerms;
pub use key_scope::{Home, KeyScope, KeyScopes};
pub use place::Place;
pub use recent::Recent;
pub use requester::{OwnedRequester, Requester, Warrant};
pub use retention::{DomainRetention, Retention, RetentionError};
pub use role::{AccountRole, HeldRole, SpaceRole};
pub use scope::{Scope, Target};
pub use standing::{Standing, User};
pub use totals::{DayTotal, EventTotal};

//! The words of atrail as types: ids, domains, days and hours, events and their limits.
//!
//! Everything here is pure: no I/O, no async, no clock but the [`Clock`] that is handed in.

mod clock;
mod day;
mod domain;
pub mod event;
pub mod generator;
mod hours;
mod ids;
pub mod limits;
mod retention;
mod scope;

pub use clock::{
    Clock, Elapsed, ManualClock, Moment, SystemClock, Timestamp, format_timestamp, whole_seconds,
};
pub use day::{Day, DayRange, ParseDayError};
pub use domain::{Domain, ParseDomainError};
pub use event::{Event, EventError};
pub use hours::{Hour, Hours, ParseHoursError};
pub use ids::{
    AccountId, ObjectId, OrganizationId, ParseIdError, SegmentId, SessionId, SpaceId, UserId,
};
pub use retention::{Retention, RetentionError};
pub use scope::{Scope, Target};

//! Finds the events in a request body or a file: framing, envelopes, and conversion of other audit formats into CADF.
//!
//! Events arrive as one object, an array, consecutive objects, newline-delimited JSON, a CADF log `{"events":[…]}`
//! (DMTF DSP0262, the Log entity; also the list response of a service in that form) or as the `payload` of an
//! oslo.messaging notification, also within its message on the wire. Every wrapped event is returned byte for byte.
//!
//! [`split`] is for a body in memory, [`Stream`] for a file of any size: one engine, the same results. Time is linear
//! in the input; a stream keeps at most one event and one chunk.
//!
//! An event whose text has half of a surrogate pair is returned as a conversion, too, which every reader of JSON can
//! read.
//!
//! Nothing here checks an event: [`atrail_model::event::admit`] does.
//!
//! ```
//! use atrail_sources::{Framing, SourceKind, split};
//!
//! let body = br#"{"events": [{"action": "read"}, {"action": "update"}], "total": 2}"#;
//! let texts: Vec<_> = split(body, SourceKind::Auto, Framing::Sniffed)
//!     .map(|item| item.expect("it is well formed").text)
//!     .collect();
//! assert_eq!(texts, [&br#"{"action": "read"}"#[..], br#"{"action": "update"}"#]);
//! ```

mod csv;
mod draft;
mod engine;
mod formats;
mod inspector;
mod json;
mod kind;
mod mapping;
mod members;
mod names;
mod origin;
mod place;
mod refusal;
mod scan;
mod split;
mod splitter;
mod stream;
mod surrogates;
mod tally;
mod text;
mod trim;

pub use engine::{Engine, Hints, Made, Payload, Reader, Strictness};
pub use formats::{FORMATS, Format, Table};
pub use kind::{ParseSourceKindError, SourceKind};
pub use mapping::{MappingError, MappingTextError, OwnMapping, read_time};
pub use origin::Origin;
pub use refusal::{Reason, Refusal};
pub use split::{Candidate, Framing, Split, split};
pub use stream::Stream;
pub use tally::Tally;

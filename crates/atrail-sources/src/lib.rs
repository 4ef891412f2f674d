//! What a request body or a file holds: framing, envelopes, and other audit formats turned into CADF.
//!
//! Events come as one object, an array, one object after the other, newline-delimited JSON, a CADF log
//! `{"events":[…]}` (DMTF DSP0262, the Log entity; also a service's list answer of that shape) or as the `payload` of an
//! oslo.messaging notification, also in its message on the wire. Whatever the wrapping, each event comes out byte for byte
//! as it stood there.
//!
//! [`split`] is for a body that is in memory, [`Stream`] for a file of any size: one engine, the same answers. Time is
//! linear in the input; a stream keeps no more than one event and one chunk.
//!
//! An event whose text has half of a surrogate pair is handed on as a conversion, too, that every reader of JSON can read.
//!
//! Nothing here checks an event: that is [`atrail_model::event::admit`].
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

mod formats;
mod inspector;
mod kind;
mod members;
mod origin;
mod place;
mod refusal;
mod scan;
mod split;
mod splitter;
mod stream;
mod surrogates;
mod tally;

pub use formats::{FORMATS, Format};
pub use kind::{ParseSourceKindError, SourceKind};
pub use origin::Origin;
pub use refusal::{Reason, Refusal};
pub use split::{Candidate, Framing, Split, split};
pub use stream::Stream;
pub use tally::Tally;

//! CADF (DMTF DSP0262), which is stored unchanged: single events, and logs `{"events": […]}` of them.

mod repair;

pub(crate) use repair::repair;

use super::{Format, Holds, Name, Reading, Wrapping};
use crate::names::is_cadf;

/// The member that makes an object an event, whatever else it has.
pub(super) const EVENT_TIME: Name = Name::quoted("\"eventTime\"");

pub(super) const FORMAT: Format = Format {
    name: "cadf",
    kind: "cadf",
    about: "CADF",
    marks: "every object that is nothing else; `events` with a list of them, where there is no `eventTime`",
    certain: Some(is_cadf),
    // A log (DSP0262, the Log entity); also the list response of a service in that form.
    wrappings: &[Wrapping {
        member: Name::quoted("\"events\""),
        holds: Holds::Events,
        unless: EVENT_TIME,
    }],
    reading: Reading::AsItStands,
    ..Format::BLANK
};

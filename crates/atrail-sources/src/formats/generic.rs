//! Everything that no other format recognises.

use super::Format;

pub(crate) static FORMAT: Format = Format {
    name: "generic",
    kind: "generic",
    about: "Anything",
    marks: "nothing: it is never recognised",
    ..Format::BLANK
};

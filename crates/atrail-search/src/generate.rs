//! Generators of events and queries, for property tests. Both draw from a small vocabulary, so that they meet.

mod events;
mod queries;

pub use events::{event, line};
pub use queries::{expr, soup};

/// Texts of values.
const TEXTS: &[&str] = &[
    "",
    "*",
    "ann",
    "Ann",
    "ANN",
    "bob@example.com",
    "delete",
    "DELETE",
    "read/list",
    "target",
    "initiator",
    "10.0.0.1",
    "10.0.0.200",
    "10.1.0.0/16",
    "::ffff:10.0.0.1",
    "2001:db8::1",
    "2001:DB8:0::1",
    "v10.0.0.1.2",
    "550e8400-e29b-41d4-a716-446655440000",
    "req-550E8400-E29B-41D4-A716-446655440000 done",
    "550e8400",
    "crn:v1:bluemix:public:x:us-south:a/e08f::",
    "https://example.com/ann?x=1",
    "straße",
    "STRAẞE",
    "ΣΊΣΥΦΟΣ",
    "σίσυφος",
    "Kelvin",
    "\u{212a}elvin",
    "pass",
    "pa\u{17f}s",
    "say \"hi\" ann",
    "back\\slash",
    "tab\there and\nthere",
    "nul\u{0}",
    "😀 smile",
    "foo-bar baz",
    "Foo_bar",
    "404",
    "403.5",
    "true",
    "-1",
];

/// Names of members beside those of CADF.
const NAMES: &[&str] = &[
    "a",
    "A",
    "b",
    "a.b",
    "b.a",
    "",
    "name",
    "Name",
    "id",
    "ann",
    "straße",
    "say \"hi\"",
    "x/y",
];

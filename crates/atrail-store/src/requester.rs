//! Who asks for what goes on record.

/// Who asks for something that a domain's log records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Requester<'a> {
    /// The name of the user.
    pub name: &'a str,
    /// The id of the request; may be empty.
    pub request: &'a str,
    /// Why, in the user's words; may be empty.
    pub reason: &'a str,
}

impl<'a> From<&'a str> for Requester<'a> {
    /// Somebody of this name, with nothing else known.
    fn from(name: &'a str) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }
}

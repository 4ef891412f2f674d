//! Items that are lines of text.

/// How the items of a format of lines are found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines {
    /// Reports whether a line is an item, or the beginning of one. [`SourceKind::Auto`] calls it with the first
    /// non-blank line of an input, or the beginning of a long one.
    ///
    /// [`SourceKind::Auto`]: crate::SourceKind::Auto
    pub(crate) begins: fn(&[u8]) -> bool,
    /// Which lines are one item.
    pub(crate) items: Items,
}

/// Which lines are one item.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Items {
    /// Every line is one.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "no embedded format is as simple")
    )]
    Single,
    /// A record of comma-separated values is one: it ends with the first line that ends outside of quotes.
    Records,
    /// The lines with one key are one; other lines may be between them. The function reads a line; a line for which it
    /// returns nothing is an item of its own.
    Parts(fn(&[u8]) -> Option<Part<'_>>),
}

/// A line of an item that may have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    /// What all lines of an item have in common.
    pub(crate) key: [&'a [u8]; 2],
    /// The time of the item, in milliseconds.
    pub(crate) millis: u64,
    pub(crate) role: Role,
}

/// What a line is to its item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// All of it.
    Whole,
    /// One of its lines; others may follow.
    Member,
    /// Its last line.
    Last,
    /// No line of it, but the mark of its end.
    End,
}

//! Every limit on a query, in one place.

/// Longest query, in bytes.
pub const QUERY_MAX_BYTES: usize = 64 << 10;
/// Deepest nesting of parentheses and negations.
pub const QUERY_MAX_DEPTH: usize = 64;
/// Most conditions: words, phrases and tests of fields.
pub const QUERY_MAX_CONDITIONS: usize = 1000;
/// Longest name of a field, in bytes.
pub const FIELD_MAX_BYTES: usize = 500;
/// Most wildcards in one value or word.
pub const WILDCARDS_MAX: usize = 32;
/// Most regular expressions in one query. Values and words with `?` count too.
pub const REGEXES_MAX: usize = 32;
/// Longest regular expression, in bytes.
pub const REGEX_MAX_BYTES: usize = 1000;
/// Largest compiled regular expression, in bytes; its search may use as much again.
pub const REGEX_COMPILED_MAX_BYTES: usize = 1 << 20;

//! Regular expressions, whose search takes linear time, bounded in memory.

use regex::{Regex, RegexBuilder};

use crate::query::limits::REGEX_COMPILED_MAX_BYTES;
use crate::query::{Pattern, Piece};

/// Compiles a regular expression that ignores case.
pub(crate) fn compile(text: &str) -> Result<Regex, String> {
    builder(text).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => format!(
            "compiled, this regular expression is larger than {REGEX_COMPILED_MAX_BYTES} bytes; shorten its repetitions"
        ),
        // The message of the parser draws the place below the text, over several lines.
        error => {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default();
            format!(
                "this regular expression cannot be read: {}",
                reason.strip_prefix("error: ").unwrap_or(reason)
            )
        }
    })
}

/// Compiles a pattern for folded text.
pub(crate) fn of_pattern(pattern: &Pattern) -> Result<Regex, String> {
    let mut text = String::from("(?s-i)^");
    for piece in &pattern.0 {
        match piece {
            Piece::Text(part) => text.push_str(&regex::escape(part)),
            Piece::One => text.push('.'),
            Piece::Any => text.push_str(".*"),
        }
    }
    text.push('$');
    compile(&text)
}

fn builder(text: &str) -> RegexBuilder {
    let mut builder = RegexBuilder::new(text);
    builder
        .case_insensitive(true)
        .nest_limit(50)
        .size_limit(REGEX_COMPILED_MAX_BYTES)
        .dfa_size_limit(REGEX_COMPILED_MAX_BYTES);
    builder
}

//! Messages about text that is not JSON, or not an object.

use super::EventError;

/// Longest excerpt of an event in a message, in characters.
const EXCERPT_MAX_CHARS: usize = 40;

const NOT_JSON: &str = "text that is not JSON";

/// Returns the probable mistake where JSON text breaks off at `text[at]`. Real documentation has comments, ellipses and
/// the literals of other languages in its "JSON".
#[must_use]
pub fn hint(text: &[u8], at: usize) -> Option<&'static str> {
    let rest = text.get(at..)?;
    let starts = |with: &[&str]| with.iter().any(|word| rest.starts_with(word.as_bytes()));
    if starts(&["#", "//", "/*"]) {
        Some("comments are not JSON; remove them")
    } else if starts(&["...", "…"]) {
        Some("an ellipsis is not JSON; send the whole event")
    } else if starts(&["'", "‘", "’", "“", "”"]) {
        Some("JSON strings need straight double quotes")
    } else if starts(&["None", "True", "False"]) {
        Some("JSON spells null, true and false in lower case")
    } else if starts(&["NaN", "Infinity", "-Infinity", "undefined"]) {
        Some("JSON has no such value; send null or leave the member out")
    } else {
        None
    }
}

/// Formats a hint as the end of a message.
pub(super) fn aside(hint: Option<&'static str>) -> String {
    hint.map_or_else(String::new, |hint| format!(" ({hint})"))
}

/// Returns the parser's error with its position and a hint.
pub(super) fn error(text: &str, error: &serde_json::Error) -> EventError {
    let (line, column) = (error.line().max(1), error.column().max(1));
    let line_start = text
        .split_inclusive('\n')
        .take(line - 1)
        .map(str::len)
        .sum::<usize>();
    let full = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let reason = full.strip_suffix(&place).unwrap_or(&full).to_owned();
    let at = line_start + column - 1;
    let hint = if error.is_eof() {
        Some("the text ends before the event does")
    } else {
        hint(text.as_bytes(), at).or_else(|| comma_hint(text.as_bytes(), at, &reason))
    };
    EventError::Syntax {
        line,
        column,
        reason,
        hint,
    }
}

/// Returns a hint about a missing or an extra comma, the most common mistake.
fn comma_hint(text: &[u8], at: usize, reason: &str) -> Option<&'static str> {
    let (before, rest) = text.split_at_checked(at)?;
    let before = before.trim_ascii_end().last();
    match rest.first()? {
        b'}' | b']' if before == Some(&b',') => Some("remove the comma before the closing bracket"),
        b'"' | b'{' | b'[' if reason.starts_with("expected `,`") => {
            Some("a comma is missing before it")
        }
        _ => None,
    }
}

/// Returns the error for text that does not begin with a brace.
pub(super) fn not_an_object(text: &str) -> EventError {
    match kind_of(text) {
        NOT_JSON => EventError::Syntax {
            line: 1,
            column: 1,
            reason: "expected an object".to_owned(),
            hint: hint(text.as_bytes(), 0),
        },
        found => EventError::NotAnObject { found },
    }
}

/// Returns the kind of a JSON value, by its first character.
pub(super) fn kind_of(value: &str) -> &'static str {
    match value.as_bytes().first() {
        None => "nothing",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') if matches!(value, "true" | "false") => "true or false",
        Some(b'n') if value == "null" => "null",
        Some(b'-' | b'0'..=b'9') => "a number",
        Some(_) => NOT_JSON,
    }
}

/// Returns the beginning of a text from an event, safe to print.
pub(super) fn excerpt(text: &str) -> String {
    let mut excerpt: String = text
        .chars()
        .take(EXCERPT_MAX_CHARS)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(EXCERPT_MAX_CHARS).is_some() {
        excerpt.push('…');
    }
    excerpt
}

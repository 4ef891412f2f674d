//! Operations on an event's text that preserve its bytes: trimming, depth, one line, an added id.

use std::borrow::Cow;

/// Returns the text without the surrounding whitespace, as RFC 8259 §2 defines it.
pub(super) fn trim(text: &[u8]) -> &[u8] {
    let is_token = |byte: &u8| !is_whitespace(*byte);
    let start = text.iter().position(is_token).unwrap_or(text.len());
    let end = text.iter().rposition(is_token).map_or(start, |at| at + 1);
    &text[start..end]
}

/// Returns whether objects and arrays are nested deeper than `max`. The text need not be JSON.
pub(super) fn is_deeper_than(text: &[u8], max: usize) -> bool {
    // Counting is far cheaper than finding strings, and nearly always sufficient.
    if count_opening(text) <= max {
        return false;
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'"' => at = string_end(text, at),
            b'{' | b'[' => {
                depth += 1;
                if depth > max {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    false
}

/// Returns how many `[` and `{` there are, which differ in one bit. The compiler turns sums of bytes, over runs too
/// short for an overflow, into vector instructions: 15 times faster than a plain count.
fn count_opening(text: &[u8]) -> usize {
    let is_opening = |byte: &u8| u8::from(byte | 0x20 == b'{');
    text.chunks(usize::from(u8::MAX))
        .map(|run| usize::from(run.iter().map(is_opening).sum::<u8>()))
        .sum()
}

/// Returns the text as one line: unchanged, or without any whitespace between tokens when it has line breaks.
///
/// `text` is JSON: its strings hold no raw control characters, so every CR and LF is between tokens.
pub(super) fn single_line(text: &str) -> Cow<'_, [u8]> {
    let text = text.as_bytes();
    if memchr::memchr2(b'\r', b'\n', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut line = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        if text[at] == b'"' {
            let end = (string_end(text, at) + 1).min(text.len());
            line.extend_from_slice(&text[at..end]);
            at = end;
        } else {
            if !is_whitespace(text[at]) {
                line.push(text[at]);
            }
            at += 1;
        }
    }
    Cow::Owned(line)
}

/// Returns the line of an object with the id added as its last member.
pub(super) fn with_id(line: &[u8], id: &str) -> Vec<u8> {
    let body = line.strip_suffix(b"}").unwrap_or(line);
    let separator = if trim(body) == b"{" { "" } else { "," };
    let id = serde_json::to_string(id).expect("a string can always be written as JSON");
    let member = format!("{separator}\"id\":{id}}}");
    [body, member.as_bytes()].concat()
}

const fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Returns the position of the closing quote of the string that opens at `start`, or the end of the text.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = text
        .get(at..)
        .and_then(|rest| memchr::memchr2(b'"', b'\\', rest))
    {
        at += found;
        if text[at] == b'"' {
            return at;
        }
        at += 2;
    }
    text.len()
}

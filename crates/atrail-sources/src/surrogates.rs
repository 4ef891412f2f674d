//! Halves of surrogate pairs in JSON text.
//!
//! `"\ud83d"` is JSON by its grammar (RFC 8259 §8.2), and no text: whoever cuts a string in the middle of an emoji writes
//! it. Half of the readers there are stop at such a line, and drop the ones after it. So an event with one is stored as
//! its conversion: with U+FFFD in the place of each half, and the text as it came in `attachments`, as an event of another
//! format is.

use std::borrow::Cow;

use atrail_model::limits::EVENT_MAX_BYTES;

use crate::Reason;
use crate::members::members;

/// The bytes of an escape such as `\ud83d`.
const ESCAPE_BYTES: usize = 6;
/// U+FFFD, the replacement character: as long as what it stands for.
const REPLACEMENT: &[u8; ESCAPE_BYTES] = b"\\ufffd";

/// Whether a JSON text has half of a surrogate pair somewhere. Most have no backslash at all.
pub(crate) fn has_half(text: &[u8]) -> bool {
    next_half(text, 0).is_some()
}

/// The text with U+FFFD for each half.
pub(crate) fn without_halves(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(mut at) = next_half(text, 0) else {
        return Cow::Borrowed(text);
    };
    let mut whole = text.to_vec();
    loop {
        whole[at..at + ESCAPE_BYTES].copy_from_slice(REPLACEMENT);
        match next_half(text, at + ESCAPE_BYTES) {
            Some(next) => at = next,
            None => return Cow::Owned(whole),
        }
    }
}

/// The event without halves, and with its own text attached.
pub(crate) fn repair(text: &[u8]) -> Result<Vec<u8>, Reason> {
    let whole = without_halves(text);
    let refuse = |problem: &str| Reason::NotConverted {
        format: "CADF",
        problem: problem.to_owned(),
    };
    let Ok([attachments]) = members(&whole, ["attachments"]) else {
        // It is refused for what it is.
        return Ok(whole.into_owned());
    };
    let original = String::from_utf8_lossy(text);
    let attachment = serde_json::json!({
        "typeURI": "mime:application/json", "name": "original", "content": original,
    })
    .to_string();
    let repaired = match attachments {
        None => {
            let body = whole.trim_ascii_end();
            let body = body.strip_suffix(b"}").unwrap_or(body);
            let is_empty = body.trim_ascii() == b"{";
            let comma = if is_empty { "" } else { "," };
            let member = format!("{comma}\"attachments\":[{attachment}]}}");
            [body, member.as_bytes()].concat()
        }
        Some(list) if list.starts_with('[') => {
            let end = list.as_ptr() as usize - whole.as_ptr() as usize + list.len() - 1;
            let is_empty = list[1..list.len() - 1].trim_ascii().is_empty();
            let comma = if is_empty { "" } else { "," };
            let (before, after) = whole.split_at(end);
            [before, comma.as_bytes(), attachment.as_bytes(), after].concat()
        }
        Some(_) => {
            return Err(refuse(
                "it has half of a surrogate pair, and attachments that are no array for its own text: send whole characters",
            ));
        }
    };
    if repaired.len() > EVENT_MAX_BYTES {
        return Err(refuse(&format!(
            "it has half of a surrogate pair, and with its own text attached it is {} bytes long, of at most \
             {EVENT_MAX_BYTES}: send whole characters",
            repaired.len()
        )));
    }
    Ok(repaired)
}

/// Where the next half is, from a byte on that is not inside of an escape.
fn next_half(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr::memchr(b'\\', text.get(at..)?)?;
        match unit(text, at) {
            None => at += 2,
            Some(0xd800..=0xdbff) => match unit(text, at + ESCAPE_BYTES) {
                Some(0xdc00..=0xdfff) => at += 2 * ESCAPE_BYTES,
                _ => return Some(at),
            },
            Some(0xdc00..=0xdfff) => return Some(at),
            Some(_) => at += ESCAPE_BYTES,
        }
    }
}

/// The UTF-16 unit that an escape at this place spells.
fn unit(text: &[u8], at: usize) -> Option<u16> {
    let [b'\\', b'u', digits @ ..] = text.get(at..at + ESCAPE_BYTES)? else {
        return None;
    };
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_hex)?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn halves_are_told_from_pairs() {
        for text in [
            r#""\ud83d\ude00""#,
            r#""\\ud83d""#,
            r#""\u00e4\uD83D\uDE00\n""#,
            r#""\ud83\ud""#,
            r#""plain 😀""#,
            r#""\"#,
        ] {
            assert!(!has_half(text.as_bytes()), "{text}");
            assert!(matches!(without_halves(text.as_bytes()), Cow::Borrowed(_)));
        }
        for (text, whole) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\uDE00""#, r#""\ufffd""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud83dx\\\udc00\\ud83d""#, r#""\ufffdx\\\ufffd\\ud83d""#),
            (r#""\ud83d\n\uDBFF""#, r#""\ufffd\n\ufffd""#),
        ] {
            assert!(has_half(text.as_bytes()), "{text}");
            assert_eq!(
                *without_halves(text.as_bytes()),
                *whole.as_bytes(),
                "{text}"
            );
        }
    }

    #[test]
    fn the_text_as_it_came_is_attached() {
        for (text, others) in [
            (r#"{"name":"J\ud83d"}"#, 0),
            (r#"{"J\ud83d":1, "attachments" : [ ] }"#, 0),
            (r#"{"attachments":[{"content":"\udc00"}],"x":[]}"#, 1),
        ] {
            let event: Value = serde_json::from_slice(&repair(text.as_bytes()).unwrap()).unwrap();
            let attached = event["attachments"].as_array().unwrap();
            assert_eq!(attached.len(), others + 1);
            assert_eq!(
                attached[others],
                json!({"typeURI": "mime:application/json", "name": "original", "content": text})
            );
            assert!(event.to_string().contains('\u{fffd}'));
        }
    }

    #[test]
    fn what_cannot_be_repaired_is_refused_by_name() {
        let error = repair(br#"{"a":"\ud83d","attachments":{}}"#).unwrap_err();
        assert!(error.to_string().contains("half of a surrogate pair"));
        let long = format!(r#"{{"a":"\ud83d{}"}}"#, "x".repeat(EVENT_MAX_BYTES / 2));
        let error = repair(long.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("with its own text attached"), "{error}");
        let broken = br#"{"a":"\ud83d""#;
        assert_eq!(repair(broken).unwrap(), br#"{"a":"\ufffd""#);
    }
}

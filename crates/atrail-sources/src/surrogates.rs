//! Halves of surrogate pairs in JSON text.
//!
//! `"\ud83d"` is JSON by its grammar (RFC 8259 §8.2), but not text: a program that cuts a string in the middle of an
//! emoji writes it. Half of all readers stop at such a line, and drop the following ones.

use std::borrow::Cow;

/// The bytes of an escape such as `\ud83d`.
const ESCAPE_BYTES: usize = 6;
/// U+FFFD, the replacement character: its escape is as long as the one that it replaces.
const REPLACEMENT: &[u8; ESCAPE_BYTES] = b"\\ufffd";

/// Reports whether a JSON text has half of a surrogate pair. Most texts have no backslash at all.
pub(crate) fn has_half(text: &[u8]) -> bool {
    next_half(text, 0).is_some()
}

/// Returns the text with U+FFFD in place of each half.
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

/// Returns the position of the next half, from a byte on that is not inside an escape.
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

/// Returns the UTF-16 unit of an escape at this position.
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
}

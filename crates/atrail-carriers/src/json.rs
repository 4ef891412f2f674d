//! Writes JSON text.

use std::borrow::Cow;
use std::io::Write;

/// Appends a text as a JSON string.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing a string to memory does not fail");
}

/// Reports whether a string of JSON is surely as [`string`] writes its text, or is another value.
pub(crate) fn has_fewest_escapes(raw: &str) -> bool {
    let mut rest = raw.as_bytes();
    while let Some(at) = memchr::memchr(b'\\', rest) {
        // Of a character that is escaped as \u, and of a slash, it depends.
        if !matches!(
            rest.get(at + 1),
            Some(b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't')
        ) {
            return false;
        }
        rest = &rest[at + 2..];
    }
    true
}

/// Appends bytes that are meant as UTF-8 as a JSON string. Other bytes become U+FFFD.
pub(crate) fn lossy(out: &mut Vec<u8>, bytes: &[u8]) {
    string(out, &String::from_utf8_lossy(bytes));
}

/// Appends what [`std::fmt`] makes, which needs no escape.
pub(crate) fn plain(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    write!(out, "{value}").expect("writing to memory does not fail");
}

/// Appends a number; one that JSON cannot express becomes a string, as in the JSON form of Protocol Buffers.
pub(crate) fn double(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        serde_json::to_writer(out, &value).expect("writing a number to memory does not fail");
    } else if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else if value > 0.0 {
        out.extend_from_slice(b"\"Infinity\"");
    } else {
        out.extend_from_slice(b"\"-Infinity\"");
    }
}

/// Appends bytes as hexadecimal digits in a JSON string.
pub(crate) fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
    out.push(b'"');
}

/// Appends the separator before a member of the object that is being written.
pub(crate) fn comma(out: &mut Vec<u8>) {
    if !matches!(out.last(), Some(b'{' | b'[') | None) {
        out.push(b',');
    }
}

/// Appends the name of a member, and what goes before it. The name needs no escape.
pub(crate) fn name(out: &mut Vec<u8>, name: &str) {
    comma(out);
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Returns a body as text; bytes that are not UTF-8 become U+FFFD.
pub(crate) fn text(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_with_the_fewest_escapes_is_as_it_is_written() {
        let raws = [
            r#""a""#,
            r#""a\"b\\c\b\f\n\r\t""#,
            r#""\\u0041""#,
            r#""a\/b""#,
            r#""\u0041""#,
            r#""\u0001""#,
            "1",
            "null",
        ];
        let mut kept = 0;
        for raw in raws {
            if has_fewest_escapes(raw) {
                kept += 1;
                if let Ok(text) = serde_json::from_str::<String>(raw) {
                    let mut written = Vec::new();
                    string(&mut written, &text);
                    assert_eq!(written, raw.as_bytes());
                }
            }
        }
        assert_eq!(kept, 5);
    }
}

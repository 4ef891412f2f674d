//! One cell, made safe against formulas and quoted where RFC 4180 §2 requires it.

use std::borrow::Cow;

/// Writes a cell.
///
/// A text that a spreadsheet could run as a formula gets an apostrophe before it, which marks it as text for
/// spreadsheets (OWASP, "CSV injection"; CWE-1236). A reader can remove the apostrophe: a cell begins with a needless
/// apostrophe only when the text itself did. NUL, at which readers stop, becomes U+FFFD.
pub fn write(row: &mut Vec<u8>, text: &str) {
    // The text that the spreadsheet sees decides, not the text of the event.
    let text = &*replace_nul(text);
    let apostrophe = if could_be_formula(text) { "'" } else { "" };
    write_after(row, apostrophe, text);
}

/// Writes a cell without an apostrophe: its text is no formula, or programs compare it byte for byte.
pub fn write_verbatim(row: &mut Vec<u8>, text: &str) {
    write_after(row, "", &replace_nul(text));
}

fn write_after(row: &mut Vec<u8>, apostrophe: &str, text: &str) {
    let needs_quotes = text
        .bytes()
        .any(|byte| matches!(byte, b',' | b';' | b'"' | b'\r' | b'\n' | b'\t'))
        || text.starts_with(char::is_whitespace)
        || text.ends_with(char::is_whitespace);
    if needs_quotes {
        row.push(b'"');
        row.extend_from_slice(apostrophe.as_bytes());
        double_quotes(row, text.as_bytes());
        row.push(b'"');
    } else {
        row.extend_from_slice(apostrophe.as_bytes());
        row.extend_from_slice(text.as_bytes());
    }
}

/// Writes a cell in quotes, and changes nothing else.
pub(super) fn write_quoted(row: &mut Vec<u8>, text: &[u8]) {
    row.push(b'"');
    double_quotes(row, text);
    row.push(b'"');
}

fn double_quotes(row: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'"', rest) {
        row.extend_from_slice(&rest[..=at]);
        row.push(b'"');
        rest = &rest[at + 1..];
    }
    row.extend_from_slice(rest);
}

/// Returns whether the text begins like a formula, directly or after white space and quotes, which a spreadsheet may
/// strip. The wide forms of the characters count too, because some spreadsheets accept them.
fn could_be_formula(text: &str) -> bool {
    let quotes = ['"', '\''];
    let is_stripped = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '\u{200b}' | '\u{feff}')
    };
    text.trim_start_matches(quotes)
        .starts_with(['\t', '\r', '\n'])
        || text
            .trim_start_matches(is_stripped)
            .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

fn replace_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> String {
        let mut out = Vec::new();
        write(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn formulas_become_text() {
        for (text, written) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-", "'-"),
            ("+49", "'+49"),
            ("\tx", "\"'\tx\""),
            ("\rx", "\"'\rx\""),
            ("\nx", "\"'\nx\""),
            ("  =1", "\"'  =1\""),
            ("'=1", "''=1"),
            ("'\t", "\"''\t\""),
            ("\"=1", "\"'\"\"=1\""),
            ("\u{feff}=1", "'\u{feff}=1"),
            ("＝1", "'＝1"),
        ] {
            assert_eq!(cell(text), written);
        }
    }

    #[test]
    fn anything_else_is_itself_quoted_where_needed() {
        for (text, written) in [
            ("", ""),
            ("a-b=c", "a-b=c"),
            ("'abc", "'abc"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\r\nb", "\"a\r\nb\""),
            (" a", "\" a\""),
            ("a\0b", "a\u{fffd}b"),
            ("\0@", "\u{fffd}@"),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}

//! One cell: kept from being a formula, and quoted where RFC 4180 §2 wants it.

use std::io::{self, Write};

/// Writes a cell.
///
/// A text that a spreadsheet could run gets an apostrophe before it, which spreadsheets take for "this is text"
/// (OWASP, "CSV injection"; CWE-1236). It can be taken off again: a cell begins with a needless apostrophe only when the
/// text itself did. NUL, at which readers stop, becomes U+FFFD.
pub(super) fn write(out: &mut dyn Write, text: &str) -> io::Result<()> {
    let text = &*replace_nul(text);
    let is_formula = could_be_formula(text);
    let needs_quotes = text.contains([',', ';', '"', '\r', '\n', '\t'])
        || text.starts_with(char::is_whitespace)
        || text.ends_with(char::is_whitespace);
    match (needs_quotes, is_formula) {
        (true, true) => {
            out.write_all(b"\"'")?;
            write_doubling_quotes(out, text.as_bytes())?;
            out.write_all(b"\"")
        }
        (true, false) => write_quoted(out, text.as_bytes()),
        (false, true) => write!(out, "'{text}"),
        (false, false) => out.write_all(text.as_bytes()),
    }
}

/// Writes a cell in quotes, exactly.
pub(super) fn write_quoted(out: &mut dyn Write, text: &[u8]) -> io::Result<()> {
    out.write_all(b"\"")?;
    write_doubling_quotes(out, text)?;
    out.write_all(b"\"")
}

fn write_doubling_quotes(out: &mut dyn Write, text: &[u8]) -> io::Result<()> {
    for part in text.split_inclusive(|byte| *byte == b'"') {
        out.write_all(part)?;
        if part.ends_with(b"\"") {
            out.write_all(b"\"")?;
        }
    }
    Ok(())
}

/// Whether the text begins with what begins a formula, directly or after what a spreadsheet may strip: white space and
/// quotes. The wide forms count where the program's language has them.
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

fn replace_nul(text: &str) -> std::borrow::Cow<'_, str> {
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
        write(&mut out, text).unwrap();
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
        ] {
            assert_eq!(cell(text), written);
        }
    }
}

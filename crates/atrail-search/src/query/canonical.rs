//! A condition as text.

use std::fmt::Write;

use atrail_model::{Timestamp, format_timestamp};

use super::{Bound, Expr, Field, Pattern, Piece, Test};

/// Returns the text of a condition.
pub(super) fn text(expr: &Expr) -> String {
    let mut out = String::new();
    match expr {
        Expr::All => {}
        Expr::And(parts) => join(&mut out, parts, " "),
        Expr::Or(parts) => join(&mut out, parts, " OR "),
        other => write(&mut out, other),
    }
    out
}

fn join(out: &mut String, parts: &[Expr], between: &str) {
    for (nth, part) in parts.iter().enumerate() {
        if nth > 0 {
            out.push_str(between);
        }
        write(out, part);
    }
}

fn write(out: &mut String, expr: &Expr) {
    match expr {
        Expr::All => out.push('*'),
        Expr::And(parts) => {
            out.push('(');
            join(out, parts, " ");
            out.push(')');
        }
        Expr::Or(parts) => {
            out.push('(');
            join(out, parts, " OR ");
            out.push(')');
        }
        Expr::Not(inner) => {
            out.push('-');
            write(out, inner);
        }
        Expr::Exists(field) => {
            name(out, field);
            out.push('*');
        }
        Expr::Is(field, test) => {
            name(out, field);
            write_test(out, test);
        }
        Expr::Text(patterns) => words(out, patterns),
        Expr::Time(range) => {
            let bound = |moment: Timestamp, none: Timestamp| {
                if moment == none {
                    "*".to_owned()
                } else {
                    format_timestamp(moment)
                }
            };
            let from = bound(range.from, Timestamp::MIN);
            let to = bound(range.to, Timestamp::MAX);
            let _ = write!(out, "time:[{from} TO {to}}}");
        }
    }
}

fn name(out: &mut String, field: &Field) {
    // A name that could be the beginning of a time, an address or a URN is marked as a name.
    let name = &field.name;
    let is_hex = name.len() <= 4 && name.chars().all(|c| c.is_ascii_hexdigit());
    let is_scheme = ["crn", "arn", "urn"]
        .iter()
        .any(|scheme| scheme.eq_ignore_ascii_case(name));
    if is_hex || is_scheme || name.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('\\');
    }
    escape(out, name, |c| c == '.');
    out.push(':');
}

fn write_test(out: &mut String, test: &Test) {
    match test {
        Test::Equals(text) => quote(out, text),
        Test::Like(pattern) => pieces(out, pattern),
        Test::Regex(regex) => {
            out.push('/');
            let mut chars = regex.chars();
            while let Some(c) = chars.next() {
                match c {
                    '/' => out.push_str("\\/"),
                    '\\' => out.extend([Some(c), chars.next()].into_iter().flatten()),
                    c => out.push(c),
                }
            }
            out.push('/');
        }
        Test::Within(Bound::None, upper) => {
            bound(out, upper, "<=", "<");
        }
        Test::Within(lower, Bound::None) => {
            bound(out, lower, ">=", ">");
        }
        Test::Within(lower, upper) => {
            bound(out, lower, "[", "{");
            out.push_str(" TO ");
            bound(out, upper, "", "");
            out.push(if matches!(upper, Bound::Excluding(_)) {
                '}'
            } else {
                ']'
            });
        }
        Test::Network(address, length) => {
            let _ = write!(out, "{address}/{length}");
        }
    }
}

fn bound(out: &mut String, bound: &Bound, including: &str, excluding: &str) {
    match bound {
        Bound::None => out.push('*'),
        Bound::Including(text) => {
            out.push_str(including);
            quote(out, text);
        }
        Bound::Excluding(text) => {
            out.push_str(excluding);
            quote(out, text);
        }
    }
}

fn words(out: &mut String, patterns: &[Pattern]) {
    let texts: Option<Vec<&str>> = patterns.iter().map(Pattern::as_text).collect();
    if let Some(texts) = texts {
        return quote(out, &texts.join(" "));
    }
    for (nth, pattern) in patterns.iter().enumerate() {
        if nth > 0 {
            // No word has it, and a pattern with it is no address.
            out.push('/');
        }
        pieces(out, pattern);
    }
}

fn pieces(out: &mut String, pattern: &Pattern) {
    for piece in &pattern.0 {
        match piece {
            Piece::Text(text) => escape(out, text, |_| false),
            Piece::One => out.push('?'),
            Piece::Any => out.push('*'),
        }
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// Writes a text with a backslash before each character that may mean something.
fn escape(out: &mut String, text: &str, is_plain: impl Fn(char) -> bool) {
    for c in text.chars() {
        if !(c == '_' || c.is_alphanumeric() || is_plain(c)) {
            out.push('\\');
        }
        out.push(c);
    }
}

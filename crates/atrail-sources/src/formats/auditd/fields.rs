//! The fields of an audit record: `NAME=VALUE`, with values as they are, in quotes, in hexadecimal, or records themselves.

use std::borrow::Cow;

/// The fields of a record, each once.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

/// Fields that a sender of untrusted text may choose. They are written in hexadecimal where they have a blank, a quote or
/// a byte that is no printable character, and in quotes otherwise (audit_log_untrustedstring in the kernel).
const UNTRUSTED: [&str; 17] = [
    "acct",
    "comm",
    "exe",
    "name",
    "cwd",
    "cmd",
    "proctitle",
    "key",
    "data",
    "dir",
    "path",
    "file",
    "grp",
    "old-root",
    "new-disk",
    "ocomm",
    "watch",
];
/// The separator before the names of numbers, which auditd adds with `log_format = ENRICHED`; some daemons of syslog
/// write it as an escape.
const SEPARATORS: [&str; 2] = ["\u{1d}", "#035"];
/// The user of a process that nobody logged in for.
const UNSET_USER: [&str; 3] = ["4294967295", "-1", "unset"];
/// The most fields of a record.
const FIELDS_MAX: usize = 512;

/// Reads the fields of a record of this kind.
pub(super) fn fields(kind: &str, text: &str) -> Fields {
    let mut fields = Fields::default();
    let end = SEPARATORS.iter().find_map(|separator| {
        let at = text.find(separator)?;
        Some((at, at + separator.len()))
    });
    let (plain, enriched) = end.map_or((text, ""), |(at, after)| (&text[..at], &text[after..]));
    fields.read(kind, plain);
    fields.read(kind, enriched);
    fields
}

impl Fields {
    fn read(&mut self, kind: &str, text: &str) {
        let mut rest = text;
        while self.0.len() < FIELDS_MAX {
            rest =
                rest.trim_start_matches(|char: char| char.is_whitespace() || ",(".contains(char));
            // A word without a value.
            let Some(end) = rest.find(|char: char| char == '=' || char.is_whitespace()) else {
                return;
            };
            let name = &rest[..end];
            let Some(after) = rest[end..].strip_prefix('=') else {
                rest = &rest[end..];
                continue;
            };
            let quoted = |quote: char| {
                let inside = after.strip_prefix(quote)?;
                let end = inside.find(quote).unwrap_or(inside.len());
                Some((&inside[..end], inside.get(end + 1..).unwrap_or_default()))
            };
            if let Some(inside) = after.strip_prefix('\'') {
                // A record of a program within the kernel's. A name may have such a quote, too.
                let end = inside.rfind('\'').unwrap_or(inside.len());
                let (inside, after) = inside.split_at(end);
                self.read(kind, inside);
                rest = after.strip_prefix('\'').unwrap_or_default();
            } else if let Some((value, after)) = quoted('"') {
                self.add(name, value.into());
                rest = after;
            } else {
                let end = after.find(char::is_whitespace).unwrap_or(after.len());
                let value = after[..end].trim_end_matches(',');
                let value = match value.contains('(') {
                    true => value,
                    false => value.trim_end_matches(')'),
                };
                let is_argument = kind == "EXECVE" && is_argument(name);
                let decoded = (is_argument || UNTRUSTED.contains(&name)).then(|| decoded(value));
                self.add(name, decoded.flatten().unwrap_or(value.into()));
                rest = &after[end..];
            }
        }
    }

    fn add(&mut self, name: &str, value: Cow<'_, str>) {
        let is_unset = matches!(&*value, "" | "?" | "(null)" | "(none)" | "(unknown)");
        let is_nobody = matches!(name, "auid" | "AUID") && UNSET_USER.contains(&&*value);
        let is_known = || self.0.iter().any(|(known, _)| known == name);
        if !(is_unset || is_nobody || is_known()) {
            self.0.push((name.to_owned(), value.into_owned()));
        }
    }

    /// Returns a field; it is empty when there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        let mut all = self.all();
        all.find(|(known, _)| *known == name)
            .map_or("", |(_, value)| value)
    }

    /// Returns all fields, in their order.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Returns the arguments of a program, with blanks between them. A long one comes in parts, as `a1[0]`, `a1[1]`.
    pub(super) fn arguments(&self) -> String {
        let mut joined = String::new();
        for (name, value) in self.all().filter(|(name, _)| is_argument(name)) {
            let continues = name.contains('[') && !name.ends_with("[0]");
            if !joined.is_empty() && !continues {
                joined.push(' ');
            }
            joined.push_str(value);
        }
        joined
    }
}

/// Reports whether a field of an `EXECVE` is an argument: `a0`, `a12`, `a1[3]`; not `argc` or `a1_len`.
fn is_argument(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    name.strip_prefix('a')
        .is_some_and(|rest| match rest.split_once('[') {
            Some((number, part)) => {
                is_number(number) && part.strip_suffix(']').is_some_and(is_number)
            }
            None => is_number(rest),
        })
}

/// Returns a text that is written in hexadecimal; the zeros between its words become blanks.
fn decoded(value: &str) -> Option<Cow<'_, str>> {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(byte);
    let bytes = value.as_bytes();
    if bytes.len() < 2 || !bytes.len().is_multiple_of(2) || !bytes.iter().all(is_digit) {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'A'.. => byte - b'A' + 10,
        _ => byte - b'0',
    };
    let mut decoded: Vec<u8> = (bytes.chunks_exact(2))
        .map(|pair| match digit(pair[0]) << 4 | digit(pair[1]) {
            0 => b' ',
            // Between several keys.
            1 => b',',
            byte => byte,
        })
        .collect();
    while decoded.last() == Some(&b' ') {
        decoded.pop();
    }
    // A number that is no text.
    if bytes.iter().all(u8::is_ascii_digit) && decoded.iter().any(u8::is_ascii_control) {
        return None;
    }
    Some(String::from_utf8_lossy(&decoded).into_owned().into())
}

//! The words of a text, found by trying.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Returns the words of a folded text, each with all its spellings.
pub(super) fn of(text: &str) -> Vec<Vec<String>> {
    let chars: Vec<char> = text.chars().collect();
    let mut units = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let (length, unit) = [uuid, ipv4, ipv6, run]
            .iter()
            .find_map(|find| find(&chars, at))
            .unwrap_or((1, Vec::new()));
        if !unit.is_empty() {
            units.push(unit);
        }
        at += length;
    }
    units
}

type Found = Option<(usize, Vec<String>)>;

fn is_word(c: Option<&char>) -> bool {
    c.is_some_and(|c| *c == '_' || c.is_alphanumeric())
}

fn before(chars: &[char], at: usize) -> Option<&char> {
    chars[..at].last()
}

fn run(chars: &[char], at: usize) -> Found {
    let length = chars[at..].iter().take_while(|c| is_word(Some(c))).count();
    (length > 0).then(|| (length, vec![chars[at..at + length].iter().collect()]))
}

fn uuid(chars: &[char], at: usize) -> Found {
    let text: String = chars.get(at..at + 36)?.iter().collect();
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    let is_hex = text.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    let ends = !is_word(before(chars, at)) && !is_word(chars.get(at + 36));
    (groups == [8, 4, 4, 4, 12] && is_hex && ends)
        .then(|| (36, vec![text.clone(), text[..8].to_owned()]))
}

/// Four numbers that stand alone: no number with a dot before, none behind.
fn ipv4(chars: &[char], at: usize) -> Found {
    let is_digit = |at: usize| chars.get(at).is_some_and(char::is_ascii_digit);
    if is_word(before(chars, at)) || at >= 2 && chars[at - 1] == '.' && is_digit(at - 2) {
        return None;
    }
    (7..=15).rev().find_map(|length| {
        let text: String = chars.get(at..at + length)?.iter().collect();
        let end = at + length;
        let goes_on = is_word(chars.get(end)) || chars.get(end) == Some(&'.') && is_digit(end + 1);
        (!goes_on && text.parse::<Ipv4Addr>().is_ok()).then_some((length, vec![text]))
    })
}

/// All hexadecimal digits, colons and dots from here on, but for one dot and one colon at the end.
fn ipv6(chars: &[char], at: usize) -> Found {
    if is_word(before(chars, at)) || before(chars, at) == Some(&':') {
        return None;
    }
    let is_part = |c: &&char| c.is_ascii_hexdigit() || **c == ':' || **c == '.';
    let mut text: String = chars[at..].iter().take_while(is_part).collect();
    if text.ends_with('.') {
        text.pop();
    }
    if text.ends_with(':') && !text.ends_with("::") {
        text.pop();
    }
    let ends = !is_word(chars.get(at + text.len()));
    let has_digit = text.chars().any(|c| c.is_ascii_digit());
    (ends && has_digit && text.parse::<Ipv6Addr>().is_ok()).then(|| (text.len(), vec![text]))
}

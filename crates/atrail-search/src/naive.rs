//! A second evaluation of queries, for tests alone: it builds a tree of every event, and shares nothing with the matcher
//! but case folding and the library of regular expressions. It is slow, and written to be obviously right.

mod tree;
mod units;

use std::cmp::Ordering;
use std::net::IpAddr;

use atrail_model::Timestamp;

use crate::query::{Bound, Expr, Field, Pattern, Piece, Test};
use crate::text::fold;
use tree::{Entry, Tree};

/// Reports whether an event matches.
///
/// # Panics
/// When the line is not a JSON object.
#[must_use]
pub fn matches(expr: &Expr, line: &[u8]) -> bool {
    Event::read(line).matches(expr)
}

/// Returns the values of a field, of the first of its paths that has one.
///
/// # Panics
/// When the line is not a JSON object.
#[must_use]
pub fn values(line: &[u8], field: &Field) -> Vec<String> {
    let event = Event::read(line);
    let of_path = |path| {
        event
            .at(path)
            .filter_map(|entry| entry.value.clone())
            .collect()
    };
    let mut of_paths = field.paths.iter().map(of_path);
    of_paths
        .find(|values: &Vec<String>| !values.is_empty())
        .unwrap_or_default()
}

/// Returns everything that is not null in an event: its folded path and its value, or `None` for an object.
///
/// # Panics
/// When the line is not a JSON object.
#[must_use]
pub fn entries(line: &[u8]) -> Vec<(String, Option<String>)> {
    let event = Event::read(line);
    event
        .entries
        .into_iter()
        .map(|entry| (entry.path, entry.value))
        .collect()
}

struct Event {
    entries: Vec<Entry>,
    texts: Vec<String>,
    time: Option<Timestamp>,
}

impl Event {
    fn read(line: &[u8]) -> Self {
        let tree = Tree::read(line);
        let time = match tree.last("eventTime") {
            Some(Tree::Text(text)) => atrail_model::event::read_event_time(text),
            _ => None,
        };
        Self {
            entries: tree.entries(),
            texts: tree.texts(),
            time,
        }
    }

    fn at(&self, path: &crate::query::Path) -> impl Iterator<Item = &Entry> {
        let wanted = fold(&path.0.join(".")).into_owned();
        self.entries
            .iter()
            .filter(move |entry| entry.path == wanted)
    }

    fn matches(&self, expr: &Expr) -> bool {
        match expr {
            Expr::All => true,
            Expr::And(parts) => parts.iter().all(|part| self.matches(part)),
            Expr::Or(parts) => parts.iter().any(|part| self.matches(part)),
            Expr::Not(inner) => !self.matches(inner),
            Expr::Exists(field) => field
                .paths
                .iter()
                .any(|path| self.at(path).next().is_some()),
            Expr::Is(field, test) => field.paths.iter().any(|path| {
                self.at(path)
                    .filter_map(|entry| entry.value.as_deref())
                    .any(|value| passes(test, value))
            }),
            Expr::Text(words) => self.texts.iter().any(|text| has_words(text, words)),
            Expr::Time(range) => self
                .time
                .is_some_and(|time| range.from <= time && time < range.to),
        }
    }
}

fn has_words(text: &str, words: &[Pattern]) -> bool {
    let units = units::of(&fold(text));
    let is = |unit: &Vec<String>, word| unit.iter().any(|spelling| is_like(word, spelling));
    let is_here = |row: &[Vec<String>]| row.iter().zip(words).all(|(unit, word)| is(unit, word));
    units.windows(words.len().max(1)).any(is_here)
}

fn passes(test: &Test, value: &str) -> bool {
    match test {
        Test::Equals(text) => fold(value) == *text,
        Test::Like(pattern) => is_like(pattern, &fold(value)),
        Test::Regex(text) => regex::Regex::new(&format!("(?i){text}"))
            .expect("a test's regular expression can be read")
            .is_match(value),
        Test::Within(lower, upper) => is_within(value, lower, upper),
        Test::Network(address, length) => is_in_network(value, *address, *length),
    }
}

/// Compares a pattern and a text one character after the other.
fn is_like(pattern: &Pattern, text: &str) -> bool {
    enum Want {
        This(char),
        One,
        Any,
    }
    let mut wants = Vec::new();
    for piece in &pattern.0 {
        match piece {
            Piece::Text(text) => wants.extend(text.chars().map(Want::This)),
            Piece::One => wants.push(Want::One),
            Piece::Any => wants.push(Want::Any),
        }
    }
    // reach[n]: whether the wants so far can end before character n.
    let text: Vec<char> = text.chars().collect();
    let mut reach = vec![false; text.len() + 1];
    reach[0] = true;
    for want in wants {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match want {
                Want::This(c) => at > 0 && reach[at - 1] && text[at - 1] == c,
                Want::One => at > 0 && reach[at - 1],
                Want::Any => reach[at] || at > 0 && next[at - 1],
            };
        }
        reach = next;
    }
    reach[text.len()]
}

fn is_within(value: &str, lower: &Bound, upper: &Bound) -> bool {
    let text_of = |bound: &Bound| match bound {
        Bound::None => None,
        Bound::Including(text) | Bound::Excluding(text) => Some(text.clone()),
    };
    let bounds: Vec<String> = [lower, upper].into_iter().filter_map(text_of).collect();
    let compare: fn(&str, &str) -> Option<Ordering> = if bounds.iter().all(|b| number(b).is_some())
    {
        |one, other| number(one)?.partial_cmp(&number(other)?)
    } else if bounds.iter().all(|b| address(b).is_some()) {
        |one, other| Some(address(one)?.cmp(&address(other)?))
    } else {
        |one, other| Some(fold(one).chars().cmp(fold(other).chars()))
    };
    let is = |bound: &Bound, towards: Ordering| match bound {
        Bound::None => true,
        Bound::Including(text) => {
            compare(value, text).is_some_and(|order| order == towards || order.is_eq())
        }
        Bound::Excluding(text) => compare(value, text) == Some(towards),
    };
    is(lower, Ordering::Greater) && is(upper, Ordering::Less)
}

/// Reads a number as JSON writes it; tests have none that an f64 does not hold.
fn number(text: &str) -> Option<f64> {
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Number(number)) => number.as_f64(),
        _ => None,
    }
}

fn address(text: &str) -> Option<IpAddr> {
    Some(match text.parse().ok()? {
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(IpAddr::V6(six), IpAddr::V4),
        four => four,
    })
}

/// Compares the bits of an address or a network with those of a network.
fn is_in_network(value: &str, network: IpAddr, length: u8) -> bool {
    let bits = |address: IpAddr| -> Vec<bool> {
        let bytes = match address {
            IpAddr::V4(four) => four.octets().to_vec(),
            IpAddr::V6(six) => six.octets().to_vec(),
        };
        let of_byte = |byte: u8| (0..8).rev().map(move |bit| byte >> bit & 1 == 1);
        bytes.into_iter().flat_map(of_byte).collect()
    };
    let (text, prefix) = value
        .split_once('/')
        .map_or((value, None), |(text, prefix)| (text, Some(prefix)));
    let Ok(written) = text.parse::<IpAddr>() else {
        return false;
    };
    let mut own = bits(written);
    if let Some(prefix) = prefix {
        let is_number = prefix.bytes().all(|byte| byte.is_ascii_digit());
        match prefix.parse::<usize>() {
            Ok(prefix) if is_number && prefix <= own.len() => own.truncate(prefix),
            _ => return false,
        }
    }
    // The first 96 bits of an address of version 4 that is written as one of version 6.
    if written.is_ipv6() && address(text).is_some_and(|address| address.is_ipv4()) {
        if own.len() < 96 {
            return false;
        }
        own.drain(..96);
    }
    address(text).is_some_and(|address| address.is_ipv4()) == network.is_ipv4()
        && own.starts_with(&bits(network)[..usize::from(length)])
}

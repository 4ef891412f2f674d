//! Proving by a look at the bytes that no event among them matches.
//!
//! A query needs certain texts in every event that matches. JSON can write a character as an escape, and case folding
//! makes two characters outside of ASCII equal to letters of ASCII; where bytes have these, nothing is proven.

use std::cell::OnceCell;
use std::net::IpAddr;

use memchr::memmem;

use super::needle::Needle;
use crate::query::{Expr, Field, Pattern, Piece, Test};

/// More alternatives take longer to look for than the events to read.
const ALTERNATIVES_MAX: usize = 8;
/// `ſ`, which folds to `s`.
const LONG_S: &[u8] = "\u{17f}".as_bytes();
/// The Kelvin sign, which folds to `k`.
const KELVIN: &[u8] = "\u{212a}".as_bytes();

/// What must be there: one of each of these.
#[derive(Debug)]
pub(super) struct Absence(Vec<Vec<Need>>);

#[derive(Debug, Clone)]
enum Need {
    /// This text.
    Text(Needle),
    /// Any character outside of ASCII.
    Unicode,
}

impl Absence {
    pub(super) fn of(expr: &Expr) -> Self {
        let mut needs = needs_of(expr);
        // The longest first, because it is the rarest.
        needs.sort_by_key(|alternatives| std::cmp::Reverse(weight(alternatives)));
        Self(needs)
    }

    /// Reports whether it is certain that none of these lines matches.
    pub(super) fn is_proven(&self, lines: &[u8]) -> bool {
        let lines = Lines {
            bytes: lines,
            has_units: OnceCell::new(),
            is_ascii: OnceCell::new(),
            has_relatives: OnceCell::new(),
        };
        self.0
            .iter()
            .any(|alternatives| alternatives.iter().all(|need| lines.lack(need)))
    }
}

struct Lines<'a> {
    bytes: &'a [u8],
    /// Whether there is an escape by number.
    has_units: OnceCell<bool>,
    is_ascii: OnceCell<bool>,
    has_relatives: OnceCell<bool>,
}

impl Lines<'_> {
    fn lack(&self, need: &Need) -> bool {
        match need {
            Need::Text(needle) => {
                !needle.is_in(self.bytes)
                    && !self.has_units()
                    && (!needle.has_relatives() || self.is_ascii() || !self.has_relatives())
            }
            Need::Unicode => self.is_ascii() && !self.has_units(),
        }
    }

    fn has_units(&self) -> bool {
        let find = || memmem::find(self.bytes, br"\u").is_some();
        *self.has_units.get_or_init(find)
    }

    fn is_ascii(&self) -> bool {
        *self.is_ascii.get_or_init(|| self.bytes.is_ascii())
    }

    fn has_relatives(&self) -> bool {
        let has = |part: &[u8]| memmem::find(self.bytes, part).is_some();
        *self
            .has_relatives
            .get_or_init(|| has(LONG_S) || has(KELVIN))
    }
}

/// Returns how much is gained by looking for these: the length of the shortest.
fn weight(alternatives: &[Need]) -> usize {
    let lengths = alternatives.iter().map(|need| match need {
        Need::Text(needle) => needle.len(),
        Need::Unicode => 1,
    });
    lengths.min().unwrap_or(0)
}

/// Returns what must be there, as alternatives of which one must.
fn needs_of(expr: &Expr) -> Vec<Vec<Need>> {
    match expr {
        Expr::All | Expr::Not(_) | Expr::Time(_) => Vec::new(),
        Expr::And(parts) => parts.iter().flat_map(needs_of).collect(),
        Expr::Or(parts) => {
            let best = |part| needs_of(part).into_iter().max_by_key(|needs| weight(needs));
            let all: Option<Vec<Vec<Need>>> = parts.iter().map(best).collect();
            alternatives(all.map(|all| all.concat()))
        }
        Expr::Exists(field) => alternatives(of_names(field)),
        Expr::Is(field, test) => {
            let of_value = of_test(test);
            if of_value.is_empty() {
                alternatives(of_names(field))
            } else {
                alternatives(Some(of_value))
            }
        }
        Expr::Text(patterns) => alternatives(of_patterns(patterns).map(|need| vec![need])),
    }
}

fn alternatives(needs: Option<Vec<Need>>) -> Vec<Vec<Need>> {
    let fits = |needs: &Vec<Need>| (1..=ALTERNATIVES_MAX).contains(&needs.len());
    needs.filter(fits).into_iter().collect()
}

/// Returns what a value that passes contains; nothing when that is not known.
fn of_test(test: &Test) -> Vec<Need> {
    match test {
        Test::Equals(text) => of_text(text).into_iter().collect(),
        Test::Like(pattern) => of_patterns(std::slice::from_ref(pattern))
            .into_iter()
            .collect(),
        Test::Network(address, length) => of_network(*address, *length),
        Test::Regex(_) | Test::Within(..) => Vec::new(),
    }
}

/// Returns what every way to write an address in this network contains: numbers of the prefix.
fn of_network(address: IpAddr, length: u8) -> Vec<Need> {
    let texts = match address {
        IpAddr::V4(address) => {
            let numbers = usize::from(length / 8);
            let mut prefix = address.octets().map(|octet| octet.to_string())[..numbers].join(".");
            if numbers < 4 {
                prefix.push('.');
            }
            if numbers < 2 {
                return Vec::new();
            }
            // As version 6 it may be written in hexadecimal digits.
            vec![prefix, "ffff:".to_owned()]
        }
        IpAddr::V6(address) => {
            // The last two groups may be written as version 4. Zeros may precede a group, or stand for it.
            let groups = address
                .segments()
                .into_iter()
                .take(usize::from(length / 16).min(6));
            let texts = groups.map(|group| format!("{group:x}"));
            texts
                .max_by_key(String::len)
                .filter(|text| text != "0")
                .into_iter()
                .collect()
        }
    };
    let needs: Option<Vec<Need>> = texts.iter().map(|text| of_text(text)).collect();
    needs.unwrap_or_default()
}

fn of_patterns(patterns: &[Pattern]) -> Option<Need> {
    let texts = || {
        let pieces = patterns.iter().flat_map(|pattern| &pattern.0);
        pieces.filter_map(|piece| match piece {
            Piece::Text(text) => Some(text),
            Piece::One | Piece::Any => None,
        })
    };
    let needle = Needle::of_patterns(patterns).map(Need::Text);
    needle.or_else(|| {
        texts()
            .any(|text| !text.is_ascii())
            .then_some(Need::Unicode)
    })
}

fn of_text(text: &str) -> Option<Need> {
    let needle = Needle::of_text(text).map(Need::Text);
    needle.or_else(|| (!text.is_ascii()).then_some(Need::Unicode))
}

/// Returns a member's name on each of the field's paths.
fn of_names(field: &Field) -> Option<Vec<Need>> {
    let longest = |path: &crate::query::Path| {
        let folded = path.folded();
        let needs = folded.split('.').filter_map(of_text);
        needs.max_by_key(|need| weight(std::slice::from_ref(need)))
    };
    field.paths.iter().map(longest).collect()
}

//! Queries.

use std::net::IpAddr;

use atrail_model::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{NAMES, TEXTS};
use crate::TimeRange;
use crate::query::{Bound, Expr, Field, Path, Pattern, Piece, SHORT_NAMES, Test};
use crate::text::{fold, words};

/// Generates conditions. Times are around the first days of November 2026.
pub fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        1 => Just(Expr::All),
        2 => field().prop_map(Expr::Exists),
        8 => (field(), test()).prop_map(|(field, test)| Expr::Is(field, test)),
        4 => phrase().prop_map(Expr::Text),
        2 => time_range().prop_map(Expr::Time),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(Expr::all_of),
            vec(inner.clone(), 1..4).prop_map(Expr::any_of),
            inner.prop_map(Expr::negated),
        ]
    })
}

/// Generates texts that look like queries, and are some.
pub fn soup() -> impl Strategy<Value = String> {
    let words = [
        "ann",
        "actor:",
        "target:",
        "a.b:",
        "time:",
        "_exists_:",
        "service:",
        "from:",
        "(",
        ")",
        "\"",
        "\\",
        "/",
        "[",
        "]",
        "{",
        "}",
        " TO ",
        " AND ",
        " OR ",
        "NOT ",
        "-",
        "*",
        "?",
        ":",
        ">",
        "<=",
        " ",
        " ",
        "10.0.0.0/8",
        "2001:db8::1",
        "2026-11-01",
        "2026-11-01T10:29",
        "https://x/y",
        "404",
        "é",
        "😀",
        "~2",
        "=",
        "crn:v1:a:b:c:d:::",
    ];
    vec(select(words.to_vec()), 0..12).prop_map(|parts| parts.concat())
}

fn field() -> impl Strategy<Value = Field> {
    let short = SHORT_NAMES
        .iter()
        .filter(|short| !matches!(short.name, "time" | "service"))
        .map(|short| short.name.to_owned());
    let long = [
        "initiator.name",
        "INITIATOR.Id",
        "observer.name",
        "observer",
        "requestData.a",
        "requestData.a.b",
        "requestData",
        "target.a.b.a",
        "a.a",
        "a.b.a",
        "b.a.b",
        ".a",
        "eventTime",
        "straße",
        "say \"hi\".a",
        "x/y",
        "nowhere",
    ];
    let long = long.into_iter().map(str::to_owned);
    let names = NAMES
        .iter()
        .filter(|name| !name.is_empty())
        .map(|name| (*name).to_owned());
    let all: Vec<String> = short.chain(long).chain(names).collect();
    let named = |name: String| {
        Field::named(&name).unwrap_or(Field {
            name,
            paths: vec![Path(Vec::new())],
        })
    };
    select(all).prop_map(named)
}

fn test() -> impl Strategy<Value = Test> {
    let text = || select(TEXTS).prop_map(|text| fold(text).into_owned());
    let regexes = [
        "^ann$",
        "a.n",
        "[a-f0-9]{8}-",
        "x?",
        "σ",
        "STRASSE|straße",
        "^$",
        "k",
        r"\d+",
        "(?-i)Ann",
    ];
    let networks = [
        ("10.0.0.0", 8),
        ("10.0.0.1", 32),
        ("0.0.0.0", 0),
        ("10.0.0.128", 25),
        ("2001:db8::", 32),
        ("2001:db8::1", 128),
        ("::", 0),
    ];
    let network = |(address, length): (&str, u8)| {
        let address: IpAddr = address.parse().unwrap_or(IpAddr::from([0; 4]));
        Test::Network(address, length)
    };
    prop_oneof![
        4 => text().prop_map(Test::Equals),
        3 => (text(), vec((any::<prop::sample::Index>(), any::<bool>()), 1..4))
            .prop_filter_map("a pattern", |(text, holes)| like(&text, &holes)),
        1 => select(regexes.to_vec()).prop_map(|regex| Test::Regex(regex.to_owned())),
        2 => within(),
        1 => select(networks.to_vec()).prop_map(network),
    ]
}

/// Puts wildcards in place of some characters. (`*` alone is no pattern, but asks for existence.)
fn like(text: &str, holes: &[(prop::sample::Index, bool)]) -> Option<Test> {
    let pattern = pattern(text, holes);
    (pattern.0 != [Piece::Any]).then_some(Test::Like(pattern))
}

fn pattern(text: &str, holes: &[(prop::sample::Index, bool)]) -> Pattern {
    let mut pieces: Vec<Piece> = text.chars().map(|c| Piece::Text(c.to_string())).collect();
    pieces.push(Piece::Text(String::new()));
    for (at, is_any) in holes {
        let at = at.index(pieces.len());
        pieces[at] = if *is_any { Piece::Any } else { Piece::One };
    }
    Pattern::of(pieces)
}

fn within() -> impl Strategy<Value = Test> {
    let texts = vec![
        "-1",
        "0",
        "403",
        "404.0",
        "1e3",
        "10.0.0.1",
        "10.0.0.128",
        "2001:db8::",
        "a",
        "ann",
        "b",
        "Σ",
    ];
    let bound = || {
        (select(texts.clone()), 0..5_u8).prop_map(|(text, kind)| match kind {
            0 => Bound::None,
            1 | 2 => Bound::Including(text.to_owned()),
            _ => Bound::Excluding(text.to_owned()),
        })
    };
    (bound(), bound())
        .prop_filter("a bound", |bounds| *bounds != (Bound::None, Bound::None))
        .prop_map(|(lower, upper)| Test::Within(lower, upper))
}

fn phrase() -> impl Strategy<Value = Vec<Pattern>> {
    let of_text = |text: &str| -> Vec<String> {
        words(&fold(text))
            .map(|word| word.short.unwrap_or(word.text).to_owned())
            .collect()
    };
    let all: Vec<Vec<String>> = TEXTS
        .iter()
        .chain(NAMES)
        .map(|text| of_text(text))
        .filter(|words| !words.is_empty())
        .collect();
    let part = (
        select(all),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(words, from, count)| {
            let from = from.index(words.len());
            let count = count.index(words.len() - from) + 1;
            words[from..from + count].to_vec()
        });
    let holes = vec((any::<prop::sample::Index>(), any::<bool>()), 0..3);
    let wild = (part.clone(), holes).prop_map(|(words, holes)| {
        words
            .iter()
            .enumerate()
            .map(|(nth, word)| {
                if nth == 0 && !word.contains(['-', '.', ':']) {
                    pattern(word, &holes)
                } else {
                    Pattern::exactly(word.as_str())
                }
            })
            .collect()
    });
    prop_oneof![
        3 => part.prop_map(|words: Vec<String>| words.into_iter().map(Pattern::exactly).collect()),
        1 => wild.prop_filter("more than a star", |words: &Vec<Pattern>| words.iter().any(|word| word.0 != [Piece::Any])),
    ]
}

fn time_range() -> impl Strategy<Value = TimeRange> {
    let base = 1_793_491_200_i64;
    (
        0..200_000_i64,
        1..200_000_i64,
        select(vec![0, 1, 500_000_000]),
    )
        .prop_filter_map("a time", move |(from, length, nanos)| {
            let from = Timestamp::new(base + from, nanos).ok()?;
            let to = Timestamp::from_second(from.as_second() + length).ok()?;
            (from < to).then_some(TimeRange { from, to })
        })
}

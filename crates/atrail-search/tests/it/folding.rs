//! Case folding, against Unicode's own table as another library has it.

use atrail_search::text::{fold, fold_char};
use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

/// Returns the characters that Unicode's simple case folding makes equal to this one.
fn class(c: char) -> Vec<char> {
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
    class.case_fold_simple();
    class
        .iter()
        .flat_map(|range| range.start()..=range.end())
        .collect()
}

#[test]
fn characters_are_equal_exactly_where_unicode_says_so() {
    let mut by_folded = std::collections::BTreeMap::<char, Vec<char>>::new();
    for c in '\0'..=char::MAX {
        by_folded.entry(fold_char(c)).or_default().push(c);
    }
    let mut different = Vec::new();
    for (folded, members) in &by_folded {
        if !members.contains(folded) || class(*folded) != *members {
            different.push((*folded, members.clone(), class(*folded)));
        }
    }
    // Characters that were added to Unicode after the table of one of the two libraries was made.
    let newer = |(_, own, other): &(char, Vec<char>, Vec<char>)| {
        own.iter().chain(other).any(|c| {
            ('\u{a7cb}'..='\u{a7dd}').contains(c) || ('\u{16ea0}'..='\u{16ed4}').contains(c)
        })
    };
    different.retain(|difference| !newer(difference));
    assert_eq!(different, []);
    assert!(by_folded.len() > 1_100_000);
}

#[test]
fn folding_twice_is_folding_once() {
    for c in '\0'..=char::MAX {
        assert_eq!(fold_char(fold_char(c)), fold_char(c));
    }
}

#[test]
fn texts_are_folded_by_characters() {
    for (text, folded) in [
        ("", ""),
        ("Already_ascii 1", "already_ascii 1"),
        ("ΣΊΣΥΦΟΣ σίσυφος", "σίσυφοσ σίσυφοσ"),
        ("STRAẞE Straße STRASSE", "straße straße strasse"),
        ("\u{212a}elvin pa\u{17f}s", "kelvin pass"),
        ("İıIi", "İıii"),
        ("😀 Ж", "😀 ж"),
    ] {
        assert_eq!(fold(text), folded);
    }
    assert!(matches!(fold("plain_1"), std::borrow::Cow::Borrowed(_)));
}

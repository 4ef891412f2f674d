//! Case folding.
//!
//! The rule is Unicode's *simple* case folding (CaseFolding.txt, status C and S): one character for one character, in
//! no language in particular. `Σ`, `σ` and `ς` are equal, so are `K` and the Kelvin sign; `ß` equals `ẞ` but not `ss`,
//! and the Turkish `ı` and `İ` equal nothing but themselves. Which character stands for its class is not Unicode's
//! choice, but the lower case where there is one.

use std::borrow::Cow;

/// Returns the character that stands for all that differ from this one only in case.
#[must_use]
pub fn fold_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    match c {
        // Upper and lower case that no folding joins with `i`, because the languages disagree.
        'ı' | 'İ' => return c,
        // Simple foldings of characters whose upper case is more than one character.
        '\u{1fd3}' => return '\u{390}',
        '\u{1fe3}' => return '\u{3b0}',
        '\u{fb05}' => return '\u{fb06}',
        _ => {}
    }
    let upper = single(c.to_uppercase()).unwrap_or(c);
    single(upper.to_lowercase()).unwrap_or(upper)
}

fn single(mut chars: impl Iterator<Item = char>) -> Option<char> {
    let first = chars.next()?;
    chars.next().is_none().then_some(first)
}

/// Returns the text with each character folded. Folding twice changes nothing more.
#[must_use]
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        // Without leaving the loop early, so that the compiler makes vector instructions of it.
        let has_upper = text
            .bytes()
            .fold(false, |any, byte| any | byte.is_ascii_uppercase());
        if !has_upper {
            return Cow::Borrowed(text);
        }
        return Cow::Owned(text.to_ascii_lowercase());
    }
    Cow::Owned(text.chars().map(fold_char).collect())
}

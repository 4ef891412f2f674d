//! Decides which names accounts, organizations, spaces, users and API keys may have, and when two spellings are one
//! name.
//!
//! Names are compared and stored in Unicode's composed form (NFC, UAX #15), so that two spellings of one letter are one
//! name. Letters of different scripts that look alike stay different.

use std::borrow::Cow;

use atrail_disk::{Result, StoreError};
use atrail_model::limits;
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use uuid::Uuid;

/// Hexadecimal digits of an API key's public part.
const KEY_ID_DIGITS: usize = 16;

/// Returns a name in the form that is compared.
#[must_use]
pub fn canonical(name: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(name)
}

/// Returns a name for a new `what`, in the form that is stored.
///
/// # Errors
/// `Invalid` when the name is empty or too long, when a reader could not see all of it, or when it looks like an id.
pub(super) fn fit<'a>(what: &str, name: &'a str) -> Result<Cow<'a, str>> {
    let name = canonical(name);
    let has_length = (1..=limits::NAME_MAX_BYTES).contains(&name.len());
    if !has_length || name.trim() != name || !name.chars().all(is_seen) {
        return Err(StoreError::Invalid(format!(
            "the {what} name must have 1 to {} bytes, no control characters, none that are invisible or turn the \
             direction of text, no blanks but the space, and no space at its ends",
            limits::NAME_MAX_BYTES
        )));
    }
    if is_like_an_id(&name) {
        return Err(StoreError::Invalid(format!(
            "the {what} name looks like an id: choose one that nobody can mistake for an id"
        )));
    }
    Ok(name)
}

/// Reports whether a reader sees the character, and recognizes it.
fn is_seen(character: char) -> bool {
    let is_ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character);
    let is_odd_blank = character.is_whitespace() && character != ' ';
    !is_ignorable && !is_odd_blank && !character.is_control()
}

/// Reports whether the name is a GUID in any of its spellings, or the public part of an API key.
fn is_like_an_id(name: &str) -> bool {
    let is_key_id =
        name.len() == KEY_ID_DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_key_id || Uuid::try_parse(name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use atrail_disk::ErrorKind;

    #[test]
    fn two_spellings_of_a_letter_are_one_name() {
        let composed = fit("user", "Zo\u{e9}").unwrap();
        assert_eq!(fit("user", "Zoe\u{301}").unwrap(), composed);
        assert_eq!(composed, "Zo\u{e9}");
        assert_ne!(fit("user", "Zoe").unwrap(), composed);
        // The angstrom sign and the letter.
        assert_eq!(fit("user", "\u{212b}").unwrap(), "\u{c5}");
    }

    #[test]
    fn ordinary_names_are_fit() {
        for name in [
            "a",
            "dev-1",
            "a b",
            "ann@example.com",
            "日本",
            "Ünal",
            "a,b",
            "beef",
        ] {
            assert_eq!(fit("user", name).unwrap(), name);
        }
        assert!(fit("user", &"x".repeat(limits::NAME_MAX_BYTES)).is_ok());
    }

    #[test]
    fn what_cannot_be_seen_is_refused() {
        let unseen = [
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{202e}',
            '\u{2066}',
            '\u{feff}',
            '\u{ad}',
            '\u{61c}',
            '\u{e0041}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{a0}',
            '\u{2028}',
            '\u{3000}',
            '\u{85}',
            '\u{1b}',
            '\t',
        ];
        for character in unseen {
            let name = format!("a{character}b");
            let refused = fit("user", &name).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Invalid, "{name:?}");
        }
        for name in ["", " a", "a ", &"x".repeat(limits::NAME_MAX_BYTES + 1)] {
            assert!(fit("user", name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn what_looks_like_an_id_is_refused() {
        let guid = "2088a07e-3c5b-4b9c-9f39-0a1b2c3d4e5f";
        let simple = guid.replace('-', "");
        for name in [
            guid,
            &guid.to_uppercase(),
            &simple,
            &format!("{{{guid}}}"),
            &format!("urn:uuid:{guid}"),
            "0123456789abcdef",
        ] {
            assert!(fit("space", name).is_err(), "{name:?}");
        }
        for name in [
            &guid[1..],
            "0123456789abcde",
            "recovered-2088a07e-3c5b-4b9c-9f39-0a1b2c3d4e5f",
        ] {
            assert!(fit("space", name).is_ok(), "{name:?}");
        }
    }
}

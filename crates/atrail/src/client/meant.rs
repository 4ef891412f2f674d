//! Resolves a word on the command line: a GUID or an id first, then a name, then the beginning of an id.

use crate::error::{CliError, Result};

/// The fewest characters of an id that name it.
pub(crate) const PREFIX_MIN: usize = 4;

/// A kind of thing that commands name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// What messages call one: `organization`.
    pub(crate) word: &'static str,
    /// The command below `atrail admin` that lists them.
    pub(crate) command: &'static str,
}

impl Kind {
    /// Accounts.
    pub(crate) const ACCOUNT: Self = Self::new("account", "account");
    /// Organizations.
    pub(crate) const ORGANIZATION: Self = Self::new("organization", "org");
    /// Spaces.
    pub(crate) const SPACE: Self = Self::new("space", "space");

    /// Returns a kind with these words.
    pub(crate) const fn new(word: &'static str, command: &'static str) -> Self {
        Self { word, command }
    }
}

/// Returns the one thing that was found by this word.
///
/// # Errors
/// When none was found, or several.
pub(crate) fn only<T>(mut found: Vec<T>, kind: Kind, word: &str) -> Result<T> {
    let Kind {
        word: kind,
        command,
    } = kind;
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(CliError::failed(format!(
            "there is no {kind} {word:?} that you may see: `atrail admin {command} list`"
        ))),
        _ => {
            let by_account = match command {
                "account" => "",
                _ => "`atrail target --account ACCOUNT` makes it mean the one of that account; or ",
            };
            Err(
                CliError::usage(format!("{word:?} names more than one {kind}")).hint(format!(
                    "{by_account}give the GUID in place of the name: `atrail admin {command} list` shows it"
                )),
            )
        }
    }
}

/// Returns the things that the word means: the one with this id, even if others have it as their name; otherwise all
/// with this name; otherwise all whose id begins so.
pub(crate) fn meant<T>(
    things: Vec<T>,
    word: &str,
    id_of: impl Fn(&T) -> String,
    name_of: impl Fn(&T) -> String,
) -> Vec<T> {
    let (by_id, others): (Vec<_>, Vec<_>) = things
        .into_iter()
        .partition(|thing| is_same_id(&id_of(thing), word));
    if !by_id.is_empty() {
        return by_id;
    }
    let (by_name, others): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|thing| name_of(thing) == word);
    if !by_name.is_empty() || word.len() < PREFIX_MIN {
        return by_name;
    }
    let by_prefix = others
        .into_iter()
        .filter(|thing| begins_with(&id_of(thing), word));
    by_prefix.collect()
}

/// Of several things with one name, returns those that are in the narrowest of these places in which any is: a name means
/// what is near.
pub(crate) fn nearest<T>(
    found: Vec<T>,
    places: &[&str],
    is_in: impl Fn(&T, &str) -> bool,
) -> Vec<T> {
    if found.len() < 2 {
        return found;
    }
    let is_there = |place: &&&str| found.iter().any(|thing| is_in(thing, place));
    match places.iter().find(is_there) {
        Some(place) => found
            .into_iter()
            .filter(|thing| is_in(thing, place))
            .collect(),
        None => found,
    }
}

fn begins_with(id: &str, word: &str) -> bool {
    let beginning = id.get(..word.len());
    beginning.is_some_and(|beginning| {
        beginning == word || is_guid(id) && beginning.eq_ignore_ascii_case(word)
    })
}

/// Returns whether the word is a GUID, in either case (RFC 9562 §4).
pub(crate) fn is_guid(word: &str) -> bool {
    word.parse::<atrail_model::SpaceId>().is_ok()
}

/// Ids other than GUIDs are case-sensitive.
fn is_same_id(id: &str, word: &str) -> bool {
    id == word || is_guid(word) && id.eq_ignore_ascii_case(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0a0a0a0a-0000-4000-8000-00000000000a";
    const B: &str = "0b0b0b0b-0000-4000-8000-00000000000b";

    fn found(word: &str) -> Vec<usize> {
        // The second has the first one's GUID as its name; the third and the fourth share a name.
        let things = vec![
            (0, A, "first"),
            (1, B, A),
            (2, "k1", "twin"),
            (3, "k2", "twin"),
            (4, "K1", "k2"),
        ];
        let meant = meant(
            things,
            word,
            |thing| thing.1.to_owned(),
            |thing| thing.2.to_owned(),
        );
        meant.into_iter().map(|thing| thing.0).collect()
    }

    #[test]
    fn of_several_the_nearest_is_meant() {
        let things = || vec![("prod", "acme"), ("prod", "globex"), ("prod", "globex")];
        let near = |places: &[&str]| nearest(things(), places, |thing, place| thing.1 == place);
        assert_eq!(near(&["acme"]), [("prod", "acme")]);
        assert_eq!(near(&["other", "acme"]), [("prod", "acme")]);
        assert_eq!(near(&["globex", "acme"]).len(), 2);
        assert_eq!(near(&["other"]).len(), 3);
        assert_eq!(near(&[]).len(), 3);
        // One that is alone is meant wherever it is.
        let alone = vec![("prod", "acme")];
        assert_eq!(
            nearest(alone.clone(), &["globex"], |thing, place| thing.1 == place),
            alone
        );
    }

    #[test]
    fn an_id_wins_over_a_name_and_only_guids_have_no_case() {
        for (word, expected) in [
            (A, &[0][..]),
            (&A.to_uppercase(), &[0]),
            (B, &[1]),
            ("first", &[0]),
            ("First", &[]),
            ("twin", &[2, 3]),
            ("k1", &[2]),
            ("K1", &[4]),
            ("k2", &[3]),
            ("", &[]),
            ("0a0a", &[0]),
            ("0B0b0b0B-0000", &[1]),
            ("0a0", &[]),
            ("0c0c", &[]),
        ] {
            assert_eq!(found(word), expected, "{word}");
        }
    }
}

//! Resolves a word on the command line: a GUID or an id first, then a name.

/// Returns the things that the word means: the one with this id, even if others have it as their name; otherwise all
/// with this name.
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
    let by_name = others.into_iter().filter(|thing| name_of(thing) == word);
    by_name.collect()
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
        ] {
            assert_eq!(found(word), expected, "{word}");
        }
    }
}

//! Tells a caller which of their roles do not suffice, and which would.

use std::collections::BTreeSet;

use atrail_model::{HeldRole, Standing};

use crate::error::ApiError;

/// Returns the error for a caller whose roles do not allow something: it names these roles, and those that do.
pub(super) fn not_by_role(
    standing: &Standing,
    is_here: impl Fn(&HeldRole) -> bool,
    what: &str,
    can: &[&str],
) -> ApiError {
    let here = standing.roles.iter().filter(|role| is_here(role));
    let held: BTreeSet<_> = here.map(|role| role.word()).collect();
    let held: Vec<_> = held.into_iter().collect();
    let held = match held.as_slice() {
        [] => "no role of yours can".to_owned(),
        [one] => format!("your role {one} cannot"),
        several => format!("your roles {} cannot", several.join(" and ")),
    };
    let mut named: Vec<String> = Vec::new();
    for word in can {
        let word = with_article(word);
        if !named.contains(&word) {
            named.push(word);
        }
    }
    ApiError::forbidden(format!("{held} {what}; {} can", named.join(" or ")))
}

fn with_article(word: &str) -> String {
    let article = if word.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {word}")
}

//! A session as people name it: by its id, the beginning of its id, or `-` for the last one made.

use std::str::FromStr;

use atrail_api::{Session, paths};
use atrail_model::SessionId;

use crate::client::{Call, Client, PREFIX_MIN, meant};
use crate::error::{CliError, Result};
use crate::settings::Settings;

/// A session as people name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SessionWord {
    /// The last session that `atrail session create` made in this context.
    Last,
    /// The session with this id.
    Id(SessionId),
    /// The session whose id begins so.
    Prefix(String),
}

impl FromStr for SessionWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "-" {
            return Ok(Self::Last);
        }
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let is_beginning = |c: char| c.is_ascii_hexdigit() || c == '-';
        if (PREFIX_MIN..36).contains(&text.len()) && text.chars().all(is_beginning) {
            return Ok(Self::Prefix(text.to_ascii_lowercase()));
        }
        Err(format!(
            "expected the id of a session, its first {PREFIX_MIN} or more characters, or - for the last one made"
        ))
    }
}

impl SessionWord {
    /// Returns the id of the session.
    pub(crate) async fn resolve(self, settings: &Settings, client: &Client) -> Result<SessionId> {
        match self {
            Self::Id(id) => Ok(id),
            Self::Last => last(settings),
            Self::Prefix(prefix) => find(client, &prefix).await,
        }
    }
}

fn last(settings: &Settings) -> Result<SessionId> {
    let context = settings.used(settings.context()?)?;
    let last = context.and_then(|(_, context)| context.last_session);
    last.and_then(|id| id.parse().ok()).ok_or_else(|| {
        CliError::failed("no session was made in this context yet")
            .hint("`atrail session create` makes one, `atrail session list` shows yours")
    })
}

async fn find(client: &Client, prefix: &str) -> Result<SessionId> {
    // A session may be of another space than the targeted one.
    let call = Call::get(paths::SESSIONS).untargeted();
    let all: Vec<Session> = client.json(call).await?;
    let found = meant(all, prefix, |one| one.id.clone(), |_| String::new());
    match found.as_slice() {
        [one] => super::super::checked_id(&one.id),
        [] => Err(CliError::failed(format!(
            "none of your sessions has an id that begins with {prefix:?}"
        ))
        .hint("`atrail session list` shows them")),
        several => Err(CliError::usage(format!(
            "the ids of {} of your sessions begin with {prefix:?}",
            several.len()
        ))
        .hint("give more of the id; `atrail session list` shows them")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_beginnings_and_the_last_one() {
        let id = "32c657c5-31c0-4a3c-a139-b380871c737a";
        let word = |text: &str| text.parse::<SessionWord>();
        assert_eq!(word("-"), Ok(SessionWord::Last));
        assert_eq!(word(id), Ok(SessionWord::Id(id.parse().unwrap())));
        assert_eq!(word("32C6"), Ok(SessionWord::Prefix("32c6".to_owned())));
        assert_eq!(
            word("32c657c5-31"),
            Ok(SessionWord::Prefix("32c657c5-31".to_owned()))
        );
        for wrong in ["", "32c", "yesterday", "32c6 ", &id[..35].replace('2', "x")] {
            assert!(word(wrong).is_err(), "{wrong:?}");
        }
    }
}

//! The name of an Elasticsearch index. Names of data streams and aliases follow the same rules.

use std::fmt;
use std::str::FromStr;

/// A name that Elasticsearch accepts for an index: at most 255 bytes; no upper case, no control characters, none of `\
/// / * ? " < > | , # :` and no spaces; not beginning with `-`, `_` or `+`; neither `.` nor `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexName(String);

/// Why Elasticsearch would refuse the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseIndexNameError {
    /// The name is empty or too long.
    #[error("the name of an index has 1 to 255 bytes")]
    Length,
    /// The name contains letters that are not lower case.
    #[error("the name of an index is all lower case")]
    Case,
    /// The name contains a character that has another meaning in a request.
    #[error(r#"the name of an index has no spaces and none of \ / * ? " < > | , # :"#)]
    Character,
    /// The name begins with a character that has another meaning in a request.
    #[error("the name of an index does not begin with - _ or +, and is neither . nor ..")]
    Beginning,
}

impl Default for IndexName {
    /// `activity-tracker`.
    fn default() -> Self {
        Self("activity-tracker".to_owned())
    }
}

impl fmt::Display for IndexName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for IndexName {
    type Err = ParseIndexNameError;

    fn from_str(name: &str) -> Result<Self, ParseIndexNameError> {
        const MAX_BYTES: usize = 255;
        let is_barred =
            |c: char| c.is_control() || c.is_whitespace() || r#"\/*?"<>|,#:"#.contains(c);
        if name.is_empty() || name.len() > MAX_BYTES {
            Err(ParseIndexNameError::Length)
        } else if name.contains(is_barred) {
            Err(ParseIndexNameError::Character)
        } else if name.starts_with(['-', '_', '+']) || name == "." || name == ".." {
            Err(ParseIndexNameError::Beginning)
        } else if name.to_lowercase() != name {
            Err(ParseIndexNameError::Case)
        } else {
            Ok(Self(name.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_elasticsearch_takes() {
        for name in [
            "activity-tracker",
            "logs-audit.cadf-default",
            ".hidden",
            "a+b_c",
            "größe",
            &"x".repeat(255),
        ] {
            assert_eq!(
                name.parse::<IndexName>().map(|name| name.to_string()),
                Ok(name.to_owned())
            );
        }
    }

    #[test]
    fn says_what_is_wrong() {
        use ParseIndexNameError::{Beginning, Case, Character, Length};
        for (names, error) in [
            (
                vec![String::new(), "x".repeat(256), "ä".repeat(128)],
                Length,
            ),
            (vec!["Audit".to_owned(), "GRÖSSE".to_owned()], Case),
            (
                ["-a", "_a", "+a", ".", ".."].map(str::to_owned).to_vec(),
                Beginning,
            ),
            (
                [
                    "a b", "a/b", r"a\b", "a*", "a?", "a\"b", "<a>", "a|b", "a,b", "a#b", "a:b",
                    "a\nb",
                ]
                .map(str::to_owned)
                .to_vec(),
                Character,
            ),
        ] {
            for name in names {
                assert_eq!(name.parse::<IndexName>(), Err(error), "{name:?}");
            }
        }
    }
}

//! Random secrets: API keys, refresh tokens, first passwords. They are random enough for a plain hash to protect them.

use std::fmt;

use atrail_evidence::hex;
use sha2::{Digest, Sha256};

/// A text that `Debug` never shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// Returns the text itself, to send to its owner once.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the hash that the server stores instead of the text.
    pub(crate) fn hash(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Returns the SHA-256 by which the server stores a random secret.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// An API key: `atk_<id>_<random><checksum>`, all lower-case hexadecimal. By the checksum, a program detects typing
/// errors, and a scanner recognizes a leaked key, without asking the server.
#[derive(Debug, Clone)]
pub(crate) struct ApiKeySecret {
    id: String,
    whole: Secret,
}

/// The beginning of every API key.
pub(crate) const API_KEY_PREFIX: &str = "atk_";
const ID_DIGITS: usize = 16;
const RANDOM_DIGITS: usize = 48;
/// Random bytes of a key.
pub(crate) const RANDOM_BYTES: usize = RANDOM_DIGITS / 2;
const CHECKSUM_DIGITS: usize = 8;

impl ApiKeySecret {
    /// Creates a unique key.
    pub(crate) fn generate() -> Result<Self, getrandom::Error> {
        Self::generate_for(&Self::generate_id()?)
    }

    /// Creates a unique public part.
    pub(crate) fn generate_id() -> Result<String, getrandom::Error> {
        Ok(hex(&random::<{ ID_DIGITS / 2 }>()?))
    }

    /// Creates another secret of the key with this public part.
    pub(crate) fn generate_for(id: &str) -> Result<Self, getrandom::Error> {
        Ok(Self::of(id, random()?))
    }

    /// Returns the key with this public part and these random bytes.
    pub(crate) fn of(id: &str, random: [u8; RANDOM_BYTES]) -> Self {
        let body = format!("{API_KEY_PREFIX}{id}_{}", hex(&random));
        let whole = format!("{body}{}", checksum(&body));
        Self {
            id: id.to_owned(),
            whole: Secret(whole),
        }
    }

    /// Parses a key; `None` when the text is not a key.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (id, rest) = text.strip_prefix(API_KEY_PREFIX)?.split_once('_')?;
        let shape_ok = id.len() == ID_DIGITS
            && rest.len() == RANDOM_DIGITS + CHECKSUM_DIGITS
            && [id, rest]
                .iter()
                .all(|part| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
        if !shape_ok {
            return None;
        }
        let (body, sum) = text.split_at(text.len() - CHECKSUM_DIGITS);
        (checksum(body) == sum).then(|| Self {
            id: id.to_owned(),
            whole: Secret(text.to_owned()),
        })
    }

    /// Returns the public part.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Returns the whole key.
    pub(crate) const fn whole(&self) -> &Secret {
        &self.whole
    }
}

/// Creates a refresh token: `atr_` and 256 random bits.
pub(crate) fn refresh_token() -> Result<Secret, getrandom::Error> {
    Ok(Secret(format!("atr_{}", hex(&random::<32>()?))))
}

/// Creates the value of a browser's cookie: 256 random bits.
pub(crate) fn cookie() -> Result<Secret, getrandom::Error> {
    Ok(Secret(hex(&random::<32>()?)))
}

/// Creates the secret of a link that logs a browser in within minutes: 128 random bits, so that a terminal shows the
/// address in one line.
pub(crate) fn link() -> Result<Secret, getrandom::Error> {
    Ok(Secret(hex(&random::<16>()?)))
}

/// Creates a password with 128 random bits.
pub(crate) fn password() -> Result<Secret, getrandom::Error> {
    Ok(Secret(hex(&random::<16>()?)))
}

/// Returns random bytes from the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

fn checksum(body: &str) -> String {
    hex(&sha256(body.as_bytes())[..CHECKSUM_DIGITS / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_a_typing_error_does_not() {
        let key = ApiKeySecret::generate().unwrap();
        let text = key.whole().expose();
        let read = ApiKeySecret::parse(text).unwrap();
        assert_eq!((read.id(), read.whole()), (key.id(), key.whole()));
        for at in 0..text.len() {
            let mut wrong = text.to_owned().into_bytes();
            wrong[at] = if wrong[at] == b'7' { b'8' } else { b'7' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(ApiKeySecret::parse(&wrong).is_none(), "{wrong}");
        }
        for wrong in ["", "atk_", "atk__", &text[..text.len() - 1]] {
            assert!(ApiKeySecret::parse(wrong).is_none(), "{wrong}");
        }
        assert_eq!(format!("{:?}", key.whole()), "***");
    }

    #[test]
    fn a_checksum_makes_no_key_of_another_shape() {
        let (id, random) = ("0123456789abcdef", "0123456789abcdef".repeat(3));
        let checked = |id: &str, random: &str| {
            let body = format!("atk_{id}_{random}");
            format!("{body}{}", checksum(&body))
        };
        assert!(ApiKeySecret::parse(&checked(id, &random)).is_some());
        let short = &random[1..];
        for (id, random) in [
            (&id[1..], random.as_str()),
            (&format!("{id}0"), &random),
            ("", &random),
            (id, short),
            (id, &format!("{random}0")),
            (id, ""),
            ("0123456789ABCDEF", &random),
            ("0123456789abcdeg", &random),
            (id, &format!("{short}F")),
            (id, &format!("{short}g")),
        ] {
            let text = checked(id, random);
            assert!(ApiKeySecret::parse(&text).is_none(), "{text}");
        }
    }
}

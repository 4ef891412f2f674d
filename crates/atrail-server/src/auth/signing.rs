//! The Ed25519 key that signs access tokens: made at the first start, kept in the data directory.

use std::io;
use std::path::{Path, PathBuf};

use atrail_store::durable;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::secrets::random;

/// The key cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SigningKeyError {
    /// The file cannot be read or written.
    #[error("cannot use the token signing key {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is no Ed25519 private key.
    #[error(
        "{path} is not an Ed25519 private key (PKCS#8, PEM): restore it, or remove it and all must log in again"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[source] getrandom::Error),
}

/// What comes before the 32 bytes of the private key in PKCS#8 (RFC 8410 §7).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// Reads the key in PKCS#8 (DER), making it when there is none.
pub(super) fn load_or_make(path: &Path) -> Result<Vec<u8>, SigningKeyError> {
    let failed = |source| SigningKeyError::File {
        path: path.to_owned(),
        source,
    };
    match std::fs::read_to_string(path) {
        Ok(text) => decode(&text).ok_or_else(|| SigningKeyError::Malformed {
            path: path.to_owned(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let der = generate()?;
            if let Some(parent) = path.parent() {
                durable::create_dir(parent).map_err(failed)?;
            }
            durable::write_new(path, encode(&der).as_bytes(), 0o600).map_err(failed)?;
            Ok(der)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Puts a new key in the place of the one in the file.
pub(super) fn replace(path: &Path) -> Result<Vec<u8>, SigningKeyError> {
    let der = generate()?;
    durable::replace(path, encode(&der).as_bytes(), 0o600).map_err(|source| {
        SigningKeyError::File {
            path: path.to_owned(),
            source,
        }
    })?;
    Ok(der)
}

fn generate() -> Result<Vec<u8>, SigningKeyError> {
    let mut der = PKCS8_PREFIX.to_vec();
    der.extend(random::<32>().map_err(SigningKeyError::Random)?);
    Ok(der)
}

/// RFC 7468 §10; 48 bytes make one line of 64 characters.
fn encode(der: &[u8]) -> String {
    format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", STANDARD.encode(der))
}

fn decode(pem: &str) -> Option<Vec<u8>> {
    let body = pem.trim().strip_prefix(PEM_BEGIN)?.strip_suffix(PEM_END)?;
    let compact: String = body.split_whitespace().collect();
    let der = STANDARD.decode(compact).ok()?;
    (der.len() == 48 && der.starts_with(&PKCS8_PREFIX)).then_some(der)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_a_damaged_one_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys/token-signing.key");
        let made = load_or_make(&path).unwrap();
        assert_eq!(load_or_make(&path).unwrap(), made);
        std::fs::write(&path, "junk").unwrap();
        assert!(matches!(
            load_or_make(&path),
            Err(SigningKeyError::Malformed { .. })
        ));
        assert_eq!(std::fs::read(&path).unwrap(), b"junk");
    }

    #[test]
    fn a_key_of_another_length_or_kind_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let good = generate().unwrap();
        let change = |at: usize, to: u8| {
            let mut other = good.clone();
            other[at] = to;
            other
        };
        let with_public_key = [good.as_slice(), &[0x81, 0x21, 0x00], &[7; 32]].concat();
        for (what, der, is_one) in [
            ("the control", good.clone(), true),
            ("a byte short", good[..47].to_vec(), false),
            ("a byte more", [good.as_slice(), &[0]].concat(), false),
            ("with its public key", with_public_key, false),
            // RFC 8410 §3: 110 is X25519.
            ("to agree on a secret", change(11, 0x6e), false),
            ("of another version", change(4, 1), false),
        ] {
            let text = encode(&der);
            std::fs::write(&path, &text).unwrap();
            let read = load_or_make(&path);
            let is_malformed = matches!(&read, Err(SigningKeyError::Malformed { .. }));
            assert_eq!((read.is_ok(), is_malformed), (is_one, !is_one), "{what}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{what}");
        }
    }
}

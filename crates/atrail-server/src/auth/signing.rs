//! The Ed25519 key that signs access tokens: created at the first start, stored among the server's secrets.

use std::io;

use atrail_store::Secrets;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::secrets::random;

/// The server cannot use or create the key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SigningKeyError {
    /// The server cannot read or write the key.
    #[error("cannot use the token signing key {place}")]
    Secret {
        /// The place of the key.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The stored secret is not an Ed25519 private key.
    #[error(
        "{place} is not an Ed25519 private key (PKCS#8, PEM): restore it, or remove it and let every user log in again"
    )]
    Malformed {
        /// The place of the key.
        place: String,
    },
    /// The system returns no random bytes.
    #[error("the system returns no random bytes")]
    Random(#[source] getrandom::Error),
}

/// The name of the secret.
const KEY: &str = "token-signing.key";
/// The bytes before the 32 bytes of the private key in PKCS#8 (RFC 8410 §7).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// Returns the key in PKCS#8 (DER), and creates it if there is none.
pub(super) fn load_or_make(secrets: &dyn Secrets) -> Result<Vec<u8>, SigningKeyError> {
    match secrets.load(KEY).map_err(failed(secrets))? {
        Some(text) => decode(&text).ok_or_else(|| SigningKeyError::Malformed {
            place: secrets.place(KEY),
        }),
        None => {
            let der = generate()?;
            match secrets.create(KEY, &encode(&der)) {
                Ok(()) => Ok(der),
                // Another node of the cluster made one at the same time.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => load_or_make(secrets),
                Err(error) => Err(failed(secrets)(error)),
            }
        }
    }
}

/// Replaces the stored key with a new one.
pub(super) fn replace(secrets: &dyn Secrets) -> Result<Vec<u8>, SigningKeyError> {
    let der = generate()?;
    let replaced = secrets.replace(KEY, &encode(&der));
    replaced.map_err(failed(secrets))?;
    Ok(der)
}

fn failed(secrets: &dyn Secrets) -> impl FnOnce(io::Error) -> SigningKeyError {
    let place = secrets.place(KEY);
    |source| SigningKeyError::Secret { place, source }
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
    use atrail_store::MemorySecrets;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_a_damaged_one_is_never_replaced() {
        let secrets = MemorySecrets::default();
        let made = load_or_make(&secrets).unwrap();
        assert_eq!(load_or_make(&secrets).unwrap(), made);
        secrets.replace(KEY, "junk").unwrap();
        assert!(matches!(
            load_or_make(&secrets),
            Err(SigningKeyError::Malformed { .. })
        ));
        assert_eq!(secrets.load(KEY).unwrap().unwrap(), "junk");
    }

    #[test]
    fn a_key_of_another_length_or_kind_is_none() {
        let secrets = MemorySecrets::default();
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
            secrets.replace(KEY, &text).unwrap();
            let read = load_or_make(&secrets);
            let is_malformed = matches!(&read, Err(SigningKeyError::Malformed { .. }));
            assert_eq!((read.is_ok(), is_malformed), (is_one, !is_one), "{what}");
            assert_eq!(secrets.load(KEY).unwrap().unwrap(), text, "{what}");
        }
    }
}

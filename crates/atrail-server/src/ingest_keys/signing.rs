//! The secrets of ingest keys with which senders sign bodies.
//!
//! To check such a signature the server needs the secret itself, and the catalog keeps only hashes. So the secret is
//! derived from a secret of the server, the key's public part and the number of the secret: the catalog alone reveals
//! none, and neither does a copy of it.

use std::io;
use std::sync::{Arc, OnceLock};

use atrail_evidence::hex;
use atrail_store::Secrets;

use super::hmac::hmac_sha256;
use crate::auth::secrets::{ApiKeySecret, RANDOM_BYTES, random};

/// The name of the server's secret: 32 random bytes as hexadecimal digits.
const SECRET: &str = "ingest-keys.key";

/// The server cannot use its secret for ingest keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SigningError {
    /// The server cannot read or create it.
    #[error("cannot use the secret of ingest keys {place}")]
    Secret {
        place: String,
        #[source]
        source: io::Error,
    },
    /// The system returns no random bytes.
    #[error("the system returns no random bytes")]
    Random(#[source] getrandom::Error),
}

/// Derives the secrets of keys that sign.
pub(crate) struct Signing {
    secrets: Arc<dyn Secrets>,
    loaded: OnceLock<String>,
}

impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signing")
    }
}

impl Signing {
    pub(super) fn new(secrets: Arc<dyn Secrets>) -> Self {
        Self {
            secrets,
            loaded: OnceLock::new(),
        }
    }

    /// Returns the secret of this number of the key with this public part. The server's own secret is made with the first
    /// key that signs.
    pub(crate) fn key(&self, id: &str, generation: u64) -> Result<ApiKeySecret, SigningError> {
        let server = self.secret()?;
        let generation = generation.to_be_bytes();
        let mac = hmac_sha256(
            server.as_bytes(),
            &[b"atrail ingest key\n", id.as_bytes(), b"\n", &generation],
        );
        let mut random = [0; RANDOM_BYTES];
        random.copy_from_slice(&mac[..RANDOM_BYTES]);
        Ok(ApiKeySecret::of(id, random))
    }

    /// Returns the signature of a body with a secret.
    pub(crate) fn signature(key: &ApiKeySecret, body: &[u8]) -> [u8; 32] {
        hmac_sha256(key.whole().expose().as_bytes(), &[body])
    }

    fn secret(&self) -> Result<&str, SigningError> {
        if let Some(known) = self.loaded.get() {
            return Ok(known);
        }
        let failed = |source| SigningError::Secret {
            place: self.secrets.place(SECRET),
            source,
        };
        let load = || self.secrets.load(SECRET).map_err(failed);
        let text = match load()? {
            Some(text) => text,
            None => {
                let text = hex(&random::<32>().map_err(SigningError::Random)?) + "\n";
                match self.secrets.create(SECRET, &text) {
                    Ok(()) => text,
                    // Another request made it at the same time.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        load()?.ok_or_else(|| failed(error))?
                    }
                    Err(error) => return Err(failed(error)),
                }
            }
        };
        Ok(self.loaded.get_or_init(|| text.trim().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use atrail_store::MemorySecrets;

    use super::*;

    #[test]
    fn a_secret_follows_from_the_servers_secret_and_from_nothing_less() {
        let secrets: Arc<dyn Secrets> = Arc::new(MemorySecrets::default());
        let text = |signing: &Signing, id: &str, generation| {
            let key = signing.key(id, generation).unwrap();
            assert_eq!(key.id(), id);
            key.whole().expose().to_owned()
        };
        let signing = Signing::new(Arc::clone(&secrets));
        let first = text(&signing, "0123456789abcdef", 1);
        assert!(ApiKeySecret::parse(&first).is_some(), "{first}");
        // The server's secret outlives the process.
        let again = Signing::new(secrets);
        assert_eq!(text(&again, "0123456789abcdef", 1), first);
        for (id, generation) in [("0123456789abcdef", 2), ("0123456789abcdee", 1)] {
            assert_ne!(text(&again, id, generation)[21..], first[21..]);
        }
        let other = Signing::new(Arc::new(MemorySecrets::default()));
        assert_ne!(text(&other, "0123456789abcdef", 1), first);
    }
}

//! Password hashing with Argon2id, off the async threads and few at a time: each hash needs 19 MiB and tens of
//! milliseconds.

use std::net::IpAddr;
use std::sync::Arc;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, Params};
use atrail_api::ErrorCode;
use atrail_disk::{Priority, spawn_low};
use atrail_store::{Crowd, Turns};

use super::secrets::random;
use crate::error::ApiError;
use crate::metrics::{Metrics, Refusal};
use crate::serve::source::network;

/// Number of hashes computed at a time.
const AT_ONCE: usize = 2;
/// Number of requests of one network that may wait for their turn; the server refuses more. Networks take turns, so a
/// flood from one network delays the others by no more than the hash in progress.
const WAITING_OF_NETWORK: usize = 32;
/// Number of requests that may wait in total.
const WAITING: usize = 1024;
/// Shortest password that a user may choose, in bytes (NIST SP 800-63B §5.1.1.2 counts characters, and a password has
/// at least as many bytes).
const MIN_BYTES: usize = 8;
/// Longest password, in bytes.
const MAX_BYTES: usize = 1024;

/// Hashes and checks passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    turns: Turns<IpAddr>,
    metrics: Arc<Metrics>,
    /// The hash that the server checks for an unknown user, so that unknown and known users take the same time.
    decoy: String,
}

impl Passwords {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Result<Self, ApiError> {
        Ok(Self {
            turns: Turns::new(AT_ONCE, WAITING_OF_NETWORK, WAITING),
            metrics,
            decoy: hash_now("nobody has this password")?,
        })
    }

    /// Hashes a password that a user chose, for a request from this address.
    pub(crate) async fn hash(&self, password: String, address: IpAddr) -> Result<String, ApiError> {
        if !(MIN_BYTES..=MAX_BYTES).contains(&password.len()) {
            return Err(ApiError::bad_request(format!(
                "a password must have {MIN_BYTES} to {MAX_BYTES} bytes"
            )));
        }
        self.in_turn(address, move || hash_now(&password)).await?
    }

    /// Returns whether the password matches the hash. Without a hash, returns false after the same time.
    pub(crate) async fn verify(
        &self,
        password: String,
        hash: Option<String>,
        address: IpAddr,
    ) -> Result<bool, ApiError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.clone());
        let fits = password.len() <= MAX_BYTES;
        let matches = self
            .in_turn(address, move || {
                let tried = if fits { password.as_bytes() } else { b"" };
                Argon2::default()
                    .verify_password(tried, hash.as_str())
                    .is_ok()
            })
            .await?;
        Ok(matches && known && fits)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        address: IpAddr,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.turns.take(network(address)).await.map_err(|Crowd| {
            self.metrics.refused(Refusal::Passwords);
            ApiError::unavailable("too many logins are in progress: try again in a moment")
        })?;
        // The work owns the turn: a caller that gives up does not free the thread, which still works.
        spawn_low(Priority::Low, move || {
            let result = work();
            drop(turn);
            result
        })
        .await
        .map_err(ApiError::internal)
    }
}

fn hash_now(password: &str) -> Result<String, ApiError> {
    let salt = random::<16>().map_err(ApiError::internal)?;
    let argon2 = Argon2::from(Params::DEFAULT);
    match argon2.hash_password_with_salt(password.as_bytes(), &salt) {
        Ok(hash) => Ok(hash.to_string()),
        Err(error) => Err(ApiError::new(
            ErrorCode::Internal,
            format!("cannot hash the password: {error}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn passwords() -> Passwords {
        let now = atrail_model::Timestamp::UNIX_EPOCH;
        Passwords::new(Arc::new(Metrics::new(now, &[]))).unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_fits() {
        let passwords = passwords();
        let hash = passwords
            .hash("correct horse".to_owned(), HERE)
            .await
            .unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let verify = |password: &str, hash: Option<&String>| {
            passwords.verify(password.to_owned(), hash.cloned(), HERE)
        };
        assert!(verify("correct horse", Some(&hash)).await.unwrap());
        assert!(!verify("wrong horse", Some(&hash)).await.unwrap());
        assert!(!verify("nobody has this password", None).await.unwrap());
        assert!(!verify(&"x".repeat(2000), Some(&hash)).await.unwrap());
    }

    /// As many as may wait do, and those that are more are told to come back: those of their network alone.
    #[tokio::test]
    async fn a_crowd_of_one_network_turns_nobody_of_another_away() {
        let passwords = passwords();
        let mut turns = Vec::new();
        for _ in 0..AT_ONCE {
            turns.push(passwords.turns.take(HERE).await.unwrap());
        }
        let verify = |address| Box::pin(passwords.verify("a guess".to_owned(), None, address));
        let mut crowd: Vec<_> = (0..WAITING_OF_NETWORK).map(|_| verify(HERE)).collect();
        for one in &mut crowd {
            assert!(poll!(one).is_pending());
        }
        assert!(verify(HERE).await.is_err(), "the control");
        let mut other = verify(IpAddr::from([192, 0, 2, 1]));
        assert!(poll!(&mut other).is_pending());
        drop(turns);
        assert!(!other.await.unwrap());
    }

    #[tokio::test]
    async fn short_and_endless_passwords_cannot_be_chosen() {
        let passwords = passwords();
        assert!(passwords.hash("1234567".to_owned(), HERE).await.is_err());
        assert!(passwords.hash("x".repeat(1025), HERE).await.is_err());
    }
}

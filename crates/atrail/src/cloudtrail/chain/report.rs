//! What is wrong with digests and log files, in words.

use std::fmt;

use atrail_model::Timestamp;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// A digest cannot be read.
    Unreadable {
        /// Where it is.
        digest: String,
        /// Why.
        why: String,
    },
    /// A signature is not of this digest.
    WrongSignature {
        /// Where it is.
        digest: String,
    },
    /// No signature of a digest is here, although its metadata or the next digest should have it.
    Unsigned {
        /// Where it is.
        digest: String,
    },
    /// The public keys lack the one that signed a digest.
    NoKey {
        /// Where it is.
        digest: String,
        /// The fingerprint of the key.
        fingerprint: String,
    },
    /// A digest names another hash of the one before it.
    Broken {
        /// The one before.
        earlier: String,
        /// The one that names it.
        later: String,
    },
    /// Two different digests have one name.
    Two {
        /// Where one is.
        first: String,
        /// Where the other is.
        second: String,
    },
    /// A digest that the next one names is not there.
    Missing {
        /// Its key.
        object: String,
        /// From when on no digest is there.
        from: Timestamp,
        /// Until when.
        to: Timestamp,
    },
    /// A chain ends, and another begins later.
    Gap {
        /// What the names of its digests begin with.
        chain: String,
        /// From when on there is no digest.
        from: Timestamp,
        /// Until when.
        to: Timestamp,
    },
    /// A digest names none before it, although there is one.
    Restarted {
        /// The one before.
        earlier: String,
        /// The one that names none.
        later: String,
    },
    /// Two digests list different hashes of one log file.
    Contested {
        /// Its key.
        object: String,
        /// One digest.
        first: String,
        /// The other.
        second: String,
    },
    /// A log file that a digest lists is not there.
    NoLog {
        /// Its key.
        object: String,
        /// The digest.
        digest: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { digest, why } => write!(f, "unreadable digest: {digest}: {why}"),
            Self::WrongSignature { digest } => {
                write!(
                    f,
                    "changed digest: {digest}: its signature is not of this text"
                )
            }
            Self::Unsigned { digest } => write!(
                f,
                "unsigned digest: {digest}: neither its metadata nor the next digest has its signature; it proves nothing"
            ),
            Self::NoKey {
                digest,
                fingerprint,
            } => write!(
                f,
                "unchecked signature: {digest}: the public keys lack the one with fingerprint {fingerprint}"
            ),
            Self::Broken { earlier, later } => write!(
                f,
                "broken chain: {later} names another SHA-256 of {earlier}"
            ),
            Self::Two { first, second } => {
                write!(f, "two digests of one name: {first} and {second} differ")
            }
            Self::Missing { object, from, to } => {
                write!(
                    f,
                    "missing digest: {object}; from {from} to {to} nothing is checked"
                )
            }
            Self::Gap { chain, from, to } => write!(
                f,
                "missing hours: {chain} has no digest from {from} to {to}: the trail was stopped, or did not make digests"
            ),
            Self::Restarted { earlier, later } => write!(
                f,
                "broken chain: {later} names no digest before it, but {earlier} is there"
            ),
            Self::Contested {
                object,
                first,
                second,
            } => write!(
                f,
                "conflicting digests: {first} and {second} list different SHA-256s of {object}"
            ),
            Self::NoLog { object, digest } => {
                write!(f, "missing file: {object}, which {digest} lists")
            }
        }
    }
}

//! Checkpoints (C2SP tlog-checkpoint): the signed size and root of a log.

use crate::hash::Hash;
use crate::note::{NoteError, SigningKey, VerifierKey};
use crate::tree::Root;

/// The size and root of the log with this origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log; see [`origin`].
    pub origin: String,
    /// Number of records in the log.
    pub size: u64,
    /// Root over the records.
    pub root: Root,
}

/// Returns the origin of a domain's log; `epoch` is empty for the first one.
#[must_use]
pub fn origin(server: &str, domain: &str, epoch: &str) -> String {
    if epoch.is_empty() {
        format!("{server}/{domain}")
    } else {
        format!("{server}/{domain}/{epoch}")
    }
}

impl Checkpoint {
    /// Returns the text to sign.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            Hash::from(self.root)
        )
    }

    /// Signs the checkpoint; returns the note.
    ///
    /// # Errors
    /// When the origin cannot be written in a note.
    pub fn sign(&self, key: &SigningKey) -> Result<String, NoteError> {
        key.sign(self.text())
    }

    /// Verifies a note with this key; returns its checkpoint.
    ///
    /// # Errors
    /// When the key did not sign the note, or the note is not a checkpoint.
    pub fn verify(note: &str, key: &VerifierKey) -> Result<Self, NoteError> {
        Self::parse(key.verify(note)?)
    }

    /// Parses the text of a checkpoint, or its signed note, without checking signatures. Ignores everything after the
    /// third line: extensions and signatures.
    ///
    /// # Errors
    /// When the text is not a checkpoint.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed("its text is no checkpoint");
        let mut lines = text
            .strip_suffix('\n')
            .into_iter()
            .flat_map(|t| t.split('\n'));
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(malformed);
        };
        let (Some(size), Ok(root)) = (decimal(size), root.parse::<Hash>()) else {
            return Err(malformed);
        };
        if origin.is_empty() {
            return Err(malformed);
        }
        Ok(Self {
            origin: origin.to_owned(),
            size,
            root: root.into(),
        })
    }
}

/// Parses a number in the form that evidence requires: digits only, without a leading zero.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    (is_plain && (text == "0" || !text.starts_with('0')))
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_signs() {
        let key = SigningKey::generate("atrail-3f9a1c2e").unwrap();
        let checkpoint = Checkpoint {
            origin: origin(key.name(), "space-1", ""),
            size: 8812,
            root: Root([9; 32]),
        };
        let note = checkpoint.sign(&key).unwrap();
        let read = Checkpoint::verify(&note, key.verifier_key()).unwrap();
        assert_eq!(read, checkpoint);
        assert_eq!(Checkpoint::parse(&note).unwrap(), checkpoint);
        assert_eq!(
            origin("n", "space-1", "e"),
            "n/space-1/e",
            "a later epoch is another log"
        );
    }

    #[test]
    fn refuses_what_is_no_checkpoint() {
        let root = Hash([9; 32]);
        for text in [
            String::new(),
            "o\n1\n".to_owned(),
            format!("\n1\n{root}\n"),
            format!("o\n01\n{root}\n"),
            format!("o\n+1\n{root}\n"),
            format!("o\n1\n{root}"),
            format!("o\n99999999999999999999\n{root}\n"),
            "o\n1\nAAAA\n".to_owned(),
        ] {
            assert!(Checkpoint::parse(&text).is_err(), "{text:?}");
        }
    }
}

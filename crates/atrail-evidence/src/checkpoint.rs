//! Checkpoints (C2SP tlog-checkpoint): how far a log is, signed.

use crate::hash::Hash;
use crate::note::{NoteError, SigningKey, VerifierKey};
use crate::tree::Root;

/// The size and root of the log with this origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log; see [`origin`].
    pub origin: String,
    /// How many records it has.
    pub size: u64,
    /// The root over them.
    pub root: Root,
}

/// The origin of a domain's log; `epoch` is empty for the first one.
#[must_use]
pub fn origin(server: &str, domain: &str, epoch: &str) -> String {
    if epoch.is_empty() {
        format!("{server}/{domain}")
    } else {
        format!("{server}/{domain}/{epoch}")
    }
}

impl Checkpoint {
    /// What is signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            Hash::from(self.root)
        )
    }

    /// The note of it.
    ///
    /// # Errors
    /// When the origin cannot be written in a note.
    pub fn sign(&self, key: &SigningKey) -> Result<String, NoteError> {
        key.sign(self.text())
    }

    /// The checkpoint that this key signed.
    ///
    /// # Errors
    /// When it is not signed so, or no checkpoint.
    pub fn verify(note: &str, key: &VerifierKey) -> Result<Self, NoteError> {
        Self::parse(key.verify(note)?)
    }

    /// Reads the text of a checkpoint, or the note that it is signed as, without asking who signed it. What follows the third
    /// line, extensions and signatures, is passed over.
    ///
    /// # Errors
    /// When it is none.
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

/// A number as it is written here: digits alone, none of them a leading zero.
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

//! The signed size and root of a domain log (C2SP tlog-checkpoint).

use crate::note::{NoteError, SigningKey, VerifierKey, unverified_text};
use crate::{Hash, Root};

/// Where a log stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: see [`origin`].
    pub origin: String,
    /// Number of records in it.
    pub size: u64,
    /// Root over them.
    pub root: Root,
}

/// What names the log of a domain in an epoch; the first epoch is the empty one.
#[must_use]
pub fn origin(server: &str, domain: &str, epoch: &str) -> String {
    if epoch.is_empty() {
        format!("{server}/{domain}")
    } else {
        format!("{server}/{domain}/{epoch}")
    }
}

impl Checkpoint {
    /// The text that is signed: three lines.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { origin, size, root } = self;
        format!("{origin}\n{size}\n{}\n", Hash::from(*root))
    }

    /// The note that says it.
    ///
    /// # Errors
    /// [`NoteError::Text`] when the origin cannot stand in a note.
    pub fn sign(&self, key: &SigningKey) -> Result<String, NoteError> {
        key.sign(&self.text())
    }

    /// What a note says that this key signed.
    ///
    /// # Errors
    /// Why it is not such a note.
    pub fn verify(note: &str, key: &VerifierKey) -> Result<Self, NoteError> {
        of_text(key.verify(note)?)
    }

    /// What a note says, whoever signed it.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        of_text(unverified_text(note)?)
    }
}

fn of_text(text: &str) -> Result<Checkpoint, NoteError> {
    let mut lines = text.lines();
    let mut line = || lines.next().filter(|line| !line.is_empty());
    let parsed = (|| {
        let (origin, size, root) = (line()?, line()?, line()?);
        let number: u64 = size.parse().ok()?;
        // No sign, no leading zeros.
        (number.to_string() == size).then_some(())?;
        Some(Checkpoint {
            origin: origin.to_owned(),
            size: number,
            root: Root(root.parse::<Hash>().ok()?.0),
        })
    })();
    match (parsed, lines.next()) {
        // atrail writes no extension lines, and gives none a meaning.
        (Some(checkpoint), None) => Ok(checkpoint),
        _ => Err(NoteError::Malformed),
    }
}

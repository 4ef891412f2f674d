//! Signed notes with Ed25519 (C2SP signed-note): the server's signatures.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// C2SP signed-note's number of Ed25519.
const ED25519: u8 = 0x01;
const SECRET_PREFIX: &str = "PRIVATE+KEY+";
/// Longest name of a key, in bytes.
const NAME_MAX_BYTES: usize = 255;
/// Most signature lines that a note may have.
const SIGNATURES_MAX: usize = 100;

/// What is wrong with a key or a note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The name cannot be one of a key.
    #[error("a server's name has 1 to 255 bytes, no spaces and no '+'")]
    Name,
    /// The text is no key.
    #[error(
        "not a key: expected NAME+HEX+BASE64 as C2SP signed-note writes it, with an Ed25519 key"
    )]
    Key,
    /// The text cannot be the text of a note.
    #[error(
        "not the text of a note: it must end in a line feed and have no other control characters"
    )]
    Text,
    /// There are no well-formed signature lines.
    #[error("not a signed note: expected a text, an empty line, and signature lines")]
    Malformed,
    /// No signature is by the expected key.
    #[error("it is not signed by {0}")]
    UnknownKey(String),
    /// A signature of the expected key does not fit the text.
    #[error("its signature by {0} is wrong")]
    WrongSignature(String),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    Random,
}

/// A key that signs, with the name of its server.
pub struct SigningKey {
    name: String,
    key: ed25519_dalek::SigningKey,
}

impl fmt::Debug for SigningKey {
    /// The name, never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Makes a key by chance.
    ///
    /// # Errors
    /// [`NoteError::Name`] for a name that no key can have, [`NoteError::Random`].
    pub fn generate(name: &str) -> Result<Self, NoteError> {
        check_name(name)?;
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(|_| NoteError::Random)?;
        Ok(Self {
            name: name.to_owned(),
            key: ed25519_dalek::SigningKey::from_bytes(&seed),
        })
    }

    /// Reads what [`Self::to_text`] wrote.
    ///
    /// # Errors
    /// [`NoteError::Key`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let rest = text.strip_prefix(SECRET_PREFIX).ok_or(NoteError::Key)?;
        let (name, id, bytes) = parts(rest)?;
        let bytes = Zeroizing::new(bytes);
        let key = ed25519_dalek::SigningKey::from_bytes(&bytes);
        let parsed = Self {
            name: name.to_owned(),
            key,
        };
        if parsed.verifier_key().id != id {
            return Err(NoteError::Key);
        }
        Ok(parsed)
    }

    /// The key as text, a secret: `PRIVATE+KEY+NAME+HEX+BASE64`.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let id = hex_of(self.verifier_key().id);
        let mut bytes = Zeroizing::new([ED25519; 33]);
        bytes[1..].copy_from_slice(self.key.as_bytes());
        let encoded = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
        Zeroizing::new(format!(
            "{SECRET_PREFIX}{}+{id}+{}",
            self.name,
            encoded.as_str()
        ))
    }

    /// The name of the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn verifier_key(&self) -> VerifierKey {
        VerifierKey::new(self.name.clone(), self.key.verifying_key())
    }

    /// Signs a text: the note.
    ///
    /// # Errors
    /// [`NoteError::Text`] when the text cannot be that of a note.
    pub fn sign(&self, text: &str) -> Result<String, NoteError> {
        check_text(text)?;
        let mut bytes = self.verifier_key().id.to_vec();
        bytes.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        Ok(format!(
            "{text}\n— {} {}\n",
            self.name,
            STANDARD.encode(bytes)
        ))
    }
}

/// A key that verifies, with the name of its server. Its text is `NAME+HEX+BASE64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    key: ed25519_dalek::VerifyingKey,
}

impl VerifierKey {
    fn new(name: String, key: ed25519_dalek::VerifyingKey) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(name.as_bytes());
        hasher.update([b'\n', ED25519]);
        hasher.update(key.as_bytes());
        let hash: [u8; 32] = hasher.finalize().into();
        let id = [hash[0], hash[1], hash[2], hash[3]];
        Self { name, id, key }
    }

    /// The name of the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of a note that this key signed. Signatures of other keys are passed over.
    ///
    /// # Errors
    /// Why it is no such note.
    pub fn verify<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        let (text, signatures) = split(note)?;
        let mut is_signed = false;
        for (name, id, signature) in signatures {
            if name != self.name || id != self.id {
                continue;
            }
            let wrong = || NoteError::WrongSignature(self.name.clone());
            let signature = Signature::from_slice(&signature).map_err(|_| wrong())?;
            self.key
                .verify_strict(text.as_bytes(), &signature)
                .map_err(|_| wrong())?;
            is_signed = true;
        }
        if is_signed {
            return Ok(text);
        }
        Err(NoteError::UnknownKey(self.name.clone()))
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [ED25519; 33];
        bytes[1..].copy_from_slice(self.key.as_bytes());
        let Self { name, id, .. } = self;
        write!(f, "{name}+{}+{}", hex_of(*id), STANDARD.encode(bytes))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let (name, id, bytes) = parts(text)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| NoteError::Key)?;
        let parsed = Self::new(name.to_owned(), key);
        if parsed.id != id || parsed.key.is_weak() {
            return Err(NoteError::Key);
        }
        Ok(parsed)
    }
}

/// The text of a note, whoever signed it. Nothing that it says is proven.
///
/// # Errors
/// [`NoteError::Malformed`].
pub fn unverified_text(note: &str) -> Result<&str, NoteError> {
    split(note).map(|(text, _)| text)
}

type SignatureLine<'a> = (&'a str, [u8; 4], Vec<u8>);

fn split(note: &str) -> Result<(&str, Vec<SignatureLine<'_>>), NoteError> {
    let end = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
    let (text, lines) = (&note[..=end], &note[end + 2..]);
    check_text(text).map_err(|_| NoteError::Malformed)?;
    let lines = lines.strip_suffix('\n').ok_or(NoteError::Malformed)?;
    let mut signatures = Vec::new();
    for line in lines.split('\n') {
        if signatures.len() == SIGNATURES_MAX {
            return Err(NoteError::Malformed);
        }
        signatures.push(signature(line).ok_or(NoteError::Malformed)?);
    }
    Ok((text, signatures))
}

fn signature(line: &str) -> Option<SignatureLine<'_>> {
    let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
    check_name(name).ok()?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    (!signature.is_empty()).then(|| (name, *id, signature.to_vec()))
}

/// Whether keys and logs can have this as the name of their server.
#[must_use]
pub fn is_server_name(name: &str) -> bool {
    check_name(name).is_ok()
}

fn check_name(name: &str) -> Result<(), NoteError> {
    let fits = (1..=NAME_MAX_BYTES).contains(&name.len());
    let fine = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    (fits && name.chars().all(fine))
        .then_some(())
        .ok_or(NoteError::Name)
}

fn check_text(text: &str) -> Result<(), NoteError> {
    let fine = |byte: u8| byte >= b' ' || byte == b'\n';
    (text.ends_with('\n') && text.bytes().all(fine))
        .then_some(())
        .ok_or(NoteError::Text)
}

/// The name, the id and the key of `NAME+HEX+BASE64`.
fn parts(text: &str) -> Result<(&str, [u8; 4], [u8; 32]), NoteError> {
    let (name, rest) = text.split_once('+').ok_or(NoteError::Key)?;
    let (id, encoded) = rest.split_once('+').ok_or(NoteError::Key)?;
    check_name(name)?;
    if id.len() != 8 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(NoteError::Key);
    }
    let id = u32::from_str_radix(id, 16).map_err(|_| NoteError::Key)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| NoteError::Key)?;
    match bytes.split_first() {
        Some((&ED25519, key)) => {
            let key = key.try_into().map_err(|_| NoteError::Key)?;
            Ok((name, id.to_be_bytes(), key))
        }
        _ => Err(NoteError::Key),
    }
}

fn hex_of(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

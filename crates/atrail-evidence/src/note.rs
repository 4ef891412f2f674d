//! Signed notes (C2SP signed-note) with Ed25519 keys.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The signature type of Ed25519.
const ED25519: u8 = 0x01;
const PRIVATE: &str = "PRIVATE+KEY+";
const MAX_SIGNATURES: usize = 100;

/// Why a key or a note is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    /// The operating system provided no random bytes.
    #[cfg(feature = "sign")]
    #[error("there are no random bytes to make a key of")]
    Random(#[source] getrandom::Error),
    /// The name cannot be written in a note.
    #[error(
        "not the name of a key: it is empty, too long, or holds a space, a '+' or a control character"
    )]
    Name,
    /// The text is not a key of this kind.
    #[error("not a {0}: expected NAME+HEX+BASE64 of an Ed25519 key")]
    Key(&'static str),
    /// The text is not a signed note.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// No known key signed the note.
    #[error("not signed by {0}")]
    Unsigned(String),
    /// The signature of a known key is wrong.
    #[error("the signature of {0} is wrong")]
    BadSignature(String),
}

/// A key that signs notes.
#[derive(Clone)]
pub struct SigningKey {
    verifier: VerifierKey,
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// Generates a new key.
    ///
    /// # Errors
    /// When the name cannot be written in a note, or there are no random bytes.
    #[cfg(feature = "sign")]
    pub fn generate(name: &str) -> Result<Self, NoteError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(NoteError::Random)?;
        Self::from_seed(name, &seed)
    }

    /// Parses the text that [`SigningKey::to_text`] returns.
    ///
    /// # Errors
    /// When the text is not such a key.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        const WHAT: NoteError = NoteError::Key("signing key");
        let text = text.trim_end().strip_prefix(PRIVATE).ok_or(WHAT)?;
        let (name, id, seed) = parse_key(text).ok_or(WHAT)?;
        let key = Self::from_seed(name, &Zeroizing::new(seed))?;
        (key.verifier.id == id).then_some(key).ok_or(WHAT)
    }

    /// Returns the key as text: anybody who reads it can sign.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut data = Zeroizing::new([ED25519; 33]);
        data[1..].copy_from_slice(self.key.as_bytes());
        let encoded = Zeroizing::new(STANDARD.encode(data.as_slice()));
        let VerifierKey { name, id, .. } = &self.verifier;
        Zeroizing::new(format!("{PRIVATE}{name}+{id:08x}+{}", encoded.as_str()))
    }

    /// Returns the signer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.verifier.name
    }

    /// Returns the key that verifies this key's signatures.
    #[must_use]
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs a text that ends with LF; returns the note.
    ///
    /// # Errors
    /// When the text cannot be that of a note.
    pub fn sign(&self, text: impl Into<String>) -> Result<String, NoteError> {
        let mut note = text.into();
        check_text(&note)?;
        let signature = self.key.sign(note.as_bytes());
        let id = self.verifier.id.to_be_bytes();
        let signed: Vec<u8> = id.into_iter().chain(signature.to_bytes()).collect();
        let name = &self.verifier.name;
        note.push_str(&format!("\n— {name} {}\n", STANDARD.encode(signed)));
        Ok(note)
    }

    fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        check_name(name)?;
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let verifier = VerifierKey {
            name: name.to_owned(),
            id: key_id(name, key.verifying_key().as_bytes()),
            key: key.verifying_key(),
        };
        Ok(Self { verifier, key })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(*** of {})", self.verifier)
    }
}

/// A key that verifies notes.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifierKey {
    /// Returns the signer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Verifies that this key signed the note; returns the note's text.
    ///
    /// # Errors
    /// When the text is not a note, or this key did not sign it, or did not sign this text.
    pub fn verify<'n>(&self, note: &'n str) -> Result<&'n str, NoteError> {
        let note = Note::parse(note)?;
        match note.signer(std::slice::from_ref(self))? {
            Some(_) => Ok(note.text),
            None => Err(NoteError::Unsigned(self.to_string())),
        }
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WHAT: NoteError = NoteError::Key("verifier key");
        let (name, id, key) = parse_key(text).ok_or(WHAT)?;
        check_name(name)?;
        if key_id(name, &key) != id {
            return Err(WHAT);
        }
        let key = ed25519_dalek::VerifyingKey::from_bytes(&key).map_err(|_| WHAT)?;
        if key.is_weak() {
            return Err(WHAT);
        }
        Ok(Self {
            name: name.to_owned(),
            id,
            key,
        })
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut data = [ED25519; 33];
        data[1..].copy_from_slice(self.key.as_bytes());
        let encoded = STANDARD.encode(data);
        write!(f, "{}+{:08x}+{encoded}", self.name, self.id)
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

/// A text with its signatures, not yet verified.
#[derive(Debug, Clone)]
pub struct Note<'n> {
    text: &'n str,
    signatures: Vec<SignatureLine<'n>>,
}

#[derive(Debug, Clone)]
struct SignatureLine<'n> {
    name: &'n str,
    id: u32,
    signature: Vec<u8>,
}

impl<'n> Note<'n> {
    /// Splits a note into its text and its signatures.
    ///
    /// # Errors
    /// When the text is not a note.
    pub fn parse(note: &'n str) -> Result<Self, NoteError> {
        let split = note
            .rfind("\n\n")
            .ok_or(NoteError::Malformed("no empty line before the signatures"))?;
        let (text, lines) = (&note[..=split], &note[split + 2..]);
        check_text(text)?;
        let lines = lines
            .strip_suffix('\n')
            .ok_or(NoteError::Malformed("its last line is not ended"))?;
        let signatures: Option<Vec<_>> = lines
            .split('\n')
            .take(MAX_SIGNATURES + 1)
            .map(signature_line)
            .collect();
        let signatures = signatures.ok_or(NoteError::Malformed("a signature line is malformed"))?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::Malformed("too many signatures"));
        }
        Ok(Self { text, signatures })
    }

    /// Returns the text; trust it only when a known key signed it.
    #[must_use]
    pub const fn text(&self) -> &'n str {
        self.text
    }

    /// Returns the first of these keys that signed the text.
    ///
    /// # Errors
    /// When a signature names one of these keys and is not by it.
    pub fn signer<'k>(
        &self,
        keys: &'k [VerifierKey],
    ) -> Result<Option<&'k VerifierKey>, NoteError> {
        let mut signer = None;
        for key in keys {
            let of_key = |line: &&SignatureLine| line.name == key.name && line.id == key.id;
            for line in self.signatures.iter().filter(of_key) {
                let is_right = Signature::from_slice(&line.signature)
                    .and_then(|signature| key.key.verify_strict(self.text.as_bytes(), &signature))
                    .is_ok();
                if !is_right {
                    return Err(NoteError::BadSignature(key.to_string()));
                }
                signer = signer.or(Some(key));
            }
        }
        Ok(signer)
    }
}

fn signature_line(line: &str) -> Option<SignatureLine<'_>> {
    let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
    check_name(name).ok()?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let (id, signature) = bytes.split_first_chunk()?;
    (!signature.is_empty()).then(|| SignatureLine {
        name,
        id: u32::from_be_bytes(*id),
        signature: signature.to_vec(),
    })
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if !text.ends_with('\n') {
        return Err(NoteError::Malformed("its text is not ended by LF"));
    }
    // C2SP signed-note: no ASCII control character except LF. A scan of the whole text without an early exit handles
    // many bytes at a time; receipts have megabytes.
    let is_control = |byte: u8| byte < 0x20 && byte != b'\n';
    if text.bytes().fold(false, |any, byte| any | is_control(byte)) {
        return Err(NoteError::Malformed("it holds a control character"));
    }
    Ok(())
}

/// Returns whether a server may have this name: as the name of a key, and at the beginning of an origin.
#[must_use]
pub fn is_server_name(name: &str) -> bool {
    check_name(name).is_ok()
}

fn check_name(name: &str) -> Result<(), NoteError> {
    let is_bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.len() > 255 || name.chars().any(is_bad) {
        return Err(NoteError::Name);
    }
    Ok(())
}

/// Returns the name, the key id, and the 32 bytes after the type.
fn parse_key(text: &str) -> Option<(&str, u32, [u8; 32])> {
    let (name, rest) = text.split_once('+')?;
    let (id, data) = rest.split_once('+')?;
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if id.len() != 8 || !id.bytes().all(is_hex) {
        return None;
    }
    let id = u32::from_str_radix(id, 16).ok()?;
    let data = Zeroizing::new(STANDARD.decode(data).ok()?);
    match data.split_first()? {
        (&ED25519, key) => Some((name, id, key.try_into().ok()?)),
        _ => None,
    }
}

fn key_id(name: &str, key: &[u8; 32]) -> u32 {
    let mut hasher = Sha256::new();
    hasher.update(name);
    hasher.update([b'\n', ED25519]);
    hasher.update(key);
    let digest = hasher.finalize();
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example from the specification's reference implementation.
    const SIGNING: &str =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\
        \n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn agrees_with_the_published_example() {
        let key = SigningKey::parse(SIGNING).unwrap();
        assert_eq!(key.to_text().as_str(), SIGNING);
        assert_eq!(key.verifier_key().to_string(), VERIFIER);
        let text = key.verifier_key().verify(NOTE).unwrap();
        assert_eq!(key.sign(text).unwrap(), NOTE);
        assert_eq!(
            VERIFIER.parse::<VerifierKey>().unwrap(),
            *key.verifier_key()
        );
    }

    #[test]
    fn signatures_of_others_are_passed_over_and_wrong_ones_refused() {
        let ours = SigningKey::generate("ours").unwrap();
        let theirs = SigningKey::generate("theirs").unwrap();
        let note = ours.sign("text\n").unwrap();
        let other = theirs.sign("text\n").unwrap();
        let both = format!("{note}{}", &other["text\n\n".len()..]);
        assert_eq!(ours.verifier_key().verify(&both).unwrap(), "text\n");
        assert_eq!(theirs.verifier_key().verify(&both).unwrap(), "text\n");
        assert!(matches!(
            theirs.verifier_key().verify(&note),
            Err(NoteError::Unsigned(_))
        ));
        assert!(matches!(
            ours.verifier_key()
                .verify(&both.replacen("text", "test", 1)),
            Err(NoteError::BadSignature(_))
        ));
    }

    #[test]
    fn no_changed_bit_of_a_note_verifies() {
        let key = SigningKey::parse(SIGNING).unwrap();
        for bit in 0..NOTE.len() * 8 {
            let mut bytes = NOTE.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(note) = String::from_utf8(bytes) {
                assert!(key.verifier_key().verify(&note).is_err(), "bit {bit}");
            }
        }
    }

    #[test]
    fn refuses_what_is_no_key() {
        for text in [
            "",
            "a+b+c",
            &VERIFIER.replace("c74f20a3", "c74f20a4"),
            &VERIFIER.replace("Peter", "Pet er"),
            &VERIFIER.replace("c74f", "C74F"),
            &VERIFIER[..VERIFIER.len() - 4],
            SIGNING,
        ] {
            assert!(text.parse::<VerifierKey>().is_err(), "{text}");
        }
        for name in ["", "a b", "a+b", "a\nb", "a\u{3000}b"] {
            assert!(SigningKey::generate(name).is_err(), "{name:?}");
        }
    }
}

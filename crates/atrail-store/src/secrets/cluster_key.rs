//! The key that nodes which share a catalog have in a file: `docs/FORMAT.md` has the construction.

use std::fmt;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use atrail_catalog::SealedSecret;
use atrail_disk::{Result, StoreError, io_failure};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 32;
const KEY_ID_LEN: usize = 8;
const SEALING: &[u8] = b"atrail sealed secret v1";
const NAMING: &[u8] = b"atrail cluster key id v1";
/// Others can read or change the file, or its group can change it.
const OPEN_TO_OTHERS: u32 = 0o027;

/// The key under which secrets are sealed. It is never printed.
pub struct ClusterKey {
    /// Names the key, and reveals nothing of it.
    id: [u8; KEY_ID_LEN],
    bytes: [u8; KEY_LEN],
}

impl fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterKey({})", atrail_evidence::hex(&self.id))
    }
}

/// The length of what HKDF derives.
struct Len(usize);

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

impl ClusterKey {
    /// Reads the key from its file, which has exactly 32 random bytes and is closed to others.
    ///
    /// # Errors
    /// `Invalid` when the file is missing, is no key, or is open to others.
    pub fn read(file: &Path) -> Result<Self> {
        let make = format!(
            "make one, and give every node the same: (umask 077; head -c 32 /dev/urandom > {})",
            file.display()
        );
        let refuse = |why: &str| {
            let why = format!("[cluster] key_file {}: {why}", file.display());
            Err(StoreError::Invalid(why))
        };
        let mut opened = match std::fs::File::open(file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return refuse(&format!("there is no such file; {make}"));
            }
            opened => opened.map_err(io_failure("open the key of the cluster", file))?,
        };
        let failed = || io_failure("read the key of the cluster", file);
        let mode = opened.metadata().map_err(failed())?.permissions().mode() & 0o777;
        if mode & OPEN_TO_OTHERS != 0 {
            return refuse(&format!(
                "others have access to it (mode {mode:03o}): chmod 0400 it, and make another key if they may have read it"
            ));
        }
        let mut bytes = Vec::new();
        let limit = KEY_LEN as u64 + 1;
        let read = opened.by_ref().take(limit).read_to_end(&mut bytes);
        read.map_err(failed())?;
        match bytes.try_into() {
            Ok(bytes) => Self::of(bytes),
            Err(_) => refuse(&format!("it must have exactly 32 bytes; {make}")),
        }
    }

    /// Returns the key with these bytes.
    pub(crate) fn of(bytes: [u8; KEY_LEN]) -> Result<Self> {
        let mut id = [0; KEY_ID_LEN];
        let prk = Salt::new(HKDF_SHA256, NAMING).extract(&bytes);
        derive(&prk, NAMING, &mut id)?;
        Ok(Self { id, bytes })
    }

    /// Seals a text for this name.
    pub(crate) fn seal(&self, name: &str, text: &str) -> Result<SealedSecret> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(StoreError::Random)?;
        let mut cipher = text.as_bytes().to_vec();
        let sealed = self.key(&nonce)?.seal_in_place_append_tag(
            zero(),
            Aad::from(name.as_bytes()),
            &mut cipher,
        );
        sealed.map_err(|_| broken())?;
        Ok(SealedSecret {
            key_id: self.id.to_vec(),
            nonce: nonce.to_vec(),
            cipher,
        })
    }

    /// Returns the text that was sealed for this name.
    ///
    /// # Errors
    /// `Invalid` when it was sealed under another key; `Damaged` when it is not what was sealed for this name.
    pub(crate) fn open(&self, name: &str, sealed: &SealedSecret) -> Result<String> {
        if sealed.key_id != self.id {
            return Err(StoreError::Invalid(format!(
                "the secret {name} in the catalog is sealed under another key ({}) than that in [cluster] key_file ({}): \
                 give this node the key file of the others",
                atrail_evidence::hex(&sealed.key_id),
                atrail_evidence::hex(&self.id)
            )));
        }
        let mut bytes = sealed.cipher.clone();
        let key = self.key(&sealed.nonce)?;
        let opened = key.open_in_place(zero(), Aad::from(name.as_bytes()), &mut bytes);
        let text = opened.ok().and_then(|text| std::str::from_utf8(text).ok());
        text.map(str::to_owned).ok_or_else(|| StoreError::Damaged {
            what: format!("the secret {name} in the catalog"),
            why: "it is not what a node has sealed under this name. Restore the catalog from a backup"
                .to_owned(),
        })
    }

    /// Returns the key of one sealing: no two have the same, so each is used once.
    fn key(&self, nonce: &[u8]) -> Result<LessSafeKey> {
        let mut key = [0; KEY_LEN];
        derive(
            &Salt::new(HKDF_SHA256, nonce).extract(&self.bytes),
            SEALING,
            &mut key,
        )?;
        let key = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| broken())?;
        Ok(LessSafeKey::new(key))
    }
}

fn derive(prk: &Prk, info: &[u8], into: &mut [u8]) -> Result<()> {
    let info = [info];
    let okm = prk.expand(&info, Len(into.len())).map_err(|_| broken())?;
    okm.fill(into).map_err(|_| broken())
}

/// The nonce of a key that is used once.
fn zero() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

fn broken() -> StoreError {
    StoreError::Invalid("the cryptographic library refuses a key".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> ClusterKey {
        ClusterKey::of([byte; KEY_LEN]).unwrap()
    }

    #[test]
    fn what_was_sealed_is_opened_and_nothing_else_is() {
        let sealed = key(1).seal("a", "text").unwrap();
        assert_eq!(key(1).open("a", &sealed).unwrap(), "text");
        let other = key(2).open("a", &sealed).unwrap_err().to_string();
        assert!(other.contains("sealed under another key"), "{other}");
        let renamed = key(1).open("b", &sealed).unwrap_err();
        assert!(matches!(renamed, StoreError::Damaged { .. }), "{renamed}");
        for at in 0..sealed.cipher.len() {
            let mut changed = sealed.clone();
            changed.cipher[at] ^= 1;
            key(1).open("a", &changed).unwrap_err();
        }
        for at in 0..sealed.nonce.len() {
            let mut changed = sealed.clone();
            changed.nonce[at] ^= 1;
            key(1).open("a", &changed).unwrap_err();
        }
    }

    /// Another implementation of what `docs/FORMAT.md` draws made these bytes (Python's `hmac` and `cryptography`).
    #[test]
    fn the_construction_is_the_documented_one() {
        let sealed = SealedSecret {
            key_id: vec![0x49, 0xb5, 0xbc, 0x18, 0x21, 0x52, 0x9a, 0x69],
            nonce: vec![2; NONCE_LEN],
            cipher: vec![
                0xf5, 0xb7, 0x56, 0x72, 0xac, 0xf1, 0xf9, 0x1b, 0x5d, 0xa3, 0x06, 0xb3, 0x07, 0xaa,
                0x1c, 0x98, 0x1e, 0x88, 0x42, 0x83,
            ],
        };
        assert_eq!(key(1).open("a", &sealed).unwrap(), "text");
    }

    #[test]
    fn no_two_sealings_are_alike_and_none_contains_the_text() {
        let text = "a text that is secret";
        let (one, other) = (
            key(1).seal("a", text).unwrap(),
            key(1).seal("a", text).unwrap(),
        );
        assert_ne!(one.nonce, other.nonce);
        assert_ne!(one.cipher, other.cipher);
        let contains = |bytes: &[u8]| bytes.windows(6).any(|part| part == b"secret");
        assert!(contains(text.as_bytes()), "the control");
        assert!(!contains(&one.cipher));
    }

    #[test]
    fn files_without_a_key_and_open_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cluster.key");
        let refused = ClusterKey::read(&file).unwrap_err().to_string();
        assert!(refused.contains("head -c 32 /dev/urandom"), "{refused}");
        for (bytes, mode, refusal) in [
            (32, 0o600, None),
            (32, 0o400, None),
            (32, 0o440, None),
            (31, 0o600, Some("exactly 32 bytes")),
            (33, 0o600, Some("exactly 32 bytes")),
            (32, 0o604, Some("others have access")),
            (32, 0o660, Some("others have access")),
        ] {
            let _ = std::fs::remove_file(&file);
            std::fs::write(&file, vec![7; bytes]).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let read = ClusterKey::read(&file);
            match refusal {
                None => assert_eq!(read.unwrap().bytes, [7; 32]),
                Some(why) => {
                    let refused = read.unwrap_err().to_string();
                    assert!(refused.contains(why), "{refused}");
                }
            }
        }
    }

    #[test]
    fn a_key_is_not_printed() {
        let printed = format!("{:?}", key(7));
        assert!(!printed.contains("7, 7"), "{printed}");
        assert!(!printed.contains("07070707"), "{printed}");
    }
}

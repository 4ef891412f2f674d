//! Reads secrets from files and pipes: passwords and API keys.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{CliError, Result};

/// Largest password or API key, in bytes.
pub(crate) const SECRET_MAX_BYTES: u64 = 64 << 10;

/// Reads an API key from a file: the key alone, without its line end, or the server's `initial-credentials.json`.
pub(crate) fn read_secret(path: &Path) -> Result<String> {
    let name = path.display().to_string();
    let failed = |error| CliError::unreadable(path, error);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(SECRET_MAX_BYTES).read_to_end(&mut bytes))
        .map_err(failed)?;
    let text = secret_text(&name, bytes)?;
    let secret = secret_of(&text);
    if secret.is_empty() {
        return Err(CliError::usage(format!("{name} is empty")));
    }
    Ok(key_of_credentials(secret).unwrap_or_else(|| secret.to_owned()))
}

/// Returns the API key of an `initial-credentials.json`; `None` for any other text.
fn key_of_credentials(text: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Credentials {
        api_key: String,
    }
    let found: Credentials = serde_json::from_str(text).ok()?;
    Some(found.api_key)
}

/// Returns the text of a secret. For UTF-16, in which some editors and shells write files, returns an error that names
/// it.
pub(crate) fn secret_text(name: &str, bytes: Vec<u8>) -> Result<String> {
    let is_utf16 = matches!(bytes.as_slice(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    String::from_utf8(bytes).map_err(|error| {
        let refused = CliError::usage(format!("{name} is not UTF-8"));
        if is_utf16 {
            refused
                .because("it begins as UTF-16 does")
                .hint("save it as UTF-8; in PowerShell: `... | Out-File -Encoding utf8 FILE`")
        } else {
            refused.because(error.utf8_error())
        }
    })
}

/// Returns the bare secret: without the byte order mark that some editors write first, and without the line end.
pub(crate) fn secret_of(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.trim_end_matches(['\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_line_ends_are_no_part_of_a_secret() {
        for text in ["key", "key\n", "key\r\n", "\u{feff}key\r\n"] {
            assert_eq!(secret_of(text), "key", "{text:?}");
        }
        // A mark inside the text, and a space, may be part of a password.
        assert_eq!(secret_of(" a\u{feff}b \n"), " a\u{feff}b ");
    }

    #[test]
    fn initial_credentials_hold_a_key_and_other_texts_are_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        for (text, key) in [
            ("atk_1_2\n", "atk_1_2"),
            (
                "{\"user\": \"admin\", \"api_key\": \"atk_1_2\"}\n",
                "atk_1_2",
            ),
            ("{\"api_key\": 1}", "{\"api_key\": 1}"),
            ("{not json", "{not json"),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(read_secret(&file).unwrap(), key);
        }
    }

    #[test]
    fn utf_16_is_named() {
        let error = secret_text("F", b"\xff\xfek\0".to_vec()).unwrap_err();
        assert!(error.report().contains("UTF-16"), "{}", error.report());
        let error = secret_text("F", vec![b'k', 0xff]).unwrap_err();
        assert!(!error.report().contains("UTF-16"), "{}", error.report());
    }
}

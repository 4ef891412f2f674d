//! Texts on their way from one JSON text into another.

use std::borrow::Cow;

use crate::json::quote_or_backslash;
use crate::members::string;

/// The longest text outside of the attachments, in bytes; a longer one is cut there and is whole in the attachment.
pub(crate) const TEXT_MAX_BYTES: usize = 4096;

/// A text that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text<'a> {
    /// A JSON string, quotes and escapes included, without halves of surrogate pairs.
    Raw(&'a str),
    /// The text itself.
    Plain(Cow<'a, str>),
}

impl<'a> Text<'a> {
    /// Returns the text of a JSON string, number or boolean; `None` for an empty text and for any other value.
    pub(crate) fn of_json(raw: &'a str) -> Option<Self> {
        match raw.as_bytes().first()? {
            b'"' if raw.len() > 2 => Some(Self::Raw(raw)),
            b'-' | b'0'..=b'9' | b't' | b'f' => Some(Self::Plain(raw.into())),
            _ => None,
        }
    }

    /// Returns a text; `None` when it is empty.
    pub(crate) fn of(text: impl Into<Cow<'a, str>>) -> Option<Self> {
        let text = text.into();
        (!text.is_empty()).then_some(Self::Plain(text))
    }

    /// Returns its length in bytes, escapes included.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Raw(raw) => raw.len(),
            Self::Plain(text) => text.len(),
        }
    }

    /// Returns the text without quotes and escapes.
    pub(crate) fn into_plain(self) -> Cow<'a, str> {
        match self {
            Self::Raw(raw) => {
                let inside = &raw[1..raw.len() - 1];
                if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
                    return inside.into();
                }
                string(raw).unwrap_or(Cow::Borrowed(inside))
            }
            Self::Plain(text) => text,
        }
    }

    /// Returns an address without the port behind it: of `192.0.2.7:443` and `[2001:db8::7]:443` the part before. Texts
    /// of another form stay as they are.
    pub(crate) fn without_port(self) -> Self {
        let inside = match &self {
            Self::Raw(raw) => &raw[1..raw.len() - 1],
            Self::Plain(text) => text,
        };
        let Some((before, port)) = inside.rsplit_once(':') else {
            return self;
        };
        let is_port =
            (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
        let address = match before.strip_prefix('[') {
            Some(address) => address.strip_suffix(']'),
            None => (!before.contains([':', '\\'])).then_some(before),
        };
        match address.filter(|address| is_port && !address.is_empty()) {
            Some(address) => Self::Plain(address.to_owned().into()),
            None => self,
        }
    }

    /// Writes it as a JSON string, at most [`TEXT_MAX_BYTES`] of it.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Raw(raw) if raw.len() <= TEXT_MAX_BYTES => out.extend_from_slice(raw.as_bytes()),
            Self::Raw(_) => write_string(cut(&self.clone().into_plain()), out),
            Self::Plain(text) => write_string(cut(text), out),
        }
    }
}

/// Returns the beginning of a text, at most [`TEXT_MAX_BYTES`] of it.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_MAX_BYTES)]
}

/// Writes a text as a JSON string.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text, out);
    out.push(b'"');
}

/// Writes a text as the inside of a JSON string.
pub(crate) fn write_escaped(text: &str, out: &mut Vec<u8>) {
    let (chunks, rest) = text.as_bytes().as_chunks::<8>();
    for chunk in chunks {
        let word = u64::from_le_bytes(*chunk);
        if controls(word) != 0 {
            write_controls(chunk, out);
        } else if quote_or_backslash(word) == 0 {
            out.extend_from_slice(chunk);
        } else {
            // Without a branch for each byte.
            let (mut escaped, mut length) = ([0; 16], 0);
            for &byte in chunk {
                let letter = ESCAPES[usize::from(byte)];
                escaped[length & 15] = if letter == 0 { byte } else { b'\\' };
                escaped[(length + 1) & 15] = letter;
                length += 1 + usize::from(letter != 0);
            }
            out.extend_from_slice(&escaped[..length]);
        }
    }
    write_controls(rest, out);
}

/// Reports, by a value that is not 0, whether one of eight bytes is a control character.
const fn controls(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    word.wrapping_sub(ONES * b' ' as u64) & !word & (ONES << 7)
}

/// Writes a few bytes, of any kind.
fn write_controls(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        match ESCAPES[usize::from(byte)] {
            0 => out.push(byte),
            b'u' => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&digits);
            }
            letter => out.extend_from_slice(&[b'\\', letter]),
        }
    }
}

/// For each byte the letter of its escape (RFC 8259 §7); 0 for a byte that needs none.
const ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut control = 0;
    while control < 0x20 {
        escapes[control] = b'u';
        control += 1;
    }
    escapes[b'\n' as usize] = b'n';
    escapes[b'\r' as usize] = b'r';
    escapes[b'\t' as usize] = b't';
    escapes[0x08] = b'b';
    escapes[0x0c] = b'f';
    escapes[b'"' as usize] = b'"';
    escapes[b'\\' as usize] = b'\\';
    escapes
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_written_as_json_that_reads_back() {
        let all: String = (0..0x250).filter_map(char::from_u32).collect();
        for text in ["", "plain", "\"\\", "a\nb\t\u{1}\u{7f}\u{2028}😀", &all] {
            let mut out = Vec::new();
            write_string(text, &mut out);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn an_address_loses_its_port() {
        for (text, address) in [
            ("192.0.2.7:443", "192.0.2.7"),
            ("[2001:db8::7]:51234", "2001:db8::7"),
            ("till.example.com:1", "till.example.com"),
            ("2001:db8::7", "2001:db8::7"),
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7:", "192.0.2.7:"),
            (":443", ":443"),
            ("[]:443", "[]:443"),
            ("AWS Internal", "AWS Internal"),
            ("a:123456", "a:123456"),
        ] {
            let raw = format!("\"{text}\"");
            for text in [Text::of(text), Text::of_json(&raw)] {
                assert_eq!(text.unwrap().without_port().into_plain(), address);
            }
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = "ä".repeat(TEXT_MAX_BYTES);
        let raw = format!("\"{long}\"");
        for text in [Text::of(long.as_str()), Text::of_json(&raw)] {
            let mut out = Vec::new();
            text.unwrap().write(&mut out);
            let read: String = serde_json::from_slice(&out).unwrap();
            assert_eq!(read, long[..TEXT_MAX_BYTES]);
        }
    }
}

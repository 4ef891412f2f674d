//! The tokens of a JSON text.

use std::borrow::Cow;

/// A token that matters here. Commas and colons do not.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Token<'a> {
    OpenObject,
    OpenList,
    Close,
    /// The name of a member.
    Key(Raw<'a>),
    Value(Scalar<'a>),
}

/// A value that is neither an object nor a list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scalar<'a> {
    Text(Raw<'a>),
    /// A number, `true` or `false`.
    Plain(Raw<'a>),
    Null,
}

/// The inside of a string, or a text that is no string.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raw<'a> {
    /// As it is written, without quotation marks.
    pub(crate) bytes: &'a [u8],
    /// Whether it has escapes.
    pub(crate) is_escaped: bool,
}

impl<'a> Scalar<'a> {
    /// Returns the text of a value; null has none.
    pub(crate) const fn raw(self) -> Option<Raw<'a>> {
        match self {
            Self::Text(raw) | Self::Plain(raw) => Some(raw),
            Self::Null => None,
        }
    }
}

impl<'a> Raw<'a> {
    /// Returns the text with its escapes resolved. Half of a surrogate pair becomes U+FFFD.
    pub(crate) fn text(self) -> Cow<'a, str> {
        let checked = std::str::from_utf8(self.bytes).map(Cow::Borrowed);
        let text = checked.unwrap_or_else(|_| String::from_utf8_lossy(self.bytes));
        if !self.is_escaped {
            return text;
        }
        Cow::Owned(unescaped(&text))
    }

    /// Reports whether the bytes are the text itself, all ASCII.
    pub(crate) fn is_plain_ascii(self) -> bool {
        !self.is_escaped && self.bytes.is_ascii()
    }
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(c) = rest.chars().next() else {
            break;
        };
        rest = &rest[c.len_utf8()..];
        out.push(match c {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (c, after) = unit(rest);
                rest = after;
                c
            }
            c => c,
        });
    }
    out.push_str(rest);
    out
}

/// Reads the digits of `\u`, and a second escape that completes a surrogate pair.
fn unit(text: &str) -> (char, &str) {
    let digits = |text: &str| {
        let digits = text
            .get(..4)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok()
    };
    let Some(first) = digits(text) else {
        return (char::REPLACEMENT_CHARACTER, text);
    };
    let rest = &text[4..];
    if let Some(c) = char::from_u32(first) {
        return (c, rest);
    }
    let pair = || {
        let second = digits(rest.strip_prefix("\\u")?)?;
        if !(0xd800..0xdc00).contains(&first) || !(0xdc00..0xe000).contains(&second) {
            return None;
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    };
    pair().map_or((char::REPLACEMENT_CHARACTER, rest), |c| (c, &rest[6..]))
}

/// Finds the first quotation mark or backslash. Most strings of events are shorter than a call of a library takes, so
/// it looks at the first bytes itself, eight at a time.
#[inline]
fn string_stop(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    const NEAR_WORDS: usize = 6;
    // The lowest bit that is set is that of the first byte that is zero.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, _) = text.as_chunks::<8>();
    for (nth, word) in words.iter().take(NEAR_WORDS).enumerate() {
        let word = u64::from_le_bytes(*word);
        let stops =
            zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if stops != 0 {
            return Some(nth * 8 + stops.trailing_zeros() as usize / 8);
        }
    }
    let seen = words.len().min(NEAR_WORDS) * 8;
    memchr::memchr2(b'"', b'\\', &text[seen..]).map(|at| seen + at)
}

/// The unread tokens of a text.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Skips the rest of the object or list that was opened last.
    pub(crate) fn skip_rest(&mut self) {
        let mut depth = 1_usize;
        while let Some(&byte) = self.text.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => {
                    self.string();
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                _ => {}
            }
        }
    }

    /// Reads a string, whose first quotation mark was read.
    fn string(&mut self) -> Raw<'a> {
        let start = self.at;
        let mut is_escaped = false;
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            match string_stop(rest) {
                Some(length) if rest[length] == b'"' => {
                    let bytes = &self.text[start..self.at + length];
                    self.at += length + 1;
                    return Raw { bytes, is_escaped };
                }
                Some(length) => {
                    is_escaped = true;
                    self.at += length + 2;
                }
                None => {
                    self.at = self.text.len();
                    let bytes = self.text.get(start..).unwrap_or_default();
                    return Raw { bytes, is_escaped };
                }
            }
        }
    }

    /// Reads a number or a word, which began one byte before.
    fn plain(&mut self) -> Scalar<'a> {
        let start = self.at - 1;
        let ends = |byte: &u8| b",:]}[{\" \t\r\n".contains(byte);
        let rest = &self.text[self.at..];
        self.at += rest.iter().position(ends).unwrap_or(rest.len());
        match &self.text[start..self.at] {
            b"null" => Scalar::Null,
            bytes => Scalar::Plain(Raw {
                bytes,
                is_escaped: false,
            }),
        }
    }

    /// Skips the colon behind a member's name; reports whether there is one.
    fn take_colon(&mut self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let blanks = rest
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        let found = rest.get(blanks) == Some(&b':');
        if found {
            self.at += blanks + 1;
        }
        found
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let byte = *self.text.get(self.at)?;
            self.at += 1;
            return Some(match byte {
                b' ' | b',' | b':' | b'\t' | b'\r' | b'\n' => continue,
                b'"' => {
                    let raw = self.string();
                    if self.take_colon() {
                        Token::Key(raw)
                    } else {
                        Token::Value(Scalar::Text(raw))
                    }
                }
                b'{' => Token::OpenObject,
                b'[' => Token::OpenList,
                b'}' | b']' => Token::Close,
                _ => Token::Value(self.plain()),
            });
        }
    }
}

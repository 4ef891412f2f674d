//! Escapes of URIs (RFC 3986 §2.1).

use std::borrow::Cow;

/// Decodes `%20` and the like. What is no such code stays.
#[must_use]
pub fn percent_decoded(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&b'%') {
        return Cow::Borrowed(value);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&byte, after)) = rest.split_first() {
        match after {
            [high, low, after @ ..] if byte == b'%' => {
                if let (Some(high), Some(low)) = (digit(*high), digit(*low)) {
                    out.push((high << 4 | low) as u8);
                    rest = after;
                    continue;
                }
            }
            _ => {}
        }
        out.push(byte);
        rest = after;
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_digits_behind_the_sign_are_a_byte_and_nothing_else_is() {
        for (text, expected) in [
            ("a%20b%2fc", "a b/c"),
            ("%C3%a9", "é"),
            ("100%", "100%"),
            ("%+1", "%+1"),
            ("% 1", "% 1"),
            ("%%41", "%A"),
        ] {
            assert_eq!(
                percent_decoded(text.as_bytes()),
                expected.as_bytes(),
                "{text}"
            );
        }
    }
}

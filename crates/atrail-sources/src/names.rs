//! The names of an object's own members, found without parsing its values.

use std::sync::LazyLock;

use memchr::memmem::Finder;

/// How the names of the initiator's members begin.
static INITIATOR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"initiator"));

/// Reports whether an object is CADF for sure: it has a time and an initiator of its own. It stops at the second of
/// them, and reads names in their usual spelling, without escapes.
pub(crate) fn is_cadf(text: &[u8]) -> bool {
    if INITIATOR.find(text).is_none() {
        return false;
    }
    let (mut has_time, mut has_initiator) = (false, false);
    Names::of(text).any(|(name, _)| {
        has_time |= name == b"\"eventTime\"";
        has_initiator |= name == b"\"initiator\"" || name == b"\"initiatorId\"";
        has_time && has_initiator
    })
}

/// The names of an object's members, quotes included, each with the text from its value on. It ends where the text
/// cannot be JSON.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Names<'a> {
    pub(crate) const fn of(text: &'a [u8]) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
        }
    }
}

impl<'a> Iterator for Names<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.text.get(self.at)? {
                b'"' => {
                    let start = self.at;
                    self.at = string_end(self.text, start)?;
                    if self.depth == 1 {
                        let rest = self.text[self.at..].trim_ascii_start();
                        if let Some(value) = rest.strip_prefix(b":") {
                            return Some((&self.text[start..self.at], value.trim_ascii_start()));
                        }
                    }
                }
                b'{' | b'[' => {
                    self.depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    self.depth = self.depth.checked_sub(1)?;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
    }
}

/// Returns where the string that begins here ends.
fn string_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_the_object_itself_are_found() {
        let text = r#"{"a" : [{"b":1}] , "c\"d":"e:", "f":{"g":"}"},"h":2 "#;
        let names: Vec<_> = Names::of(text.as_bytes()).map(|(name, _)| name).collect();
        assert_eq!(names, [&b"\"a\""[..], b"\"c\\\"d\"", b"\"f\"", b"\"h\""]);
        for text in ["", "}", "{\"a", "{\"a\\", "[\"a\":1"] {
            let count = Names::of(text.as_bytes()).count();
            assert_eq!(count, usize::from(text.starts_with('[')), "{text}");
        }
    }

    #[test]
    fn cadf_has_a_time_and_an_initiator_of_its_own() {
        for text in [
            r#"{"eventTime":1,"initiator":{"#,
            r#"{"initiatorId":"}","x":{"y":"\\"},"eventTime":"#,
        ] {
            assert!(is_cadf(text.as_bytes()), "{text}");
        }
        for text in [
            r#"{"eventTime":1,"responseElements":{"initiator":"x"}}"#,
            r#"{"eventTime":1,"y":"}","x":{"initiator":1}}"#,
            r#"{"initiator":1}"#,
            r#"{"eventTime":"initiator","initiator2":1}"#,
            r#"{"a":"\"initiator\":","eventTime":1}"#,
        ] {
            assert!(!is_cadf(text.as_bytes()), "{text}");
        }
    }
}

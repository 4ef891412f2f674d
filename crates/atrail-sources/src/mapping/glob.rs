//! Patterns in which `*` stands for any text.

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    /// This text.
    Text(Box<str>),
    /// A text with this beginning and this end, and with these parts between them, in order.
    Parts {
        head: Box<str>,
        parts: Box<[Box<str>]>,
        tail: Box<str>,
    },
}

impl Pattern {
    pub(super) fn new(written: &str) -> Self {
        let Some((head, rest)) = written.split_once('*') else {
            return Self::Text(written.into());
        };
        let mut parts: Vec<Box<str>> = rest.split('*').map(Into::into).collect();
        let tail = parts.pop().unwrap_or_default();
        Self::Parts {
            head: head.into(),
            parts: parts.into(),
            tail,
        }
    }

    /// Reports whether a text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        let (head, parts, tail) = match self {
            Self::Text(expected) => return **expected == *text,
            Self::Parts { head, parts, tail } => (head, parts, tail),
        };
        let Some(mut text) = text.strip_prefix(&**head) else {
            return false;
        };
        for part in parts {
            match text.find(&**part) {
                Some(at) => text = &text[at + part.len()..],
                None => return false,
            }
        }
        text.ends_with(&**tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text) in [
            ("a", "a"),
            ("*", ""),
            ("a*", "a"),
            ("a*c", "abc"),
            ("*b*", "abc"),
            ("a*b*c", "aXbYc"),
            ("*.fail*", "user.failed_login"),
            ("a*a", "aa"),
        ] {
            assert!(Pattern::new(pattern).matches(text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("a", "ab"),
            ("a*a", "a"),
            ("*b", "bc"),
            ("a*b*c", "acb"),
            ("", "a"),
        ] {
            assert!(!Pattern::new(pattern).matches(text), "{pattern} {text}");
        }
    }
}

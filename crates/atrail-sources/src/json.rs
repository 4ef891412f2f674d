//! Reads well-formed JSON on one line quickly: where its values are, without building any.
//!
//! It accepts less than JSON: no control characters, which line breaks between tokens are, and no depth beyond
//! [`DEPTH_MAX`]. Whoever gets `None` reads the text with `serde_json`, which decides. Whatever is accepted here, is there
//! too, with the same values.

/// The deepest nesting that is read here.
const DEPTH_MAX: u32 = u128::BITS;

/// A JSON text, in UTF-8 and without control characters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// Returns a text that can be read here; it may still be malformed.
    pub(crate) fn of(text: &'a [u8]) -> Option<Self> {
        let has_control = text.iter().fold(false, |has, byte| has | (*byte < b' '));
        if has_control {
            return None;
        }
        simdutf8::basic::from_utf8(text).ok().map(Self)
    }

    /// Returns a value that was read here.
    pub(crate) const fn of_value(text: &'a str) -> Self {
        Self(text)
    }

    /// Returns the members of the object that is the text, in order.
    pub(crate) fn members(self) -> Option<Members<'a>> {
        let at = self.blanks(0);
        (self.byte(at)? == b'{').then_some(Members {
            json: self,
            at: at + 1,
            is_first: true,
        })
    }

    /// Reports whether only blanks follow.
    pub(crate) fn ends(self, at: usize) -> bool {
        self.blanks(at) == self.0.len()
    }

    fn byte(self, at: usize) -> Option<u8> {
        self.0.as_bytes().get(at).copied()
    }

    fn blanks(self, mut at: usize) -> usize {
        while self.byte(at) == Some(b' ') {
            at += 1;
        }
        at
    }

    /// Returns the end of the value that begins here.
    fn value_end(self, start: usize) -> Option<usize> {
        let (mut at, mut depth, mut braces) = (start, 0, 0_u128);
        'value: loop {
            let first = self.byte(at)?;
            match first {
                b'"' => at = self.string_end(at + 1)?,
                b'{' | b'[' => {
                    let is_object = first == b'{';
                    at = self.blanks(at + 1);
                    if self.byte(at)? == if is_object { b'}' } else { b']' } {
                        at += 1;
                    } else if depth == DEPTH_MAX {
                        return None;
                    } else {
                        depth += 1;
                        braces = braces << 1 | u128::from(is_object);
                        if is_object {
                            at = self.name(at)?.1;
                        }
                        continue 'value;
                    }
                }
                b't' => at = self.word(at, "true")?,
                b'f' => at = self.word(at, "false")?,
                b'n' => at = self.word(at, "null")?,
                _ => at = self.number_end(at)?,
            }
            loop {
                if depth == 0 {
                    return Some(at);
                }
                let in_object = braces & 1 == 1;
                at = self.blanks(at);
                match self.byte(at)? {
                    b',' => {
                        at = self.blanks(at + 1);
                        if in_object {
                            at = self.name(at)?.1;
                        }
                        continue 'value;
                    }
                    b'}' if in_object => {}
                    b']' if !in_object => {}
                    _ => return None,
                }
                at += 1;
                depth -= 1;
                braces >>= 1;
            }
        }
    }

    /// Returns the name that begins here, without quotes, and where its value begins.
    fn name(self, at: usize) -> Option<(&'a str, usize)> {
        if self.byte(at)? != b'"' {
            return None;
        }
        let end = self.string_end(at + 1)?;
        let name = &self.0[at + 1..end - 1];
        let at = self.blanks(end);
        if self.byte(at)? != b':' {
            return None;
        }
        Some((name, self.blanks(at + 1)))
    }

    /// Returns the end of a string, from its first character on.
    fn string_end(self, mut at: usize) -> Option<usize> {
        let bytes = self.0.as_bytes();
        loop {
            while let Some(chunk) = bytes[at..].first_chunk::<8>() {
                let special = quote_or_backslash(u64::from_le_bytes(*chunk));
                if special != 0 {
                    at += (special.trailing_zeros() / 8) as usize;
                    break;
                }
                at += 8;
            }
            match *bytes.get(at)? {
                b'"' => return Some(at + 1),
                b'\\' => match *bytes.get(at + 1)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                    b'u' => {
                        let digits = bytes.get(at + 2..at + 6)?;
                        if !digits.iter().all(u8::is_ascii_hexdigit) {
                            return None;
                        }
                        at += 6;
                    }
                    _ => return None,
                },
                _ => at += 1,
            }
        }
    }

    fn word(self, at: usize, word: &str) -> Option<usize> {
        let rest = self.0.as_bytes().get(at..)?;
        rest.starts_with(word.as_bytes()).then_some(at + word.len())
    }

    fn number_end(self, mut at: usize) -> Option<usize> {
        let digits = |from: usize| {
            let rest = &self.0.as_bytes()[from..];
            let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            (count > 0).then_some(from + count)
        };
        if self.byte(at)? == b'-' {
            at += 1;
        }
        at = match self.byte(at)? {
            b'0' => at + 1,
            _ => digits(at)?,
        };
        if self.byte(at) == Some(b'.') {
            at = digits(at + 1)?;
        }
        if matches!(self.byte(at), Some(b'e' | b'E')) {
            at += 1;
            if matches!(self.byte(at), Some(b'+' | b'-')) {
                at += 1;
            }
            at = digits(at)?;
        }
        Some(at)
    }
}

/// The members of an object, each with the text of its value.
pub(crate) type Own<'a> = Vec<(&'a str, &'a str)>;

/// The most members that are kept at once; an object with more is read member by member.
const OWN_MAX: usize = 1024;

/// Returns the members of an object whose text can be read here, and whose names have no escapes.
pub(crate) fn own_members(text: &[u8]) -> Option<Own<'_>> {
    let json = Json::of(text)?;
    let mut members = json.members()?;
    let mut own = Vec::with_capacity(24);
    while let Some(member) = members.next()? {
        if member.name.contains('\\') || own.len() == OWN_MAX {
            return None;
        }
        own.push((member.name, members.value(&member)?));
    }
    json.ends(members.end()).then_some(own)
}

/// Marks the first byte that is a quote or a backslash, and maybe some behind it.
pub(crate) const fn quote_or_backslash(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let quotes = word ^ (ONES * b'"' as u64);
    let backslashes = word ^ (ONES * b'\\' as u64);
    (quotes.wrapping_sub(ONES) & !quotes | backslashes.wrapping_sub(ONES) & !backslashes) & HIGH
}

/// The members of an object that is being read.
#[derive(Debug)]
pub(crate) struct Members<'a> {
    json: Json<'a>,
    at: usize,
    is_first: bool,
}

/// A member, whose value is to be read next.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    /// Its name, without quotes and with escapes.
    pub(crate) name: &'a str,
    start: usize,
}

impl<'a> Members<'a> {
    /// Returns the next member, `Some(None)` at the end of the object, and `None` where the text is malformed.
    #[allow(clippy::option_option, reason = "each of the three is something else")]
    pub(crate) fn next(&mut self) -> Option<Option<Member<'a>>> {
        let json = self.json;
        let mut at = json.blanks(self.at);
        match (json.byte(at)?, self.is_first) {
            (b'}', _) => {
                self.at = at + 1;
                return Some(None);
            }
            (b',', false) => at = json.blanks(at + 1),
            (_, true) => {}
            _ => return None,
        }
        self.is_first = false;
        let (name, start) = json.name(at)?;
        Some(Some(Member { name, start }))
    }

    /// Passes over a member's value, and returns its text.
    pub(crate) fn value(&mut self, member: &Member<'_>) -> Option<&'a str> {
        self.at = self.json.value_end(member.start)?;
        Some(&self.json.0[member.start..self.at])
    }

    /// Returns the members of a member's value; `None` when it is no object. [`Self::value_of`] ends them.
    pub(crate) fn inside(&self, member: &Member<'_>) -> Option<Self> {
        (self.json.byte(member.start)? == b'{').then_some(Self {
            json: self.json,
            at: member.start + 1,
            is_first: true,
        })
    }

    /// Continues behind a member's value whose own members were read to their end, and returns its text.
    pub(crate) fn value_of(&mut self, member: &Member<'_>, inside: &Self) -> &'a str {
        self.at = inside.at;
        &self.json.0[member.start..self.at]
    }

    /// Returns where the object ends, once there is no further member.
    pub(crate) const fn end(&self) -> usize {
        self.at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    fn read(text: &[u8]) -> Option<Vec<(String, String)>> {
        let json = Json::of(text)?;
        let mut members = json.members()?;
        let mut found = Vec::new();
        while let Some(member) = members.next()? {
            let name = member.name.to_owned();
            found.push((name, members.value(&member)?.to_owned()));
        }
        json.ends(members.end()).then_some(found)
    }

    /// The same by the other reader. Names in it have no escapes.
    fn expected(text: &[u8]) -> Option<Vec<(String, String)>> {
        struct All;
        impl<'de> serde::de::Visitor<'de> for All {
            type Value = Vec<(String, String)>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    all.push((name, value.get().to_owned()));
                }
                Ok(all)
            }
        }
        let mut parser = serde_json::Deserializer::from_slice(text);
        let all = serde::de::Deserializer::deserialize_map(&mut parser, All).ok()?;
        parser.end().ok()?;
        Some(all)
    }

    #[test]
    fn members_have_their_texts() {
        for text in [
            "{}",
            " { } ",
            r#"{"a":1,"a":[{"b":{}},[],-0.5e+7,0],"longer than eight":"\u00e4\\\"","":null}"#,
            r#"{ "a" : true , "b" : [ 1 , { "c" : false } ] }"#,
            r#"{"a":"ä and a string longer than one word of the processor"}"#,
        ] {
            assert!(read(text.as_bytes()).is_some(), "{text}");
            assert_eq!(read(text.as_bytes()), expected(text.as_bytes()), "{text}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(128), "]".repeat(128));
        assert_eq!(read(deep.as_bytes()), expected(deep.as_bytes()));
        let deeper = format!("{{\"a\":{}{}}}", "[".repeat(130), "]".repeat(130));
        assert!(read(deeper.as_bytes()).is_none() && expected(deeper.as_bytes()).is_some());
    }

    #[test]
    fn what_is_malformed_is_left_to_the_other_reader() {
        for text in [
            "",
            "{",
            "[]",
            "{}x",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":.5}",
            "{\"a\":+1}",
            "{\"a\":-}",
            "{\"a\":1e}",
            "{\"a\":tru}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12g4\"}",
            "{\"a\":[1}",
            "{\"a\":{]}",
            "{\"a\":[1,]}",
            "{\"a\":{\"b\":1,}}",
            "{\"a\":{1:1}}",
            "{\"a\":\"",
            "{\"a\":\"\\",
            "{\"a\" 1}",
            "{\"a\":1 \"b\":2}",
            "{\"a\":NaN}",
            "{\"a\":\"\t\"}",
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
            assert_eq!(expected(text.as_bytes()), None, "{text}");
        }
        assert_eq!(read(b"{\"a\":\"\xff\"}"), None);
        assert_eq!(read(b"{\n}"), None);
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_what_the_other_reader_reads(
            parts in prop::collection::vec(prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"a\"", "\"bc d\"", "\"\\\\\"", "\"", "\\", "1", "-2.5e3", "0", "true",
                "null", " ", "\n", "ä", "\"a\":", "{\"a\":1}", "[1,2]", "\"\\ud83d\"",
            ]), 0..14),
            is_wrapped: bool,
        ) {
            let inside = parts.concat();
            let text = if is_wrapped { format!("{{\"x\":{inside}}}") } else { inside };
            if let Some(found) = read(text.as_bytes()) {
                let has_escape = found.iter().any(|(name, _)| name.contains('\\'));
                if !has_escape {
                    prop_assert_eq!(Some(found), expected(text.as_bytes()), "{}", text);
                }
            }
        }
    }
}

//! The structured data of RFC 5424 §6.3.

use crate::json;

/// Reads structured data, and appends it as `{"ID":{"NAME":"VALUE",…},…}`. Returns the rest after it, or nothing when
/// the text is none; then nothing is appended that counts.
pub(super) fn read<'a>(text: &'a str, out: &mut Vec<u8>) -> Option<&'a str> {
    if let Some(rest) = text.strip_prefix('-') {
        return Some(rest);
    }
    let mut rest = text;
    out.push(b'{');
    while let Some(element) = rest.strip_prefix('[') {
        let (id, after) = name(element)?;
        json::comma(out);
        json::string(out, id);
        out.extend_from_slice(b":{");
        rest = parameters(after, out)?;
        out.push(b'}');
    }
    out.push(b'}');
    (rest.len() < text.len()).then_some(rest)
}

/// Reads the parameters of an element, up to and with its closing bracket.
fn parameters<'a>(mut text: &'a str, out: &mut Vec<u8>) -> Option<&'a str> {
    loop {
        text = text.trim_start_matches(' ');
        if let Some(rest) = text.strip_prefix(']') {
            return Some(rest);
        }
        let (name, after) = name(text)?;
        let value = after.strip_prefix("=\"")?;
        json::comma(out);
        json::string(out, name);
        out.push(b':');
        let end = end_of_value(value)?;
        json::string(out, &unescaped(&value[..end]));
        text = &value[end + 1..];
    }
}

/// Returns an id or a parameter's name, and what follows it.
fn name(text: &str) -> Option<(&str, &str)> {
    let end = text.find(['=', ' ', ']', '"'])?;
    (end > 0).then(|| text.split_at(end))
}

/// Returns the position of the quote that ends a value.
fn end_of_value(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', bytes.get(from..)?)?;
        if bytes[at] == b'"' {
            return Some(at);
        }
        from = at + 2;
    }
}

/// Removes the backslash before a quote, a backslash and a closing bracket; any other one stays.
fn unescaped(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains('\\') {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let escaped = chars.next_if(|next| char == '\\' && matches!(next, '"' | '\\' | ']'));
        out.push(escaped.unwrap_or(char));
    }
    out.into()
}

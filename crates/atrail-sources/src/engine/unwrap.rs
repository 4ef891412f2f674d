//! The texts within a payload that may be its event: shippers put what they read into a member of their own document.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::members::{members, string};
use crate::surrogates::without_halves;

/// The mark of JSON in a syslog message (CEE log syntax).
const COOKIE: &[u8] = b"@cee:";

/// Returns the texts within a text, in the order in which they are tried: of a JSON object, the members in which
/// shippers keep what they read; of a JSON string, its text; of any other text, the object that ends it. `is_line`
/// reports whether a text is an item of a format of lines.
pub(super) fn inside(text: &[u8], is_line: &dyn Fn(&[u8]) -> bool) -> std::vec::IntoIter<Vec<u8>> {
    let text = text.trim_ascii();
    let found = match text.first() {
        Some(b'{') => of_object(text, is_line),
        Some(b'"') => of_string(text, is_line),
        _ => of_line(text),
    };
    found.into_iter()
}

fn of_object(text: &[u8], is_line: &dyn Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
    let text = &*without_halves(text);
    let Ok([event, dotted, others @ ..]) = members(
        text,
        [
            "event",
            "event.original",
            "message",
            "log",
            "MESSAGE",
            "Message",
            "msg",
            "detail",
            "data",
            "payload",
            "body",
            "eventData",
            "CloudTrailEvent",
        ],
    ) else {
        return Vec::new();
    };
    let original = event
        .filter(|raw| raw.starts_with('{'))
        .and_then(|raw| members(raw.as_bytes(), ["original"]).ok())
        .and_then(|[original]| original);
    let all = [original, dotted, event].into_iter().chain(others);
    all.flatten()
        .filter_map(|raw| object_in(raw, is_line))
        .collect()
}

/// Returns a member's object, or the text of a member that may hold one, or a line of a format of lines.
fn object_in(raw: &str, is_line: &dyn Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    match raw.as_bytes().first()? {
        b'{' => Some(raw.as_bytes().to_vec()),
        b'"' => {
            let text = string(raw)?;
            let text = text.trim_ascii();
            if text.ends_with(['}', '"']) || is_line(text.as_bytes()) {
                return Some(text.as_bytes().to_vec());
            }
            // An object in base64, as message queues carry one.
            let may_be = text.starts_with("ey") || text.starts_with("ew");
            let decoded = may_be.then(|| STANDARD.decode(text).ok()).flatten();
            decoded.filter(|text| text.trim_ascii_end().ends_with(b"}"))
        }
        _ => None,
    }
}

fn of_string(text: &[u8], is_line: &dyn Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
    let text = without_halves(text);
    let inside = std::str::from_utf8(&text).ok();
    let inside = inside.and_then(|raw| object_in(raw, is_line));
    inside.into_iter().collect()
}

fn of_line(text: &[u8]) -> Vec<Vec<u8>> {
    let after = memchr::memmem::find(text, COOKIE).map_or(0, |at| at + COOKIE.len());
    let object = memchr::memchr(b'{', &text[after..]).map(|at| &text[after + at..]);
    let object = object.filter(|object| object.ends_with(b"}"));
    object.map(<[u8]>::to_vec).into_iter().collect()
}

//! Parses the acknowledgements that a producer kept.

use crate::hash::Hash;
use crate::json;
use crate::leaf::LeafHash;

/// Why a text is not a list of acknowledgements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AcknowledgementsError {
    /// The line with this number, from 1, is neither an acknowledgement nor a refusal.
    #[error("line {0} is no acknowledgement")]
    Line(u64),
    /// The list has no acknowledgement, so nothing would be checked.
    #[error("it has no acknowledgement")]
    None,
}

/// Parses the output of `atrail trail --format jsonl`, or the server's answers, one per line; returns the acknowledged
/// events: the member `value` of each line that has one. A line with `error` in its place is a refusal, and its event
/// was never stored.
///
/// # Errors
/// When a line is neither, or no line is an acknowledgement.
pub fn parse_acknowledgements(text: &str) -> Result<Vec<LeafHash>, AcknowledgementsError> {
    #[derive(serde::Deserialize)]
    struct Answer {
        value: Option<Hash>,
        error: Option<String>,
    }
    let mut leaves = Vec::new();
    for (number, line) in (1_u64..).zip(text.lines()) {
        // Blank by EVIDENCE.md's definition: no other white space of Unicode may be part of a JSON text.
        if line
            .bytes()
            .all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
        {
            continue;
        }
        match json::parse(line, "an acknowledgement") {
            Ok(Answer {
                value: Some(hash),
                error: None,
            }) => leaves.push(LeafHash(hash.0)),
            Ok(Answer {
                value: None,
                error: Some(_),
            }) => {}
            _ => return Err(AcknowledgementsError::Line(number)),
        }
    }
    match leaves.is_empty() {
        true => Err(AcknowledgementsError::None),
        false => Ok(leaves),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    #[test]
    fn acknowledgements_are_counted_and_refusals_passed_over() {
        let ack = format!(r#"{{"id":"e","value":"{HASH}"}}"#);
        let refusal = r#"{"index":3,"error":"refused"}"#;
        let text = format!("{ack}\n\n{refusal}\r\n{ack}");
        assert_eq!(parse_acknowledgements(&text).unwrap().len(), 2);
    }

    #[test]
    fn a_blank_line_has_spaces_tabs_and_cr() {
        let ack = format!(r#"{{"value":"{HASH}"}}"#);
        for blank in [" ", "\t", "\r\r", " \t\r "] {
            let leaves = parse_acknowledgements(&format!("{blank}\n{ack}\n{blank}\n"));
            assert_eq!(leaves.unwrap().len(), 1, "{blank:?}");
        }
    }

    /// A list that asks for nothing would otherwise prove something without a check.
    #[test]
    fn a_list_without_an_acknowledgement_is_none() {
        use AcknowledgementsError::{Line, None};
        let refusal = r#"{"index":3,"error":"refused"}"#;
        for (text, why) in [
            ("", None),
            ("\n \n", None),
            (refusal, None),
            (r#"{"id":"e","valu":"e"}"#, Line(1)),
            (&format!("{refusal}\n{{}}"), Line(2)),
            (r#"{"id":"e","value":null}"#, Line(1)),
            (&format!(r#"{{"value":"{HASH}","error":"e"}}"#), Line(1)),
            (&format!(r#"["{HASH}",null]"#), Line(1)),
            (&format!(r#"{{"value":"{}"}}"#, &HASH[1..]), Line(1)),
            (r#"{"value":null,"error":"e"}"#, Line(1)),
            (r#"{"value":"e","error":"e"}"#, Line(1)),
            (&format!(r#"{{"value":"{HASH}","error":null}}"#), Line(1)),
            (&format!("{refusal}\n\u{b}\n"), Line(2)),
            (&format!("{refusal}\n\u{c}\n"), Line(2)),
            (&format!("{refusal}\n\u{85}\n"), Line(2)),
            (&format!("{refusal}\n\u{a0}\n"), Line(2)),
            (&format!("{refusal}\n\u{2028}\n"), Line(2)),
            (&format!("\u{feff}{{\"value\":\"{HASH}\"}}"), Line(1)),
        ] {
            assert_eq!(parse_acknowledgements(text), Err(why), "{text:?}");
        }
    }
}

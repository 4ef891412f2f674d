//! Prints one event.

use atrail_model::limits::EVENT_MAX_BYTES;
use serde_json::Value;

use crate::error::Result;
use crate::printer::safe;
use crate::settings::Settings;

/// Longest value in a readable line, in characters.
const VALUE_MAX_CHARS: usize = 60;

/// Prints the event's line as it is stored, made safe at a terminal; or one that people read.
pub(super) fn print(settings: &Settings, line: &[u8], as_line: bool) -> Result<()> {
    let printer = &settings.printer;
    let text = String::from_utf8_lossy(line);
    if !as_line {
        return printer.data(&format!("{}\n", safe::for_terminal(&readable(&text))));
    }
    let shown = if printer.terminals.stdout {
        safe::json_for_terminal(&text)
    } else {
        text.as_ref().into()
    };
    printer.data(&format!("{shown}\n"))
}

/// Returns time, outcome, initiator, action, target and address in one line.
fn readable(text: &str) -> String {
    let event: Value = if text.len() <= 2 * EVENT_MAX_BYTES {
        serde_json::from_str(text).unwrap_or_default()
    } else {
        Value::Null
    };
    let first = |paths: &[&str]| {
        let found = paths.iter().find_map(|path| event.pointer(path)?.as_str());
        let found = found.filter(|found| !found.is_empty()).unwrap_or("-");
        found.chars().take(VALUE_MAX_CHARS).collect::<String>()
    };
    let time = first(&["/eventTime"]);
    let outcome = first(&["/outcome"]);
    let who = first(&["/initiator/name", "/initiator/id", "/initiatorId"]);
    let action = first(&["/action"]);
    let target = first(&["/target/name", "/target/id", "/targetId"]);
    let from = first(&["/initiator/host/address"]);
    format!("{time}  {outcome:<8}  {who}  {action}  {target}  {from}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_who_did_what_to_what() {
        let text = r#"{"eventTime":"2026-11-20T07:00:00Z","action":"delete","outcome":"success",
            "initiator":{"name":"ann","host":{"address":"10.0.0.1"}},"target":{"id":"t1"}}"#;
        assert_eq!(
            readable(text),
            "2026-11-20T07:00:00Z  success   ann  delete  t1  10.0.0.1"
        );
        assert_eq!(readable("{"), "-  -         -  -  -  -");
    }
}

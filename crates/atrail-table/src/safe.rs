//! Makes strings from servers and events safe for a terminal.
//!
//! The initiator of an event chooses its text. A terminal obeys escape sequences, and bidirectional overrides make one
//! text look like another; so every character that does not represent itself is shown as `\u{…}`.

use std::borrow::Cow;

/// Returns the text with every character that a terminal would obey escaped.
pub fn for_terminal(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_unsafe(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Returns JSON text of the same meaning without characters that a terminal would obey.
pub fn json_for_terminal(json: &str) -> Cow<'_, str> {
    let harmful = |c: char| is_unsafe(c) && c != '\n';
    if !json.chars().any(harmful) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if harmful(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Returns whether a character is a C0 or C1 control, DEL, a line separator, or an invisible character that reorders or
/// hides text.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_out_what_a_terminal_would_obey() {
        for (raw, shown) in [
            ("plain ä 猫", "plain ä 猫"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\nb\tc\r", "a\\u{a}b\\u{9}c\\u{d}"),
            ("\u{7f}\u{200b}", "\\u{7f}\\u{200b}"),
        ] {
            assert_eq!(for_terminal(raw), shown);
        }
    }

    #[test]
    fn json_keeps_its_meaning() {
        let raw = serde_json::to_string("a\u{1b}\u{9b}\u{202e}\u{e0041}b").unwrap();
        let shown = json_for_terminal(&raw);
        assert!(!shown.chars().any(is_unsafe));
        let back: String = serde_json::from_str(&shown).unwrap();
        assert_eq!(back, "a\u{1b}\u{9b}\u{202e}\u{e0041}b");
    }
}

//! Makes texts that others chose safe for an event.

/// Returns the text without control characters, in at most `max_bytes` bytes.
pub(super) fn capped(text: &str, max_bytes: usize) -> String {
    let mut fit = String::with_capacity(text.len().min(max_bytes));
    for character in text.chars() {
        let character = if character.is_control() {
            ' '
        } else {
            character
        };
        if fit.len() + character.len_utf8() > max_bytes {
            break;
        }
        fit.push(character);
    }
    fit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        assert_eq!(capped("curl/8.1", 256), "curl/8.1");
        assert_eq!(capped("a\r\nb\u{7f}", 256), "a  b ");
        assert_eq!(capped("ééé", 5), "éé");
    }
}

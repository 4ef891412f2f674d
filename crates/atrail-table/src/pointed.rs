//! Shows where a text is wrong; pure.

use unicode_width::UnicodeWidthStr;

use crate::safe;

const INDENT: &str = "  ";
/// Stands for what is left out at either end.
const MORE: &str = "…";

/// Returns two lines: the text, and below it a caret under the character of this column, which is counted from 1. A
/// text that does not fit into `width` is cut around the caret. A column behind the text is that of its end.
pub fn pointed(text: &str, column: usize, width: usize) -> String {
    let shown: Vec<_> = text
        .chars()
        .map(|character| safe::for_terminal(character.encode_utf8(&mut [0; 4])).into_owned())
        .collect();
    let at = column.saturating_sub(1).min(shown.len());
    let room = width.saturating_sub(INDENT.len() + 2 * MORE.width()).max(1);
    let before = cells_within(shown[..at].iter().rev(), room * 2 / 3);
    let start = at - before;
    let used: usize = shown[start..at].iter().map(|cell| cell.width()).sum();
    let end = at + cells_within(shown[at..].iter(), room - used);
    // What is not needed behind the caret shows more of what stands before it.
    let rest: usize = shown[start..end].iter().map(|cell| cell.width()).sum();
    let start = start - cells_within(shown[..start].iter().rev(), room.saturating_sub(rest));
    let left = if start > 0 { MORE } else { "" };
    let right = if end < shown.len() { MORE } else { "" };
    let offset: usize = shown[start..at].iter().map(|cell| cell.width()).sum();
    let blanks = " ".repeat(left.width() + offset);
    format!(
        "{INDENT}{left}{}{right}\n{INDENT}{blanks}^\n",
        shown[start..end].concat()
    )
}

/// Returns how many of the first cells fit into this width.
fn cells_within<'a>(cells: impl Iterator<Item = &'a String>, width: usize) -> usize {
    let mut left = width;
    cells
        .take_while(|cell| {
            let fits = cell.width() <= left;
            left = left.saturating_sub(cell.width());
            fits
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_below_the_character() {
        for (text, column, expected) in [
            ("a:(b", 3, "  a:(b\n    ^\n"),
            ("", 1, "  \n  ^\n"),
            ("ab", 3, "  ab\n    ^\n"),
            ("ab", 99, "  ab\n    ^\n"),
            ("猫 x", 3, "  猫 x\n     ^\n"),
            ("\u{1b}]x", 3, "  \\u{1b}]x\n         ^\n"),
        ] {
            assert_eq!(pointed(text, column, 80), expected, "{text:?}");
        }
    }

    #[test]
    fn long_texts_are_cut_around_it() {
        let text: String = ('a'..='z').cycle().take(300).collect();
        for column in 1..=301 {
            let lines = pointed(&text, column, 40);
            let (shown, caret) = lines.trim_end_matches('\n').split_once('\n').unwrap();
            assert!(
                shown.width() <= 40 && shown.width() >= 38,
                "{column}: {lines}"
            );
            let place = caret.chars().count() - 1;
            let under = shown.chars().nth(place);
            assert_eq!(under, text.chars().nth(column - 1), "{column}: {lines}");
        }
    }
}

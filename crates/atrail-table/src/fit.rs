//! Fits tables into a terminal; pure. It cuts nothing off: text that does not fit beside other cells continues below.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The narrowest a column becomes: words in a narrower one are unreadable.
const WIDTH_MIN: usize = 12;

/// Returns widths of columns that fit into a terminal, by narrowing the widest columns; `None` when that does not
/// suffice.
pub(crate) fn narrow(widths: &[usize], terminal: usize) -> Option<Vec<usize>> {
    // Each column has a rule and two blanks; one more rule closes the row.
    let room = terminal.checked_sub(3 * widths.len() + 1)?;
    let mut widths = widths.to_vec();
    loop {
        let total: usize = widths.iter().sum();
        if total <= room {
            return Some(widths);
        }
        let widest = widths.iter().copied().max()?;
        if widest <= WIDTH_MIN {
            return None;
        }
        let next = widths.iter().copied().filter(|width| *width < widest).max();
        let floor = next.unwrap_or(0).max(WIDTH_MIN);
        let mut excess = total - room;
        // One step narrows the widest columns to the next width, or as far as necessary, each by the same amount.
        let count = widths.iter().filter(|width| **width == widest).count();
        let step = (widest - floor).min(excess.div_ceil(count)).max(1);
        for width in widths.iter_mut().filter(|width| **width == widest) {
            let taken = step.min(excess);
            *width -= taken;
            excess -= taken;
        }
    }
}

/// Returns the text in lines of at most this width, broken after a blank where there is one.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for character in text.chars() {
        let needed = character.width().unwrap_or(0);
        if !line.is_empty() && line.width() + needed > width {
            let rest = match line.rfind(' ') {
                Some(blank) if character != ' ' && blank > 0 => line.split_off(blank + 1),
                _ => String::new(),
            };
            lines.push(line.trim_end().to_owned());
            line = rest;
            if character == ' ' {
                continue;
            }
        }
        line.push(character);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_columns_give_way_first() {
        assert_eq!(narrow(&[10, 36, 20], 100), Some(vec![10, 36, 20]));
        assert_eq!(narrow(&[10, 36, 20], 66), Some(vec![10, 26, 20]));
        assert_eq!(narrow(&[10, 36, 36], 80), Some(vec![10, 30, 30]));
        assert_eq!(narrow(&[10, 36, 36], 79), Some(vec![10, 29, 30]));
        assert_eq!(narrow(&[36; 10], 80), None);
        assert_eq!(narrow(&[5, 5], 3), None);
    }

    #[test]
    fn narrowed_tables_are_never_wider_than_the_terminal() {
        for terminal in 0..200 {
            for widths in [&[1][..], &[44, 36], &[3, 90, 14, 90], &[13; 7]] {
                if let Some(fit) = narrow(widths, terminal) {
                    assert!(fit.iter().sum::<usize>() + 3 * fit.len() < terminal);
                    assert!(fit.iter().zip(widths).all(|(new, old)| new <= old));
                }
            }
        }
    }

    #[test]
    fn long_texts_go_on_below() {
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("abcdef", 4), ["abcd", "ef"]);
        assert_eq!(wrap("ab cd ef", 5), ["ab cd", "ef"]);
        assert_eq!(wrap("ab cdefgh", 6), ["ab", "cdefgh"]);
        assert_eq!(wrap("猫猫猫", 4), ["猫猫", "猫"]);
        assert_eq!(wrap("猫", 1), ["猫"]);
    }
}

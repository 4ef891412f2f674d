//! Fits tables into a terminal; pure. It cuts nothing off: text that does not fit beside other cells continues below.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The narrowest a column becomes, unless it states another width: words in a narrower one are unreadable.
pub(crate) const WIDTH_MIN: usize = 12;

/// Returns widths of columns that fit into a terminal, by narrowing the widest columns, none below its least width;
/// `None` when that does not suffice.
pub(crate) fn narrow(widths: &[usize], least: &[usize], terminal: usize) -> Option<Vec<usize>> {
    // Each column has a rule and two blanks; one more rule closes the row.
    let room = terminal.checked_sub(3 * widths.len() + 1)?;
    let mut widths: Vec<_> = match widths.iter().sum::<usize>() <= room {
        true => widths.to_vec(),
        // No column gets more than the whole room.
        false => widths.iter().map(|width| (*width).min(room)).collect(),
    };
    while widths.iter().sum::<usize>() > room {
        let narrowable = widths.iter().zip(least).enumerate();
        let narrowable = narrowable.filter(|(_, (width, least))| width > least);
        let (widest, _) =
            narrowable.max_by_key(|(place, (width, _))| (**width, std::cmp::Reverse(*place)))?;
        widths[widest] -= 1;
    }
    Some(widths)
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

    fn narrowed(widths: &[usize], terminal: usize) -> Option<Vec<usize>> {
        narrow(widths, &vec![WIDTH_MIN; widths.len()], terminal)
    }

    #[test]
    fn a_column_may_state_its_least_width() {
        let widths = [20, 40, 7];
        assert_eq!(narrow(&widths, &[20, 10, 7], 50), Some(vec![20, 13, 7]));
        assert_eq!(narrow(&widths, &[10, 10, 7], 40), Some(vec![11, 12, 7]));
        assert_eq!(narrow(&widths, &[10, 10, 7], 37), Some(vec![10, 10, 7]));
        assert_eq!(narrow(&widths, &[10, 10, 7], 36), None);
        assert_eq!(narrow(&[usize::MAX / 4; 3], &[1; 3], 40), Some(vec![10; 3]));
    }

    #[test]
    fn the_widest_columns_give_way_first() {
        assert_eq!(narrowed(&[10, 36, 20], 100), Some(vec![10, 36, 20]));
        assert_eq!(narrowed(&[10, 36, 20], 66), Some(vec![10, 26, 20]));
        assert_eq!(narrowed(&[10, 36, 36], 80), Some(vec![10, 30, 30]));
        assert_eq!(narrowed(&[10, 36, 36], 79), Some(vec![10, 29, 30]));
        assert_eq!(narrowed(&[36; 10], 80), None);
        assert_eq!(narrowed(&[5, 5], 3), None);
    }

    #[test]
    fn narrowed_tables_are_never_wider_than_the_terminal() {
        for terminal in 0..200 {
            for widths in [&[1][..], &[44, 36], &[3, 90, 14, 90], &[13; 7]] {
                if let Some(fit) = narrowed(widths, terminal) {
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

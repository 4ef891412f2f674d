//! Charts of characters; pure.

/// Eighths of a cell, from the left.
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];
const FULL: char = '█';
/// Heights of a cell, from below.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Stands for none, where there could be some.
const NONE: char = '·';

/// Returns a bar of at most `width` cells for a count between 0 and `most`. Whatever is not zero shows.
pub(super) fn bar(count: u64, most: u64, width: usize) -> String {
    let eighths = scaled(count, most, 8 * width as u64);
    let eighths = eighths.max(u64::from(count > 0));
    let (whole, part) = (eighths / 8, eighths % 8);
    let whole = usize::try_from(whole).unwrap_or(width);
    let mut bar: String = std::iter::repeat_n(FULL, whole).collect();
    bar.extend(part.checked_sub(1).map(|part| EIGHTHS[part as usize]));
    bar
}

/// Returns a cell for each count between 0 and `most`; `None` is a time outside of what was searched.
pub(super) fn spark(counts: &[Option<u64>], most: u64) -> String {
    let cell = |count: &Option<u64>| match *count {
        None => ' ',
        Some(0) => NONE,
        Some(count) => {
            let last = HEIGHTS.len() as u64 - 1;
            HEIGHTS[scaled(count, most, last) as usize]
        }
    };
    counts.iter().map(cell).collect()
}

/// Returns the count in parts of which `most` has `parts`, rounded.
fn scaled(count: u64, most: u64, parts: u64) -> u64 {
    let (count, most, parts) = (
        u128::from(count),
        u128::from(most.max(1)),
        u128::from(parts),
    );
    let scaled = (count * parts + most / 2) / most;
    u64::try_from(scaled.min(parts)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_in_proportion() {
        for (count, most, width, expected) in [
            (0, 10, 4, ""),
            (10, 10, 4, "████"),
            (5, 10, 4, "██"),
            (1, 1000, 4, "▏"),
            (9, 16, 2, "█▏"),
            (u64::MAX, u64::MAX, 3, "███"),
            (0, 0, 3, ""),
        ] {
            assert_eq!(bar(count, most, width), expected, "{count} of {most}");
        }
    }

    #[test]
    fn sparklines_show_none_some_and_most() {
        let counts = [None, Some(0), Some(1), Some(50), Some(100), None];
        assert_eq!(spark(&counts, 100), " ·▁▅█ ");
        assert_eq!(spark(&[Some(0)], 0), "·");
        assert_eq!(spark(&[Some(u64::MAX), Some(1)], u64::MAX), "█▁");
    }
}

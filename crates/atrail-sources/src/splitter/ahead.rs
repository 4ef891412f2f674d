//! Finds lines that begin a value, in input that was read before, and describes the bytes at a break.

use crate::scan::{Scan, Scanned};

/// Returns the position of the first bracket, on a line after `from` and not beyond `to`, that begins a value, or, in a
/// list, ends one.
pub(super) fn next_line(
    window: &[u8],
    from: usize,
    to: usize,
    column: usize,
    is_in_list: bool,
) -> Option<usize> {
    let mut breaks = memchr::memchr_iter(b'\n', window.get(from..to)?);
    breaks.find_map(|found| {
        let start = from + found + 1;
        let line = &window[start..(to + 1).min(window.len())];
        let indent = line.iter().position(|byte| !is_blank(*byte))?;
        let begins = match line[indent] {
            b'{' | b'[' => indent <= column,
            b']' => is_in_list && ends_element(indent, column),
            _ => false,
        };
        begins.then_some(start + indent)
    })
}

/// Counts the values on the lines that begin between `from` and `to`, reading each line up to `to` at most: the values
/// that end on their line, or else one for every line that begins a value no deeper than `column`. The line of `from`
/// itself does not count.
pub(super) fn passed_over(window: &[u8], from: usize, to: usize, column: Option<usize>) -> u64 {
    let stretch = &window[from..to];
    let begins = memchr::memchr_iter(b'\n', stretch).map(|found| found + 1);
    let lines = begins.map(|begin| {
        let line = &stretch[begin..];
        let blanks = line.iter().position(|byte| !is_blank(*byte))?;
        let may_hold = matches!(line[blanks], b'{' | b'[' | b',' | b'}' | b']');
        may_hold.then(|| {
            let end = memchr::memchr(b'\n', line).unwrap_or(line.len());
            let begins_value = matches!(line[blanks], b'{' | b'[')
                && column.is_some_and(|column| blanks <= column);
            values_on(&line[blanks..end]).max(u64::from(begins_value))
        })
    });
    lines.flatten().sum()
}

/// Counts the consecutive objects at the beginning of a line, with brackets and commas between them. A lost line break
/// between two objects loses neither.
pub(super) fn values_on(line: &[u8]) -> u64 {
    let mut at = 0;
    let mut count = 0;
    loop {
        let between = |byte: &u8| is_blank(*byte) || matches!(byte, b'[' | b']' | b'}' | b',');
        let rest = &line[at..];
        at += rest.iter().take_while(|byte| between(byte)).count();
        if line.get(at) != Some(&b'{') {
            return count;
        }
        let Scanned::End(end) = Scan::new(at, b'{', 0).run(line) else {
            return count;
        };
        (at, count) = (end, count + 1);
    }
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// Returns whether a line whose comma or bracket follows `indent` blanks ends an element that began in `column`.
pub(super) const fn ends_element(indent: usize, column: usize) -> bool {
    indent < column || column == 0
}

/// Describes the text at a break, safe to print.
pub(super) fn describe(rest: &[u8]) -> String {
    match rest {
        [] => "the end of the text".to_owned(),
        [b'\n', ..] => "the end of the line".to_owned(),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "UTF-16 text (send UTF-8)".to_owned(),
        [byte, ..] if byte.is_ascii_graphic() => format!("`{}`", char::from(*byte)),
        [byte, ..] => format!("the byte 0x{byte:02x}"),
    }
}

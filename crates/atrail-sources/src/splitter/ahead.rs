//! Lines that begin a value, in a stretch that was looked over.

/// The first byte of the first line after `from` that begins a value, or in a list ends one, up to and with `to`.
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
        let indent = line
            .iter()
            .position(|byte| !matches!(byte, b' ' | b'\t' | b'\r'))?;
        let begins = match line[indent] {
            b'{' | b'[' => indent <= column,
            b']' => is_in_list && ends_element(indent, column),
            _ => false,
        };
        begins.then_some(start + indent)
    })
}

/// How many lines between, without the last, begin a value.
pub(super) fn values_begun(window: &[u8], from: usize, to: usize, column: usize) -> u64 {
    let mut from = from;
    let mut count = 0;
    while let Some(next) = next_line(window, from, to, column, false).filter(|next| *next < to) {
        count += 1;
        from = next;
    }
    count
}

/// Whether a line with a comma or a bracket after so many blanks ends an element that began in `column`.
pub(super) const fn ends_element(indent: usize, column: usize) -> bool {
    indent < column || column == 0
}

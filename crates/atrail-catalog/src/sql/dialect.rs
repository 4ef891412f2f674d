//! The differences between the texts of SQLite and of PostgreSQL that can be told from the text alone. For others,
//! PostgreSQL's schema has functions of SQLite's names (`schema/postgres/functions.sql`).

/// Returns a statement as PostgreSQL writes it.
///
/// - Parameters are `$1`, `$2` and so on: `?` is the one after the highest so far, `?3` is the third.
/// - `CROSS JOIN` joins in the order of the text on SQLite, and takes a condition there. PostgreSQL chooses the order
///   itself.
pub(super) fn to_postgres(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() + 16);
    let mut highest = 0_u32;
    let mut rest = sql;
    while let Some(at) = rest.find(['\'', '?']) {
        let (before, from) = rest.split_at(at);
        push(&mut text, before);
        if from.starts_with('\'') {
            // A quote within a text is written twice: that is two texts here, side by side.
            let ends = from.match_indices('\'').nth(1);
            let (quoted, after) = from.split_at(ends.map_or(from.len(), |(end, _)| end + 1));
            text.push_str(quoted);
            rest = after;
        } else {
            let after = from.trim_start_matches('?');
            let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, after) = after.split_at(digits);
            let number = number.parse().unwrap_or(highest + 1);
            highest = highest.max(number);
            text.push('$');
            text.push_str(&number.to_string());
            rest = after;
        }
    }
    push(&mut text, rest);
    text
}

/// Appends text without parameters and quotes.
fn push(text: &mut String, part: &str) {
    text.push_str(&part.replace("CROSS JOIN", "JOIN"));
}

#[cfg(test)]
mod tests {
    use super::to_postgres;

    #[test]
    fn parameters_are_numbered() {
        let cases = [
            ("SELECT 1", "SELECT 1"),
            ("SELECT ?, ?", "SELECT $1, $2"),
            ("SELECT ?2, ?1, ?", "SELECT $2, $1, $3"),
            ("SELECT ?1 + ?1, ?12", "SELECT $1 + $1, $12"),
            ("SELECT 'a?b', ?", "SELECT 'a?b', $1"),
            ("SELECT 'it''s ?', ?", "SELECT 'it''s ?', $1"),
            ("a CROSS JOIN b ON ?", "a JOIN b ON $1"),
            ("SELECT 'CROSS JOIN'", "SELECT 'CROSS JOIN'"),
            ("SELECT '?", "SELECT '?"),
        ];
        for (ours, postgres) in cases {
            assert_eq!(to_postgres(ours), postgres);
        }
    }
}

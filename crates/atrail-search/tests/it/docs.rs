//! The page about the language: what it shows is read, and its numbers are those of the code.

use atrail_search::Query;
use atrail_search::query::{SHORT_NAMES, limits};

const PAGE: &str = include_str!("../../../../docs/SEARCH.md");

/// Returns the rows of the table below a heading, as cells.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let section = PAGE
        .split("\n## ")
        .find(|section| section.starts_with(heading))
        .unwrap();
    let rows = section
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.skip(1)
        .map(|row| row.split(" | ").map(str::trim).collect())
        .collect()
}

fn code(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn the_queries_of_the_page_are_read() {
    let mut read = 0;
    let queries = table("Everything")
        .into_iter()
        .map(|row| row[0])
        .chain(table("Examples").into_iter().map(|row| row[1]));
    for cell in queries {
        for query in code(cell) {
            // The second form of a range stands without its field.
            let query = if query.starts_with('{') {
                format!("reason:{query}")
            } else {
                query.to_owned()
            };
            Query::parse(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
            read += 1;
        }
    }
    assert!(read > 30, "{read}");
}

#[test]
fn the_short_names_of_the_page_are_those_of_the_code() {
    let rows = table("Fields");
    assert_eq!(rows.len(), SHORT_NAMES.len());
    for (row, short) in rows.iter().zip(SHORT_NAMES) {
        assert_eq!(code(row[0]).collect::<Vec<_>>(), [short.name]);
        assert_eq!(code(row[1]).collect::<Vec<_>>(), short.paths);
    }
}

#[test]
fn the_limits_of_the_page_are_those_of_the_code() {
    let numbers: Vec<usize> = table("Limits")
        .iter()
        .map(|row| {
            let digits: String = row[1]
                .chars()
                .take_while(|c| c.is_ascii_digit() || *c == ',')
                .filter(char::is_ascii_digit)
                .collect();
            digits.parse().unwrap()
        })
        .collect();
    assert_eq!(
        numbers,
        [
            limits::QUERY_MAX_BYTES,
            limits::QUERY_MAX_DEPTH,
            limits::QUERY_MAX_CONDITIONS,
            limits::FIELD_MAX_BYTES,
            limits::WILDCARDS_MAX,
            limits::REGEXES_MAX,
            limits::REGEX_MAX_BYTES,
        ]
    );
    assert_eq!(limits::REGEX_COMPILED_MAX_BYTES, 1 << 20);
}

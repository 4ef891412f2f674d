//! Checks the documentation's list of formats, which is written from their table.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use atrail_sources::FORMATS;

const BEGIN: &str = "<!-- formats: begin -->\n";
const END: &str = "<!-- formats: end -->\n";

/// Returns the list in the documentation.
fn list() -> String {
    let mut text =
        "| format | `type=` | media types | what it is | recognised by |\n|---|---|---|---|---|\n"
            .to_owned();
    for format in FORMATS.iter() {
        let code = |names: Vec<&str>| {
            let names = names.into_iter().map(|name| format!("`{name}`"));
            names.collect::<Vec<_>>().join(", ")
        };
        let mut types = vec![format.kind];
        types.extend(format.aliases);
        writeln!(
            text,
            "| `{format}` | {} | {} | {} | {} |",
            code(types),
            code(format.media_types.to_vec()),
            format.about,
            format.marks
        )
        .unwrap();
    }
    text
}

#[test]
fn the_documentation_lists_every_format() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/API.md");
    let mut text = fs::read_to_string(&path).unwrap();
    let begin = text.find(BEGIN).expect("the list has a begin") + BEGIN.len();
    let end = text.find(END).expect("the list has an end");
    if std::env::var_os("ATRAIL_WRITE_FIXTURES").is_some() {
        text.replace_range(begin..end, &list());
        fs::write(&path, &text).unwrap();
        return;
    }
    assert_eq!(
        &text[begin..end],
        list(),
        "docs/API.md is not what the table says: run this test with ATRAIL_WRITE_FIXTURES=1 and look at the difference"
    );
}

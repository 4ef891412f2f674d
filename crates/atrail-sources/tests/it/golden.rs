//! Checks the results for inputs of each format against the events and refusals beside `tests/fixtures/NAME/*.in`.
//!
//! `ATRAIL_WRITE_FIXTURES=1` writes them anew; each change of one is a change of the stored bytes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use atrail_model::event::admit;
use atrail_sources::{Candidate, FORMATS, Format, Framing, Refusal, SourceKind, Stream, split};

use super::{kind, now};

/// Returns the folder of the inputs.
fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Describes one item: its line, its source, and the line to store or the reason for its refusal.
fn described(item: Result<Candidate<'_>, Refusal>) -> String {
    match item {
        Err(refusal) => format!("{} refused: {refusal}", refusal.line),
        Ok(candidate) => match admit(&candidate.text, now(), || "added".to_owned()) {
            Err(error) => format!("{} refused: {error}", candidate.line),
            Ok(event) => {
                let line = std::str::from_utf8(&event.line).unwrap();
                format!("{} {} {line}", candidate.line, candidate.origin)
            }
        },
    }
}

/// Returns every item of an input. The same input in chunks must yield the same items.
fn items(input: &[u8], kind: SourceKind) -> Vec<String> {
    let items: Vec<_> = split(input, kind, Framing::Sniffed)
        .map(described)
        .collect();
    for chunk_bytes in [1, 13] {
        let mut stream = Stream::new(kind, Framing::Sniffed);
        let mut streamed = Vec::new();
        for chunk in input.chunks(chunk_bytes) {
            stream.feed(chunk);
            while let Some(item) = stream.next_item() {
                streamed.push(described(item));
            }
        }
        stream.finish();
        while let Some(item) = stream.next_item() {
            streamed.push(described(item));
        }
        assert_eq!(streamed, items, "in chunks of {chunk_bytes}");
    }
    items
}

/// Returns the results of an input as `auto` and as the type that names its format.
fn outcome(input: &[u8], format: &Format) -> String {
    let found = items(input, SourceKind::Auto);
    let named = items(input, kind(format.kind));
    let mut text = String::new();
    let mut section = |types: &str, items: &[String]| {
        writeln!(text, "# {types}").unwrap();
        items
            .iter()
            .for_each(|item| writeln!(text, "{item}").unwrap());
    };
    if found == named {
        section(&format!("type=auto, type={}", format.kind), &found);
    } else {
        section("type=auto", &found);
        section(&format!("type={}", format.kind), &named);
    }
    text
}

/// Returns the names in a folder, in order.
fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

/// Returns every difference between the folders, the table and the code.
fn faults(root: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    let folders = names_in(root);
    for folder in &folders {
        if !FORMATS.iter().any(|format| format.name == *folder) {
            faults.push(format!("{folder}: no format has this name"));
        }
    }
    for format in FORMATS.iter() {
        if folders.contains(format.name) {
            faults.extend(faults_of(format, &root.join(format.name)));
        } else {
            faults.push(format!("{format}: it has no folder"));
        }
    }
    faults
}

fn faults_of(format: &Format, folder: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    let names = names_in(folder);
    let (mut has_event, mut has_refusal) = (false, false);
    for name in &names {
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        match ending {
            "in" => {
                let made = outcome(&fs::read(folder.join(name)).unwrap(), format);
                let origin = format!(" {format} {{");
                has_event |= made.lines().any(|line| line.contains(&origin));
                has_refusal |= made.contains(" refused: ");
                let expected = fs::read_to_string(folder.join(format!("{stem}.out")));
                match expected {
                    Ok(expected) if expected == made => {}
                    Ok(_) => {
                        faults.push(format!("{format}/{stem}.out: not what comes out:\n{made}"))
                    }
                    Err(_) => faults.push(format!("{format}/{stem}.out: it is missing")),
                }
            }
            "out" if names.contains(&format!("{stem}.in")) => {}
            _ => faults.push(format!("{format}/{name}: no input")),
        }
    }
    if !has_event {
        faults.push(format!(
            "{format}: no input holds an event that is recognised"
        ));
    }
    // Nothing that can be split into items is refused by the one for anything.
    if !has_refusal && format.name != "generic" {
        faults.push(format!("{format}: no input holds one that is refused"));
    }
    faults
}

fn write_expectations() {
    for format in FORMATS.iter() {
        let folder = fixtures().join(format.name);
        for name in names_in(&folder) {
            if let Some(stem) = name.strip_suffix(".in") {
                let made = outcome(&fs::read(folder.join(&name)).unwrap(), format);
                fs::write(folder.join(format!("{stem}.out")), made).unwrap();
            }
        }
    }
}

#[test]
fn every_format_makes_of_its_inputs_what_is_written_beside_them() {
    if std::env::var_os("ATRAIL_WRITE_FIXTURES").is_some() {
        write_expectations();
    }
    let faults = faults(&fixtures());
    assert!(
        faults.is_empty(),
        "{}\nRun this test with ATRAIL_WRITE_FIXTURES=1 and look at the difference.",
        faults.join("\n")
    );
}

/// Returns a copy of the inputs and the expected results, for planting a fault.
fn copied(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if root.exists() {
        fs::remove_dir_all(&root).unwrap();
    }
    for folder in names_in(&fixtures()) {
        let (from, to) = (fixtures().join(&folder), root.join(&folder));
        fs::create_dir_all(&to).unwrap();
        for name in names_in(&from) {
            fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    }
    root
}

#[test]
fn each_planted_fault_is_found() {
    type Plant = fn(&Path);
    let plants: [(&str, Plant, &str); 8] = [
        ("none", |_| {}, ""),
        (
            "byte",
            |root| {
                let path = root.join("kong/requests.out");
                let text = fs::read_to_string(&path).unwrap();
                fs::write(&path, text.replacen("till-4", "till-5", 1)).unwrap();
            },
            "kong/requests.out: not what comes out",
        ),
        (
            "refusal",
            |root| {
                let path = root.join("cadf/refused.out");
                let text = fs::read_to_string(&path).unwrap();
                let at = text.find(" refused: ").unwrap();
                let line = text[..at].rfind('\n').unwrap();
                let end = at + text[at..].find('\n').unwrap();
                fs::write(&path, text[..line].to_owned() + &text[end..]).unwrap();
            },
            "cadf/refused.out: not what comes out",
        ),
        (
            "missing",
            |root| fs::remove_file(root.join("oslo/wire.out")).unwrap(),
            "oslo/wire.out: it is missing",
        ),
        (
            "orphan",
            |root| fs::write(root.join("oslo/other.out"), "").unwrap(),
            "oslo/other.out: no input",
        ),
        (
            "no-folder",
            |root| fs::remove_dir_all(root.join("kong")).unwrap(),
            "kong: it has no folder",
        ),
        (
            "no-row",
            |root| fs::create_dir(root.join("nonsense")).unwrap(),
            "nonsense: no format has this name",
        ),
        (
            "no-refusal",
            |root| {
                for name in ["refused.in", "refused.out"] {
                    fs::remove_file(root.join("kong").join(name)).unwrap();
                }
            },
            "kong: no input holds one that is refused",
        ),
    ];
    // Another test writes them at this moment.
    if std::env::var_os("ATRAIL_WRITE_FIXTURES").is_some() {
        return;
    }
    for (name, plant, expected) in plants {
        let root = copied(name);
        plant(&root);
        let found = faults(&root);
        assert_eq!(
            found.len(),
            usize::from(!expected.is_empty()),
            "{name}: {found:?}"
        );
        assert!(
            found.iter().all(|fault| fault.starts_with(expected)),
            "{name}: {found:?}"
        );
    }
}

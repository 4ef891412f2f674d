//! Index files through their public face: every answer equals that of the matcher on every line, and files of
//! released versions keep their answers.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use atrail_model::event::admit;
use atrail_model::generator::Generator;
use atrail_model::{Domain, Hour, SegmentId, SpaceId, Timestamp};
use atrail_search::index::{Footer, IndexFile, Plan, Settings, Writer, Written};
use atrail_search::{Matcher, Query, TimeRange, generate, index};
use proptest::collection::vec;
use proptest::prelude::*;

/// Lines of a block.
const BLOCK_LINES: usize = 9;
/// Blocks of a segment.
const SEGMENT_BLOCKS: usize = 3;

fn start() -> Timestamp {
    "2026-11-20T00:00:00Z".parse().unwrap()
}

fn whole() -> TimeRange {
    TimeRange {
        from: Timestamp::MIN,
        to: Timestamp::MAX,
    }
}

/// Writes a file with these lines. A line's number is 27 times that of its segment, which is the segment's first byte,
/// and its index there.
fn write(lines: &[String], settings: Settings) -> (Vec<u8>, Written) {
    let domain = Domain::Space(SpaceId::from_bytes([7; 16]));
    let mut writer = Writer::new(Vec::new(), settings, domain, "2026-11-20".parse().unwrap());
    for (number, segment) in (0..).zip(lines.chunks(BLOCK_LINES * SEGMENT_BLOCKS)) {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&u16::to_be_bytes(number));
        writer.segment(SegmentId::from_bytes(id), Hour::new(0).unwrap());
        for (nth, block) in (0..).zip(segment.chunks(BLOCK_LINES)) {
            let text = block.join("\n") + "\n";
            writer.block(nth * 100, 100, text.as_bytes()).unwrap();
        }
    }
    writer.finish().unwrap()
}

/// Returns the numbers of the lines that match by a file, and how many of these the file itself decided.
fn search(
    bytes: &Vec<u8>,
    footer: &Footer,
    lines: &[String],
    query: &Query,
) -> (BTreeSet<usize>, usize) {
    let file = IndexFile::open(bytes, footer).unwrap();
    file.check(bytes).unwrap();
    let (plan, matcher) = (Plan::new(query), Matcher::new(query));
    let (mut found, mut decided) = (BTreeSet::new(), 0);
    for part in 0..file.parts().len() {
        let mut reader = file.part(bytes, part);
        let selection = reader.select(&plan, whole(), None).unwrap();
        for row in reader.rows(&selection).unwrap().iter() {
            let id = row.segment.as_bytes();
            let segment = usize::from(u16::from_be_bytes([id[0], id[1]]));
            let number = segment * BLOCK_LINES * SEGMENT_BLOCKS + row.index as usize;
            decided += usize::from(row.sure);
            if row.sure || matcher.matches(lines[number].as_bytes()) {
                found.insert(number);
            }
        }
    }
    (found, decided)
}

fn scan(lines: &[String], query: &Query) -> BTreeSet<usize> {
    let matcher = Matcher::new(query);
    let numbers = 0..lines.len();
    numbers
        .filter(|number| matcher.matches(lines[*number].as_bytes()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]
    #[test]
    fn answers_are_those_of_the_matcher(
        events in vec(generate::event(start(), 86_000), 0..70),
        exprs in vec(generate::expr(), 1..8),
    ) {
        let now = start().checked_add(Duration::from_secs(86_400)).unwrap();
        let admitted = |(_, line): &(Timestamp, String)| {
            let event = admit(line.as_bytes(), now, || "added".to_owned()).ok()?;
            String::from_utf8(event.line.into_owned()).ok()
        };
        let lines: Vec<String> = events.iter().filter_map(admitted).collect();
        let (bytes, written) = write(&lines, Settings::default());
        for expr in exprs {
            let query = Query { text: String::new(), expr };
            let (found, _) = search(&bytes, &written.footer, &lines, &query);
            prop_assert_eq!(found, scan(&lines, &query), "{:?}", query.expr);
        }
    }
}

/// The fuzz target's own check, on a sound file and on some damaged ones.
#[test]
fn the_fuzz_target_reads_index_files() {
    let (bytes, written) = write(&golden_lines(), Settings::default());
    let footer_bytes = written.footer.size_bytes as usize;
    for step in [bytes.len(), 997] {
        for at in (0..bytes.len()).step_by(step) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x40;
            index::fuzzing::index_file(&damaged, footer_bytes);
        }
    }
}

/// Returns the events of the golden files.
fn golden_lines() -> Vec<String> {
    Generator::new(2026, start(), Duration::from_secs(86_399), 400).collect()
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

/// The golden file of a new version is written by `ATRAIL_WRITE_GOLDEN=index-v2 cargo test -p atrail-search golden`.
#[test]
fn golden_files_keep_their_answers() {
    let lines = golden_lines();
    if let Ok(name) = std::env::var("ATRAIL_WRITE_GOLDEN") {
        let settings = Settings {
            with_ids: true,
            with_leaf_hashes: true,
        };
        let (bytes, written) = write(&lines, settings);
        std::fs::create_dir_all(golden("")).unwrap();
        std::fs::write(golden(&format!("{name}.parquet")), bytes).unwrap();
        let hash: String = written
            .footer
            .sha256
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let text = format!("{} {hash}\n", written.footer.size_bytes);
        std::fs::write(golden(&format!("{name}.footer")), text).unwrap();
    }
    let bytes = std::fs::read(golden("index-v1.parquet")).unwrap();
    let footer = std::fs::read_to_string(golden("index-v1.footer")).unwrap();
    let (size, hash) = footer.trim().split_once(' ').unwrap();
    let byte = |at: usize| u8::from_str_radix(&hash[2 * at..2 * at + 2], 16).unwrap();
    let footer = Footer {
        size_bytes: size.parse().unwrap(),
        sha256: std::array::from_fn(byte),
    };
    let mut decided = 0;
    for text in [
        "",
        "outcome:failure",
        "-outcome:success action:read*",
        "from:10.0.0.0/8",
        "reason:>400",
    ] {
        let query = Query::parse(text).unwrap();
        let (found, by_file) = search(&bytes, &footer, &lines, &query);
        assert_eq!(found, scan(&lines, &query), "{text}");
        assert_eq!(by_file, found.len(), "{text}: the columns decide");
        decided += by_file;
    }
    assert!(decided > 400);
    // A word and an id need the lines, but few of them.
    let id = &lines[123][lines[123].find(r#""id": ""#).unwrap() + 7..][..36];
    for text in [id.to_owned(), format!("id:{id}"), id[..8].to_owned()] {
        let query = Query::parse(&text).unwrap();
        let (found, _) = search(&bytes, &footer, &lines, &query);
        assert_eq!(found, BTreeSet::from([123]), "{text}");
    }
}

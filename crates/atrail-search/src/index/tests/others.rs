//! Other readers of Parquet see the same rows.

use atrail_model::{Domain, Hour, SegmentId, SpaceId};
use bytes::Bytes;
use parquet::basic::{Encoding, PageType};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field as Value, Row};

use super::world::World;
use crate::index::columns::{COLUMNS, VALUE_MAX_BYTES};
use crate::index::{Settings, Writer};
use crate::query::{Field, Path};

fn value(row: &Row, column: &str) -> Option<String> {
    let mut columns = row.get_column_iter();
    let (_, value) = columns.find(|(name, _)| *name == column).unwrap();
    match value {
        Value::Null => None,
        Value::Str(text) => Some(text.clone()),
        Value::Long(number) | Value::TimestampMicros(number) => Some(number.to_string()),
        Value::Int(number) => Some(number.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_parquet_crate_reads_the_same_rows() {
    for seed in 0..6 {
        let world = World::draw(seed, 200, (seed % 2 == 0).then_some(70));
        let reader = SerializedFileReader::new(Bytes::from(world.file.clone())).unwrap();
        let mut rows = 0;
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let place = |column| value(&row, column).unwrap();
            let segment = place("segment").parse().unwrap();
            let offset = place("block_offset").parse().unwrap();
            let stored = world
                .at(segment, offset, place("line").parse().unwrap())
                .unwrap();
            let micros = stored.time.as_nanosecond().div_euclid(1000);
            assert_eq!(value(&row, "time").unwrap(), micros.to_string());
            for column in &COLUMNS {
                let path = Path(column.path.iter().map(|name| (*name).to_owned()).collect());
                let field = Field {
                    name: String::new(),
                    paths: vec![path],
                };
                let values = crate::values(&stored.line, &field);
                match value(&row, column.name) {
                    Some(text) => assert_eq!(values, [text]),
                    None => assert!(
                        values.len() != 1
                            || values[0].len() > VALUE_MAX_BYTES
                            || stored.line.windows(2).any(|pair| pair == b":{"),
                        "{values:?}"
                    ),
                }
            }
            rows += 1;
        }
        assert_eq!(rows, world.lines.len());
    }
}

#[test]
fn the_layout_is_the_documented_one() {
    let world = World::draw(1, 300, None);
    let reader = SerializedFileReader::new(Bytes::from(world.file.clone())).unwrap();
    let group = reader.get_row_group(0).unwrap();
    assert!(
        group
            .metadata()
            .sorting_columns()
            .is_some_and(|by| by.len() == 1 && by[0].column_idx == 0)
    );
    for (number, column) in group.metadata().columns().iter().enumerate() {
        let name = column.column_path().string();
        let mut pages = group.get_column_page_reader(number).unwrap();
        let mut kinds = Vec::new();
        while let Some(page) = pages.get_next_page().unwrap() {
            kinds.push((page.page_type(), page.encoding()));
        }
        match &*name {
            "time" | "line" => assert_eq!(
                kinds,
                [(PageType::DATA_PAGE, Encoding::DELTA_BINARY_PACKED)]
            ),
            "id" | "leaf_hash" => assert_eq!(kinds, [(PageType::DATA_PAGE, Encoding::PLAIN)]),
            _ => assert_eq!(
                kinds,
                [
                    (PageType::DICTIONARY_PAGE, Encoding::PLAIN),
                    (PageType::DATA_PAGE, Encoding::RLE_DICTIONARY)
                ],
                "{name}"
            ),
        }
        assert_eq!(column.statistics().is_some(), name == "time", "{name}");
        // The rows are fewer than those of a page.
        assert_eq!(column.bloom_filter_offset(), None, "{name}");
    }
}

#[test]
fn a_file_of_a_page_and_more_has_bloom_filters() {
    let space = Domain::Space(SpaceId::from_bytes([1; 16]));
    let day = "2026-03-01".parse().unwrap();
    let mut writer = Writer::new(Vec::new(), Settings::default(), space, day);
    writer.segment(SegmentId::from_bytes([2; 16]), Hour::new(0).unwrap());
    for block in 0..20 {
        let line = |row| {
            format!(
                "{{\"eventTime\":\"2026-03-01T00:00:00Z\",\"target\":{{\"id\":\"{block}-{row}\"}}}}\n"
            )
        };
        let lines: String = (0..1000).map(line).collect();
        writer.block(block * 10, 10, lines.as_bytes()).unwrap();
    }
    let (file, _) = writer.finish().unwrap();
    let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
    let group = reader.get_row_group(0).unwrap();
    for column in group.metadata().columns() {
        let name = column.column_path().string();
        let has_bloom = COLUMNS
            .iter()
            .any(|column| column.bloom && column.name == name);
        assert_eq!(column.bloom_filter_offset().is_some(), has_bloom, "{name}");
    }
}

//! Reads any bytes as an index file, for fuzzing: no hash and no checksum keeps damage away from what reads the rest.

use atrail_model::Timestamp;

use super::{IndexError, IndexFile, Plan};
use crate::aggregate::{Buckets, Counting};
use crate::query::Field;
use crate::{Query, TimeRange};

/// Queries that read every column and section.
const QUERIES: &[&str] = &[
    "",
    "actor:ann -target:vm* service:nova",
    "id:550e8400-e29b-41d4-a716-446655440000 OR \"two words\"",
    "reason:>400 from:10.0.0.0/8 _exists_:severity type:activity action:/x/",
];

/// Reads a file whose last `footer_bytes` are its footer.
///
/// # Panics
/// When reading has a fault.
pub fn index_file(bytes: &[u8], footer_bytes: usize) {
    let bytes = bytes.to_vec();
    let Some(body) = bytes.len().checked_sub(footer_bytes) else {
        return;
    };
    if let Ok(file) = IndexFile::unchecked(&bytes[body..], body as u64) {
        let _ = file.check(&bytes);
        for query in QUERIES {
            let query = Query::parse(query).expect("a query");
            for part in 0..file.parts().len() {
                let _ = read_part(&file, &bytes, part, &Plan::new(&query));
            }
        }
    }
}

fn read_part(
    file: &IndexFile,
    bytes: &Vec<u8>,
    part: usize,
    plan: &Plan,
) -> Result<(), IndexError> {
    let range = TimeRange {
        from: Timestamp::UNIX_EPOCH,
        to: Timestamp::MAX,
    };
    let field = |name| Field::named(name).expect("a field");
    let counting = Counting {
        histogram: Some(Buckets {
            seconds: 3600,
            origin: 0,
        }),
        facets: vec![(field("actor"), 3), (field("target.typeURI"), 3)],
        distinct: vec![field("id")],
    };
    let mut reader = file.part(bytes, part);
    let selection = reader.select(plan, range, Some(&|segment| segment.as_bytes()[0] != 1))?;
    let counted = reader.count(&selection, &counting)?;
    assert_eq!(counted.total as usize + counted.rest.len(), selection.len());
    for row in reader.rows(&selection)?.iter() {
        assert!(row.micros >= 0, "a row in the range");
    }
    Ok(())
}

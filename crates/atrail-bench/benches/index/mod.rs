//! An index file of generated events, and what a dashboard asks of it.

use std::time::Duration;

use atrail_model::generator::Generator;
use atrail_model::{Domain, Hour, SegmentId, SpaceId, Timestamp};
use atrail_search::TimeRange;
use atrail_search::aggregate::{Buckets, Collector, Counting, Counts};
use atrail_search::index::{IndexFile, Plan, Settings, Writer, Written};
use atrail_search::query::{Field, Query};

/// Events of the day.
pub(crate) const EVENTS: u64 = 20_000;
/// Bytes of lines after which a block ends, as in an object.
const BLOCK_BYTES: usize = 256 << 10;
/// Memory for different values.
const COUNT_BYTES: usize = 16 << 20;

/// Returns the day's events as the inflated blocks of one segment.
pub(crate) fn blocks() -> Vec<Vec<u8>> {
    let day = Duration::from_secs(86_400);
    let mut blocks = vec![Vec::new()];
    for event in Generator::new(1, Timestamp::UNIX_EPOCH, day, EVENTS) {
        if blocks
            .last()
            .is_some_and(|block| block.len() >= BLOCK_BYTES)
        {
            blocks.push(Vec::new());
        }
        let block = blocks.last_mut().expect("there is a block");
        block.extend_from_slice(event.as_bytes());
        block.push(b'\n');
    }
    blocks
}

/// Writes the index file of these blocks.
pub(crate) fn write(blocks: &[Vec<u8>]) -> (Vec<u8>, Written) {
    let domain = Domain::Space(SpaceId::from_bytes([1; 16]));
    let day = "1970-01-01".parse().expect("a day");
    let mut writer = Writer::new(Vec::new(), Settings::default(), domain, day);
    writer.segment(
        SegmentId::from_bytes([1; 16]),
        Hour::new(0).expect("an hour"),
    );
    for (number, block) in (0..).zip(blocks) {
        let added = writer.block(number * 40_000, 40_000, block);
        added.expect("memory can be written");
    }
    writer.finish().expect("memory can be written")
}

/// Opens the file and counts all events: by hour, and by four fields.
pub(crate) fn dashboard(file: &Vec<u8>, written: &Written) -> Counts {
    let field = |name| (Field::named(name).expect("a field"), 10);
    let counting = Counting {
        histogram: Some(Buckets {
            seconds: 3600,
            origin: 0,
        }),
        facets: ["action", "outcome", "actor", "from"].map(field).into(),
        distinct: Vec::new(),
    };
    let range = TimeRange {
        from: Timestamp::MIN,
        to: Timestamp::MAX,
    };
    let plan = Plan::new(&Query::all());
    let opened = IndexFile::open(file, &written.footer).expect("a sound file");
    let mut collector = Collector::new(counting.clone(), COUNT_BYTES);
    for part in 0..opened.parts().len() {
        let mut reader = opened.part(file, part);
        let selection = reader.select(&plan, range, None).expect("a sound file");
        let counted = reader.count(&selection, &counting).expect("a sound file");
        counted.add_to(&mut collector).expect("few values");
    }
    collector.finish()
}

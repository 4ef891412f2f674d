//! Archives, queries and counts that are drawn from a seed.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use atrail_model::event::admit;
use atrail_model::generator::Generator;
use atrail_model::{Day, Domain, Hour, SegmentId, SpaceId, Timestamp};

use crate::aggregate::{Buckets, Collector, Counting, Counts};
use crate::index::{Footer, IndexError, IndexFile, Plan, Row, Settings, Source, Writer, Written};
use crate::query::{Bound, Expr, Field, Pattern, Piece, Query, Test};
use crate::{Matcher, TimeRange};

/// Numbers from a seed (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub(super) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

pub(super) const DAY: &str = "2026-11-20";

fn start() -> Timestamp {
    format!("{DAY}T00:00:00Z").parse().unwrap()
}

/// Members that make an event unlike others.
const ODD: &[&str] = &[
    r#""action":"read","action":"other""#,
    r#""Action":"shout""#,
    r#""action":["a","b"]"#,
    r#""initiator.id":"dotted""#,
    r#""initiator":{"host.address":"10.0.0.9"}"#,
    r#""initiator":{"id":"Ann","name":"ANN","host":{"address":"::1"}}"#,
    r#""initiator":[{"id":"one"},{"id":"two"}]"#,
    r#""initiator":{"id":{"deep":"ann"}}"#,
    r#""initiator":null"#,
    r#""initiatorId":"ann","targetId":"vm-7""#,
    r#""target":{"id":"vm-7","name":"caf\u00e9 \u212a","typeURI":""}"#,
    r#""target":{"name":"\ud83d half"}"#,
    r#""target":{"id":"ſpecial"}"#,
    r#""observer":{"id":"target"}"#,
    r#""observerId":"initiator""#,
    r#""reason":{"reasonCode":403}"#,
    r#""reason":{"reasonCode":4.03e2},"x":true"#,
    r#""reason":{"reasonCode":null}"#,
    r#""id":"second-id""#,
    r#""requestData":{"x":["one","two words"],"n":-7,"ip":"2001:db8::1"}"#,
    r#""eventTime":"2026-11-20T05:00:00.000000500Z""#,
];

/// A line, and where it is.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) segment: SegmentId,
    pub(super) index: u64,
    pub(super) block_offset: u64,
    pub(super) line_number: u32,
    pub(super) time: Timestamp,
    pub(super) line: Vec<u8>,
}

/// An archive's day, and its index file.
pub(super) struct World {
    pub(super) lines: Vec<Stored>,
    /// Lines by segment, block and line.
    places: HashMap<(SegmentId, u64, u32), usize>,
    pub(super) file: Vec<u8>,
    pub(super) written: Written,
    pub(super) domain: Domain,
}

fn line_of(random: &mut Random, event: &str) -> Vec<u8> {
    let mut line = event.to_owned();
    if random.one_in(3) {
        let mut odd = String::from("{");
        for _ in 0..=random.below(2) {
            odd.push_str(random.pick::<&str>(ODD));
            odd.push(',');
        }
        if random.one_in(12) {
            odd.push_str(&format!(r#""target":{{"id":"{}"}},"#, "long ".repeat(300)));
        }
        line = match random.one_in(4) {
            // The odd members alone.
            true => format!(
                r#"{odd}"id":"{}","eventTime":"{DAY}T07:{:02}:00Z"}}"#,
                random.below(50),
                random.below(60)
            ),
            false => format!("{odd}{}", &line[1..]),
        };
    }
    if random.one_in(5) {
        // One time for many events.
        let fraction = random.pick(&["", ".5", ".000001", ".000001999"]);
        line.truncate(line.len() - 1);
        line.push_str(&format!(r#","eventTime":"{DAY}T12:00:00{fraction}Z"}}"#));
    }
    line.into_bytes()
}

impl World {
    /// Draws an archive. With `part_rows`, its parts are that small.
    pub(super) fn draw(seed: u64, events: u64, part_rows: Option<usize>) -> Self {
        let random = &mut Random(seed);
        let now = start().checked_add(Duration::from_secs(86_400)).unwrap();
        let mut hours: Vec<Vec<(Timestamp, Vec<u8>)>> = vec![Vec::new(); 24];
        for event in Generator::new(seed, start(), Duration::from_secs(86_399), events) {
            let line = line_of(random, &event);
            if let Ok(event) = admit(&line, now, || unreachable!("each has an id")) {
                let hour = &mut hours[usize::from(event.hour.number())];
                hour.push((event.time, event.line.into_owned()));
            }
        }
        let domain = Domain::Space(SpaceId::from_bytes([7; 16]));
        let day: Day = DAY.parse().unwrap();
        let settings = Settings {
            with_ids: random.one_in(2),
            with_leaf_hashes: random.one_in(2),
        };
        let mut writer = Writer::new(Vec::new(), settings, domain, day);
        writer.part_max_rows = part_rows.unwrap_or(writer.part_max_rows);
        let mut lines = Vec::new();
        for (hour, events) in (0..).zip(&hours) {
            let mut rest = &events[..];
            while !rest.is_empty() {
                let (segment, after) = rest.split_at(rest.len().min(1 + random.below(60)));
                rest = after;
                let mut id = [0; 16];
                id[..8].copy_from_slice(&random.next().to_be_bytes());
                let id = SegmentId::from_bytes(id);
                writer.segment(id, Hour::new(hour).unwrap());
                add_blocks(random, &mut writer, id, segment, &mut lines);
            }
        }
        let (file, written) = writer.finish().unwrap();
        assert_eq!(written.size_bytes, file.len() as u64);
        assert_eq!(written.rows, lines.len() as u64);
        let place = |stored: &Stored| (stored.segment, stored.block_offset, stored.line_number);
        let places = lines.iter().map(place).zip(0..).collect();
        Self {
            lines,
            places,
            file,
            written,
            domain,
        }
    }

    pub(super) fn footer(&self) -> &Footer {
        &self.written.footer
    }

    /// Returns the places of the events that match, by a reading of every line.
    pub(super) fn scan(&self, query: &Query, range: TimeRange) -> BTreeSet<(SegmentId, u64)> {
        let matcher = Matcher::new(query);
        let lines = self
            .lines
            .iter()
            .filter(|stored| range.contains(stored.time));
        lines
            .filter(|stored| matcher.matches(&stored.line))
            .map(|stored| (stored.segment, stored.index))
            .collect()
    }

    /// Returns the counts of the events that match, by a reading of every line.
    pub(super) fn scan_counts(
        &self,
        query: &Query,
        range: TimeRange,
        counting: &Counting,
    ) -> Counts {
        let matcher = Matcher::new(query);
        let mut collector = Collector::new(counting.clone(), 64 << 20);
        for stored in self
            .lines
            .iter()
            .filter(|stored| range.contains(stored.time))
        {
            if matcher.matches(&stored.line) {
                collector.add(stored.time, &stored.line).unwrap();
            }
        }
        collector.finish()
    }

    /// Returns the line of a row; `None` when there is none.
    pub(super) fn line(&self, row: &Row) -> Option<&Stored> {
        self.at(row.segment, row.block_offset, row.line)
    }

    /// Returns the line of a block.
    pub(super) fn at(&self, segment: SegmentId, offset: u64, line: u32) -> Option<&Stored> {
        let number = self.places.get(&(segment, offset, line))?;
        Some(&self.lines[*number])
    }
}

fn add_blocks(
    random: &mut Random,
    writer: &mut Writer<Vec<u8>>,
    segment: SegmentId,
    events: &[(Timestamp, Vec<u8>)],
    lines: &mut Vec<Stored>,
) {
    let (mut offset, mut index) = (0, 0);
    let mut rest = events;
    while !rest.is_empty() {
        let (block, after) = rest.split_at(rest.len().min(1 + random.below(40)));
        rest = after;
        let mut text = Vec::new();
        for (line_number, (time, line)) in (0..).zip(block) {
            text.extend_from_slice(line);
            text.push(b'\n');
            lines.push(Stored {
                segment,
                index,
                block_offset: offset,
                line_number,
                time: *time,
                line: line.clone(),
            });
            index += 1;
        }
        let bytes = 20 + random.below(5000) as u32;
        writer.block(offset, bytes, &text).unwrap();
        offset += u64::from(bytes);
    }
}

const FIELDS: &[&str] = &[
    "actor",
    "action",
    "target",
    "outcome",
    "from",
    "reason",
    "service",
    "type",
    "id",
    "initiator.id",
    "initiator.name",
    "initiator.host.address",
    "target.id",
    "target.typeURI",
    "observer.name",
    "observer.id",
    "severity",
    "initiatorId",
    "requestPath",
    "requestData.x",
    "tags",
    "eventTime",
    "nothing",
    "INITIATOR.Name",
];

/// Draws a value that some event has, or none.
fn value(random: &mut Random, world: &World, field: &Field) -> String {
    if !world.lines.is_empty() && !random.one_in(6) {
        let line = &random.pick(&world.lines).line;
        let values = crate::values(line, field);
        if let Some(value) = values.first() {
            return crate::text::fold(value).into_owned();
        }
    }
    let values = [
        "ann", "vm-7", "read", "403", "::1", "special", "café k", "absent", "", "target",
    ];
    (*random.pick(&values)).to_owned()
}

/// Draws a word of some event.
fn word(random: &mut Random, world: &World) -> String {
    if world.lines.is_empty() || random.one_in(8) {
        return "absentword".to_owned();
    }
    let mut words = Vec::new();
    crate::each_text(&random.pick(&world.lines).line, |text| {
        let folded = crate::text::fold(text);
        words.extend(
            crate::text::words(&folded).map(|word| word.short.unwrap_or(word.text).to_owned()),
        );
    });
    random.pick(&words).clone()
}

pub(super) fn expr(random: &mut Random, world: &World, depth: usize) -> Expr {
    let inner = |random: &mut Random| {
        (0..=random.below(3))
            .map(|_| expr(random, world, depth - 1))
            .collect()
    };
    match random.below(if depth == 0 { 14 } else { 20 }) {
        0 => Expr::All,
        1 => Expr::Exists(Field::named(random.pick::<&str>(FIELDS)).unwrap()),
        2 | 3 => Expr::Text(
            (0..=random.below(2))
                .map(|_| Pattern::exactly(word(random, world)))
                .collect(),
        ),
        4 => Expr::Text(vec![Pattern::of([
            Piece::Text(word(random, world)),
            Piece::Any,
        ])]),
        5 => Expr::Time(range(random)),
        6..14 => {
            let field = Field::named(random.pick::<&str>(FIELDS)).unwrap();
            let value = value(random, world, &field);
            let test = match random.below(9) {
                0 => Test::Like(Pattern::of([
                    Piece::Any,
                    Piece::Text(value.chars().skip(1).take(4).collect()),
                    Piece::Any,
                ])),
                1 => Test::Regex(format!(
                    "^{}",
                    regex_syntax::escape(&value.chars().take(3).collect::<String>())
                )),
                2 => Test::Within(Bound::Including(value), Bound::None),
                3 => Test::Network("10.0.0.0".parse().unwrap(), 8),
                _ => Test::Equals(value),
            };
            Expr::Is(field, test)
        }
        14 | 15 => Expr::And(inner(random)),
        16 | 17 => Expr::Or(inner(random)),
        _ => Expr::Not(Box::new(expr(random, world, depth - 1))),
    }
}

pub(super) fn query(random: &mut Random, world: &World) -> Query {
    Query {
        text: String::new(),
        expr: expr(random, world, 3),
    }
}

pub(super) fn whole() -> TimeRange {
    TimeRange {
        from: Timestamp::MIN,
        to: Timestamp::MAX,
    }
}

/// Draws a range, often with bounds at the time of many events.
pub(super) fn range(random: &mut Random) -> TimeRange {
    if random.one_in(3) {
        return whole();
    }
    let noon = start().checked_add(Duration::from_secs(12 * 3600)).unwrap();
    let bound = |random: &mut Random| match random.below(3) {
        0 => start()
            .checked_add(Duration::from_secs(random.below(86_400) as u64))
            .unwrap(),
        1 => noon,
        _ => {
            let nanos = *random.pick(&[1, 999, 1000, 1500, 1999, 2000, 500_000_000]);
            noon.checked_add(Duration::from_nanos(nanos)).unwrap()
        }
    };
    let (from, to) = (bound(random), bound(random));
    TimeRange { from, to }
}

pub(super) fn counting(random: &mut Random) -> Counting {
    let field = |random: &mut Random| Field::named(random.pick::<&str>(FIELDS)).unwrap();
    Counting {
        histogram: random.one_in(2).then(|| Buckets {
            seconds: *random.pick(&[1, 60, 3600, 7000, 86_400]),
            origin: *random.pick(&[0, -5, 1_700_000_000]),
        }),
        facets: (0..random.below(3))
            .map(|_| (field(random), random.below(8)))
            .collect(),
        distinct: (0..random.below(2)).map(|_| field(random)).collect(),
    }
}

/// Returns the places of the events that match, by the file, and by the lines where it does not tell; and how many of
/// them the file told.
pub(super) fn search(
    world: &World,
    file: &IndexFile,
    source: &dyn Source,
    query: &Query,
    range: TimeRange,
) -> Result<(BTreeSet<(SegmentId, u64)>, usize), IndexError> {
    let (plan, matcher) = (Plan::new(query), Matcher::new(query));
    let mut found = BTreeSet::new();
    let mut told = 0;
    for part in 0..file.parts().len() {
        let mut reader = file.part(source, part);
        let selection = reader.select(&plan, range, None)?;
        for row in reader.rows(&selection)?.iter() {
            let by_line =
                |stored: &Stored| range.contains(stored.time) && matcher.matches(&stored.line);
            told += usize::from(row.sure);
            if row.sure || world.line(&row).is_some_and(by_line) {
                found.insert((row.segment, row.index));
            }
        }
    }
    Ok((found, told))
}

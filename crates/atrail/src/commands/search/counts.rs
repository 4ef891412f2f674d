//! Prints counts: one number, the most frequent values, or a histogram.

use atrail_api::{Aggregates, Bucket, Facet, FacetValue};
use atrail_model::Timestamp;
use serde::Serialize;

use super::ask::Wanted;
use super::{Unit, chart};
use crate::error::Result;
use crate::printer::{Column, Format, Layout, Printer, Rows, grouped, safe};
use crate::settings::Settings;

/// The longest bar, in cells, and the shortest that shows anything.
const BAR_MAX: usize = 40;
const BAR_MIN: usize = 4;

/// Prints what was counted.
pub(super) fn print(settings: &Settings, wanted: &Wanted, answer: &Aggregates) -> Result<()> {
    let printer = &settings.printer;
    match wanted {
        Wanted::By(..) => match answer.facets.first() {
            Some(facet) => values(printer, facet),
            None => Ok(()),
        },
        Wanted::Histogram(unit) => {
            let buckets = answer.histogram.as_ref();
            let buckets = buckets.map_or(&[][..], |histogram| &histogram.buckets);
            histogram(printer, *unit, buckets)
        }
        Wanted::Count | Wanted::Hits { .. } => count(printer, answer.total),
    }
}

fn count(printer: &Printer, total: u64) -> Result<()> {
    if printer.format == Format::Table {
        return printer.data(&format!("{total}\n"));
    }
    let thing = serde_json::json!({ "count": total });
    printer.properties(&[("count", total.to_string())], &thing)
}

fn values(printer: &Printer, facet: &Facet) -> Result<()> {
    let is_chart = printer.format == Format::Table && printer.terminals.stdout;
    let mut columns = vec![
        Column::text("Value").at_least(8),
        Column::number("Count").at_least(5),
    ];
    let width = bar_width(printer, facet).filter(|_| is_chart);
    if width.is_some() {
        columns.push(Column::text("").at_least(BAR_MIN));
    }
    let most = facet.values.first().map_or(0, |value| value.count);
    let mut rows = Rows::new(Layout::Plain, columns);
    for one in &facet.values {
        let FacetValue { value, count } = one;
        let mut row = vec![value.clone(), count.to_string()];
        row.extend(width.map(|width| chart::bar(*count, most, width)));
        rows.push(row, one);
    }
    rows.print(printer)
}

/// Returns how long the longest bar may be beside the values and counts; `None` where there is no room.
fn bar_width(printer: &Printer, facet: &Facet) -> Option<usize> {
    use unicode_width::UnicodeWidthStr;
    /// The rules and blanks of three columns.
    const FRAME: usize = 10;
    let widest = |texts: &mut dyn Iterator<Item = usize>, name: &str| {
        texts.max().unwrap_or(0).max(name.len())
    };
    let mut values = facet
        .values
        .iter()
        .map(|value| safe::for_terminal(&value.value).width());
    let mut counts = facet
        .values
        .iter()
        .map(|value| value.count.to_string().len());
    let used = FRAME + widest(&mut values, "Value") + widest(&mut counts, "Count");
    let room = printer.width()?.saturating_sub(used);
    (room >= BAR_MIN).then_some(room.min(BAR_MAX))
}

/// A bucket in JSON.
#[derive(Debug, Serialize)]
struct Row {
    time: String,
    count: u64,
}

fn histogram(printer: &Printer, unit: Unit, buckets: &[Bucket]) -> Result<()> {
    if printer.format == Format::Table && printer.terminals.stdout {
        return sparklines(printer, unit, buckets);
    }
    let mut rows = Rows::new(
        Layout::Plain,
        vec![Column::text("Time"), Column::number("Count")],
    );
    for bucket in buckets {
        let time = beginning(bucket);
        let row = Row {
            time: match unit {
                Unit::Hour => time,
                Unit::Day => time.chars().take(DAY_CHARS).collect(),
            },
            count: bucket.count,
        };
        rows.push(vec![row.time.clone(), row.count.to_string()], row);
    }
    rows.print(printer)
}

/// Characters of `YYYY-MM-DD` and `YYYY-MM`.
const DAY_CHARS: usize = 10;
const MONTH_CHARS: usize = 7;

/// Returns the beginning of a bucket: `YYYY-MM-DDThh:mm:ssZ`.
fn beginning(bucket: &Bucket) -> String {
    let time: Result<Timestamp, _> = bucket.time.parse();
    time.map_or_else(|_| bucket.time.clone(), |time| time.to_string())
}

/// Draws a line for each day with a cell an hour, or for each month with a cell a day.
fn sparklines(printer: &Printer, unit: Unit, buckets: &[Bucket]) -> Result<()> {
    let (name, key_chars, cells, first, axis) = match unit {
        Unit::Hour => ("Day (UTC)", DAY_CHARS, 24, 0, "0     6     12    18"),
        Unit::Day => (
            "Month",
            MONTH_CHARS,
            31,
            1,
            "1   5    10   15   20   25   30",
        ),
    };
    let mut lines: Vec<(String, Vec<Option<u64>>)> = Vec::new();
    for bucket in buckets {
        let time = beginning(bucket);
        let key: String = time.chars().take(key_chars).collect();
        if lines.last().is_none_or(|(last, _)| *last != key) {
            lines.push((key, vec![None; cells]));
        }
        let number = time.get(key_chars + 1..key_chars + 3);
        let place = number.and_then(|number| number.parse::<usize>().ok()?.checked_sub(first));
        if let (Some((_, line)), Some(place)) = (lines.last_mut(), place)
            && let Some(cell) = line.get_mut(place)
        {
            *cell = Some(bucket.count);
        }
    }
    let most = buckets.iter().map(|bucket| bucket.count).max().unwrap_or(0);
    let columns = vec![
        Column::text(name),
        Column::text(axis).at_least(cells),
        Column::number("Count"),
    ];
    let mut rows = Rows::new(Layout::Plain, columns);
    for (key, line) in lines {
        let total = line.iter().flatten().sum();
        rows.push(vec![key, chart::spark(&line, most), grouped(total)], ());
    }
    rows.print(printer)
}

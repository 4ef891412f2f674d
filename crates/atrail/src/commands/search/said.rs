//! What is said beside the answer, on standard error: how many events match, how many of them are shown, and what was
//! read.

use std::collections::BTreeSet;

use atrail_api::{Aggregates, Searched};

use super::OrderWord;
use super::ask::{Asked, Wanted};
use super::shown::Shown;
use crate::printer::{counted as number_of, grouped, size};
use crate::settings::Settings;
use crate::when::Edge;

/// Days that are listed; the rest are counted.
const DAYS_LISTED: usize = 10;

/// How many events match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Matched {
    count: u64,
    /// Whether there are more.
    is_exceeded: bool,
}

impl Matched {
    /// So many.
    pub(super) const fn exactly(count: u64) -> Self {
        Self {
            count,
            is_exceeded: false,
        }
    }

    /// More than so many.
    pub(super) const fn more_than(count: u64) -> Self {
        Self {
            count,
            is_exceeded: true,
        }
    }

    /// Returns how many certainly match.
    pub(super) const fn at_least(self) -> u64 {
        self.count
    }
}

/// What was read for an answer.
#[derive(Debug, Default)]
pub(super) struct Read {
    events: u64,
    bytes: u64,
    files: u64,
    unindexed: BTreeSet<String>,
    took_ms: u64,
    answers: u64,
}

impl Read {
    /// Adds what one answer reports.
    pub(super) fn add(&mut self, searched: &Searched, took_ms: u64) {
        self.events += searched.events;
        self.bytes += searched.bytes_scanned;
        self.files += searched.files;
        self.unindexed
            .extend(searched.unindexed_days.iter().cloned());
        self.took_ms += took_ms;
        self.answers += 1;
    }

    /// Returns what a single answer reports.
    pub(super) fn of(searched: &Searched, took_ms: u64) -> Self {
        let mut read = Self::default();
        read.add(searched, took_ms);
        read
    }
}

/// Says what the hits are, and how to see the rest.
pub(super) fn shown(
    settings: &Settings,
    asked: &Asked,
    shown: &Shown,
    matched: Matched,
    order: OrderWord,
) {
    settings
        .printer
        .note(&shown_text(&span(asked), shown, matched, order));
    if matched.count == 0 && !matched.is_exceeded {
        unusual_fields(settings, asked);
    }
}

/// Names the fields of a query that few events have: nothing matched, and one may be mistyped.
fn unusual_fields(settings: &Settings, asked: &Asked) {
    let fields = asked.query.fields().into_iter();
    for field in fields.filter(|field| !field.is_usual()) {
        let question = match field.meant() {
            Some(short) => format!("did you mean {short}?"),
            None => "is it spelled as in the events?".to_owned(),
        };
        settings.printer.note(&format!(
            "{} is neither a short name nor a member of CADF: {question}",
            field.name
        ));
    }
}

fn shown_text(span: &str, shown: &Shown, matched: Matched, order: OrderWord) -> String {
    let Matched { count, is_exceeded } = matched;
    let which = match order {
        OrderWord::Newest => "newest",
        OrderWord::Oldest => "oldest",
    };
    let is_part = is_exceeded || count > shown.hits;
    let more = if is_exceeded { "more than " } else { "" };
    if let Some((path, bytes)) = &shown.file {
        let part = match is_part {
            true => format!("the {which} {} of {more}", grouped(shown.hits)),
            false => String::new(),
        };
        let events = number_of(count, "event");
        return format!("{}: {part}{events}{span}, {}", path.display(), size(*bytes));
    }
    if count == 0 {
        return format!("no event{span} matches");
    }
    if is_part {
        return format!(
            "{} of {more}{} that match are shown, the {which} first; --limit N shows more of them, --all shows all",
            grouped(shown.hits),
            number_of(count, "event") + span,
        );
    }
    let verb = if count == 1 { "matches" } else { "match" };
    format!("{}{span} {verb}", number_of(count, "event"))
}

/// Says what the counts are of.
pub(super) fn counted(settings: &Settings, asked: &Asked, wanted: &Wanted, answer: &Aggregates) {
    let span = span(asked);
    let verb = if answer.total == 1 {
        "matches"
    } else {
        "match"
    };
    let mut text = match answer.total {
        0 => format!("no event{span} matches"),
        total => format!("{}{span} {verb}", number_of(total, "event")),
    };
    if let (Wanted::By(field, _), Some(facet)) = (wanted, answer.facets.first()) {
        let (listed, distinct) = (facet.values.len() as u64, facet.distinct);
        if listed < distinct {
            text += &format!(
                "; {} of {} are shown, and {} of the others; --limit N shows more",
                grouped(listed),
                number_of(distinct, "value"),
                number_of(facet.others, "occurrence")
            );
        }
        if facet.missing > 0 {
            let missing = number_of(facet.missing, "event");
            let verb = if facet.missing == 1 { "has" } else { "have" };
            text += &format!("; {missing} {verb} no {}", field.name);
        }
    }
    settings.printer.note(&text);
    if answer.total == 0 {
        unusual_fields(settings, asked);
    }
}

/// Says what was read, if that was asked for.
pub(super) fn explain(settings: &Settings, asked: &Asked, read: &Read) {
    if !asked.explains {
        return;
    }
    let printer = &settings.printer;
    let meaning = asked.query.canonical();
    if !meaning.is_empty() {
        printer.warn(&format!("the query means: {meaning}"));
    }
    if read.answers == 0 {
        printer.warn("an export reports nothing about what was read; --limit does");
        return;
    }
    let answers = match read.answers {
        1 => String::new(),
        count => format!(" in {}", number_of(count, "answer")),
    };
    printer.warn(&format!(
        "read for the answer: {}; {}, and {} of events' text; {} ms{answers}",
        number_of(read.events, "event"),
        number_of(read.files, "index file"),
        size(read.bytes),
        grouped(read.took_ms),
    ));
    if !read.unindexed.is_empty() {
        let listed: Vec<_> = read.unindexed.iter().take(DAYS_LISTED).cloned().collect();
        let more = match read.unindexed.len() - listed.len() {
            0 => String::new(),
            more => format!(", and {} more", grouped(more as u64)),
        };
        printer.warn(&format!(
            "without an index, and so read line by line: {}{more}",
            listed.join(", ")
        ));
    }
}

/// Returns the times in words: ` of 2026-11-13 to 2026-11-26`; nothing when all times are meant.
pub(super) fn span(asked: &Asked) -> String {
    match asked.times {
        None => String::new(),
        Some((Edge::Day(start), Edge::Day(end))) if start == end => format!(" of {start}"),
        Some((Edge::Day(start), Edge::Day(end))) => format!(" of {start} to {end}"),
        Some((start, end @ Edge::Day(_))) => {
            format!(" from {} to the end of {}", start.text(), end.text())
        }
        Some((start, end)) => format!(" from {} to before {}", start.text(), end.text()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_out_silently() {
        let span = " of 2026-11-20";
        let said = |hits, matched, file: Option<u64>| {
            let file = file.map(|bytes| ("F".into(), bytes));
            shown_text(span, &Shown { hits, file }, matched, OrderWord::Newest)
        };
        for (text, expected) in [
            (
                said(0, Matched::exactly(0), None),
                "no event of 2026-11-20 matches",
            ),
            (
                said(1, Matched::exactly(1), None),
                "1 event of 2026-11-20 matches",
            ),
            (
                said(2000, Matched::exactly(2000), None),
                "2,000 events of 2026-11-20 match",
            ),
            (
                said(100, Matched::exactly(2000), None),
                "100 of 2,000 events of 2026-11-20 that match are shown, the newest first; --limit N shows more of them, --all shows all",
            ),
            (
                said(100, Matched::more_than(100), None),
                "100 of more than 100 events of 2026-11-20 that match are shown, the newest first; --limit N shows more of them, --all shows all",
            ),
            (
                said(3, Matched::exactly(3), Some(2048)),
                "F: 3 events of 2026-11-20, 2.0 KiB",
            ),
            (
                said(3, Matched::exactly(9), Some(2048)),
                "F: the newest 3 of 9 events of 2026-11-20, 2.0 KiB",
            ),
        ] {
            assert_eq!(text, expected);
        }
    }
}

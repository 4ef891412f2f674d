//! Kept, refused and unread items account for everything that was sent: no event goes missing behind one that is cut
//! off.

use proptest::prelude::*;
use proptest::sample::Index;

use super::recovery::{any_damage, damaged};
use super::{Found, streamed, whole};
use crate::{Framing, SourceKind, split};

/// Returns numbered events, one for each line.
fn numbered(count: usize) -> Vec<String> {
    let event = |number| format!(r#"{{"eventTime":{number},"x":{{"y":[{{"z":"}},{{"}}]}}}}"#);
    (1..=count).map(event).collect()
}

/// The result of an input.
struct Outcome {
    /// The returned or refused items, with their lines.
    items: Vec<Found>,
    not_read: u64,
}

impl Outcome {
    fn of(body: &str, framing: Framing) -> Self {
        let refusals = split(body.as_bytes(), SourceKind::Auto, framing).filter_map(Result::err);
        Self {
            not_read: refusals.map(|refusal| refusal.not_read).sum(),
            items: whole(body.as_bytes(), framing),
        }
    }

    /// Returns the numbers of returned events, refused items and unread lines.
    fn sums(&self) -> (usize, usize, u64) {
        let kept = |(_, item): &&Found| item.as_ref().is_ok_and(|text| is_event(text));
        let kept = self.items.iter().filter(kept).count();
        (kept, self.items.len() - kept, self.not_read)
    }
}

fn is_event(text: &str) -> bool {
    text.starts_with("{\"eventTime\":") && is_json(text)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

#[track_caller]
fn assert_sums(body: &str, expected: (usize, usize, u64)) {
    let outcome = Outcome::of(body, Framing::Sniffed);
    assert_eq!(outcome.sums(), expected, "{:?}\n{body}", outcome.items);
    for chunk_bytes in [1, 7] {
        let (same, _) = streamed(body.as_bytes(), Framing::Sniffed, chunk_bytes);
        assert_eq!(same, outcome.items, "in chunks of {chunk_bytes}: {body}");
    }
}

/// One line of an input, without its blanks.
#[derive(Debug, Clone)]
enum Line {
    Event,
    /// Two events with this in place of the line break between them.
    Glued(&'static str),
    /// An event that is cut off here.
    Cut(Index),
    /// An event with damage.
    Damaged((Index, Index, &'static str)),
    /// A whole event, and one that is cut off.
    GluedCut(Index),
    Other(&'static str),
}

/// An input, and the events of each line.
#[derive(Debug)]
struct Input {
    body: String,
    lines: Vec<Written>,
}

#[derive(Debug, Default)]
struct Written {
    events: Vec<String>,
    cuts: usize,
}

impl Input {
    fn new(lines: &[(Line, &str, bool)], end: &str) -> Self {
        let mut events = numbered(2 * lines.len()).into_iter();
        let mut input = Self {
            body: String::new(),
            lines: Vec::new(),
        };
        for (line, blanks, has_comma) in lines {
            let mut event = || events.next().unwrap();
            let mut written = Written::default();
            input.body += blanks;
            match line {
                Line::Event => written.events.push(event()),
                Line::Glued(_) => written.events.extend([event(), event()]),
                Line::Cut(_) => written.cuts = 1,
                Line::Damaged(damage) => {
                    written.cuts = 1;
                    input.body += &damaged(&event(), *damage);
                }
                Line::GluedCut(_) => {
                    written.events.push(event());
                    written.cuts = 1;
                }
                Line::Other(text) => input.body += text,
            }
            let between = match line {
                Line::Glued(between) => between,
                _ => "",
            };
            input.body += &written.events.join(between);
            if let Line::Cut(at) | Line::GluedCut(at) = line {
                let event = event();
                input.body += &event[..1 + at.index(event.len() - 1)];
            }
            input.body += if *has_comma { "," } else { "" };
            input.body += end;
            input.lines.push(written);
        }
        input
    }

    fn of(lines: &[(Line, &str)]) -> Self {
        let lines: Vec<_> = lines
            .iter()
            .map(|(line, blanks)| (line.clone(), *blanks, false))
            .collect();
        Self::new(&lines, "\n")
    }

    /// Returns the valid value of several lines that was refused for a missing or surplus comma before it.
    fn refused_whole(&self, (line, item): &Found) -> Option<&str> {
        let error = item.as_ref().err()?;
        let is_comma = error.contains("list of events but found `,`");
        if !is_comma && !error.contains("end of the array but found `{`") {
            return None;
        }
        let before = self.body.split_inclusive('\n').take(*line as usize - 1);
        let rest = &self.body[before.map(str::len).sum()..];
        let rest = if is_comma {
            rest.split_once('\n')?.1
        } else {
            rest
        };
        let value = rest.trim_start_matches([',', ' ', '\t', '\r', '\n']);
        let mut values =
            serde_json::Deserializer::from_str(value).into_iter::<serde::de::IgnoredAny>();
        values.next()?.ok()?;
        Some(&value[..values.byte_offset()])
    }

    /// Counts the events that are neither returned, alone or within a valid value, nor refused on their line. There
    /// must be no more of them than the engine counts as unread.
    fn untold(&self, items: &[Found]) -> u64 {
        let texts = items.iter().filter_map(|(_, item)| item.as_deref().ok());
        let mut texts: Vec<&str> = texts.filter(|text| is_json(text)).collect();
        texts.extend(items.iter().filter_map(|item| self.refused_whole(item)));
        let untold_on = |(line, written): (u64, &Written)| {
            let is_untold = |event: &&String| !texts.iter().any(|text| text.contains(*event));
            let untold = written.events.iter().filter(is_untold).count();
            let is_refusal =
                |(at, item): &&Found| *at == line && !item.as_ref().is_ok_and(|text| is_json(text));
            let refusals = items.iter().filter(is_refusal).count();
            untold.saturating_sub(refusals.saturating_sub(written.cuts)) as u64
        };
        let untold: u64 = (1..).zip(&self.lines).map(untold_on).sum();
        // The first comma between values costs the value after it.
        let commas = items.iter().filter(|(_, item)| {
            let error = item.as_ref().err();
            error.is_some_and(|error| error.contains("list of events but found `,`"))
        });
        untold.saturating_sub(commas.count() as u64)
    }
}

/// Checks that nothing goes missing, and that the counts do not exceed what was sent.
fn check(input: &Input, outcome: &Outcome) -> Result<(), String> {
    let untold = input.untold(&outcome.items);
    let values = |line: &Written| line.events.len() + 2 * line.cuts;
    let sent: usize = input.lines.iter().map(|line| values(line).max(1)).sum();
    if untold > outcome.not_read {
        return Err(format!(
            "{untold} events went missing, {} are counted",
            outcome.not_read
        ));
    }
    let told = outcome.sums().0 as u64 + outcome.not_read;
    if told > sent as u64 {
        return Err(format!("{told} are told of {sent}"));
    }
    Ok(())
}

fn any_line() -> impl Strategy<Value = (Line, &'static str, bool)> {
    let line = prop_oneof![
        6 => Just(Line::Event),
        1 => prop::sample::select(vec!["", " ", "  ", "\t"]).prop_map(Line::Glued),
        3 => any::<Index>().prop_map(Line::Cut),
        1 => any_damage().prop_map(Line::Damaged),
        1 => any::<Index>().prop_map(Line::GluedCut),
        3 => prop::sample::select(vec![
            "{\"events\":[", "{\"events\":", "[", "{\"x\":", "{\"x\":[", "{\"x\":1,\"events\":[", "{", "]", "]}", "}",
            "\"x\":1", "\"x\" 1", "note", "",
        ]).prop_map(Line::Other),
    ];
    let blanks = prop::sample::select(vec!["", "", "  ", "    ", "\t", " \t"]);
    (line, blanks, any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_event_goes_missing(
        lines in prop::collection::vec(any_line(), 1..14),
        repeated in 1..12_usize,
        commas in 0..3_u8,
        crlf: bool,
        chunk_bytes in 1..40_usize,
        are_lines: bool,
    ) {
        // Commas nowhere, everywhere, or anywhere; the first line repeated many times.
        let mut lines = lines;
        for (_, _, has_comma) in &mut lines {
            *has_comma = commas == 1 || (commas == 2 && *has_comma);
        }
        let first = lines[0].clone();
        if matches!(first.0, Line::Other(_)) {
            lines.splice(0..0, vec![first; repeated]);
        }
        let input = Input::new(&lines, if crlf { "\r\n" } else { "\n" });
        let framing = if are_lines { Framing::Lines } else { Framing::Sniffed };
        let outcome = Outcome::of(&input.body, framing);
        if let Err(error) = check(&input, &outcome) {
            let items = &outcome.items;
            prop_assert!(false, "{error}: {items:#?}\n{}", input.body);
        }
        let (same, _) = streamed(input.body.as_bytes(), framing, chunk_bytes);
        prop_assert_eq!(same, outcome.items);
    }
}

#[test]
fn a_splitter_that_forgets_an_event_is_found_out() {
    let mut lines = vec![(Line::Other("{\"x\":1"), "")];
    lines.extend(vec![(Line::Event, "  "); 3]);
    lines.extend(vec![(Line::Event, ""); 2]);
    let input = Input::of(&lines);
    let right = Outcome::of(&input.body, Framing::Sniffed);
    assert_eq!((check(&input, &right), right.not_read), (Ok(()), 3));
    let forgets = |number| Outcome {
        items: right.items.clone(),
        not_read: number,
    };
    assert!(check(&input, &forgets(2)).is_err(), "one that was not read");
    assert!(check(&input, &forgets(9)).is_err(), "more than there are");
    for at in 0..right.items.len() {
        let mut forgets = forgets(3);
        let (_, item) = forgets.items.remove(at);
        let is_kept = item.is_ok_and(|text| is_event(&text));
        assert_eq!(check(&input, &forgets).is_err(), is_kept, "{at}");
    }
}

#[test]
fn events_that_are_indented_deeper_than_one_that_broke_are_counted() {
    let events = numbered(5);
    let deeper = |with: &str| events[1..].join(with);
    for (body, expected) in [
        (format!("{{\"a\":1,\n  {}\n", deeper("\n  ")), (0, 1, 4)),
        (
            format!("[\n{{\"a\":1,\n  {}\n]\n", deeper(",\n  ")),
            (0, 1, 4),
        ),
        (
            format!("[\n\t{{\"a\":1,\n    {}\n]\n", deeper(",\n    ")),
            (0, 1, 4),
        ),
        (
            format!(
                "{{\"a\":1,\n  {}\n  {}\n{}\n",
                events[1], events[2], events[0]
            ),
            (1, 1, 2),
        ),
        // The engine reads a list even after a fault.
        (
            format!(
                "{{\"events\":[\n{}\n]}},\n{{\"events\":[\n{}\n]}}\n",
                events[0],
                deeper(",\n")
            ),
            (5, 1, 0),
        ),
        // The text ends at its closing bracket, and is not JSON.
        (
            format!("{{\"a\":1,\n  {}\n}}\n{}\n", deeper("\n  "), events[0]),
            (1, 1, 4),
        ),
        (
            format!("{{\"a\" 1,\"b\":[\n{}\n]}}\n{}\n", deeper(",\n"), events[0]),
            (1, 1, 4),
        ),
        (
            format!(
                "{{\"events\":[\n{}\n]}},\n{{\"a\" 1,\"b\":[\n{}\n]}}\n",
                events[0],
                deeper(",\n")
            ),
            (1, 1, 4),
        ),
        // Cut off in a string.
        (format!("{{\"a\":\"x\n  {}\n", deeper("\n  ")), (0, 1, 4)),
        (
            format!("[\n{{\"a\":\"x,\n  {}\n]\n", deeper(",\n  ")),
            (0, 1, 4),
        ),
        (
            format!(
                "[\n\t{{\"a\":\"x,\n    {},\n\t{}\n]\n",
                deeper(",\n    "),
                events[0]
            ),
            (1, 1, 4),
        ),
        // A valid value swallows nothing.
        (
            format!("{{\"a\":[\n  {}\n]}}\n{}\n", deeper(",\n  "), events[0]),
            (1, 1, 0),
        ),
        // Lists of one line, and events without line breaks between them.
        (format!("{{\"a\":1,\n  [{}]\n", deeper(",")), (0, 1, 4)),
        (format!("{{\"a\":1,\n  {}\n", deeper("")), (0, 1, 4)),
        // A list's member that is not JSON.
        (
            format!(
                "{{\"a\":{{\"b\" 1,\"c\":[\n{}\n]}},\"events\":[{}]}}\n",
                deeper(",\n"),
                events[0]
            ),
            (1, 1, 4),
        ),
    ] {
        assert_sums(&body, expected);
    }
}

#[test]
fn lists_that_begin_many_times_over_are_refused_or_counted() {
    for first in [
        "{\"events\":\n",
        "{\"x\":\n",
        "{\"events\":[\n",
        "{\"x\":[\n",
    ] {
        for (times, count) in [(20, 5), (200, 1000)] {
            let body = first.repeat(times) + &numbered(count).join("\n");
            let outcome = Outcome::of(&body, Framing::Sniffed);
            let (kept, refused, not_read) = outcome.sums();
            let told = kept as u64 + refused as u64 + not_read;
            // The outermost list need not end.
            let sent = (times + count) as u64;
            assert!(
                (sent - 1..=sent).contains(&told) && (kept >= count - 2 || times > 100),
                "{first:?}, {times}, {count}: {kept} kept, {refused} refused, {not_read} not read"
            );
        }
    }
}

#[test]
fn what_is_larger_than_any_event_swallows_no_line_uncounted() {
    let events = numbered(40_000);
    let (inside, rest) = events.split_at(39_990);
    let rest = rest.join("\n");
    for first in [
        "{\"a\":1,",
        "{\"a\":",
        "{\"events\":",
        "{\"x\":1,\"events\":1,",
    ] {
        for last in ["", "}\n"] {
            let body = format!("{first}\n  {}\n{last}{rest}\n", inside.join("\n  "));
            let outcome = Outcome::of(&body, Framing::Sniffed);
            let (kept, _, not_read) = outcome.sums();
            assert!(
                kept + not_read as usize >= events.len() && kept >= 9,
                "{first}: {kept} kept, {not_read} not read"
            );
            let (same, _) = streamed(body.as_bytes(), Framing::Sniffed, 1 << 16);
            assert!(same == outcome.items, "{first}");
        }
    }
}

//! One way to a value, compiled: where its text is, and what becomes of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use atrail_model::Timestamp;

use super::glob::Pattern;
use super::path::{Path, Segment, follow};
use super::slots::{Slot, Slots};
use super::spec::{Full, OneOrMany, Way as Written};
use super::time::Unit;
use super::verbs::action_of;
use crate::engine::Hints;
use crate::text::Text;

/// A way to a value.
#[derive(Debug)]
pub(super) struct Way {
    source: Source,
    steps: Vec<Step>,
    unit: Unit,
}

#[derive(Debug)]
enum Source {
    /// The text at a path: a slot's, or what is at the end of the other segments within it.
    At(Slot, Vec<Segment>),
    Join(Vec<Way>, String),
    Const(String),
    /// The host that the carrier states.
    CarrierHost,
    /// The source that the carrier states, such as its index or service.
    CarrierOrigin,
}

/// What becomes of a text; a step may yield none.
#[derive(Debug)]
enum Step {
    Last(String),
    First(String),
    Lower,
    Is(Vec<Pattern>),
    Not(Vec<Pattern>),
    Csv(usize),
    Words(Words),
    Verbs,
    Http,
    Grpc,
    Then(String),
    Before(String),
    After(String),
}

impl Way {
    /// Compiles a way; the slots for its paths are added. Returns what is wrong with it otherwise.
    pub(super) fn new(written: &Written, slots: &mut Slots) -> Result<Self, String> {
        let full = match written {
            Written::Path(path) => &Full {
                path: Some(path.clone()),
                ..Full::default()
            },
            Written::Full(full) => full,
        };
        let source = match (&full.path, &full.join, &full.constant) {
            (Some(path), None, None) => match path.as_str() {
                "$host" => Source::CarrierHost,
                "$source" => Source::CarrierOrigin,
                path => {
                    let (slot, rest) = slots.of(&Path::parse(path)?);
                    Source::At(slot, rest)
                }
            },
            (None, Some(ways), None) if !ways.is_empty() => {
                let ways: Result<_, _> = ways.iter().map(|way| Self::new(way, slots)).collect();
                Source::Join(ways?, full.with.clone().unwrap_or_default())
            }
            (None, None, Some(text)) if !text.is_empty() => Source::Const(text.clone()),
            _ => {
                return Err(
                    "expected exactly one of path, join and const, and it must not be empty"
                        .to_owned(),
                );
            }
        };
        if full.with.is_some() && full.join.is_none() {
            return Err("`with` needs `join`".to_owned());
        }
        let unit = full.unit.as_deref().unwrap_or("any");
        Ok(Self {
            source,
            steps: steps(full)?,
            unit: Unit::named(unit).ok_or_else(|| {
                format!("as = \"{unit}\": expected any, rfc3339, text, s, ms, us or ns")
            })?,
        })
    }

    /// Returns the text at its end; `None` when it is missing or empty.
    pub(super) fn text<'a>(&'a self, found: &Found<'a>) -> Option<Text<'a>> {
        let text = match &self.source {
            Source::At(slot, rest) => {
                let raw = found.slots[*slot]?;
                Text::of_json(if rest.is_empty() {
                    raw
                } else {
                    follow(raw, rest)?
                })?
            }
            Source::Join(ways, with) => {
                if !ways.iter().all(|way| way.may_have(found)) {
                    return None;
                }
                let mut joined = String::new();
                for (index, way) in ways.iter().enumerate() {
                    joined.push_str(if index == 0 { "" } else { with });
                    joined.push_str(&way.text(found)?.into_plain());
                }
                Text::of(joined)?
            }
            Source::Const(text) => Text::of(text.as_str())?,
            Source::CarrierHost => Text::of(found.hints.host.as_deref()?)?,
            Source::CarrierOrigin => Text::of(found.hints.source.as_deref()?)?,
        };
        if self.steps.is_empty() {
            return Some(text);
        }
        let mut text = text.into_plain();
        for step in &self.steps {
            text = step.apply(text)?;
        }
        Text::of(text)
    }

    /// Reports whether there is a value on it, which may still be no text.
    fn may_have(&self, found: &Found<'_>) -> bool {
        match &self.source {
            Source::At(slot, _) => found.slots[*slot].is_some(),
            Source::CarrierHost => found.hints.host.is_some(),
            Source::CarrierOrigin => found.hints.source.is_some(),
            Source::Join(..) | Source::Const(_) => true,
        }
    }

    /// Returns the time at its end.
    pub(super) fn time(&self, found: &Found<'_>) -> Option<Timestamp> {
        self.unit.read(&self.text(found)?.into_plain())
    }
}

/// What a conversion found in a text, and what its carrier states.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// For each slot, the raw JSON value.
    pub(super) slots: Vec<Option<&'a str>>,
    pub(super) hints: &'a Hints<'a>,
}

fn steps(full: &Full) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut add = |step: Option<Step>| steps.extend(step);
    add(full.last.clone().map(Step::Last));
    add(full.first.clone().map(Step::First));
    add(full.lower.then_some(Step::Lower));
    let patterns = |set: &OneOrMany| set.all().iter().map(|text| Pattern::new(text)).collect();
    add(full.is.as_ref().map(|set| Step::Is(patterns(set))));
    add(full.not.as_ref().map(|set| Step::Not(patterns(set))));
    add(full.csv.map(Step::Csv));
    add((full.words.as_ref()).map(|words| Step::Words(Words::new(words))));
    add(full.verbs.then_some(Step::Verbs));
    add(match full.status.as_deref() {
        None => None,
        Some("http") => Some(Step::Http),
        Some("grpc") => Some(Step::Grpc),
        Some(other) => return Err(format!("status = \"{other}\": expected http or grpc")),
    });
    add(full.then.clone().map(Step::Then));
    add(full.before.clone().map(Step::Before));
    add(full.after.clone().map(Step::After));
    Ok(steps)
}

impl Step {
    fn apply<'a>(&'a self, text: Cow<'a, str>) -> Option<Cow<'a, str>> {
        let is_one = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(&text));
        Some(match self {
            Self::Last(separators) => {
                let at = text.rfind(|char| separators.contains(char));
                let Some(at) = at else { return Some(text) };
                let from = at + text[at..].chars().next().map_or(0, char::len_utf8);
                let end = text.len();
                part(text, from..end)
            }
            Self::First(separators) => match text.find(|char| separators.contains(char)) {
                Some(end) => part(text, 0..end),
                None => text,
            },
            Self::Lower if text.bytes().any(|byte| !byte.is_ascii_lowercase()) => {
                text.to_lowercase().into()
            }
            Self::Lower => text,
            Self::Is(patterns) => {
                if !is_one(patterns) {
                    return None;
                }
                text
            }
            Self::Not(patterns) => {
                if is_one(patterns) {
                    return None;
                }
                text
            }
            Self::Csv(at) => crate::csv::fields(&text).nth(*at)?.into_owned().into(),
            Self::Words(words) => words.of(&text)?.into(),
            Self::Verbs => action_of(&text)?.into(),
            Self::Http => match text.parse::<u16>().ok()? {
                100..=399 => "success".into(),
                400..=599 => "failure".into(),
                _ => return None,
            },
            Self::Grpc => match text.parse::<u16>().ok()? {
                0 => "success".into(),
                _ => "failure".into(),
            },
            Self::Then(other) => other.as_str().into(),
            Self::Before(before) => format!("{before}{text}").into(),
            Self::After(after) => format!("{text}{after}").into(),
        })
    }
}

/// Other texts for texts.
#[derive(Debug)]
struct Words {
    /// By texts, in order.
    texts: Vec<(Box<str>, Box<str>)>,
    /// By patterns, long ones before short ones.
    patterns: Vec<(Pattern, Box<str>)>,
}

impl Words {
    fn new(written: &BTreeMap<String, String>) -> Self {
        let (mut patterns, texts): (Vec<_>, Vec<_>) =
            (written.iter()).partition(|(pattern, _)| pattern.contains('*'));
        patterns.sort_by_key(|(pattern, _)| usize::MAX - pattern.len());
        Self {
            texts: (texts.into_iter())
                .map(|(text, word)| (text.as_str().into(), word.as_str().into()))
                .collect(),
            patterns: (patterns.into_iter())
                .map(|(pattern, word)| (Pattern::new(pattern), word.as_str().into()))
                .collect(),
        }
    }

    fn of(&self, text: &str) -> Option<&str> {
        if let Ok(at) = self
            .texts
            .binary_search_by(|(known, _)| (**known).cmp(text))
        {
            return Some(&self.texts[at].1);
        }
        let mut patterns = self.patterns.iter();
        let found = patterns.find(|(pattern, _)| pattern.matches(text));
        found.map(|(_, word)| &**word)
    }
}

/// Returns a part of a text, borrowed as long as the text is.
fn part(text: Cow<'_, str>, range: Range<usize>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[range]),
        Cow::Owned(text) => Cow::Owned(text[range].to_owned()),
    }
}

//! Deciding whether an event matches a query.

mod absence;
mod glob;
mod needle;
mod phrase;
mod test;

use atrail_model::Timestamp;

use crate::TimeRange;
use crate::json::{Paths, Raw, Visit, walk};
use crate::query::{Expr, Field, Query};
use absence::Absence;
use phrase::Phrase;
pub use test::ValueTest;

/// A query, prepared for many events.
///
/// Matching takes time in proportion to the length of a line, and memory beyond that only for the values of the line
/// that have escapes or upper case.
#[derive(Debug)]
pub struct Matcher {
    absence: Absence,
    paths: Paths,
    /// Which conditions depend on each path.
    on_path: Vec<Vec<usize>>,
    conditions: Vec<Condition>,
    /// The conditions that are about text.
    on_text: Vec<usize>,
    has_time: bool,
    rule: Rule,
}

/// A condition on a line.
#[derive(Debug)]
enum Condition {
    Exists,
    Value(ValueTest),
    Text(Phrase),
    Time(TimeRange),
}

/// How the conditions combine.
#[derive(Debug)]
enum Rule {
    Always,
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Condition(usize),
}

impl Matcher {
    /// Prepares a query.
    #[must_use]
    pub fn new(query: &Query) -> Self {
        let mut matcher = Self {
            absence: Absence::of(&query.expr),
            paths: Paths::default(),
            on_path: Vec::new(),
            conditions: Vec::new(),
            on_text: Vec::new(),
            has_time: false,
            rule: Rule::Always,
        };
        matcher.rule = matcher.rule(&query.expr);
        matcher
    }

    /// Reports whether an event matches: its stored line, with or without the line break.
    #[must_use]
    pub fn matches(&self, line: &[u8]) -> bool {
        match &self.rule {
            Rule::Always => return true,
            _ if self.absence.is_proven(line) => return false,
            _ => {}
        }
        let mut look = Look {
            matcher: self,
            holds: vec![false; self.conditions.len()],
            open: self.conditions.len(),
            time: None,
        };
        walk(line, &self.paths, &mut look);
        look.close_time();
        look.decide(&self.rule)
    }

    /// Reports whether it is certain that no line of this text matches. It is several times faster than asking for each
    /// line, and certain of nothing for many queries.
    #[must_use]
    pub fn excludes(&self, lines: &[u8]) -> bool {
        self.absence.is_proven(lines)
    }

    fn rule(&mut self, expr: &Expr) -> Rule {
        match expr {
            Expr::All => Rule::Always,
            Expr::And(parts) => Rule::And(parts.iter().map(|part| self.rule(part)).collect()),
            Expr::Or(parts) => Rule::Or(parts.iter().map(|part| self.rule(part)).collect()),
            Expr::Not(inner) => Rule::Not(Box::new(self.rule(inner))),
            Expr::Exists(field) => self.on_field(field, Condition::Exists),
            Expr::Is(field, test) => self.on_field(field, Condition::Value(ValueTest::new(test))),
            Expr::Text(patterns) => {
                self.on_text.push(self.conditions.len());
                self.add(Condition::Text(Phrase::new(patterns)))
            }
            Expr::Time(range) => {
                self.has_time = true;
                self.add(Condition::Time(*range))
            }
        }
    }

    fn on_field(&mut self, field: &Field, condition: Condition) -> Rule {
        for path in &field.paths {
            let number = self.paths.add(path);
            if self.on_path.len() <= number {
                self.on_path.resize(number + 1, Vec::new());
            }
            self.on_path[number].push(self.conditions.len());
        }
        self.add(condition)
    }

    fn add(&mut self, condition: Condition) -> Rule {
        self.conditions.push(condition);
        Rule::Condition(self.conditions.len() - 1)
    }
}

/// What is known of a line.
struct Look<'m, 'a> {
    matcher: &'m Matcher,
    /// Which conditions hold.
    holds: Vec<bool>,
    /// How many do not hold so far.
    open: usize,
    time: Option<Raw<'a>>,
}

impl Look<'_, '_> {
    fn holds(&mut self, condition: usize) {
        if !std::mem::replace(&mut self.holds[condition], true) {
            self.open -= 1;
        }
    }

    fn close_time(&mut self) {
        let Some(time) = self.time.take() else {
            return;
        };
        let time = atrail_model::event::read_event_time(&time.text());
        for (number, condition) in self.matcher.conditions.iter().enumerate() {
            if let Condition::Time(range) = condition
                && time.is_some_and(|time: Timestamp| range.contains(time))
            {
                self.holds(number);
            }
        }
    }

    fn decide(&self, rule: &Rule) -> bool {
        match rule {
            Rule::Always => true,
            Rule::And(parts) => parts.iter().all(|part| self.decide(part)),
            Rule::Or(parts) => parts.iter().any(|part| self.decide(part)),
            Rule::Not(inner) => !self.decide(inner),
            Rule::Condition(number) => self.holds[*number],
        }
    }
}

impl<'a> Visit<'a> for Look<'_, 'a> {
    fn wants_text(&self) -> bool {
        !self.matcher.on_text.is_empty()
    }

    fn value(&mut self, path: usize, value: Raw<'a>) {
        for &number in &self.matcher.on_path[path] {
            let passes = !self.holds[number]
                && match &self.matcher.conditions[number] {
                    Condition::Exists => true,
                    Condition::Value(test) => test.passes(value),
                    Condition::Text(_) | Condition::Time(_) => false,
                };
            if passes {
                self.holds(number);
            }
        }
    }

    fn object(&mut self, path: usize) {
        for &number in &self.matcher.on_path[path] {
            if matches!(self.matcher.conditions[number], Condition::Exists) {
                self.holds(number);
            }
        }
    }

    fn text(&mut self, text: Raw<'a>) {
        for &number in &self.matcher.on_text {
            if let Condition::Text(phrase) = &self.matcher.conditions[number]
                && !self.holds[number]
                && phrase.is_in(text)
            {
                self.holds(number);
            }
        }
    }

    fn event_time(&mut self, time: Option<Raw<'a>>) {
        self.time = time;
    }

    fn is_done(&self) -> bool {
        self.open == 0 && !self.matcher.has_time
    }
}

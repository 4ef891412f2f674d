//! Finds the rows that match.

use atrail_model::SegmentId;

use super::bits::Bits;
use super::page::{NO_VALUE, Strings};
use super::plan::{Equals, Fields, Plan, Probe, Step};
use super::{IndexError, PartReader};
use crate::TimeRange;

/// Rows of one part: those that match for sure, and those of which only the line tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The rows that match whatever their lines say.
    pub(super) sure: Bits,
    /// These, and the rows that may match.
    pub(super) may: Bits,
}

impl Selection {
    pub(super) fn none(rows: usize) -> Self {
        Self {
            sure: Bits::none(rows),
            may: Bits::none(rows),
        }
    }

    pub(super) fn all(rows: usize) -> Self {
        Self {
            sure: Bits::all(rows),
            may: Bits::all(rows),
        }
    }

    /// Rows of which nothing is known but that no other row matches.
    fn only_may(may: Bits) -> Self {
        Self {
            sure: Bits::none(may.rows()),
            may,
        }
    }

    /// Returns the number of all its rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.may.len()
    }

    /// Reports whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.may.is_empty()
    }

    /// Returns the number of rows that match for sure.
    #[must_use]
    pub fn sure(&self) -> usize {
        self.sure.len()
    }

    fn and(&mut self, other: &Self) {
        self.sure.and(&other.sure);
        self.may.and(&other.may);
    }

    fn or(&mut self, other: &Self) {
        self.sure.or(&other.sure);
        self.may.or(&other.may);
    }

    fn not(&mut self) {
        std::mem::swap(&mut self.sure, &mut self.may);
        self.sure.invert();
        self.may.invert();
    }
}

impl PartReader<'_> {
    /// Finds the rows that match, or that may match, and lie in the range. `only` names the segments that count.
    ///
    /// # Errors
    /// When what this reads of the file is damaged.
    pub fn select(
        &mut self,
        plan: &Plan,
        range: TimeRange,
        only: Option<&dyn Fn(SegmentId) -> bool>,
    ) -> Result<Selection, IndexError> {
        let mut selection = self.in_time(range)?;
        if let Some(only) = only {
            let allowed = self.of_segments(only)?;
            selection.and(&allowed);
        }
        if !selection.is_empty() {
            let found = self.evaluate(&plan.root)?;
            selection.and(&found);
        }
        Ok(selection)
    }

    fn evaluate(&mut self, step: &Step) -> Result<Selection, IndexError> {
        let rows = self.row_count();
        Ok(match step {
            Step::All => Selection::all(rows),
            Step::And(steps) => {
                let mut found = Selection::all(rows);
                for step in steps {
                    if found.is_empty() {
                        break;
                    }
                    found.and(&self.evaluate(step)?);
                }
                found
            }
            Step::Or(steps) => {
                let mut found = Selection::none(rows);
                for step in steps {
                    found.or(&self.evaluate(step)?);
                }
                found
            }
            Step::Not(step) => {
                let mut found = self.evaluate(step)?;
                found.not();
                found
            }
            Step::Time(range) => self.in_time(*range)?,
            Step::Exists(fields) => {
                let mut found = self.passing(fields, |values| vec![true; values.values()], None)?;
                if fields.id || fields.unknown {
                    found.may = Bits::all(rows);
                }
                found
            }
            Step::Is(fields, probe) => self.is(fields, probe)?,
            Step::Words(words) => Selection::only_may(self.with_words(words)?),
        })
    }

    /// Finds the rows with a value that passes a test.
    fn is(&mut self, fields: &Fields, probe: &Probe) -> Result<Selection, IndexError> {
        let flags = |values: &Strings| probe.flags(values);
        let mut found = self.passing(fields, flags, probe.equals.as_ref())?;
        let Some(equals) = &probe.equals else {
            if fields.id || fields.unknown {
                found.may = Bits::all(self.row_count());
            }
            return Ok(found);
        };
        if fields.unknown || fields.id && self.may_have_pair(equals.id_pair)? {
            let rows = self.with_words(&equals.words)?;
            found.may.or(&rows);
        }
        if fields.id {
            let unusual = self.unusual()?;
            if let Some(rows) = unusual.get(&super::columns::ID) {
                found.may.or(rows);
            }
        }
        Ok(found)
    }

    /// Finds the rows with a value in a column that passes a test, and those whose columns do not tell.
    fn passing(
        &mut self,
        fields: &Fields,
        flags: impl Fn(&Strings) -> Vec<bool>,
        equals: Option<&Equals>,
    ) -> Result<Selection, IndexError> {
        let rows = self.row_count();
        let unusual = self.unusual()?;
        let mut found = Selection::none(rows);
        for &column in &fields.columns {
            if let Some(rows) = unusual.get(&column) {
                found.may.or(rows);
            }
            if let Some(equals) = equals
                && !self.may_have_pair(equals.pairs[column])?
            {
                continue;
            }
            let Some(values) = self.column(column)? else {
                found.may = Bits::all(rows);
                continue;
            };
            let flags = flags(&values);
            if flags.iter().any(|flag| *flag) {
                let codes = &values.codes;
                let passes = |row: usize| codes[row] != NO_VALUE && flags[codes[row] as usize];
                let passing = Bits::of(rows, passes);
                found.sure.or(&passing);
                found.may.or(&passing);
            }
        }
        for field in &fields.marked {
            if let Some(rows) = unusual.get(field) {
                found.may.or(rows);
            }
        }
        Ok(found)
    }

    /// Returns the rows whose texts may have all of these words.
    fn with_words(&mut self, words: &[u64]) -> Result<Bits, IndexError> {
        let rows = self.row_count();
        if words.is_empty() {
            return Ok(Bits::all(rows));
        }
        let Some(blocks) = self.blocks_with(words)? else {
            return Ok(Bits::all(rows));
        };
        if blocks.iter().all(|has| *has) {
            return Ok(Bits::all(rows));
        }
        if !blocks.iter().any(|has| *has) {
            return Ok(Bits::none(rows));
        }
        let row_blocks = self.row_blocks()?;
        Ok(Bits::of(rows, |row| blocks[row_blocks[row] as usize]))
    }

    /// Returns the rows of the segments that count.
    fn of_segments(&mut self, only: &dyn Fn(SegmentId) -> bool) -> Result<Selection, IndexError> {
        let rows = self.row_count();
        let segments = self.segments()?;
        let counts: Vec<bool> = segments.iter().map(|segment| only(segment.id)).collect();
        if counts.iter().all(|counts| *counts) {
            return Ok(Selection::all(rows));
        }
        if !counts.iter().any(|counts| *counts) {
            return Ok(Selection::none(rows));
        }
        let blocks = segments.iter().zip(counts);
        let blocks =
            blocks.flat_map(|(segment, counts)| segment.blocks.iter().map(move |_| counts));
        let blocks: Vec<bool> = blocks.collect();
        let row_blocks = self.row_blocks()?;
        let may = Bits::of(rows, |row| blocks[row_blocks[row] as usize]);
        Ok(Selection {
            sure: may.clone(),
            may,
        })
    }

    /// Returns the rows in a range of times.
    fn in_time(&mut self, range: TimeRange) -> Result<Selection, IndexError> {
        let rows = self.row_count();
        let bounds = [range.from, range.to].map(|time| time.as_nanosecond());
        let [from, to] = bounds.map(|nanos| nanos.div_euclid(1000));
        let [from_is_finer, to_is_finer] = bounds.map(|nanos| nanos.rem_euclid(1000) != 0);
        let (first, last) = self.span();
        // A row's time lies in the microsecond that begins here. All of it is in the range or outside, except where a
        // bound lies inside it.
        let (first, last) = (i128::from(first), i128::from(last));
        if first > from && last < to {
            return Ok(Selection::all(rows));
        }
        if last < from || first > to {
            return Ok(Selection::none(rows));
        }
        let micros = self.micros()?;
        let before = |bound: i128| micros.partition_point(|micros| i128::from(*micros) < bound);
        let is_finer = self.is_finer();
        let (mut sure, mut may) = (Bits::none(rows), Bits::none(rows));
        // Rows of the bound's own microsecond: in the range, outside, or not known.
        let sure_from = before(if from_is_finer { from + 1 } else { from });
        let may_from = match is_finer {
            true => before(from),
            false => sure_from,
        };
        let sure_to = match is_finer || !to_is_finer {
            true => before(to),
            false => before(to + 1),
        };
        let may_to = before(if to_is_finer { to + 1 } else { to });
        sure.insert_range(sure_from..sure_to.max(sure_from));
        may.insert_range(may_from..may_to.max(may_from));
        Ok(Selection { sure, may })
    }
}

impl Probe {
    /// Returns for each value of a column whether it passes.
    fn flags(&self, values: &Strings) -> Vec<bool> {
        let texts = (0..super::bytes::narrow(values.values())).map(|code| values.text(code));
        match &self.equals {
            // A character outside ASCII may fold to one inside.
            Some(Equals {
                ascii: Some(value), ..
            }) => texts
                .map(|text| match text.is_ascii() {
                    true => text.eq_ignore_ascii_case(value),
                    false => self.test.matches(text),
                })
                .collect(),
            _ => texts.map(|text| self.test.matches(text)).collect(),
        }
    }
}

//! Counts rows by the codes of their columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use atrail_model::Timestamp;

use super::bits::Bits;
use super::columns::COLUMNS;
use super::page::{NO_VALUE, Strings};
use super::plan::Fields;
use super::{IndexError, PartReader, Selection};
use crate::aggregate::{Buckets, Collector, CountError, Counting};
use crate::query::Field;

/// What an index file counted by itself.
#[derive(Debug, Clone)]
pub struct Counted {
    /// Number of the counted rows: those that are not in [`Self::rest`].
    pub total: u64,
    /// The other rows: their lines decide whether they match, and what they count for.
    pub rest: Selection,
    times: Option<(Timestamp, Timestamp)>,
    histogram: BTreeMap<i64, u64>,
    fields: Vec<FieldCounts>,
}

/// How many rows have each value of a field.
#[derive(Debug, Clone)]
struct FieldCounts {
    columns: Vec<Arc<Strings>>,
    /// The number of rows of each code, for each column.
    counts: Vec<Vec<u64>>,
    missing: u64,
}

impl Counted {
    /// Adds the counts to those of a collector of the same fields.
    ///
    /// # Errors
    /// When there are more different values or buckets than fit. The collector is then of no more use.
    pub fn add_to(&self, collector: &mut Collector) -> Result<(), CountError> {
        if self.total == 0 {
            return Ok(());
        }
        let histogram = self
            .histogram
            .iter()
            .map(|(bucket, events)| (*bucket, *events));
        collector.add_all(self.total, self.times, histogram)?;
        for (number, field) in self.fields.iter().enumerate() {
            let columns = field.columns.iter().zip(&field.counts);
            let values = columns.flat_map(|(column, counts)| {
                let some = (0..).zip(counts).filter(|(_, events)| **events > 0);
                some.map(|(code, events)| (column.text(code), *events))
            });
            collector.add_field(number, field.missing, values)?;
        }
        Ok(())
    }
}

/// A field of which values are counted: its columns, in the order in which an event's value is chosen.
struct Facet {
    columns: Vec<Arc<Strings>>,
}

impl PartReader<'_> {
    /// Counts the selected rows as far as the file can.
    ///
    /// # Errors
    /// When what this reads of the file is damaged.
    pub fn count(
        &mut self,
        selection: &Selection,
        counting: &Counting,
    ) -> Result<Counted, IndexError> {
        let mut sure = selection.sure.clone();
        let facets = counting.facets.iter().map(|(field, _)| field);
        let facets = facets
            .chain(&counting.distinct)
            .map(|field| self.facet(field, &mut sure))
            .collect::<Result<Vec<_>, _>>()?;
        if self.is_finer() {
            self.without_ends(&mut sure)?;
        }
        let (mut times, mut histogram) = (None, BTreeMap::new());
        if let Some((first, last)) = self.ends(&sure)? {
            times = timestamp(first).zip(timestamp(last));
            if let Some(buckets) = counting.histogram {
                self.histogram(&sure, buckets, &mut histogram)?;
            }
        }
        let mut may = selection.may.clone();
        may.without(&sure);
        let mut rest_sure = selection.sure.clone();
        rest_sure.without(&sure);
        Ok(Counted {
            total: sure.len() as u64,
            rest: Selection {
                sure: rest_sure,
                may,
            },
            times,
            histogram,
            fields: facets.into_iter().map(|facet| facet.count(&sure)).collect(),
        })
    }

    /// Prepares to count a field's values, and removes the rows of which only the lines have them.
    fn facet(&mut self, field: &Field, sure: &mut Bits) -> Result<Facet, IndexError> {
        let mut facet = Facet {
            columns: Vec::new(),
        };
        let unusual = self.unusual()?;
        for path in &field.paths {
            let single = Field {
                name: String::new(),
                paths: vec![path.clone()],
            };
            let fields = Fields::of(&single);
            for number in fields.columns.iter().chain(&fields.marked) {
                if let Some(rows) = unusual.get(number) {
                    sure.without(rows);
                }
            }
            let column = match *fields.columns {
                [number] if number < COLUMNS.len() => self.column(number)?,
                _ => None,
            };
            match column {
                Some(column) => facet.columns.push(column),
                None if fields.marked.is_empty() => {
                    // Only the rows with a value in an earlier column are decided.
                    let rows = sure.rows();
                    sure.and(&Bits::of(rows, |row| facet.code(row).is_some()));
                }
                None => {}
            }
        }
        Ok(facet)
    }

    /// Removes the rows whose times may be the first or the last, and are finer than the column has them.
    fn without_ends(&mut self, sure: &mut Bits) -> Result<(), IndexError> {
        let Some((first, last)) = self.ends(sure)? else {
            return Ok(());
        };
        let micros = self.micros()?;
        let is_inside = |row: usize| micros[row] != first && micros[row] != last;
        sure.and(&Bits::of(sure.rows(), is_inside));
        Ok(())
    }

    /// Returns the times of the first and the last row.
    fn ends(&mut self, rows: &Bits) -> Result<Option<(i64, i64)>, IndexError> {
        if rows.is_empty() {
            return Ok(None);
        }
        if rows.len() == rows.rows() {
            return Ok(Some(self.span()));
        }
        let micros = self.micros()?;
        Ok(rows
            .ends()
            .map(|(first, last)| (micros[first], micros[last])))
    }

    fn histogram(
        &mut self,
        rows: &Bits,
        buckets: Buckets,
        histogram: &mut BTreeMap<i64, u64>,
    ) -> Result<(), IndexError> {
        let micros = self.micros()?;
        let mut bucket = (0, 0, i64::MIN..i64::MIN);
        for row in rows.iter() {
            let micros = micros[row];
            if !bucket.2.contains(&micros) {
                if bucket.1 > 0 {
                    *histogram.entry(bucket.0).or_default() += bucket.1;
                }
                let time = timestamp(micros).ok_or(IndexError::Damaged("its times"))?;
                let number = buckets.of(time);
                let bound = |number: i64, beyond: i64| match buckets.start(number) {
                    Some(start) => start.as_microsecond(),
                    None => beyond,
                };
                let end = bound(number.saturating_add(1), i64::MAX);
                bucket = (number, 0, bound(number, i64::MIN)..end);
            }
            bucket.1 += 1;
        }
        if bucket.1 > 0 {
            *histogram.entry(bucket.0).or_default() += bucket.1;
        }
        Ok(())
    }
}

fn timestamp(micros: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(micros).ok()
}

impl Facet {
    /// Returns the column that has the row's value, and its code there.
    fn code(&self, row: usize) -> Option<(usize, u32)> {
        let codes = self.columns.iter().map(|column| column.codes[row]);
        codes.enumerate().find(|(_, code)| *code != NO_VALUE)
    }

    fn count(self, rows: &Bits) -> FieldCounts {
        let columns = self.columns.iter();
        let mut counts: Vec<Vec<u64>> = columns.map(|column| vec![0; column.values()]).collect();
        let mut missing = 0;
        for row in rows.iter() {
            match self.code(row) {
                Some((column, code)) => counts[column][code as usize] += 1,
                None => missing += 1,
            }
        }
        FieldCounts {
            columns: self.columns,
            counts,
            missing,
        }
    }
}

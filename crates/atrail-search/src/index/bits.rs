//! Sets of row numbers.

/// A set of the rows of a part: a bit each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bits {
    words: Vec<u64>,
    rows: usize,
}

impl Bits {
    pub(super) fn none(rows: usize) -> Self {
        Self {
            words: vec![0; rows.div_ceil(64)],
            rows,
        }
    }

    pub(super) fn all(rows: usize) -> Self {
        let mut bits = Self {
            words: vec![u64::MAX; rows.div_ceil(64)],
            rows,
        };
        bits.trim();
        bits
    }

    /// Returns the set of the rows for which `has` holds.
    pub(super) fn of(rows: usize, mut has: impl FnMut(usize) -> bool) -> Self {
        let words = (0..rows.div_ceil(64)).map(|word| {
            let end = rows.min(word * 64 + 64);
            (word * 64..end).fold(0, |bits, row| bits | u64::from(has(row)) << (row % 64))
        });
        Self {
            words: words.collect(),
            rows,
        }
    }

    /// Clears the bits after the last row.
    fn trim(&mut self) {
        if let Some(last) = self.words.last_mut()
            && !self.rows.is_multiple_of(64)
        {
            *last &= (1 << (self.rows % 64)) - 1;
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn len(&self) -> usize {
        self.words
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub(super) fn has(&self, row: usize) -> bool {
        self.words[row / 64] >> (row % 64) & 1 == 1
    }

    pub(super) fn insert(&mut self, row: usize) {
        self.words[row / 64] |= 1 << (row % 64);
    }

    /// Inserts the rows of a half-open range.
    pub(super) fn insert_range(&mut self, rows: std::ops::Range<usize>) {
        for row in rows {
            self.insert(row);
        }
    }

    pub(super) fn and(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    pub(super) fn or(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    /// Removes the rows of another set.
    pub(super) fn without(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    pub(super) fn invert(&mut self) {
        for word in &mut self.words {
            *word = !*word;
        }
        self.trim();
    }

    /// Returns the first and the last row.
    pub(super) fn ends(&self) -> Option<(usize, usize)> {
        let first = self.words.iter().position(|word| *word != 0)?;
        let last = self.words.iter().rposition(|word| *word != 0)?;
        let (low, high) = (self.words[first], self.words[last]);
        let bit = |count: u32| count as usize;
        Some((
            first * 64 + bit(low.trailing_zeros()),
            last * 64 + 63 - bit(high.leading_zeros()),
        ))
    }

    /// Returns the rows in ascending order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(at * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_follow_the_rules_of_sets() {
        for rows in [0, 1, 63, 64, 65, 200] {
            let even = Bits::of(rows, |row| row % 2 == 0);
            let third = Bits::of(rows, |row| row % 3 == 0);
            let list = |bits: &Bits| bits.iter().collect::<Vec<_>>();
            let expected =
                |has: fn(usize) -> bool| (0..rows).filter(|row| has(*row)).collect::<Vec<_>>();
            assert_eq!(list(&even), expected(|row| row % 2 == 0));
            let ends = list(&third)
                .first()
                .copied()
                .zip(list(&third).last().copied());
            assert_eq!(third.ends(), ends);
            let mut both = even.clone();
            both.and(&third);
            assert_eq!(list(&both), expected(|row| row % 6 == 0));
            let mut either = even.clone();
            either.or(&third);
            assert_eq!(list(&either), expected(|row| row % 2 == 0 || row % 3 == 0));
            let mut less = even.clone();
            less.without(&third);
            assert_eq!(list(&less), expected(|row| row % 2 == 0 && row % 3 != 0));
            let mut odd = even.clone();
            odd.invert();
            assert_eq!(list(&odd), expected(|row| row % 2 == 1));
            assert_eq!(odd.len() + even.len(), rows);
            let mut none = Bits::all(rows);
            assert_eq!(none.len(), rows);
            none.invert();
            assert!(none.is_empty() && none == Bits::none(rows));
        }
    }
}

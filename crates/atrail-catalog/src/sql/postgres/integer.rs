//! PostgreSQL has several types of integers, and sums of them have another one.

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgRow, PgTypeInfo, PgValueFormat, PgValueRef, Postgres};
use sqlx::{ColumnIndex, Decode, Error, Row as _, Type, TypeInfo as _, ValueRef as _};

/// A value that a row of PostgreSQL has.
pub(crate) trait FromPostgres: Sized {
    fn get<I: ColumnIndex<PgRow>>(row: &PgRow, column: I) -> Result<Self, Error>;
}

macro_rules! as_is {
    ($($kind:ty),+) => {$(
        impl FromPostgres for $kind {
            fn get<I: ColumnIndex<PgRow>>(row: &PgRow, column: I) -> Result<Self, Error> {
                row.try_get(column)
            }
        }
    )+};
}
as_is!(bool, String, Vec<u8>);
as_is!(Option<bool>, Option<String>, Option<Vec<u8>>);

impl FromPostgres for i64 {
    fn get<I: ColumnIndex<PgRow>>(row: &PgRow, column: I) -> Result<Self, Error> {
        row.try_get(column).map(|Integer(value)| value)
    }
}

impl FromPostgres for Option<i64> {
    fn get<I: ColumnIndex<PgRow>>(row: &PgRow, column: I) -> Result<Self, Error> {
        let value: Option<Integer> = row.try_get(column)?;
        Ok(value.map(|Integer(value)| value))
    }
}

/// An integer, a sum of integers, or a truth value as 0 or 1.
struct Integer(i64);

impl Type<Postgres> for Integer {
    fn type_info() -> PgTypeInfo {
        <i64 as Type<Postgres>>::type_info()
    }

    fn compatible(kind: &PgTypeInfo) -> bool {
        matches!(kind.name(), "INT2" | "INT4" | "INT8" | "NUMERIC" | "BOOL")
    }
}

impl Decode<'_, Postgres> for Integer {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let kind = value.type_info().name().to_owned();
        let integer = match (kind.as_str(), value.format()) {
            ("BOOL", _) => <bool as Decode<'_, Postgres>>::decode(value)?.into(),
            ("NUMERIC", PgValueFormat::Binary) => whole_number(value.as_bytes()?)?,
            ("NUMERIC", PgValueFormat::Text) => value.as_str()?.parse()?,
            _ => <i64 as Decode<'_, Postgres>>::decode(value)?,
        };
        Ok(Self(integer))
    }
}

/// Reads a NUMERIC: the number of its digits, the weight of the first of them, the sign, the digits behind the point, and
/// the digits, to the base of 10,000 (`src/backend/utils/adt/numeric.c` in PostgreSQL, `numeric_send`).
fn whole_number(bytes: &[u8]) -> Result<i64, BoxDynError> {
    const NEGATIVE: u16 = 0x4000;
    let word = |at: usize| -> Result<u16, BoxDynError> {
        let word = bytes.get(at * 2..at * 2 + 2).ok_or("a number is cut")?;
        Ok(u16::from_be_bytes(word.try_into()?))
    };
    let (digits, weight, sign) = (word(0)?, word(1)?.cast_signed(), word(2)?);
    if word(3)? != 0 || !matches!(sign, 0 | NEGATIVE) {
        return Err("a number is not whole".into());
    }
    let mut number = 0_i128;
    for at in 0..=weight {
        let at = u16::try_from(at)?;
        let digit = if at < digits {
            word(4 + usize::from(at))?
        } else {
            0
        };
        number = number.checked_mul(10_000).ok_or("a number is too large")? + i128::from(digit);
    }
    let number = if sign == NEGATIVE { -number } else { number };
    Ok(number.try_into()?)
}

#[cfg(test)]
mod tests {
    use super::whole_number;

    fn numeric(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn whole_numbers_are_read() {
        let cases: [(&[u16], i64); 5] = [
            (&[0, 0, 0, 0], 0),
            (&[1, 0, 0, 0, 7], 7),
            (&[1, 1, 0x4000, 0, 3], -30_000),
            (&[3, 2, 0, 0, 1, 2, 3], 100_020_003),
            (&[5, 4, 0, 0, 922, 3372, 368, 5477, 5807], i64::MAX),
        ];
        for (words, number) in cases {
            assert_eq!(whole_number(&numeric(words)).unwrap(), number);
        }
    }

    #[test]
    fn other_numbers_are_refused() {
        let cases: [&[u16]; 4] = [
            &[1, 0, 0, 2, 7],
            &[0, 0, 0xC000, 0],
            &[2, 1, 0, 0, 7],
            &[5, 4, 0, 0, 922, 3372, 368, 5477, 5808],
        ];
        for words in cases {
            whole_number(&numeric(words)).unwrap_err();
        }
    }
}

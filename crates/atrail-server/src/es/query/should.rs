//! How many of the clauses of `should` must hold.

use atrail_search::query::Expr;
use serde_json::Value;

use crate::es::json::whole;
use crate::es::refusal::Refusal;

/// In how many ways the clauses may be chosen.
const COMBINATIONS_MAX: usize = 1000;

/// Reads how many clauses must hold: a number, or a percentage rounded down; a negative one is how many need not.
pub(super) fn minimum(value: &Value, clauses: usize) -> Result<usize, Refusal> {
    let unreadable = || {
        Refusal::parsing(
            "[minimum_should_match] must be a number such as 2 or -1, or a percentage such as 75%",
        )
    };
    let total = i64::try_from(clauses).map_err(|_| unreadable())?;
    let percent = value.as_str().and_then(|text| text.strip_suffix('%'));
    let needed = match percent {
        Some(digits) => {
            let percent: i64 = digits.parse().map_err(|_| unreadable())?;
            if !(-100..=100).contains(&percent) {
                return Err(unreadable());
            }
            // Truncated towards zero, as Elasticsearch does.
            total * percent / 100
        }
        None => whole(value).ok_or_else(unreadable)?,
    };
    let needed = if needed < 0 || percent.is_some_and(|digits| digits.starts_with('-')) {
        total.saturating_add(needed)
    } else {
        needed
    };
    Ok(usize::try_from(needed.max(0)).unwrap_or(usize::MAX))
}

/// Returns the condition that at least so many of these hold.
pub(super) fn at_least(needed: usize, all: &[Expr]) -> Result<Expr, Refusal> {
    if needed == 0 {
        return Ok(Expr::All);
    }
    if needed > all.len() {
        return Ok(Expr::nothing());
    }
    if needed == 1 {
        return Ok(Expr::any_of(all.iter().cloned()));
    }
    if needed == all.len() {
        return Ok(Expr::all_of(all.iter().cloned()));
    }
    if combinations(all.len(), needed) > COMBINATIONS_MAX {
        return Err(Refusal::illegal(
            "[minimum_should_match] leaves too many combinations of the clauses of [should]",
        ));
    }
    let (first, rest) = all.split_at(1);
    let with = Expr::all_of([first[0].clone(), at_least(needed - 1, rest)?]);
    Ok(Expr::any_of([with, at_least(needed, rest)?]))
}

/// Returns in how many ways so many of all can be chosen.
fn combinations(all: usize, chosen: usize) -> usize {
    let chosen = chosen.min(all - chosen);
    (0..chosen).fold(1, |ways: usize, at| {
        ways.saturating_mul(all - at) / (at + 1)
    })
}

//! Separates the times of a query from its other conditions.

use atrail_model::Timestamp;
use atrail_search::TimeRange;
use atrail_search::query::Expr;

/// All times.
const ALWAYS: TimeRange = TimeRange {
    from: Timestamp::MIN,
    to: Timestamp::MAX,
};

/// Returns the times outside of which no event matches, and the conditions besides. Only times that every event must
/// have are separated; others stay among the conditions.
pub(crate) fn split(expr: Expr) -> (TimeRange, Expr) {
    match expr {
        Expr::Time(range) => (range, Expr::All),
        Expr::And(parts) => {
            let mut range = ALWAYS;
            let mut rest = Vec::with_capacity(parts.len());
            for part in parts {
                let (of_part, other) = split(part);
                range = common(range, of_part);
                rest.push(other);
            }
            (range, Expr::all_of(rest))
        }
        // What is true of each alternative bounds the whole.
        Expr::Or(parts) => {
            let ranges = parts.iter().map(bounds);
            let range = ranges.reduce(|one, other| TimeRange {
                from: one.from.min(other.from),
                to: one.to.max(other.to),
            });
            (range.unwrap_or(ALWAYS), Expr::Or(parts))
        }
        other => (ALWAYS, other),
    }
}

/// Returns the times outside of which no event fulfils the condition.
fn bounds(expr: &Expr) -> TimeRange {
    split(expr.clone()).0
}

fn common(one: TimeRange, other: TimeRange) -> TimeRange {
    let from = one.from.max(other.from);
    TimeRange {
        from,
        to: one.to.min(other.to).max(from),
    }
}

#[cfg(test)]
mod tests {
    use atrail_search::query::{Field, Test};

    use super::*;

    fn time(from: i64, to: i64) -> Expr {
        Expr::Time(range(from, to))
    }

    fn range(from: i64, to: i64) -> TimeRange {
        let at = |second| Timestamp::from_second(second).unwrap();
        TimeRange {
            from: at(from),
            to: at(to),
        }
    }

    fn other() -> Expr {
        Expr::Is(
            Field::named("action").unwrap(),
            Test::Equals("read".to_owned()),
        )
    }

    #[test]
    fn times_that_every_event_must_have_are_separated() {
        let both = Expr::And(vec![time(0, 10), other(), Expr::And(vec![time(5, 20)])]);
        assert_eq!(split(both), (range(5, 10), other()));
        assert_eq!(split(time(0, 1)), (range(0, 1), Expr::All));
        let never = Expr::And(vec![time(0, 1), time(5, 6)]);
        assert_eq!(split(never), (range(5, 5), Expr::All));
    }

    #[test]
    fn other_times_only_bound() {
        let either = Expr::Or(vec![time(0, 10), Expr::And(vec![time(20, 30), other()])]);
        assert_eq!(split(either.clone()), (range(0, 30), either));
        let open = Expr::Or(vec![time(0, 10), other()]);
        assert_eq!(split(open.clone()), (ALWAYS, open));
        let not = Expr::Not(Box::new(time(0, 10)));
        assert_eq!(split(not.clone()), (ALWAYS, not));
    }
}

//! Where a hit stands, in the two numbers that clients send back to continue behind it.
//!
//! The first number is the hit's time in milliseconds since 1970. The second one is below 2^53, so that a client that
//! reads numbers as IEEE 754 doubles keeps it. From the highest bit on it has:
//!
//! | bits | what |
//! |---|---|
//! | 20 | the nanoseconds since the beginning of the millisecond |
//! | 11 | the first bits of the domain's place in the order of domains |
//! | 22 | how many hits of exactly this time and these bits precede the hit |
//!
//! No two hits of a search have the same two numbers. The numbers follow from the hit and from what precedes it at the
//! same instant, and not from the page or the direction, so that a search continues exactly where the hit stands, also
//! when events arrive meanwhile: those of the same time and domain come behind it. (One that arrives at exactly the same
//! nanosecond in another domain with the same eleven bits, and an earlier place, would move a hit by one.)

use atrail_model::{Domain, Timestamp};
use jiff::ToSpan;
use serde_json::Value;

use super::dates::{at_millis, millis};
use super::json::whole;
use super::refusal::Refusal;

const DOMAIN_BITS: u32 = 11;
const COUNT_BITS: u32 = 22;
/// The number of hits of one time and one group of domains that can be told apart.
const COUNT_MAX: u64 = 1 << COUNT_BITS;
const NANOS_OF_MILLI: i128 = 1_000_000;

/// Where a hit stands in the order of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    /// Behind a hit of this time and group, behind so many others of the same.
    Hit(Hit),
    /// Behind all of this millisecond.
    Millisecond(i64),
}

impl Position {
    /// Returns the instants from which on, when the oldest come first, and before which, when the newest do, everything
    /// is that lies behind.
    pub(crate) fn instants(self) -> (Timestamp, Timestamp) {
        match self {
            Self::Hit(Hit { time, .. }) => (time, time.checked_add(1.nanosecond()).unwrap_or(time)),
            Self::Millisecond(millis) => (at_millis(millis.saturating_add(1)), at_millis(millis)),
        }
    }

    /// Returns whether a hit in these instants lies behind.
    pub(crate) fn is_before(self, hit: Hit) -> bool {
        match self {
            Self::Hit(last) if last.time == hit.time => {
                (last.group, last.count) < (hit.group, hit.count)
            }
            _ => true,
        }
    }
}

/// The position of one hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) time: Timestamp,
    pub(crate) group: Group,
    pub(crate) count: u64,
}

/// Domains that stand beside each other in the order of domains: those whose places begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group(u64);

impl Group {
    /// Returns the group of a domain.
    pub(crate) fn of(domain: Domain) -> Self {
        // Spaces come before accounts, and each in the order of their ids.
        let (kind, id) = match domain {
            Domain::Space(id) => (0, *id.as_bytes()),
            Domain::Account(id) => (1, *id.as_bytes()),
        };
        let first = u64::from(u16::from_be_bytes([id[0], id[1]]));
        Self(kind << (DOMAIN_BITS - 1) | first >> (16 - (DOMAIN_BITS - 1)))
    }
}

impl Position {
    /// Reads what a client sends back: the numbers of a hit; or only a millisecond, to continue behind all of it.
    pub(crate) fn read(value: &Value) -> Result<Self, Refusal> {
        let unreadable = || {
            Refusal::illegal(
                "[search_after] must be the [sort] of a hit: milliseconds since 1970, and a whole number",
            )
        };
        let numbers = value.as_array().ok_or_else(unreadable)?;
        let numbers: Option<Vec<i64>> = numbers.iter().map(whole).collect();
        match numbers.as_deref() {
            Some([millis]) => Ok(Self::Millisecond(*millis)),
            Some([millis, number]) => Hit::of(*millis, *number)
                .map(Self::Hit)
                .ok_or_else(unreadable),
            _ => Err(unreadable()),
        }
    }
}

impl Hit {
    /// Returns the two numbers.
    pub(crate) fn numbers(self) -> Result<(i64, u64), Refusal> {
        if self.count >= COUNT_MAX {
            return Err(Refusal::illegal(format!(
                "more than {COUNT_MAX} events have exactly the same time, {}, and [search_after] cannot tell them apart: narrow the query",
                self.time
            )));
        }
        let nanos = self.time.as_nanosecond().rem_euclid(NANOS_OF_MILLI);
        let nanos =
            u64::try_from(nanos).expect("a remainder of a positive number is none below zero");
        let number = (nanos << DOMAIN_BITS | self.group.0) << COUNT_BITS | self.count;
        Ok((millis(self.time), number))
    }

    fn of(millis: i64, number: i64) -> Option<Self> {
        let number = u64::try_from(number).ok()?;
        let nanos = number >> (DOMAIN_BITS + COUNT_BITS);
        let nanos = Some(i128::from(nanos)).filter(|nanos| *nanos < NANOS_OF_MILLI)?;
        let time = i128::from(millis) * NANOS_OF_MILLI + nanos;
        Some(Self {
            time: Timestamp::from_nanosecond(time).ok()?,
            group: Group(number >> COUNT_BITS & ((1 << DOMAIN_BITS) - 1)),
            count: number & (COUNT_MAX - 1),
        })
    }
}

/// Counts hits, which come in the order of a search, to tell where each stands.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    last: Option<Hit>,
}

impl Positions {
    /// Returns where the next hit stands.
    pub(crate) fn next(&mut self, time: Timestamp, domain: Domain) -> Hit {
        let group = Group::of(domain);
        let count = match self.last {
            Some(last) if last.time == time && last.group == group => last.count + 1,
            _ => 0,
        };
        let hit = Hit { time, group, count };
        self.last = Some(hit);
        hit
    }
}

#[cfg(test)]
mod tests {
    use atrail_model::{AccountId, SpaceId};
    use serde_json::json;

    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_hit_is_found_again_by_its_numbers() {
        let space = SpaceId::from_bytes([0xff; 16]);
        for (text, domain, count) in [
            ("2017-07-25T09:00:00Z", Domain::Space(space), 0),
            (
                "2017-07-25T09:00:00.999999999Z",
                Domain::Account(AccountId::from_bytes([0xff; 16])),
                COUNT_MAX - 1,
            ),
            ("1969-12-31T23:59:59.999999999Z", Domain::Space(space), 7),
        ] {
            let hit = Hit {
                time: time(text),
                group: Group::of(domain),
                count,
            };
            let (millis, number) = hit.numbers().unwrap();
            assert!(number < 1 << 53, "{number}");
            assert_eq!(
                Position::read(&json!([millis, number])).unwrap(),
                Position::Hit(hit)
            );
            // As clients return it that read every number as a floating-point one, or as a text.
            let float = serde_json::Number::from_f64(number as f64).unwrap();
            assert_eq!(
                Position::read(&json!([millis, float])).unwrap(),
                Position::Hit(hit)
            );
            assert_eq!(
                Position::read(&json!([millis.to_string(), number])).unwrap(),
                Position::Hit(hit)
            );
        }
        let too_many = Hit {
            count: COUNT_MAX,
            time: time("2017-07-25T09:00:00Z"),
            group: Group(0),
        };
        assert!(too_many.numbers().is_err());
        for value in [
            json!([]),
            json!([1, 2, 3]),
            json!("x"),
            json!([1, -1]),
            json!([1, 1.5]),
            json!([1, u64::MAX]),
            json!([null, 1]),
        ] {
            assert!(Position::read(&value).is_err(), "{value}");
        }
    }

    #[test]
    fn groups_keep_the_order_of_domains() {
        let mut domains: Vec<Domain> = (0..=255_u8)
            .flat_map(|byte| {
                let id = [
                    byte,
                    255 - byte,
                    3,
                    4,
                    5,
                    6,
                    7,
                    8,
                    9,
                    10,
                    11,
                    12,
                    13,
                    14,
                    15,
                    16,
                ];
                [
                    Domain::Space(SpaceId::from_bytes(id)),
                    Domain::Account(AccountId::from_bytes(id)),
                ]
            })
            .collect();
        domains.sort_unstable();
        assert!(domains.iter().map(|domain| Group::of(*domain)).is_sorted());
        assert!(Group::of(domains[511]) < Group(1 << DOMAIN_BITS));
    }

    #[test]
    fn hits_of_one_time_and_group_are_counted() {
        let (one, other) = (SpaceId::from_bytes([1; 16]), SpaceId::from_bytes([2; 16]));
        let (one, other) = (Domain::Space(one), Domain::Space(other));
        let (early, late) = (time("2017-07-25T09:00:00Z"), time("2017-07-25T09:00:01Z"));
        let mut positions = Positions::default();
        let counts: Vec<u64> = [
            (early, one),
            (early, one),
            (early, other),
            (late, other),
            (late, other),
        ]
        .into_iter()
        .map(|(time, domain)| positions.next(time, domain).count)
        .collect();
        assert_eq!(counts, [0, 1, 0, 0, 1]);
    }
}

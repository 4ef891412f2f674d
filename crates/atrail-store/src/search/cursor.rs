//! Positions in the answers to a question.
//!
//! A cursor names the time and the domain of the last delivered event, and how many events of exactly this time and domain
//! were delivered. Events of one time and domain keep the order in which they arrived, so it stays right while others
//! arrive, are sealed, or move to other objects.

use std::fmt;
use std::str::FromStr;

use atrail_evidence::hex;
use atrail_model::{AccountId, Domain, SpaceId, Target, Timestamp};
use atrail_search::{Order, Query, TimeRange};
use sha2::{Digest, Sha256};

use super::error::SearchError;

const VERSION: u8 = 1;
const LENGTH: usize = 1 + 8 + 8 + 4 + 1 + 16 + 8;

/// A position in the answers to a question. Its text is opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    question: [u8; 8],
    pub(super) time: Timestamp,
    pub(super) domain: Domain,
    /// Number of delivered events of this time and domain.
    pub(super) count: u64,
}

/// What a cursor belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) target: Target,
    pub(super) range: TimeRange,
    pub(super) query: &'a Query,
    pub(super) order: Order,
}

impl Cursor {
    pub(super) fn new(asked: &Asked<'_>, (time, domain): (Timestamp, Domain), count: u64) -> Self {
        Self {
            question: digest(asked),
            time,
            domain,
            count,
        }
    }

    /// Refuses a cursor of another question.
    pub(super) fn check(&self, asked: &Asked<'_>) -> Result<(), SearchError> {
        let is_own = self.question == digest(asked) && asked.range.contains(self.time);
        if is_own {
            Ok(())
        } else {
            Err(SearchError::Cursor)
        }
    }
}

fn digest(asked: &Asked<'_>) -> [u8; 8] {
    let Asked {
        target,
        range,
        query,
        order,
    } = asked;
    let text = format!(
        "{target:?}\n{} {}\n{order:?}\n{}",
        range.from,
        range.to,
        query.canonical()
    );
    let hash: [u8; 32] = Sha256::digest(text).into();
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    first
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.question);
        bytes.extend_from_slice(&self.time.as_second().to_be_bytes());
        bytes.extend_from_slice(&self.time.subsec_nanosecond().to_be_bytes());
        let (kind, guid) = match &self.domain {
            Domain::Space(id) => (0, id.as_bytes()),
            Domain::Account(id) => (1, id.as_bytes()),
        };
        bytes.push(kind);
        bytes.extend_from_slice(guid);
        bytes.extend_from_slice(&self.count.to_be_bytes());
        f.write_str(&hex(&bytes))
    }
}

impl FromStr for Cursor {
    type Err = SearchError;

    fn from_str(text: &str) -> Result<Self, SearchError> {
        parse(text).ok_or(SearchError::Cursor)
    }
}

fn parse(text: &str) -> Option<Cursor> {
    let digits = text.as_bytes();
    if digits.len() != 2 * LENGTH {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = [0; LENGTH];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    if bytes[0] != VERSION {
        return None;
    }
    let seconds = i64::from_be_bytes(bytes[9..17].try_into().ok()?);
    let nanoseconds = i32::from_be_bytes(bytes[17..21].try_into().ok()?);
    let guid: [u8; 16] = bytes[22..38].try_into().ok()?;
    let domain = match bytes[21] {
        0 => Domain::Space(SpaceId::from_bytes(guid)),
        1 => Domain::Account(AccountId::from_bytes(guid)),
        _ => return None,
    };
    Some(Cursor {
        question: bytes[1..9].try_into().ok()?,
        time: Timestamp::new(seconds, nanoseconds).ok()?,
        domain,
        count: u64::from_be_bytes(bytes[38..].try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_belongs_to_its_question() {
        let [query, other] = ["a", "b"].map(|text| Query::parse(text).unwrap());
        let asked = Asked {
            target: Target::Space(SpaceId::from_bytes([3; 16])),
            range: TimeRange {
                from: Timestamp::UNIX_EPOCH,
                to: Timestamp::MAX,
            },
            query: &query,
            order: Order::Newest,
        };
        let order = Order::Oldest;
        for domain in [
            Domain::Space(SpaceId::generate()),
            Domain::Account(AccountId::generate()),
        ] {
            let time = "2017-07-24T07:00:00.123456789Z".parse().unwrap();
            let cursor = Cursor::new(&asked, (time, domain), 7);
            let text = cursor.to_string();
            let read: Cursor = text.parse().unwrap();
            assert_eq!(read, cursor);
            assert!(read.check(&asked).is_ok());
            assert!(read.check(&Asked { order, ..asked }).is_err());
            let query = &other;
            assert!(read.check(&Asked { query, ..asked }).is_err());
            for wrong in [
                "",
                &text[1..],
                &format!("{text}00"),
                &text.replace('0', "é"),
            ] {
                assert!(wrong.parse::<Cursor>().is_err(), "{wrong}");
            }
        }
    }
}

//! Preconditions (RFC 9110 §13) against the one strong entity tag that a session has.

use axum::http::HeaderMap;
use axum::http::header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE};
use axum::http::{HeaderName, Method};

use super::range::{RequestRange, ResolvedRange};

/// How to answer a request for a representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// 200 with the whole.
    Whole,
    /// 206 with a part.
    Part(ResolvedRange),
    /// 304.
    NotModified,
    /// 412.
    PreconditionFailed,
    /// 416.
    NotSatisfiable,
}

impl Plan {
    /// Decides in the order of §13.2.2. `etag` is the strong tag with its quotes.
    pub(crate) fn of(method: &Method, headers: &HeaderMap, etag: &str, total: u64) -> Self {
        if !names_it(headers, IF_MATCH, etag, Compare::Strong).unwrap_or(true) {
            return Self::PreconditionFailed;
        }
        if names_it(headers, IF_NONE_MATCH, etag, Compare::Weak).unwrap_or(false) {
            return Self::NotModified;
        }
        // Only GET defines Range (§14.2). A date in If-Range never matches: sessions have no date.
        let range_stands = match headers.get(IF_RANGE) {
            Some(tag) => tag.as_bytes() == etag.as_bytes(),
            None => true,
        };
        let mut ranges = headers.get_all(RANGE).iter();
        let range = match (ranges.next(), ranges.next()) {
            (Some(only), None) if *method == Method::GET && range_stands => {
                only.to_str().ok().and_then(RequestRange::parse)
            }
            _ => None,
        };
        match range {
            None => Self::Whole,
            Some(range) => range
                .resolve(total)
                .map_or(Self::NotSatisfiable, Self::Part),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Compare {
    Strong,
    Weak,
}

/// Returns whether a list of entity tags contains this one, or is `*`; `None` without the header.
fn names_it(headers: &HeaderMap, name: HeaderName, etag: &str, compare: Compare) -> Option<bool> {
    if !headers.contains_key(&name) {
        return None;
    }
    let found = headers.get_all(&name).iter().any(|value| {
        let text = value.to_str().unwrap_or_default();
        // The session's tag is hexadecimal, so a comma inside a foreign tag cannot cause a false match.
        text.split(',').map(str::trim).any(|tag| {
            let weak_part = tag.strip_prefix("W/").filter(|_| compare == Compare::Weak);
            tag == "*" || tag == etag || weak_part == Some(etag)
        })
    });
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETAG: &str = "\"abc\"";

    fn plan(method: &Method, pairs: &[(HeaderName, &'static str)]) -> Plan {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, axum::http::HeaderValue::from_static(value));
        }
        Plan::of(method, &headers, ETAG, 100)
    }

    fn get(pairs: &[(HeaderName, &'static str)]) -> Plan {
        plan(&Method::GET, pairs)
    }

    fn part(first: u64, last: u64) -> Plan {
        let range = RequestRange::FromTo { first, last };
        Plan::Part(range.resolve(100).unwrap())
    }

    #[test]
    fn a_range_stands_only_by_the_strong_tag() {
        let range = (RANGE, "bytes=10-19");
        assert_eq!(get(std::slice::from_ref(&range)), part(10, 19));
        assert_eq!(get(&[range.clone(), (IF_RANGE, ETAG)]), part(10, 19));
        for tag in [
            "W/\"abc\"",
            "\"other\"",
            "abc",
            "*",
            "Tue, 25 Jul 2017 10:29:28 GMT",
        ] {
            assert_eq!(get(&[range.clone(), (IF_RANGE, tag)]), Plan::Whole, "{tag}");
        }
        // The range is out of bounds, but for another representation: no 416.
        assert_eq!(
            get(&[(RANGE, "bytes=100-"), (IF_RANGE, "\"other\"")]),
            Plan::Whole
        );
        assert_eq!(get(&[(RANGE, "bytes=100-")]), Plan::NotSatisfiable);
    }

    #[test]
    fn head_and_repeated_headers_have_no_range() {
        let range = (RANGE, "bytes=10-19");
        assert_eq!(
            plan(&Method::HEAD, std::slice::from_ref(&range)),
            Plan::Whole
        );
        assert_eq!(get(&[range.clone(), range]), Plan::Whole);
    }

    #[test]
    fn preconditions_come_first_and_in_order() {
        assert_eq!(
            get(&[(IF_NONE_MATCH, "\"x\", W/\"abc\"")]),
            Plan::NotModified
        );
        assert_eq!(get(&[(IF_NONE_MATCH, "*")]), Plan::NotModified);
        assert_eq!(get(&[(IF_NONE_MATCH, "\"x\"")]), Plan::Whole);
        assert_eq!(get(&[(IF_MATCH, "\"x\", \"abc\"")]), Plan::Whole);
        assert_eq!(get(&[(IF_MATCH, "W/\"abc\"")]), Plan::PreconditionFailed);
        assert_eq!(
            get(&[(IF_MATCH, "\"x\""), (IF_NONE_MATCH, ETAG)]),
            Plan::PreconditionFailed
        );
        assert_eq!(
            get(&[(IF_NONE_MATCH, ETAG), (RANGE, "bytes=100-")]),
            Plan::NotModified
        );
    }
}

//! Whom a request came from, when a proxy passed it on.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the connection; when that is a trusted proxy's, the address that the proxy names. Each proxy appends whom
/// it got the request from, so the last name that is not itself a trusted proxy's is the one to believe: what stands before
/// it anybody may have written.
pub(super) fn source(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let values = headers.get_all(FORWARDED_FOR).iter();
    let named: Vec<_> = values
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .collect();
    let mut nearest = peer;
    for name in named.into_iter().rev() {
        // What is no address breaks the chain: the proxy after it is the last that is known.
        let Some(address) = address(name.trim()) else {
            break;
        };
        nearest = address;
        if !is_trusted(nearest, trusted) {
            break;
        }
    }
    nearest
}

/// Whether this is the address of a proxy that is believed.
pub(super) fn is_trusted(address: IpAddr, trusted: &[IpAddr]) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|one| one.to_canonical() == address)
}

/// What an address counts as: an IPv6 caller has a whole /64 to choose addresses from, so that counts as one.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
        v4 => v4,
    }
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let alone = text.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    alone
        .or_else(with_port)
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_last_address_that_no_trusted_proxy_has_is_believed() {
        let trusted = ["127.0.0.1", "10.0.0.1"].map(|one| one.parse().unwrap());
        for (peer, values, expected) in [
            // Who is no proxy says nothing about itself.
            ("192.0.2.7", &["203.0.113.1"][..], "192.0.2.7"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["203.0.113.1"], "203.0.113.1"),
            ("::ffff:127.0.0.1", &["203.0.113.1"], "203.0.113.1"),
            // What the client wrote stands first.
            ("127.0.0.1", &["198.51.100.1, 203.0.113.1"], "203.0.113.1"),
            ("127.0.0.1", &["198.51.100.1", "203.0.113.1"], "203.0.113.1"),
            ("127.0.0.1", &["203.0.113.1, 10.0.0.1"], "203.0.113.1"),
            ("127.0.0.1", &["10.0.0.1"], "10.0.0.1"),
            ("127.0.0.1", &["203.0.113.1, unknown"], "127.0.0.1"),
            ("127.0.0.1", &["203.0.113.1:4711"], "203.0.113.1"),
            ("127.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("127.0.0.1", &["2001:db8::1"], "2001:db8::1"),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(FORWARDED_FOR, HeaderValue::from_static(value));
            }
            let found = source(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(found.to_string(), expected, "{peer} {values:?}");
        }
    }
}

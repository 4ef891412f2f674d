//! Finds the client that a proxy passed a request on for.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Returns the address of the connection, or, when that is a trusted proxy's, the address that the proxy names. Each
/// proxy appends the address from which it got the request. So the last name that is not a trusted proxy's is reliable;
/// anybody may have written those before it.
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
        // A text that is not an address breaks the chain: the proxy after it is the last known source.
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

/// Returns whether this is the address of a trusted proxy.
pub(super) fn is_trusted(address: IpAddr, trusted: &[IpAddr]) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|one| one.to_canonical() == address)
}

/// Returns the network of an address. An IPv6 client has a whole /64 of addresses, so a /64 counts as one network.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
        v4 => v4,
    }
}

/// Parses an address, with or without a port.
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
            // The server ignores the header of a peer that is not a trusted proxy.
            ("192.0.2.7", &["203.0.113.1"][..], "192.0.2.7"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["203.0.113.1"], "203.0.113.1"),
            ("::ffff:127.0.0.1", &["203.0.113.1"], "203.0.113.1"),
            // The client's own text comes first.
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

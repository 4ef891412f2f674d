//! Comparing values: as numbers, as addresses, or as text.

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::text::fold;

/// How values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As numbers.
    Number,
    /// As IP addresses: those of version 4 first.
    Address,
    /// As folded text, by its characters.
    Text,
}

impl Kind {
    /// Returns how values are compared with these bounds.
    pub(crate) fn of<'a>(bounds: impl IntoIterator<Item = &'a str> + Clone) -> Self {
        if bounds
            .clone()
            .into_iter()
            .all(|text| Number::of(text).is_some())
        {
            Self::Number
        } else if bounds.into_iter().all(|text| address(text).is_some()) {
            Self::Address
        } else {
            Self::Text
        }
    }

    /// Compares two values; `None` when they are not both of this kind.
    pub(crate) fn compare(self, one: &str, other: &str) -> Option<Ordering> {
        match self {
            Self::Number => Some(Number::of(one)?.compare(Number::of(other)?)),
            Self::Address => Some(address(one)?.cmp(&address(other)?)),
            // By characters and by bytes is the same in UTF-8.
            Self::Text => Some(fold(one).cmp(&fold(other))),
        }
    }
}

/// A decimal number as JSON writes it.
#[derive(Debug, Clone, Copy)]
enum Number {
    /// A whole number, exactly.
    Whole(i128),
    /// Any other, to 53 bits.
    Other(f64),
}

impl Number {
    fn of(text: &str) -> Option<Self> {
        if !is_json_number(text) {
            return None;
        }
        if let Ok(whole) = text.parse() {
            return Some(Self::Whole(whole));
        }
        // The beginning of a hexadecimal id, such as 550e8400, is not a number of so many digits.
        let other = text.parse::<f64>().ok().filter(|number| number.is_finite());
        other.map(Self::Other)
    }

    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => one.cmp(&other),
            (one, other) => one.float().total_cmp(&other.float()),
        }
    }

    fn float(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            // Adding 0 makes -0 of JSON 0.
            Self::Other(other) => other + 0.0,
        }
    }
}

/// Reports whether a text is a number by JSON's grammar (RFC 8259 §6).
fn is_json_number(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let text = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(text);
    if whole == 0 || whole > 1 && text.starts_with('0') {
        return false;
    }
    let mut rest = &text[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let count = digits(exponent);
        return count > 0 && count == exponent.len();
    }
    rest.is_empty()
}

/// Reads an address. One of version 4 that is written as version 6 (`::ffff:10.0.0.1`) is that of version 4.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>()
        .ok()
        .map(|address| address.to_canonical())
}

/// Returns the address with zeros behind the first `length` bits.
pub(crate) fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX
                .checked_shl(32 - u32::from(length.min(32)))
                .unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX
                .checked_shl(128 - u32::from(length.min(128)))
                .unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

/// Returns a network of version 4 that is written as version 6 as that of version 4. `None` when it has more than all of
/// version 4, and so no form of its own there.
pub(crate) fn canonical(address: IpAddr, length: u8) -> Option<(IpAddr, u8)> {
    match (address, address.to_canonical()) {
        (IpAddr::V6(_), IpAddr::V4(canonical)) => Some((canonical.into(), length.checked_sub(96)?)),
        _ => Some((address, length)),
    }
}

/// Reports whether a value is an address in this network, or a network inside it.
pub(crate) fn is_inside(value: &str, network: IpAddr, length: u8) -> bool {
    let (address, own_length) = match value.split_once('/') {
        None => (value.parse::<IpAddr>(), None),
        Some((text, digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let Ok(length) = digits.parse::<u8>() else {
                return false;
            };
            (text.parse::<IpAddr>(), Some(length))
        }
        Some(_) => return false,
    };
    let Ok(address) = address else {
        return false;
    };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let own_length = own_length.unwrap_or(longest);
    if own_length > longest {
        return false;
    }
    canonical(address, own_length).is_some_and(|(address, own_length)| {
        own_length >= length
            && address.is_ipv4() == network.is_ipv4()
            && masked(address, length) == network
    })
}

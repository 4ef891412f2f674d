//! The addresses to listen on.

use std::net::{SocketAddr, ToSocketAddrs};

use serde::{Deserialize, Serialize};

/// A further address to listen on. It has the certificate and the limits of the main one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenerSettings {
    /// The address; port 0 selects a free one.
    pub address: SocketAddr,
    /// What it serves at its root.
    pub serves: Serves,
}

/// What a further address serves at its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Serves {
    /// What the main address serves below `/es`: senders that know a host and a port, but no path, need it.
    Elasticsearch,
}

/// Parses the address to listen on: an IP address or a name of this machine, each with a port. It resolves a name at
/// once. Of several addresses, it selects the first IPv4 one, which clients that know only the name try in any case.
///
/// # Errors
/// A message, when the text is neither, or the name does not resolve.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let name_and_port = text.rsplit_once(':').and_then(|(name, port)| {
        let is_name = !name.is_empty() && !name.contains([':', '[', ']', '/']);
        Some((name, port.parse::<u16>().ok()?)).filter(|_| is_name)
    });
    let Some((name, port)) = name_and_port else {
        return Err(format!(
            "\"{text}\" is not an address and a port, as in \"127.0.0.1:8181\" or \"localhost:8181\""
        ));
    };
    let found = (name, port).to_socket_addrs();
    let found: Vec<_> = found
        .map_err(|error| format!("\"{name}\" does not resolve to an address: {error}"))?
        .collect();
    let first_v4 = found.iter().find(|address| address.is_ipv4());
    first_v4
        .or(found.first())
        .copied()
        .ok_or_else(|| format!("\"{name}\" does not resolve to an address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_taken_and_anything_else_is_refused_in_words() {
        for (text, expected) in [
            ("127.0.0.1:8181", "127.0.0.1:8181"),
            ("[::1]:8181", "[::1]:8181"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("localhost:8181", "127.0.0.1:8181"),
        ] {
            let found = listen_address(text).map(|address| address.to_string());
            assert_eq!(found.as_deref(), Ok(expected));
        }
        for text in [
            "here",
            "",
            ":8181",
            "localhost:",
            "localhost:http",
            "localhost:65536",
            "::1:8181",
            "http://localhost:8181",
            "no-such-machine.invalid:8181",
        ] {
            let refused = listen_address(text).unwrap_err();
            assert!(refused.contains("address"), "{text}: {refused}");
        }
    }
}

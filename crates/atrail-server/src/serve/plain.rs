//! Answers plain HTTP on a port that speaks HTTPS. Without it, a client sees the alert of TLS, which most report as a
//! malformed answer.

use std::io;
use std::time::Duration;

use atrail_api::PORT_SPEAKS_HTTPS;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How much of a request is looked at, to find its `Host`.
const LOOKED_AT: usize = 2048;
/// How much of a request is read after the answer: a connection that is closed with unread bytes may lose the answer.
const DRAINED: usize = 64 * 1024;
/// How long the server waits for the next of these bytes.
const DRAIN_PATIENCE: Duration = Duration::from_secs(1);

/// Waits for the first byte, and reports whether it begins a request of plain HTTP: a method. A handshake of TLS begins with
/// 22 (RFC 8446 §5.1).
///
/// # Errors
/// When the connection breaks off.
pub(super) async fn is_plain(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let count = stream.peek(&mut first).await?;
    Ok(count == 1 && first[0].is_ascii_uppercase())
}

/// Answers that the port speaks HTTPS, and ends the connection.
///
/// # Errors
/// When the connection breaks off.
pub(super) async fn answer(stream: &mut TcpStream) -> io::Result<()> {
    let mut begun = vec![0; LOOKED_AT];
    let count = stream.peek(&mut begun).await?;
    let host = match host_of(&begun[..count]) {
        Some(host) => host.to_owned(),
        None => stream.local_addr()?.to_string(),
    };
    let text = format!("{PORT_SPEAKS_HTTPS}: try https://{host}\n");
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\
         Content-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(format!("{head}{text}").as_bytes()).await?;
    stream.shutdown().await?;
    let mut left = DRAINED;
    while left > 0 {
        let read = tokio::time::timeout(DRAIN_PATIENCE, stream.read(&mut begun)).await;
        match read {
            Ok(Ok(count)) if count > 0 => left = left.saturating_sub(count),
            _ => break,
        }
    }
    Ok(())
}

/// Returns the `Host` of a request, if it is a plain host and port.
fn host_of(request: &[u8]) -> Option<&str> {
    let mut lines = request.split(|byte| *byte == b'\n').skip(1);
    let value = lines.find_map(|line| {
        let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim())
    })?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]_".contains(c);
    (!value.is_empty() && value.len() <= 255 && value.chars().all(is_plain)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn only_a_plain_host_is_repeated() {
        for (request, host) in [
            (
                &b"GET / HTTP/1.1\r\nhost: a.example:8443\r\n\r\n"[..],
                Some("a.example:8443"),
            ),
            (
                b"GET / HTTP/1.1\r\nHost: [::1]:8443\r\n",
                Some("[::1]:8443"),
            ),
            (b"GET / HTTP/1.1\r\nHost: a/<b>\r\n\r\n", None),
            (b"GET / HTTP/1.0\r\n\r\n", None),
            (b"GET", None),
        ] {
            assert_eq!(host_of(request), host);
        }
    }
}

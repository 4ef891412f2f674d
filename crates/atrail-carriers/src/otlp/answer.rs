//! Answers in the encoding of the request.

use crate::{json, wire};

/// The encoding of a request and of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Binary Protocol Buffers.
    Protobuf,
    /// Their JSON form.
    Json,
}

impl Encoding {
    /// Returns the encoding that a media type names, without its parameters and in any case. A request without one, or
    /// with another one, is read as its first byte suggests.
    #[must_use]
    pub fn of(media_type: &str, body: &[u8]) -> Self {
        if media_type.eq_ignore_ascii_case("application/x-protobuf") {
            return Self::Protobuf;
        }
        let is_json = media_type.eq_ignore_ascii_case("application/json");
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        if is_json || first == Some(&b'{') {
            Self::Json
        } else {
            Self::Protobuf
        }
    }

    /// Returns the media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// Returns an `ExportLogsServiceResponse`: with a partial success when records are refused, which the client must not
/// send again.
#[must_use]
pub fn success(encoding: Encoding, refused: u64, why: &str) -> Vec<u8> {
    let mut out = Vec::new();
    match encoding {
        Encoding::Protobuf if refused == 0 => {}
        Encoding::Protobuf => {
            let mut partial = Vec::new();
            wire::put_varint(&mut partial, 1, refused);
            wire::put_bytes(&mut partial, 2, why.as_bytes());
            wire::put_bytes(&mut out, 1, &partial);
        }
        Encoding::Json if refused == 0 => out.extend_from_slice(b"{}"),
        Encoding::Json => {
            out.extend_from_slice(b"{\"partialSuccess\":{\"rejectedLogRecords\":\"");
            json::plain(&mut out, refused);
            out.extend_from_slice(b"\",\"errorMessage\":");
            json::string(&mut out, why);
            out.extend_from_slice(b"}}");
        }
    }
    out
}

/// Returns a `google.rpc.Status` for the answer with this HTTP status.
#[must_use]
pub fn status(encoding: Encoding, http: u16, message: &str) -> Vec<u8> {
    // google/rpc/code.proto.
    let code: u8 = match http {
        400 | 413 | 415 => 3,
        401 => 16,
        403 => 7,
        404 | 405 => 12,
        409 => 6,
        429 => 8,
        503 => 14,
        _ => 13,
    };
    let mut out = Vec::new();
    match encoding {
        Encoding::Protobuf => {
            wire::put_varint(&mut out, 1, code.into());
            wire::put_bytes(&mut out, 2, message.as_bytes());
        }
        Encoding::Json => {
            out.extend_from_slice(b"{\"code\":");
            json::plain(&mut out, code);
            out.extend_from_slice(b",\"message\":");
            json::string(&mut out, message);
            out.push(b'}');
        }
    }
    out
}

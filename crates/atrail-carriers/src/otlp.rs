//! OTLP logs over HTTP (opentelemetry.io/docs/specs/otlp): requests in protobuf and in JSON, and their answers.
//!
//! Each log record becomes one payload, a JSON object that names everything as OTLP's JSON form does, but with the
//! attributes as an object, and with the record's resource and scope inside:
//! `{"timeUnixNano":"…","eventName":"…","body":…,"attributes":{…},"resource":{…},"scope":{…}}`. Two encodings of the
//! same record become the same text.

mod answer;
mod any;
mod from_json;
mod from_proto;
mod record;

#[cfg(test)]
mod tests;

pub use answer::{Encoding, status, success};

use crate::{Fault, Take};

/// Reads an `ExportLogsServiceRequest`.
///
/// # Errors
/// When the body is none. The records before the fault were passed on; the caller discards them.
pub fn decode<'a>(encoding: Encoding, body: &'a [u8], take: Take<'_, 'a>) -> Result<(), Fault> {
    match encoding {
        Encoding::Protobuf => from_proto::decode(body, take),
        Encoding::Json => from_json::decode(body, take),
    }
}

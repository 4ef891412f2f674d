//! The limits of an `AnyValue`, in either encoding.

/// Values nested deeper than this are written as OTLP encodes them: in JSON, their own text; in protobuf, their bytes
/// in base64.
pub(super) const DEPTH_MAX: usize = 24;

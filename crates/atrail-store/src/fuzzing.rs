//! What the fuzz targets call. No part of the crate's face.

pub(crate) mod changed;

/// Reads bytes as the only file of a log.
pub fn log_file(bytes: &[u8]) {
    crate::wal::fuzzing::read(bytes);
}

/// Opens bytes as a run, and looks for all of its keys.
pub fn run_file(bytes: &[u8]) {
    crate::dedup::fuzzing::read(bytes);
}

/// Makes an object of lines: it describes itself, and each line comes out of it.
///
/// # Panics
/// When it does not.
pub fn object(text: &[u8]) {
    crate::object::fuzzing::build_of(text);
}

/// Reads bytes as an object, of which nothing but its bytes is known.
///
/// # Panics
/// When it is taken for sound and is not what it says of itself.
pub fn object_file(bytes: &[u8]) {
    crate::object::fuzzing::read(bytes);
}

//! Interfaces for the fuzz targets. Not part of the crate's API.

/// Reads bytes as the only file of a log.
pub fn log_file(bytes: &[u8]) {
    atrail_wal::fuzzing::read(bytes);
}

/// Opens bytes as a run, and looks up all of its keys.
pub fn run_file(bytes: &[u8]) {
    crate::dedup::fuzzing::read(bytes);
}

/// Builds an object from lines, and checks that it describes itself, and that each line can be read from it.
///
/// # Panics
/// When a check fails.
pub fn object(text: &[u8]) {
    atrail_archive::object::fuzzing::build_of(text);
}

/// Reads bytes as an object of unknown origin.
///
/// # Panics
/// When the object passes as sound and contradicts its own description.
pub fn object_file(bytes: &[u8]) {
    atrail_archive::object::fuzzing::read(bytes);
}

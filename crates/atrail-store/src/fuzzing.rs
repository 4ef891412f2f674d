//! What the fuzz targets call. No part of the crate's face.

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

/// A sound file with changes: of every three bytes, two say where and one what is there from now on. Just behind the end
/// is a place too; where the two are all ones, the third says how many bytes the end loses. So what lies behind checksums
/// and lengths is reached without being guessed.
pub(crate) fn changed(sound: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    for [low, high, byte] in changes.as_chunks::<3>().0 {
        let at = usize::from(u16::from_le_bytes([*low, *high]));
        if at == usize::from(u16::MAX) {
            bytes.truncate(bytes.len().saturating_sub(usize::from(*byte)));
            continue;
        }
        let at = at % (bytes.len() + 1);
        match bytes.get_mut(at) {
            Some(place) => *place = *byte,
            None => bytes.push(*byte),
        }
    }
    bytes
}

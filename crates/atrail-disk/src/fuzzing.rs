//! For the fuzz targets: files that are nearly sound. Not part of the crate's API.

/// Returns a sound file with changes: of every three bytes, two state the offset and one the new byte. The offset just
/// after the end is allowed too; where the two are all ones, the third is the number of bytes that the end loses. So
/// the fuzzer reaches the code behind checksums and lengths without guessing them.
pub fn changed(sound: &[u8], changes: &[u8]) -> Vec<u8> {
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

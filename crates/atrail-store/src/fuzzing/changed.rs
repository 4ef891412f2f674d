//! Files that are almost sound.

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

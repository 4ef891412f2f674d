//! `RLE`: runs of equal codes and groups of bit-packed ones (`Encodings.md`, "Run Length Encoding / Bit-Packing Hybrid").

use super::Bad;

/// Appends this number of codes.
pub(super) fn decode(bytes: &[u8], width: u8, count: usize, out: &mut Vec<u32>) -> Result<(), Bad> {
    if width > 32 {
        return Err("codes of more than 32 bits");
    }
    let end = out.len() + count;
    let mut rest = bytes;
    while out.len() < end {
        let missing = end - out.len();
        let header = usize::try_from(varint(&mut rest)?).map_err(|_| "a long run")?;
        if header & 1 == 0 {
            let length = (header >> 1).min(missing);
            if length == 0 {
                return Err("an empty run");
            }
            let bytes = usize::from(width).div_ceil(8);
            let (value, after) = rest
                .split_at_checked(bytes)
                .ok_or("a run that is cut off")?;
            let value = value
                .iter()
                .rev()
                .fold(0, |value, byte| value << 8 | u32::from(*byte));
            out.resize(out.len() + length, value);
            rest = after;
        } else {
            let groups = header >> 1;
            if groups == 0 {
                return Err("an empty run");
            }
            let bytes = groups.checked_mul(usize::from(width)).ok_or("a long run")?;
            // The last group may lack the bytes of the codes that nobody needs.
            let packed = &rest[..bytes.min(rest.len())];
            let length = groups.saturating_mul(8).min(missing);
            unpack(packed, width, length, out)?;
            rest = &rest[packed.len()..];
        }
    }
    Ok(())
}

/// Appends this number of codes of `width` bits each, the lowest bits first.
pub(super) fn unpack(
    packed: &[u8],
    width: u8,
    count: usize,
    out: &mut Vec<u32>,
) -> Result<(), Bad> {
    if (count * usize::from(width)).div_ceil(8) > packed.len() {
        return Err("a run that is cut off");
    }
    let mask = (1_u64 << width) - 1;
    let mut bytes = packed.iter();
    let (mut held, mut bits) = (0_u64, 0_u8);
    out.extend((0..count).map(|_| {
        while bits < width {
            held |= u64::from(bytes.next().copied().unwrap_or(0)) << bits;
            bits += 8;
        }
        let code = (held & mask) as u32;
        held >>= width;
        bits -= width;
        code
    }));
    Ok(())
}

/// Reads a number of groups of 7 bits, the lowest first (`ULEB128`).
pub(super) fn varint(rest: &mut &[u8]) -> Result<u64, Bad> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or("a number that is cut off")?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("a number that is too long")
}

/// Reads a signed number: zigzag.
pub(super) fn zigzag(rest: &mut &[u8]) -> Result<i64, Bad> {
    let value = varint(rest)?;
    Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
}

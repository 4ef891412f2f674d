//! `DELTA_BINARY_PACKED`: numbers by their differences (`Encodings.md`, "Delta Encoding").

use super::Bad;
use super::runs::{varint, zigzag};

/// Most values of a block; the usual writers have 128 or 256.
const BLOCK_MAX: u64 = 1 << 16;

/// Appends this number of values.
pub(super) fn decode(bytes: &[u8], count: usize, out: &mut Vec<i64>) -> Result<(), Bad> {
    let mut rest = bytes;
    let block = varint(&mut rest)?;
    let minis = varint(&mut rest)?;
    let total = varint(&mut rest)?;
    if total != count as u64 {
        return Err("a page with another number of values");
    }
    if block == 0 || block > BLOCK_MAX || minis == 0 || minis > block || block % minis != 0 {
        return Err("blocks of another form");
    }
    let (minis, mini) = (minis as usize, (block / minis) as usize);
    let mut value = zigzag(&mut rest)?;
    if count == 0 {
        return Ok(());
    }
    let end = out.len() + count;
    out.push(value);
    while out.len() < end {
        let least = zigzag(&mut rest)?;
        let (widths, after) = rest
            .split_at_checked(minis)
            .ok_or("a block that is cut off")?;
        rest = after;
        for &width in widths {
            let missing = end - out.len();
            if missing == 0 {
                break;
            }
            if width > 64 {
                return Err("differences of more than 64 bits");
            }
            let bytes = (mini * usize::from(width)).div_ceil(8);
            let packed = &rest[..bytes.min(rest.len())];
            rest = &rest[packed.len()..];
            let length = mini.min(missing);
            if (length * usize::from(width)).div_ceil(8) > packed.len() {
                return Err("a block that is cut off");
            }
            let mut at = Packed::new(packed, width);
            out.extend((0..length).map(|_| {
                value = value
                    .wrapping_add(least)
                    .wrapping_add(at.next().cast_signed());
                value
            }));
        }
    }
    Ok(())
}

/// Numbers of a fixed width, the lowest bits first.
struct Packed<'a> {
    bytes: &'a [u8],
    width: usize,
    bit: usize,
}

impl<'a> Packed<'a> {
    fn new(bytes: &'a [u8], width: u8) -> Self {
        Self {
            bytes,
            width: width.into(),
            bit: 0,
        }
    }

    fn next(&mut self) -> u64 {
        let (at, shift) = (self.bit / 8, self.bit % 8);
        self.bit += self.width;
        // 64 bits that begin inside a byte touch nine bytes.
        let mut window = [0; 16];
        let from = &self.bytes[at.min(self.bytes.len())..];
        let length = from.len().min(9);
        window[..length].copy_from_slice(&from[..length]);
        let value = u128::from_le_bytes(window) >> shift;
        (value & ((1 << self.width) - 1)) as u64
    }
}

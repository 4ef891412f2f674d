//! Filters of hashes: sets that may contain more than was put in, at ten bits a member.
//!
//! An xor filter with fingerprints of 8 bits (Graf, Lemire: *Xor Filters*, 2019, §3): of 256 hashes that are not in the
//! set, it reports one as a member. A Bloom filter of the same error needs 11.5 bits.
//!
//! ```text
//! filter = u32 block length b, u32 seed, 3 * b fingerprints
//! ```
//! Numbers are little-endian. With `h = mix(hash + seed * 0x9e3779b97f4a7c15)`, the fingerprint of `h` is
//! `(h ^ h >> 32) & 0xff`, and a member's fingerprint is the exclusive or of the bytes at `i * b + at(rotl(h, 21 * i))`
//! for i = 0, 1, 2, where `at(x) = (x & 0xffffffff) * b >> 32`. `mix` is MurmurHash3's finaliser of 64 bits. All sums and
//! products of 64 bits wrap.

/// Seeds that are tried. Each fails with a probability of some percent at most.
const SEEDS: u32 = 256;
/// Bytes before the fingerprints.
const HEADER_BYTES: usize = 8;

/// Mixes the bits of a hash (MurmurHash3's `fmix64`).
const fn mix(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// Where a hash stands in the table, and its fingerprint.
#[derive(Clone, Copy)]
struct Spot {
    at: [usize; 3],
    print: u8,
}

fn spot(hash: u64, seed: u32, block: usize) -> Spot {
    let h = mix(hash.wrapping_add(u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let low = |turn: u32| h.rotate_left(21 * turn) & 0xffff_ffff;
    let at = |turn| ((low(turn) * block as u64) >> 32) as usize;
    Spot {
        at: [at(0), block + at(1), 2 * block + at(2)],
        print: (h ^ (h >> 32)) as u8,
    }
}

/// Appends a filter of these hashes, which it sorts and rids of duplicates.
///
/// # Panics
/// When there are more than two billion.
pub(super) fn write(hashes: &mut Vec<u64>, out: &mut Vec<u8>) {
    hashes.sort_unstable();
    hashes.dedup();
    let block = (hashes.len() * 123 / 100 + 32) / 3 + 1;
    let mut table = Table::new(hashes.len(), block);
    let seed = (0..SEEDS)
        .find(|seed| table.peel(hashes, *seed))
        .expect("different hashes find their places with one of many seeds");
    let block = u32::try_from(block).expect("a filter of a part");
    out.extend_from_slice(&block.to_le_bytes());
    out.extend_from_slice(&seed.to_le_bytes());
    table.write(seed, out);
}

/// The table while a filter is made.
struct Table {
    block: usize,
    /// The exclusive or of the hashes that meet in a place, and their number.
    places: Vec<(u64, u32)>,
    /// Hashes in the order in which they were peeled off, each with the place that it had for itself.
    order: Vec<(u64, u32)>,
    alone: Vec<u32>,
}

impl Table {
    fn new(hashes: usize, block: usize) -> Self {
        Self {
            block,
            places: vec![(0, 0); 3 * block],
            order: Vec::with_capacity(hashes),
            alone: Vec::new(),
        }
    }

    /// Finds for each hash a place that no later one needs; reports whether that went well.
    fn peel(&mut self, hashes: &[u64], seed: u32) -> bool {
        self.places.fill((0, 0));
        self.order.clear();
        self.alone.clear();
        for &hash in hashes {
            for at in spot(hash, seed, self.block).at {
                let (sum, count) = &mut self.places[at];
                *sum ^= hash;
                *count += 1;
            }
        }
        let alone = (0..)
            .zip(&self.places)
            .filter(|(_, (_, count))| *count == 1);
        self.alone.extend(alone.map(|(at, _)| at));
        while let Some(place) = self.alone.pop() {
            let (hash, count) = self.places[place as usize];
            if count != 1 {
                continue;
            }
            self.order.push((hash, place));
            for at in spot(hash, seed, self.block).at {
                let (sum, count) = &mut self.places[at];
                *sum ^= hash;
                *count -= 1;
                if *count == 1 {
                    self.alone.push(at as u32);
                }
            }
        }
        self.order.len() == hashes.len()
    }

    fn write(&self, seed: u32, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + 3 * self.block, 0);
        let prints = &mut out[start..];
        for &(hash, place) in self.order.iter().rev() {
            let Spot { at, print } = spot(hash, seed, self.block);
            let others = prints[at[0]] ^ prints[at[1]] ^ prints[at[2]];
            // The hash's own place is still 0.
            prints[place as usize] = print ^ others;
        }
    }
}

/// A filter in the bytes of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter<'a> {
    seed: u32,
    block: usize,
    prints: &'a [u8],
}

impl<'a> Filter<'a> {
    /// Reads a filter; `None` when these bytes are none.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (header, prints) = bytes.split_at_checked(HEADER_BYTES)?;
        let block = u32::from_le_bytes(header[..4].try_into().ok()?) as usize;
        let seed = u32::from_le_bytes(header[4..].try_into().ok()?);
        (block > 0 && prints.len() == block.checked_mul(3)?).then_some(Self {
            seed,
            block,
            prints,
        })
    }

    /// Reports whether the set may have this hash: always true for its members.
    pub(super) fn may_have(&self, hash: u64) -> bool {
        let Spot { at, print } = spot(hash, self.seed, self.block);
        print == at.iter().fold(0, |sum, &at| sum ^ self.prints[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(from: u64, count: u64) -> Vec<u64> {
        (from..from + count)
            .map(|n| n.wrapping_mul(0x1234_5678_9abc_def1))
            .collect()
    }

    #[test]
    fn a_filter_has_its_members_and_few_others() {
        for count in [0, 1, 2, 3, 10, 100, 4000, 200_000] {
            let members = numbers(1, count);
            let mut bytes = Vec::new();
            write(&mut [members.clone(), members.clone()].concat(), &mut bytes);
            let filter = Filter::read(&bytes).unwrap();
            assert!(members.iter().all(|hash| filter.may_have(*hash)), "{count}");
            let wrong = numbers(1 << 40, 100_000)
                .iter()
                .filter(|hash| filter.may_have(**hash))
                .count();
            assert!(
                (200..600).contains(&wrong) || count < 100,
                "{count}: {wrong}"
            );
            assert!(
                bytes.len() as u64 * 8 <= count * 10 + 400,
                "{count}: {}",
                bytes.len()
            );
        }
    }

    #[test]
    fn bytes_of_another_length_are_no_filter() {
        let mut bytes = Vec::new();
        write(&mut numbers(1, 50), &mut bytes);
        for cut in 0..bytes.len() {
            assert!(Filter::read(&bytes[..cut]).is_none());
        }
        assert!(Filter::read(&[&bytes[..], b"x"].concat()).is_none());
        assert!(Filter::read(&[0; 8]).is_none());
        assert!(Filter::read(&[255; 64]).is_none());
    }
}

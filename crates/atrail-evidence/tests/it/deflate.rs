//! The codes of a compressed block (RFC 1951, section 3.2.7): which sets of code lengths both verifiers accept.

use crate::python::{both, code};
use crate::world::{ALL_DAY, World};
use crate::{key, pinned};

/// The order in which a block lists the code lengths of the code for code lengths.
const ORDER: [usize; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];
const END_OF_BLOCK: usize = 256;

#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    /// Appends a number, its lowest bit first.
    fn number(&mut self, value: usize, count: usize) {
        self.0.extend((0..count).map(|bit| value >> bit & 1 == 1));
    }

    /// Appends a code, its highest bit first.
    fn code(&mut self, value: usize, count: usize) {
        self.0
            .extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    }

    fn bytes(&self) -> impl Iterator<Item = u8> {
        let byte = |bits: &[bool]| {
            let bits = (0..).zip(bits);
            bits.fold(0, |byte, (place, bit)| byte | u8::from(*bit) << place)
        };
        self.0.chunks(8).map(byte)
    }
}

/// Returns code lengths for this many symbols, all zero except these.
fn lengths(count: usize, some: &[(usize, usize)]) -> Vec<usize> {
    let mut lengths = vec![0; count];
    for (symbol, length) in some {
        lengths[*symbol] = *length;
    }
    lengths
}

/// Builds a gzip member of one block without content, whose codes have these lengths. The code for code lengths uses 4
/// bits each, up to the length `last`.
fn member(literals: &[usize], distances: &[usize], last: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.number(1, 1);
    bits.number(2, 2);
    bits.number(literals.len() - 257, 5);
    bits.number(distances.len() - 1, 5);
    bits.number(ORDER.len() - 4, 4);
    for symbol in ORDER {
        bits.number(if symbol <= last { 4 } else { 0 }, 3);
    }
    for length in literals.iter().chain(distances) {
        bits.code(*length, 4);
    }
    // Codes of one length are consecutive in the order of their symbols, and follow the shorter ones.
    let mut next = 0;
    for length in 1..=15 {
        for (symbol, _) in literals.iter().enumerate().filter(|(_, l)| **l == length) {
            if symbol == END_OF_BLOCK {
                bits.code(next, length);
            }
            next += 1;
        }
        next <<= 1;
    }
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let sums_of_nothing = [0; 8];
    header
        .into_iter()
        .chain(bits.bytes())
        .chain(sums_of_nothing)
        .collect()
}

#[test]
fn codes_are_complete_but_for_a_single_one() {
    let mut world = World::new(key());
    let space = world.add_space("5bace1");
    world.seal(space, world.today, &[(3, 2)]);
    let days = (world.today, world.today);
    let download = world.session(Some(space), days, ALL_DAY, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let of = |member: Vec<u8>| {
        let file = [download.file.clone(), member].concat();
        code(&both(&receipt, &pinned(&key()), &file))
    };
    let two = [(0, 1), (END_OF_BLOCK, 1)];
    let literals = lengths(257, &two);
    for (distances, expected) in [
        (&[0][..], 0),
        (&[1], 0),
        (&[0, 1], 0),
        (&[1, 1], 0),
        (&[2], 1),
        (&[1, 2], 1),
        (&[1, 1, 1], 1),
        (&[0; 30], 0),
        (&[0; 31], 1),
        (&[0; 32], 1),
    ] {
        let judged = of(member(&literals, distances, 15));
        assert_eq!(judged, expected, "distances {distances:?}");
    }
    for (count, some, expected) in [
        (257, &two[..], 0),
        (286, &two, 0),
        (287, &two, 1),
        (257, &[(END_OF_BLOCK, 1)], 0),
        (257, &[(END_OF_BLOCK, 2)], 1),
        (257, &[(0, 1), (END_OF_BLOCK, 2)], 1),
        (257, &[(0, 1), (1, 2), (END_OF_BLOCK, 2)], 0),
        (257, &[(0, 1), (1, 1), (END_OF_BLOCK, 1)], 1),
        (257, &[(0, 1), (1, 1)], 1),
        (257, &[], 1),
    ] {
        let judged = of(member(&lengths(count, some), &[0], 15));
        assert_eq!(judged, expected, "{some:?} of {count}");
    }
    // The code for code lengths must always be complete.
    assert_eq!(of(member(&literals, &[0], 14)), 1);
}

//! Damaged files: a right answer or an error, and no panic.

use std::collections::BTreeSet;

use atrail_model::SegmentId;

use super::world::{Random, World, search, whole};
use crate::index::{IndexError, IndexFile};
use crate::query::Query;

const FILES: usize = 6000;
/// Files in the control, each of which is read as far as it can be.
const CONTROL_FILES: usize = 800;

/// Damages a file in one of many ways.
fn damaged(random: &mut Random, file: &[u8]) -> Vec<u8> {
    let mut out = file.to_vec();
    let at = random.below(out.len());
    match random.below(6) {
        0 => out.truncate(at),
        1 => out[at] ^= 1 << random.below(8),
        2 => {
            let end = out.len().min(at + 1 + random.below(600));
            out[at..end].fill(*random.pick(&[0, 0xff]));
        }
        3 => {
            // Two stretches change places.
            let length = 1 + random.below(out.len() / 4);
            let other = random.below(out.len() - length);
            let at = random.below(out.len() - length);
            let (one, two) = (
                out[at..at + length].to_vec(),
                out[other..other + length].to_vec(),
            );
            out[other..other + length].copy_from_slice(&one);
            out[at..at + length].copy_from_slice(&two);
        }
        4 => {
            let length = 1 + random.below(40);
            out.splice(at..at, std::iter::repeat_n(7, length));
        }
        _ => {
            let end = out.len().min(at + 1 + random.below(40));
            out.drain(at..end);
        }
    }
    out
}

/// A query, and the events that match.
type Asked = (Query, BTreeSet<(SegmentId, u64)>);

/// Asks damaged files; returns how many answers were wrong, and how many refused.
fn ask(worlds: &[(World, Vec<Asked>)], files: usize, is_checked: bool) -> (usize, usize) {
    let (mut wrong, mut refused) = (0, 0);
    let random = &mut Random(1);
    for number in 0..files {
        let (world, asked) = &worlds[number % worlds.len()];
        let bytes = damaged(random, &world.file);
        if bytes == world.file {
            continue;
        }
        let footer = world.footer().size_bytes as usize;
        let body = world.file.len() - footer;
        let opened = match is_checked {
            true => IndexFile::open(&bytes, world.footer()),
            // The footer of the sound file, so that the damage reaches what reads the rest.
            false => IndexFile::unchecked(&world.file[body..], body as u64),
        };
        let Ok(file) = opened else {
            refused += 1;
            continue;
        };
        if is_checked {
            assert!(file.check(&bytes).is_err(), "each byte is checked");
        }
        for (query, expected) in asked {
            match search(world, &file, &bytes, query, whole()) {
                Ok((found, _)) => wrong += usize::from(found != *expected),
                Err(IndexError::Damaged(_) | IndexError::Read(_)) => refused += 1,
            }
        }
    }
    (wrong, refused)
}

fn worlds() -> Vec<(World, Vec<Asked>)> {
    (0..4)
        .map(|seed| {
            let world = World::draw(seed, 60, (seed % 2 == 0).then_some(25));
            let queries = [
                "action:read*",
                "-outcome:success",
                "second",
                "id:second-id",
                "actor:ann",
            ];
            let asked = queries.map(|text| {
                let query = Query::parse(text).unwrap();
                let expected = world.scan(&query, whole());
                (query, expected)
            });
            (world, asked.into())
        })
        .collect()
}

#[test]
fn a_damaged_file_never_answers_wrongly() {
    let (wrong, refused) = ask(&worlds(), FILES, true);
    assert_eq!(wrong, 0);
    assert!(refused > FILES / 2, "{refused}");
}

#[test]
fn without_checksums_some_answers_are_wrong() {
    let (wrong, refused) = ask(&worlds(), CONTROL_FILES, false);
    assert!(wrong > 10, "the test above sees wrong answers: {wrong}");
    assert!(refused > 100, "{refused}");
}

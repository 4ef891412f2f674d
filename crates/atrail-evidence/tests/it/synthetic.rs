//! A long log: a receipt for a day ten years ago is as small and as quick as one for yesterday.

use std::time::Instant;

use atrail_evidence::Outcome;

use crate::world::{ALL_DAY, World};
use crate::{check, key, number};

#[test]
fn a_receipt_stays_small_however_long_the_log_and_old_the_day() {
    let records = number("ATRAIL_EVIDENCE_RECORDS", 20_000);
    let seals = 1_440;
    let mut world = World::new(key());
    let space = world.add_space("5bace1");
    world.logs[space].is_hasty = true;
    let (yesterday, old) = (world.today.minus(1), world.today.minus(3_653));
    for _ in 0..seals {
        world.seal(space, old, &[(3, 1)]);
    }
    let filling = records.saturating_sub(2 * seals + 2);
    for number in 0..filling {
        let back = 2 + u32::try_from(number * 3_650 / filling.max(1)).unwrap();
        world.seal(space, world.today.minus(3_652 - back), &[(3, 1)]);
    }
    for _ in 0..seals - 1 {
        world.seal(space, yesterday, &[(3, 1)]);
    }
    world.logs[space].is_hasty = false;
    world.seal(space, yesterday, &[(3, 1)]);
    for (name, day) in [("yesterday", yesterday), ("ten years old", old)] {
        let began = Instant::now();
        let download = world.session(Some(space), (day, day), ALL_DAY, &[]);
        let receipt = download.receipt.sign(&world.key).unwrap();
        let made = began.elapsed();
        let began = Instant::now();
        let report = check(&world.key, &receipt, &download.file).unwrap();
        let verified = began.elapsed();
        assert_eq!(report.outcome, Outcome::Proven, "{report:#?}");
        assert!(report.events >= seals);
        assert!(receipt.len() < 1 << 20, "{} bytes", receipt.len());
        println!(
            "log of {} records, {name}: receipt {} bytes, made in {made:?}, verified in {verified:?}",
            world.logs[space].size(),
            receipt.len()
        );
    }
}

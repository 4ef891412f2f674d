//! Verifies against an earlier receipt when something is missing: the consistency proof, or the keys of the new
//! receipt's chains.

use atrail_evidence::{Receipt, SigningKey};
use atrail_model::Day;

use crate::python::{both, code};
use crate::world::{ALL_DAY, World};
use crate::{key, pinned};

/// Makes a space with some events on two days.
fn world(key: SigningKey) -> (World, (Day, Day)) {
    let mut world = World::new(key);
    let space = world.add_space("5bace1");
    let days = (world.today.minus(1), world.today);
    world.policy(space, 7);
    world.seal(space, days.0, &[(3, 2)]);
    world.seal(space, days.1, &[(1, 1)]);
    (world, days)
}

/// Returns the receipt of the space, changed and then signed.
fn signed(world: &World, days: (Day, Day), change: impl FnOnce(&mut Receipt)) -> String {
    let mut receipt = world.session(Some(1), days, ALL_DAY, &[]).receipt;
    change(&mut receipt);
    receipt.sign(&world.key).unwrap()
}

/// Returns the verdict of both verifiers on the world's space since an earlier receipt, with the newest key pinned, and
/// with a proof from `sizes`.
fn since(world: &World, days: (Day, Day), earlier: String, sizes: &[Vec<u64>]) -> i64 {
    let download = world.session(Some(1), days, ALL_DAY, sizes);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let mut expected = pinned(&world.key);
    expected.since = Some(earlier);
    code(&both(&receipt, &expected, &download.file))
}

/// A missing proof hides nothing that the two receipts alone show.
#[test]
fn lists_are_compared_where_there_is_no_proof() {
    let (world, days) = world(key());
    let honest = |sizes: bool| {
        let (earlier, sizes_then) = (signed(&world, days, |_| ()), world.sizes());
        let mut later = world.clone();
        later.policy(1, 8);
        later.seal(1, days.1, &[(5, 1)]);
        let proofs = [sizes_then];
        since(&later, days, earlier, if sizes { &proofs } else { &[] })
    };
    assert_eq!((honest(true), honest(false)), (0, 3));
    // Two histories: each records something different at the same position of a list.
    type Step = fn(&mut World, Day);
    let forks: [(Step, Step); 2] = [
        (|world, _| world.policy(1, 8), |world, _| world.policy(1, 9)),
        (
            |world, day| world.seal(1, day, &[(5, 1)]),
            |world, day| world.seal(1, day, &[(6, 1)]),
        ),
    ];
    for (number, (then, now)) in forks.into_iter().enumerate() {
        let (mut old, mut new) = (world.clone(), world.clone());
        then(&mut old, days.1);
        now(&mut new, days.1);
        let earlier = signed(&old, days, |_| ());
        let judged = |new: &World, days| since(new, days, earlier.clone(), &[]);
        assert_eq!(judged(&new, days), 1, "{number}: two of one size");
        new.hold(1, atrail_evidence::HoldLevel::Space, true);
        assert_eq!(judged(&new, days), 1, "{number}: without a proof");
        let proof = [old.sizes()];
        assert_eq!(since(&new, days, earlier.clone(), &proof), 1, "{number}");
        // The check skips a day outside the new request; it always compares the control list.
        let is_control = number == 0;
        let expected = if is_control { 1 } else { 3 };
        assert_eq!(judged(&new, (days.0, days.0)), expected, "{number}");
        // If the log is smaller now, the check compares nothing.
        let mut longer = old.clone();
        longer.seal(1, days.0, &[(7, 1)]);
        longer.seal(1, days.0, &[(8, 1)]);
        let earlier = signed(&longer, days, |_| ());
        assert_eq!(since(&new, days, earlier, &[]), 3, "{number}: smaller");
    }
}

/// A control list with an unknown entry does not show who signed before the pinned key.
#[test]
fn a_signer_of_before_is_open_where_the_chains_are_not_known() {
    let (mut world, days) = world(key());
    let earlier = signed(&world, days, |_| ());
    let broken = signed(&world, days, |receipt| {
        receipt.domains[0].days[0].0[0] ^= 1;
    });
    let unsigned = earlier.replacen("admin", "nimda", 1);
    let (stranger, _) = self::world(SigningKey::generate("atrail-test").unwrap());
    let strange = signed(&stranger, days, |_| ());
    let sizes = world.sizes();
    world.rotate();
    let own = signed(&world, days, |_| ());
    let judged = |world: &World| {
        let earlier = [&earlier, &own, &strange, &broken, &unsigned];
        earlier.map(|text| since(world, days, text.clone(), &[sizes.clone(), world.sizes()]))
    };
    // The control: the chain is known, and leads to the honest key and to no other.
    let before = [0, 0, 1, 1, 1];
    assert_eq!(judged(&world), before);
    world.later(1, None);
    assert_eq!(judged(&world), [3, 3, 3, 1, 1]);
    // Without a pinned key, everything that is not wrong is open.
    let download = world.session(Some(1), days, ALL_DAY, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let unpinned = |earlier: &String| {
        let expected = atrail_evidence::Expectations {
            since: Some(earlier.clone()),
            ..Default::default()
        };
        code(&both(&receipt, &expected, &download.file))
    };
    assert_eq!((unpinned(&earlier), unpinned(&unsigned)), (3, 1));
}

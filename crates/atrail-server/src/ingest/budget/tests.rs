use atrail_model::SpaceId;

use super::*;

/// A size that every part divides, in units; it exceeds the size of one event.
const MANY: usize = 6000;

fn budget() -> Budget {
    Budget::new(MANY * UNIT_BYTES, None)
}

fn sender(address: u8) -> Sender {
    Sender {
        user: UserId::generate(),
        domain: Domain::Space(SpaceId::generate()),
        account: AccountId::generate(),
        network: IpAddr::from([192, 0, 2, address]),
        is_proven: true,
    }
}

fn units(n: usize) -> usize {
    n * UNIT_BYTES
}

/// Reserves as much as the budget allows, with requests of `each` units.
fn fill(budget: &Budget, who: impl Fn() -> Sender, each: usize) -> Vec<Share> {
    let mut shares = Vec::new();
    loop {
        let mut share = budget.share_of(who());
        if share.cover(units(each)).is_err() {
            return shares;
        }
        shares.push(share);
    }
}

#[test]
fn what_one_holds_another_cannot_until_it_is_given_back() {
    let budget = Budget::new(10 * UNIT_BYTES, None);
    let mut one = budget.share();
    one.cover(6 * UNIT_BYTES).unwrap();
    one.cover(UNIT_BYTES).unwrap();
    let mut two = budget.share();
    two.cover(4 * UNIT_BYTES).unwrap();
    assert_eq!(two.cover(4 * UNIT_BYTES + 1), Err(Shortage::All));
    drop(one);
    two.cover(10 * UNIT_BYTES).unwrap();
}

#[test]
fn held_bytes_keep_what_they_need_until_the_last_of_them_goes() {
    let budget = Budget::new(10 * UNIT_BYTES, None);
    let mut one = budget.share();
    one.cover(9 * UNIT_BYTES).unwrap();
    let held = one.hold(vec![7; 3 * UNIT_BYTES]);
    let part = held.slice(1..2);
    drop(held);
    let mut two = budget.share();
    two.cover(7 * UNIT_BYTES).unwrap();
    assert_eq!(two.cover(8 * UNIT_BYTES), Err(Shortage::All));
    drop(part);
    two.cover(10 * UNIT_BYTES).unwrap();
}

/// Whoever knows only the name of a key takes from its own network.
#[test]
fn without_a_proof_nothing_counts_for_the_owner() {
    let owner = sender(1);
    let at = |address: u8| Sender {
        network: IpAddr::from([192, 0, 2, address]),
        ..owner
    };
    for (claimed, is_left) in [(at(9).unproven(), true), (at(9), false)] {
        let budget = budget();
        let _held = fill(&budget, || claimed, 10);
        let mut own = budget.share_of(at(1));
        assert_eq!(own.cover(units(300)).is_ok(), is_left);
    }
}

#[test]
fn a_user_a_space_an_account_and_an_address_each_hold_a_part() {
    let fixed = sender(1);
    let other = || sender(9);
    for (name, most, who) in [
        (
            "user",
            MANY / 3,
            Box::new(move || Sender {
                user: fixed.user,
                ..sender(9)
            }) as Box<dyn Fn() -> Sender>,
        ),
        (
            "space",
            MANY / 3,
            Box::new(move || Sender {
                domain: fixed.domain,
                ..sender(9)
            }),
        ),
        (
            "account",
            MANY / 2,
            Box::new(move || Sender {
                account: fixed.account,
                ..sender(9)
            }),
        ),
        ("address", MANY * 3 / 4, Box::new(move || sender(1))),
    ] {
        let budget = budget();
        let held = fill(&budget, &who, 10);
        assert_eq!(held.len() * 10, most, "{name}");
        let mut refused = budget.share_of(who());
        assert_eq!(refused.cover(units(300)), Err(Shortage::Sender), "{name}");
        // A sender that shares no holder with them is accepted.
        let mut innocent = budget.share_of(Sender {
            network: IpAddr::from([192, 0, 2, 77]),
            ..other()
        });
        innocent.cover(units(300)).unwrap();
        drop((held, innocent));
        assert_eq!(budget.0.held.lock().units, 0, "{name}");
        assert!(budget.0.held.lock().by.is_empty(), "{name}");
    }
}

#[test]
fn many_greedy_accounts_leave_something() {
    let budget = budget();
    let mut greedy = Vec::new();
    for n in 1..5 {
        let account = sender(n);
        let who = move || Sender {
            account: account.account,
            ..sender(n)
        };
        greedy.extend(fill(&budget, who, 10));
    }
    let mut innocent = budget.share_of(sender(77));
    innocent.cover(units(100)).unwrap();
}

#[test]
fn what_no_sender_may_ever_hold_is_too_large_and_work_may_take_more() {
    let budget = budget();
    let mut share = budget.share_of(sender(1));
    assert_eq!(share.cover(units(MANY / 3 + 1)), Err(Shortage::Request));
    share.cover(units(MANY / 3)).unwrap();
    share.cover_work(units(MANY * 2 / 3)).unwrap();
    let more = share.cover_work(units(MANY * 2 / 3 + 1));
    assert_eq!(more, Err(Shortage::Request));
    // An event fits however small the budget is.
    let small = Budget::new(EVENT_MAX_BYTES, None);
    small.share_of(sender(1)).cover(EVENT_MAX_BYTES).unwrap();
}

#[test]
fn what_is_kept_of_work_counts_within_the_part() {
    let budget = budget();
    let one = sender(1);
    let mut kept = Vec::new();
    // The client sends little, the server derives much from it, and the client leaves a part of that unread.
    let refused = loop {
        let mut share = budget.share_of(one);
        share.cover(units(1)).unwrap();
        share.cover_work(units(1000)).unwrap();
        if let Err(shortage) = share.cover(units(600)) {
            break shortage;
        }
        kept.push(share.hold(vec![0; units(600)]));
    };
    assert_eq!((kept.len(), refused), (3, Shortage::Sender));
    let mut innocent = budget.share_of(sender(2));
    innocent.cover(units(1000)).unwrap();
    innocent.cover_work(units(2000)).unwrap();
    drop((kept, innocent));
    assert_eq!(budget.0.held.lock().units, 0);
    assert!(budget.0.held.lock().by.is_empty());
}

#[test]
fn work_leaves_something_for_others() {
    let budget = budget();
    let fixed = sender(1);
    let who = || Sender {
        account: fixed.account,
        ..sender(9)
    };
    let mut working = Vec::new();
    loop {
        let mut share = budget.share_of(who());
        if share.cover_work(units(10)).is_err() {
            break;
        }
        working.push(share);
    }
    assert_eq!(working.len() * 10, MANY * 4 / 5);
    budget.share_of(sender(2)).cover(units(300)).unwrap();
}

#[test]
fn of_two_who_ask_at_once_only_as_many_are_let_in_as_there_is_room_for() {
    for _ in 0..200 {
        let budget = budget();
        let one = sender(1);
        let ask = || {
            let mut share = budget.share_of(one);
            share.cover(units(1500)).is_ok().then_some(share)
        };
        let got = std::thread::scope(|scope| {
            let two = [scope.spawn(ask), scope.spawn(ask)];
            two.map(|asked| asked.join().unwrap())
        });
        assert_eq!(got.iter().flatten().count(), 1);
    }
}

#[test]
fn who_holds_nothing_is_not_told_that_it_holds_too_much() {
    let budget = budget();
    let mut held = budget.share_of(sender(1));
    held.cover(units(MANY / 3)).unwrap();
    let mut innocent = budget.share_of(sender(2));
    let wanted = units(MANY / 4);
    assert_eq!(innocent.cover(wanted), Err(Shortage::All));
    innocent.cover(units(1000)).unwrap();
    // Nor does the sender get the blame for what this very request holds.
    assert_eq!(innocent.cover(wanted), Err(Shortage::All));
    let mut next = budget.share_of(innocent.sender.unwrap());
    assert_eq!(next.cover(wanted), Err(Shortage::Sender));
}

#[tokio::test]
async fn who_holds_nothing_waits_as_long_as_anybody_gives_back() {
    let budget = budget();
    let mut held = fill(&budget, || sender(1), 10);
    let mut next = budget.share_of(sender(2));
    let freeing = tokio::spawn(async move {
        // Slow enough that the sender's own requests alone would not count as returning memory.
        while held.pop().is_some() {
            tokio::time::sleep(STANDSTILL / 50).await;
        }
    });
    let long = Duration::from_secs(600);
    next.begin_within(units(MANY / 3), long).await.unwrap();
    freeing.abort();
}

#[tokio::test]
async fn who_begins_waits_for_its_part_and_not_for_ever() {
    let budget = budget();
    let one = sender(1);
    let mut held = fill(&budget, || one, 500);
    let mut next = budget.share_of(one);
    let brief = Duration::from_millis(50);
    assert_eq!(
        next.begin_within(units(500), brief).await,
        Err(Shortage::Sender)
    );
    // A long wait is useless while nobody returns memory.
    let long = Duration::from_secs(600);
    assert_eq!(
        next.begin_within(units(500), long).await,
        Err(Shortage::Sender)
    );
    let freed = held.pop();
    tokio::spawn(async move {
        drop(freed);
    });
    next.begin_within(units(500), long).await.unwrap();
    assert_eq!(next.units, 500);
    // The requested size is a guess: the share never waits for more than it can get.
    drop((held, next));
    let mut lone = budget.share_of(one);
    lone.begin(usize::MAX).await.unwrap();
    assert_eq!(lone.units, MANY / 3);
}

use std::net::Ipv4Addr;

use super::*;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn at(second: u64) -> Elapsed {
    Elapsed::new(Duration::from_secs(second))
}

fn elsewhere(number: u32) -> IpAddr {
    IpAddr::V4((0x0a00_0000 + number).into())
}

/// Returns whether an attempt has to wait; one that need not wait fails.
fn waits(throttle: &Throttle, name: &str, address: IpAddr, second: u64) -> bool {
    throttle.try_begin(Some(name), address, at(second)).is_err()
}

fn logs_in(throttle: &Throttle, name: &str, address: IpAddr, second: u64) -> bool {
    let attempt = throttle.try_begin(Some(name), address, at(second));
    attempt.map(Attempt::succeeded).is_ok()
}

#[test]
fn after_some_failures_each_costs_twice_the_wait() {
    let throttle = Throttle::default();
    for _ in 0..10 {
        assert!(!waits(&throttle, "ann", HERE, 0));
    }
    assert!(waits(&throttle, "ann", HERE, 0));
    assert!(!waits(&throttle, "bob", HERE, 0), "another name is free");
    assert!(!waits(&throttle, "ann", HERE, 1), "one second later");
    assert!(waits(&throttle, "ann", HERE, 2));
    assert!(!waits(&throttle, "ann", HERE, 3), "two seconds later");
    let taken = (4..600).filter(|second| !waits(&throttle, "ann", HERE, *second));
    assert_eq!(taken.count(), 12, "in the end one a minute");
    let later = 600 + FORGOTTEN_AFTER.as_secs();
    for _ in 0..10 {
        assert!(!waits(&throttle, "ann", HERE, later));
    }
}

#[test]
fn who_guesses_keeps_nobody_out_but_the_own_network() {
    let throttle = Throttle::default();
    for second in 0..600 {
        waits(&throttle, "ann", HERE, second);
        assert!(logs_in(&throttle, "ann", HOME, second), "{second}");
    }
    assert!(waits(&throttle, "ann", HERE, 600));
    // A guesser with many networks does not lock out the user on a known network either.
    for number in 0..100_u32 {
        for _ in 0..10 {
            waits(&throttle, "ann", elsewhere(number), 600);
        }
    }
    assert!(
        waits(&throttle, "ann", elsewhere(1000), 600),
        "all of them wait"
    );
    assert!(logs_in(&throttle, "ann", HOME, 600));
    // The user waits for a second on a new network, and the wait does not grow.
    assert!(logs_in(&throttle, "ann", elsewhere(1001), 601));
}

#[test]
fn many_networks_together_get_an_attempt_a_second() {
    let throttle = Throttle::default();
    let mut taken = 0;
    for second in 0..100 {
        for number in 0..50 {
            taken += u32::from(!waits(
                &throttle,
                "ann",
                elsewhere(second * 50 + number),
                second.into(),
            ));
        }
    }
    assert_eq!(taken, 100 + 98);
}

#[test]
fn a_known_network_that_is_shared_with_a_guesser_waits_for_seconds() {
    let throttle = Throttle::default();
    assert!(logs_in(&throttle, "ann", HERE, 0));
    let taken = (0..1000)
        .filter(|second| !waits(&throttle, "ann", HERE, *second))
        .count();
    assert!((250..270).contains(&taken), "{taken}");
    // Guesses at other names from there do not affect it.
    for name in 0..200 {
        waits(&throttle, &name.to_string(), HERE, 1000);
    }
    assert!(waits(&throttle, "bob", HERE, 1000), "the control");
    assert!(logs_in(&throttle, "ann", HERE, 1004));
}

#[test]
fn an_attempt_that_was_not_made_does_not_count() {
    let begin = |throttle: &Throttle, second, made: bool| {
        match throttle.try_begin(Some("ann"), HERE, at(second)) {
            Ok(attempt) if !made => attempt.not_made(),
            Ok(_) => (),
            Err(_) => return false,
        }
        true
    };
    let throttle = Throttle::default();
    for _ in 0..20 {
        assert!(begin(&throttle, 0, false));
    }
    assert!(throttle.state.lock().entries.is_empty());
    for _ in 0..10 {
        assert!(begin(&throttle, 0, true));
    }
    assert!(!begin(&throttle, 0, true), "the control");
    // A refused attempt does not lengthen the wait of the others.
    assert!(begin(&throttle, 1, true));
    assert!(begin(&throttle, 3, false));
    assert!(begin(&throttle, 3, true));
    for _ in 0..20 {
        let attempt = throttle.try_begin(Some("bob"), HOME, at(3)).unwrap();
        let refused: Result<(Attempt<'_>, ()), &str> = attempt.tried(Err("busy"));
        assert_eq!(refused.unwrap_err(), "busy");
    }
    assert!(logs_in(&throttle, "bob", HOME, 3));
}

#[test]
fn success_forgets_the_name_on_its_network_alone() {
    let throttle = Throttle::default();
    for _ in 0..9 {
        assert!(!waits(&throttle, "ann", HERE, 0));
    }
    assert!(logs_in(&throttle, "ann", HERE, 0));
    for _ in 0..10 {
        assert!(!waits(&throttle, "ann", HERE, 0));
    }
    for _ in 0..10 {
        assert!(!waits(&throttle, "bob", HERE, 0));
    }
    assert!(logs_in(&throttle, "bob", HOME, 0));
    assert!(waits(&throttle, "bob", HERE, 0), "not here");
}

#[test]
fn guessing_at_many_names_is_stopped_by_network_and_memory_is_bounded() {
    let throttle = Throttle::default();
    let refused = (0..CAPACITY * 3)
        .filter(|n| waits(&throttle, &n.to_string(), HERE, 0))
        .count();
    assert_eq!(refused, CAPACITY * 3 - 100);
    for n in 0..u32::try_from(CAPACITY * 2).unwrap() {
        let name = n.to_string();
        waits(&throttle, &name, elsewhere(n), u64::from(n / 100));
        logs_in(&throttle, &name, HOME, 1_000_000 + u64::from(n) * 1000);
    }
    let state = throttle.state.lock();
    assert!(state.entries.len() <= CAPACITY, "{}", state.entries.len());
    assert!(state.known.len() <= KNOWN_CAPACITY, "{}", state.known.len());
    assert!(state.known.len() >= KNOWN_CAPACITY / 2, "the control");
    drop(state);
    // A flood within one second is forgotten too.
    for n in 0..u32::try_from(CAPACITY * 2).unwrap() {
        waits(&throttle, &n.to_string(), elsewhere(n), 9_000_000);
    }
    assert!(throttle.state.lock().entries.len() <= CAPACITY);
}

#[test]
fn a_user_with_many_networks_takes_none_from_another() {
    let throttle = Throttle::default();
    assert!(logs_in(&throttle, "ann", HOME, 0));
    for n in 0..20_000_u32 {
        assert!(logs_in(&throttle, "mallory", elsewhere(n), n.into()));
    }
    let is_known = |name: &str, address| {
        let attempt = throttle.try_begin(Some(name), address, at(20_000)).unwrap();
        let is_known = attempt.keys[0].by == By::NameAndKnownNetwork;
        attempt.not_made();
        is_known
    };
    assert!(is_known("ann", HOME));
    let known = (0..20_000).filter(|n| is_known("mallory", elsewhere(*n)));
    assert_eq!(known.collect::<Vec<_>>(), Vec::from_iter(19_984..20_000));
    // A login from a known network makes it the newest.
    assert!(logs_in(&throttle, "mallory", elsewhere(19_984), 20_000));
    assert!(logs_in(&throttle, "mallory", elsewhere(1), 20_000));
    assert!(is_known("mallory", elsewhere(19_984)));
    assert!(!is_known("mallory", elsewhere(19_985)), "the control");
}

#[test]
fn addresses_of_one_ipv6_network_are_one() {
    let [a, b]: [IpAddr; 2] = ["2001:db8::1", "2001:db8::ffff:2"].map(|a| a.parse().unwrap());
    assert_eq!(network(a), network(b));
    assert_eq!(network("::ffff:127.0.0.1".parse().unwrap()), HERE);
}

#[test]
fn a_wait_is_told_in_whole_seconds_and_never_too_short() {
    let throttle = Throttle::default();
    for _ in 0..10 {
        assert!(!waits(&throttle, "ann", HERE, 0));
    }
    let wait = |millis: u64| {
        let now = Elapsed::new(Duration::from_millis(millis));
        throttle
            .try_begin(Some("ann"), HERE, now)
            .err()
            .map(|error| format!("{error:?}"))
    };
    assert!(wait(1).unwrap().contains("again in 1 seconds"));
    assert!(wait(999).unwrap().contains("again in 1 seconds"));
    assert_eq!(wait(1000), None);
    assert!(wait(1001).unwrap().contains("again in 2 seconds"));
    assert!(wait(2001).unwrap().contains("again in 1 seconds"));
}

/// A success takes exactly this attempt from the counts of network and name.
#[test]
fn success_gives_one_attempt_back() {
    let throttle = Throttle::default();
    for name in 0..99 {
        assert!(!waits(&throttle, &name.to_string(), HERE, 0));
    }
    // However often a user logs in, the network has one guess left.
    for name in 1000..1010 {
        assert!(logs_in(&throttle, &name.to_string(), HERE, 0));
    }
    assert!(!waits(&throttle, "a guess", HERE, 0));
    assert!(waits(&throttle, "another", HERE, 0));
}

/// The server keeps the networks of the users who logged in last.
#[test]
fn whoever_logs_in_again_stays_known() {
    let throttle = Throttle::default();
    assert!(logs_in(&throttle, "ann", HOME, 0));
    assert!(logs_in(&throttle, "ann", HERE, 0));
    for n in 1..KNOWN_CAPACITY as u64 {
        assert!(logs_in(&throttle, &n.to_string(), HOME, n));
    }
    assert!(logs_in(&throttle, "ann", HOME, 20_000));
    // One user more than the capacity.
    assert!(logs_in(&throttle, "bob", HOME, 20_001));
    let state = throttle.state.lock();
    assert!(state.known.len() < KNOWN_CAPACITY, "the control");
    let known = &state.known[&throttle.hashing.hash_one(Key::Name("ann"))];
    assert_eq!(known.networks.len(), 2, "each once");
}

#[test]
fn an_attempt_that_was_not_made_leaves_the_time_of_the_one_before() {
    let throttle = Throttle::default();
    for _ in 0..12 {
        // All after their waits: the next wait is four seconds.
        for second in [0, 1, 3] {
            let _ = waits(&throttle, "ann", HERE, second);
        }
    }
    let attempt = throttle.try_begin(Some("ann"), HERE, at(7)).unwrap();
    attempt.not_made();
    assert!(!waits(&throttle, "ann", HERE, 7));
    // Withdrawing the attempt does not withdraw a later failure of another client.
    let attempt = throttle.try_begin(Some("ann"), HERE, at(20)).unwrap();
    assert!(waits(&throttle, "ann", HERE, 21), "the control");
    attempt.not_made();
}

#[tokio::test]
async fn a_refusal_is_answered_late_and_an_attempt_begins_at_once() {
    let throttle = Throttle::default();
    let at_once = async || {
        let begun = throttle.begin(Some("ann"), HERE, at(0));
        tokio::time::timeout(Duration::ZERO, begun).await.is_ok()
    };
    for _ in 0..10 {
        assert!(at_once().await);
    }
    assert!(!at_once().await);
    let refused = throttle.begin(Some("ann"), HERE, at(0)).await;
    assert_eq!(refused.unwrap_err().code(), ErrorCode::TooMany);
}

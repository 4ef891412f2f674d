//! Limits connections: a limit for all of them, a lower one for each address, and some room beyond both in which the
//! server still reports its health.
//!
//! A connection beyond a limit displaces one that serves no request: of the same address, or of one that holds more.
//! When there is none, the server serves it in the extra room: it answers health checks, and refuses everything else
//! with a time to retry. In that room the newest displaces the oldest, so that a silent connection holds no place
//! there.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use atrail_api::ErrorCode;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::patience::Stage;
use super::source::{is_trusted, network};
use crate::error::ApiError;

/// Number of connections in the extra room.
const BESIDE: usize = 64;
/// Seconds until a retry is worthwhile.
const RETRY_SECS: u64 = 5;

/// The limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crowded {
    /// The limit of the address.
    Address,
    /// The limit of the server.
    Server,
}

impl Crowded {
    /// Returns the refusal of a request that does not check the server's health.
    pub(crate) fn refusal(self) -> ApiError {
        match self {
            Self::Address => ApiError::new(
                ErrorCode::TooMany,
                "your address has reached its limit of connections: use fewer, or try again in a moment",
            ),
            Self::Server => ApiError::unavailable(
                "the server has reached its limit of connections: try again in a moment",
            ),
        }
        .retry_after(RETRY_SECS)
    }
}

/// The places of a server's connections.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    most_of_address: usize,
    trusted: Vec<IpAddr>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// The connections that have not been displaced.
    open: HashMap<u64, Open>,
    /// The connections within the limits, by address.
    of_address: HashMap<IpAddr, usize>,
    within: usize,
    beside: usize,
    /// Requests in progress that a trusted proxy passed on, by the address that it names.
    passed_on: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Open {
    /// `None` for a trusted proxy, which acts for many clients.
    address: Option<IpAddr>,
    crowded: Option<Crowded>,
    stage: Arc<Stage>,
    leave: CancellationToken,
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    number: u64,
    /// The limit beyond which it is served, if any.
    pub(super) crowded: Option<Crowded>,
    pub(super) stage: Arc<Stage>,
    /// Cancelled when another connection displaces this one.
    pub(super) leave: CancellationToken,
}

/// A request in progress.
#[derive(Debug)]
pub(super) struct Serving {
    place: Arc<Place>,
    passed_on: Option<IpAddr>,
}

impl Places {
    /// Creates the places: `most` in all, and `most_of_address` for one address, but never more than half of all.
    pub(super) fn new(most: usize, most_of_address: usize, trusted: Vec<IpAddr>) -> Self {
        Self(Arc::new(Inner {
            most,
            most_of_address: most_of_address.min(most.div_ceil(2)),
            trusted,
            state: Mutex::default(),
        }))
    }

    /// Returns a place for a connection from this address; `None` when the server has to close the connection at once.
    pub(super) fn admit(&self, peer: IpAddr) -> Option<Place> {
        let address = (!is_trusted(peer, &self.0.trusted)).then(|| network(peer));
        let mut state = self.0.state.lock();
        let held = address.map_or(0, |address| state.held(address));
        let crowded = if held >= self.0.most_of_address {
            (!state.push_out_of(|open| open.address == address)).then_some(Crowded::Address)
        } else if state.within >= self.0.most {
            (!state.push_out_larger(address, held)).then_some(Crowded::Server)
        } else {
            None
        };
        if crowded.is_some() && state.beside >= BESIDE && !state.push_out_beside() {
            return None;
        }
        let number = state.next;
        state.next += 1;
        let (stage, leave) = (Arc::new(Stage::new()), CancellationToken::new());
        state.enter(
            number,
            Open {
                address,
                crowded,
                stage: Arc::clone(&stage),
                leave: leave.clone(),
            },
        );
        drop(state);
        Some(Place {
            places: self.clone(),
            number,
            crowded,
            stage,
            leave,
        })
    }

    /// Counts a request of a connection that came from this source, and reports whether a limit was reached.
    pub(super) fn serve(
        &self,
        place: &Arc<Place>,
        peer: IpAddr,
        source: IpAddr,
    ) -> (Serving, Option<Crowded>) {
        place.stage.busy();
        let mut serving = Serving {
            place: Arc::clone(place),
            passed_on: None,
        };
        let trusted = &self.0.trusted;
        if place.crowded.is_some() || !is_trusted(peer, trusted) || is_trusted(source, trusted) {
            return (serving, place.crowded);
        }
        let source = network(source);
        let mut state = self.0.state.lock();
        let held = state.passed_on.entry(source).or_default();
        if *held >= self.0.most_of_address {
            return (serving, Some(Crowded::Address));
        }
        *held += 1;
        serving.passed_on = Some(source);
        (serving, None)
    }
}

impl State {
    fn held(&self, address: IpAddr) -> usize {
        self.of_address.get(&address).copied().unwrap_or(0)
    }

    fn enter(&mut self, number: u64, open: Open) {
        if open.crowded.is_some() {
            self.beside += 1;
        } else {
            self.within += 1;
            if let Some(address) = open.address {
                *self.of_address.entry(address).or_default() += 1;
            }
        }
        self.open.insert(number, open);
    }

    fn leave(&mut self, number: u64) -> Option<Open> {
        let open = self.open.remove(&number)?;
        if open.crowded.is_some() {
            self.beside -= 1;
            return Some(open);
        }
        self.within -= 1;
        if let Some(address) = open.address {
            count_down(&mut self.of_address, address);
        }
        Some(open)
    }

    /// Displaces, of the matching connections within the limits, the one that has been without a request for longest.
    fn push_out_of(&mut self, fits: impl Fn(&Open) -> bool) -> bool {
        let waiting = self
            .open
            .iter()
            .filter(|(_, open)| open.crowded.is_none() && open.address.is_some() && fits(open));
        let oldest = waiting
            .filter_map(|(number, open)| Some((open.stage.idle_since()?, *number)))
            .min();
        self.send_away(oldest.map(|(_, number)| number))
    }

    /// Displaces a connection of the address that holds most, if it holds more than the newcomer's, or of the
    /// newcomer's own.
    fn push_out_larger(&mut self, newcomer: Option<IpAddr>, held: usize) -> bool {
        let waiting = self.open.iter().filter_map(|(number, open)| {
            let address = open.address.filter(|_| open.crowded.is_none())?;
            let holds = self.held(address);
            let may_go = holds > held || Some(address) == newcomer;
            let since = open.stage.idle_since().filter(|_| may_go)?;
            Some((std::cmp::Reverse(holds), since, *number))
        });
        let chosen = waiting.min().map(|(_, _, number)| number);
        self.send_away(chosen)
    }

    /// Displaces a connection in the extra room.
    fn push_out_beside(&mut self) -> bool {
        let beside = self.open.iter().filter(|(_, open)| open.crowded.is_some());
        let oldest = beside
            .filter_map(|(number, open)| Some((open.stage.idle_since()?, *number)))
            .min();
        self.send_away(oldest.map(|(_, number)| number))
    }

    fn send_away(&mut self, number: Option<u64>) -> bool {
        let left = number.and_then(|number| self.leave(number));
        left.map(|open| open.leave.cancel()).is_some()
    }
}

fn count_down(counts: &mut HashMap<IpAddr, usize>, address: IpAddr) {
    if let Some(count) = counts.get_mut(&address) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&address);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A displaced connection has left already.
        let _ = self.places.0.state.lock().leave(self.number);
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(source) = self.passed_on {
            count_down(&mut self.place.places.0.state.lock().passed_on, source);
        }
        self.place.stage.idle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    fn busy(places: &Places, from: u8) -> (Arc<Place>, Serving, Option<Crowded>) {
        let place = Arc::new(places.admit(address(from)).unwrap());
        let (serving, crowded) = places.serve(&place, address(from), address(from));
        (place, serving, crowded)
    }

    #[tokio::test]
    async fn one_address_holds_its_part_and_no_more() {
        let places = Places::new(10, 3, Vec::new());
        let held: Vec<_> = (0..3).map(|_| busy(&places, 1)).collect();
        assert!(held.iter().all(|(.., crowded)| crowded.is_none()));
        assert_eq!(busy(&places, 1).2, Some(Crowded::Address));
        assert_eq!(busy(&places, 2).2, None, "another address");
        drop(held);
        assert_eq!(busy(&places, 1).2, None, "given back");
        let half = Places::new(10, 100, Vec::new());
        let held: Vec<_> = (0..5).map(|_| busy(&half, 1)).collect();
        assert_eq!(busy(&half, 1).2, Some(Crowded::Address));
        drop(held);
    }

    #[tokio::test]
    async fn whoever_serves_nothing_gives_way() {
        let places = Places::new(10, 3, Vec::new());
        let _busy = busy(&places, 1);
        let silent = [1, 1].map(|n| places.admit(address(n)).unwrap());
        let newcomer = places.admit(address(1)).unwrap();
        assert_eq!(newcomer.crowded, None);
        let gone = silent.iter().filter(|one| one.leave.is_cancelled());
        assert_eq!(gone.count(), 1, "one for one");
    }

    #[tokio::test]
    async fn where_all_is_full_the_silent_ones_of_who_holds_most_go_first() {
        let places = Places::new(6, 3, Vec::new());
        let greedy = [1, 1, 1].map(|n| places.admit(address(n)).unwrap());
        let modest = [2, 2].map(|n| places.admit(address(n)).unwrap());
        let _third = busy(&places, 3);
        let newcomer = places.admit(address(4)).unwrap();
        assert_eq!(newcomer.crowded, None);
        assert!(modest.iter().all(|one| !one.leave.is_cancelled()));
        assert_eq!(greedy.iter().filter(|g| g.leave.is_cancelled()).count(), 1);
        // Busy connections stay, and an address that holds more does not displace connections of smaller ones.
        let full = Places::new(6, 3, Vec::new());
        let _busy: Vec<_> = [1, 1, 1, 2, 2].map(|n| busy(&full, n)).into();
        let lone = full.admit(address(3)).unwrap();
        assert_eq!(busy(&full, 2).2, Some(Crowded::Server));
        assert!(!lone.leave.is_cancelled());
    }

    #[tokio::test]
    async fn beside_the_bounds_the_newest_finds_room() {
        let places = Places::new(2, 1, Vec::new());
        let _held = busy(&places, 1);
        let silent: Vec<_> = (0..BESIDE)
            .map(|_| places.admit(address(1)).unwrap())
            .collect();
        assert!(
            silent
                .iter()
                .all(|one| one.crowded == Some(Crowded::Address))
        );
        assert!(places.admit(address(1)).is_some(), "the oldest goes");
        assert_eq!(
            silent.iter().filter(|one| one.leave.is_cancelled()).count(),
            1
        );
        for one in silent {
            let _served = places.serve(&Arc::new(one), address(1), address(1));
        }
        let state = places.0.state.lock();
        assert_eq!((state.beside, state.open.len()), (0, 1), "all given back");
    }

    #[tokio::test]
    async fn a_trusted_proxy_is_counted_by_whom_it_names() {
        let proxy = address(9);
        let places = Places::new(8, 2, vec![proxy]);
        let from_proxy = || Arc::new(places.admit(proxy).unwrap());
        let held: Vec<_> = (0..2)
            .map(|_| places.serve(&from_proxy(), proxy, address(1)))
            .collect();
        assert!(held.iter().all(|(_, crowded)| crowded.is_none()));
        let third = places.serve(&from_proxy(), proxy, address(1));
        assert_eq!(third.1, Some(Crowded::Address));
        assert_eq!(places.serve(&from_proxy(), proxy, address(2)).1, None);
        assert_eq!(places.serve(&from_proxy(), proxy, proxy).1, None);
        drop((held, third));
        let state = places.0.state.lock();
        assert!(state.passed_on.is_empty() && state.open.is_empty());
    }
}

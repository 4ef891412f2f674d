//! Every answer equals a full scan: random histories of a store, and after each step random questions, compared with a
//! list of what was acknowledged. `ATRAIL_SEARCH_HISTORIES` sets their number.

use std::collections::BTreeMap;

use atrail_model::{Domain, Hours, Requester, Scope, Target, Timestamp};
use atrail_search::query::Field;
use atrail_store::NewEvent;
use atrail_store::search::{Buckets, Counting, Counts, Order, Question};
use futures_util::TryStreamExt;

use crate::search::{ORDERS, asked, at, budget, lines, paged};
use crate::support::{TestStore, days, files_below};

const HISTORIES: u64 = 6;
const STEPS: u64 = 14;
const ACTIONS: [&str; 4] = ["read", "delete", "Update", "créer"];
const ACTORS: [&str; 5] = ["ann", "Bob", "carol", "10.0.0.7", "x:y"];

/// What was acknowledged, in the order of arrival.
#[derive(Debug, Clone)]
struct Known {
    domain: Domain,
    event: NewEvent,
    time: Timestamp,
    action: &'static str,
    actor: Option<&'static str>,
    n: u64,
}

struct World {
    test: TestStore,
    known: Vec<Known>,
    random: u64,
    next: u64,
    told: Vec<String>,
}

/// A condition, as text and as code.
type Condition = (String, Holds);
type Holds = Box<dyn Fn(&Known) -> bool>;

impl World {
    fn below(&mut self, limit: u64) -> u64 {
        // xorshift64*
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    fn domains(&self) -> [Domain; 3] {
        [
            Domain::Space(self.test.space),
            Domain::Space(self.test.other_space),
            Domain::Account(self.test.account),
        ]
    }

    async fn append(&mut self) {
        let all = self.domains();
        let domain = self.pick(&all);
        let count = 1 + self.below(40);
        let mut events = Vec::new();
        for _ in 0..count {
            self.next += 1;
            let n = self.next;
            let (day, hour) = (22 + self.below(3), self.below(4) * 7);
            // Many events have the same time, and some differ by nanoseconds only.
            let second = self.below(3);
            let nanos = self.pick(&[0, 0, 1, 2, 1000, 999_999_999]);
            let time = format!("2017-07-{day}T{hour:02}:00:{second:02}.{nanos:09}Z");
            let action = self.pick(&ACTIONS);
            let actor = (self.below(5) > 0).then(|| self.pick(&ACTORS));
            let mut rest = format!("\"action\":\"{action}\",\"n\":{n}");
            if let Some(actor) = actor {
                rest.push_str(&format!(",\"initiator\":{{\"id\":\"{actor}\"}}"));
            }
            let event = at(&time, &rest);
            self.known.push(Known {
                domain,
                event: event.clone(),
                time: time.parse().unwrap(),
                action,
                actor,
                n,
            });
            events.push(event);
        }
        self.test.store.append(domain, events).await.unwrap();
    }

    async fn delete(&mut self) {
        let day = 22 + self.below(3);
        let first = self.below(20);
        let day = format!("2017-07-{day}");
        let target = match self.below(3) {
            0 => Target::Account(self.test.account),
            _ => Target::Space(self.test.space),
        };
        let hours: Hours = format!("{first}-{}", first + self.below(24 - first))
            .parse()
            .unwrap();
        let scope = Scope {
            target,
            days: days(&day, &day),
            hours,
        };
        let requester = Requester::from("ann");
        self.test
            .store
            .delete_events(scope, requester, false)
            .await
            .unwrap();
        let space = Domain::Space(self.test.space);
        self.known.retain(|known| {
            let is_in = match target {
                Target::Account(_) => true,
                Target::Space(_) => known.domain == space,
            };
            !(is_in && scope.days.contains(known.event.day) && hours.contains(known.event.hour))
        });
    }

    /// Damages files of the index while the store runs.
    fn damage(&mut self) {
        let files = files_below(&self.test.data_dir().join("index"));
        let files: Vec<_> = files
            .into_iter()
            .filter(|path| path.extension().is_some())
            .collect();
        if files.is_empty() {
            return;
        }
        for _ in 0..3 {
            let path = &files[self.below(files.len() as u64) as usize];
            let Ok(mut bytes) = std::fs::read(path) else {
                continue;
            };
            // Cut to nothing before.
            if bytes.is_empty() {
                continue;
            }
            let damaged = match self.below(4) {
                0 => std::fs::remove_file(path),
                1 => {
                    let length = self.below(bytes.len() as u64) as usize;
                    std::fs::write(path, &bytes[..length])
                }
                2 => {
                    let other = &files[self.below(files.len() as u64) as usize];
                    std::fs::read(other).and_then(|other| std::fs::write(path, other))
                }
                _ => {
                    let at = self.below(bytes.len() as u64) as usize;
                    bytes[at] ^= 1 << self.below(8);
                    std::fs::write(path, bytes)
                }
            };
            match damaged {
                // The store has removed the file, or its directory, meanwhile.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                damaged => damaged.unwrap(),
            }
        }
    }

    async fn step(mut self) -> Self {
        let step = self.below(12);
        self.told.push(format!("step {step}"));
        match step {
            0..=3 => self.append().await,
            4 | 5 => {
                let scope = self.test.scope("2017-07-20", "2017-07-27");
                self.test.session(scope).await;
            }
            6 | 7 => drop(self.test.store.update_index().await.unwrap()),
            8 => drop(self.test.store.compact().await.unwrap()),
            9 => self.delete().await,
            10 => self.damage(),
            _ => self.test = self.test.crash_and_reopen().await,
        }
        self
    }

    fn condition(&mut self, depth: u64) -> Condition {
        match self.below(if depth == 0 { 8 } else { 11 }) {
            0 => {
                let action = self.pick(&ACTIONS);
                let text = format!("action:{}", action.to_uppercase());
                (text, Box::new(move |known| known.action == action))
            }
            1 => {
                let actor = self.pick(&ACTORS);
                let text = format!("initiator.id:\"{actor}\"");
                (text, Box::new(move |known| known.actor == Some(actor)))
            }
            2 => (
                "_exists_:initiator.id".to_owned(),
                Box::new(|known| known.actor.is_some()),
            ),
            3 => {
                let least = self.below(self.next + 1);
                (
                    format!("n:>{least}"),
                    Box::new(move |known| known.n > least),
                )
            }
            4 => (
                "action:*e*".to_owned(),
                Box::new(|known| known.action.to_lowercase().contains('e')),
            ),
            5 => (
                "carol".to_owned(),
                Box::new(|known| known.actor == Some("carol")),
            ),
            6 => ("nothing:x".to_owned(), Box::new(|_| false)),
            7 => (
                "initiator.id:/^b.b$/".to_owned(),
                Box::new(|known| known.actor == Some("Bob")),
            ),
            8 => {
                let (text, holds) = self.condition(depth - 1);
                (
                    format!("NOT ({text})"),
                    Box::new(move |known| !holds(known)),
                )
            }
            kind => {
                let (one, one_holds) = self.condition(depth - 1);
                let (other, other_holds) = self.condition(depth - 1);
                if kind == 9 {
                    let text = format!("({one}) AND ({other})");
                    return (
                        text,
                        Box::new(move |known| one_holds(known) && other_holds(known)),
                    );
                }
                let text = format!("({one}) OR ({other})");
                (
                    text,
                    Box::new(move |known| one_holds(known) || other_holds(known)),
                )
            }
        }
    }

    fn question(&mut self) -> (Question, Holds) {
        let (text, holds) = match self.below(6) {
            0 => (String::new(), Box::new(|_: &Known| true) as Holds),
            _ => self.condition(2),
        };
        let target = match self.below(3) {
            0 => Target::Account(self.test.account),
            1 => Target::Space(self.test.other_space),
            _ => Target::Space(self.test.space),
        };
        let edges = [
            "2017-07-21T00:00:00Z",
            "2017-07-22T07:00:01Z",
            "2017-07-23T00:00:00.000000001Z",
            "2017-07-23T14:00:00.000001Z",
            "2017-07-24T00:00:02.999999999Z",
            "2017-07-26T00:00:00Z",
        ];
        let from = self.below(5) as usize;
        let to = from + 1 + self.below(5 - from as u64) as usize;
        (asked(target, &text, edges[from], edges[to]), holds)
    }

    /// Returns what a full scan finds, in order.
    fn scan(
        &self,
        question: &Question,
        order: Order,
        holds: &dyn Fn(&Known) -> bool,
    ) -> Vec<&Known> {
        let is_in = |known: &&Known| {
            let of_target = match question.target {
                Target::Account(_) => true,
                Target::Space(space) => known.domain == Domain::Space(space),
            };
            of_target && question.range.contains(known.time) && holds(known)
        };
        let mut found: Vec<_> = self.known.iter().filter(is_in).collect();
        // It is stable: what arrived first comes first.
        match order {
            Order::Oldest => found.sort_by_key(|known| (known.time, known.domain)),
            Order::Newest => {
                found.sort_by_key(|known| (std::cmp::Reverse(known.time), known.domain));
            }
        }
        found
    }

    /// Compares answers with full scans; returns the first difference.
    async fn check(&mut self) -> Result<(), String> {
        for _ in 0..4 {
            let (question, holds) = self.question();
            // A page for each hit only where there are few.
            let few = self.scan(&question, Order::Oldest, &*holds).len() < 25;
            let limit = match few {
                true => self.pick(&[1, 2, 3, 10, 1000]),
                false => self.pick(&[17, 50, 1000]),
            };
            for order in ORDERS {
                let expected = self.scan(&question, order, &*holds).into_iter();
                let expected =
                    expected.map(|known| String::from_utf8(known.event.line.to_vec()).unwrap());
                let expected: Vec<_> = expected.collect();
                let hits = paged(&self.test, &question, order, limit).await;
                let hits = hits.map_err(|error| error.to_string())?;
                if lines(&hits) != expected {
                    return Err(format!(
                        "{question:?} {order:?} by {limit}:\n{:#?}\nin place of\n{expected:#?}",
                        lines(&hits)
                    ));
                }
                for hit in &hits {
                    if hit.leaf != atrail_evidence::leaf_hash(&hit.line) {
                        return Err(format!("a wrong leaf: {hit:?}"));
                    }
                }
                if limit > 3 {
                    let all = self
                        .test
                        .store
                        .search_all(question.clone(), order, budget());
                    let all: Vec<_> = all.try_collect().await.map_err(|error| error.to_string())?;
                    if lines(&all) != expected {
                        return Err(format!("{question:?} {order:?} in a stream"));
                    }
                }
            }
            let expected = counted(&self.scan(&question, Order::Oldest, &*holds));
            let counted = self
                .test
                .store
                .aggregate(&question, &counting(), &budget())
                .await;
            let (counts, _) = counted.map_err(|error| error.to_string())?;
            if counts != expected {
                return Err(format!(
                    "{question:?}:\n{counts:#?}\nin place of\n{expected:#?}"
                ));
            }
        }
        Ok(())
    }
}

fn counting() -> Counting {
    let field = |name: &str| Field::named(name).unwrap();
    Counting {
        histogram: Some(Buckets {
            seconds: 1800,
            origin: 7,
        }),
        facets: vec![
            (field("action"), 3),
            (field("initiator.id"), 2),
            (field("nothing"), 1),
        ],
        distinct: vec![field("n"), field("initiator.id")],
    }
}

/// Counts by hand.
fn counted(found: &[&Known]) -> Counts {
    let mut histogram = BTreeMap::new();
    for known in found {
        let seconds = known.time.as_nanosecond().div_euclid(1_000_000_000) - 7;
        let bucket = i64::try_from(seconds.div_euclid(1800)).unwrap();
        *histogram.entry(bucket).or_default() += 1;
    }
    let top = |size: usize, value: &dyn Fn(&Known) -> Option<&'static str>| {
        let mut values: BTreeMap<String, u64> = BTreeMap::new();
        let mut missing = 0;
        for known in found {
            match value(known) {
                Some(value) => *values.entry(value.to_owned()).or_default() += 1,
                None => missing += 1,
            }
        }
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
        let distinct = values.len() as u64;
        let others = values.iter().skip(size).map(|(_, count)| count).sum();
        values.truncate(size);
        atrail_store::search::TopValues {
            values,
            others,
            missing,
            distinct,
        }
    };
    let actors: std::collections::BTreeSet<_> =
        found.iter().filter_map(|known| known.actor).collect();
    Counts {
        total: found.len() as u64,
        times: found
            .first()
            .zip(found.last())
            .map(|(first, last)| (first.time, last.time)),
        histogram,
        facets: vec![
            top(3, &|known| Some(known.action)),
            top(2, &|known| known.actor),
            top(1, &|_| None),
        ],
        distinct: vec![found.len() as u64, actors.len() as u64],
    }
}

async fn world(seed: u64) -> World {
    let test = TestStore::with(|settings| {
        settings.reserve_bytes = 64 << 10;
        settings.tick = std::time::Duration::from_millis(100);
        settings.search.threads = 2;
    })
    .await;
    World {
        test,
        known: Vec::new(),
        random: seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15),
        next: 0,
        told: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_equals_a_full_scan() {
    let histories = std::env::var("ATRAIL_SEARCH_HISTORIES").ok();
    let histories = histories.map_or(HISTORIES, |number| number.parse().unwrap());
    for seed in 0..histories {
        let mut world = world(seed).await;
        for _ in 0..STEPS {
            world = world.step().await;
            if let Err(why) = world.check().await {
                panic!("history {seed}, after {:?}:\n{why}", world.told);
            }
        }
        world.test.store.close().await.unwrap();
    }
}

/// The control: an index that claims to have what it lacks is noticed. (The store may have completed some before they claim
/// it.)
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_lacks_events_is_noticed() {
    let mut noticed = 0;
    for seed in 100..103 {
        let mut world = world(seed).await;
        for _ in 0..4 {
            world.append().await;
        }
        let scope = world.test.scope("2017-07-20", "2017-07-27");
        world.test.session(scope).await;
        world.test.store.update_index().await.unwrap();
        assert!(world.check().await.is_ok());
        for _ in 0..6 {
            world.append().await;
        }
        world.test = {
            let scope = world.test.scope("2017-07-20", "2017-07-27");
            world.test.session(scope).await;
            world.test
        };
        let catalog = world.test.catalog().await;
        let lie = "UPDATE index_files AS f SET events = (SELECT SUM(t.count) FROM hour_totals t \
            WHERE t.domain = f.domain AND t.day = f.day)";
        assert!(catalog.run(lie).await > 0);
        catalog.close().await;
        // Few questions ask for what is missing.
        for _ in 0..40 {
            if world.check().await.is_err() {
                noticed += 1;
                break;
            }
        }
    }
    assert!(noticed > 0);
}

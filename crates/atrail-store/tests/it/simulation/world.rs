//! A store and its expected contents, step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::time::Duration;

use atrail_evidence::Manifest;
use atrail_model::{Clock, Day, Domain, Hour, Hours, Retention, Scope, SessionId, Target};
use atrail_store::{ErrorKind, NewEvent, Session, StoreSettings};
use flate2::read::MultiGzDecoder;

use super::model::{DOMAINS, DomainAt, Extent, Model, Number, Place, day_of, hour_of};
use super::{Templates, Told};
use crate::support::{TestStore, days, event};

const DAYS: [&str; 3] = ["2017-07-23", "2017-07-24", "2017-07-25"];
const DAY_SECS: u64 = 86_400;
/// How often the background of these stores checks for due work: often enough that a short history has some of it.
const TICK: Duration = Duration::from_millis(250);

/// A session, and its expected contents.
#[derive(Debug)]
struct Frozen {
    session: Session,
    bytes: Vec<u8>,
    found: BTreeMap<Place, u64>,
    /// When it was last used, in seconds; a crash may lose this.
    used: i64,
    is_gone: bool,
}

pub(super) struct World {
    test: TestStore,
    model: Model,
    sessions: Vec<Frozen>,
    retention: [i64; 2],
    random: u64,
    told: Told,
}

impl World {
    /// Returns a world whose store has the tenants of a template.
    pub(super) async fn new(seed: u64, templates: &Templates, told: Told) -> Self {
        let mut random = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        // Some stores seal all the time, some drop at once what they have sealed.
        let seals_often = below(&mut random, 2) == 0;
        let window_days = [0, 7, 7, 7, 7, 7][below(&mut random, 6) as usize];
        // Small enough that the log begins many files.
        let wal_file_bytes = [1 << 10, 64 << 10][below(&mut random, 2) as usize];
        let adjust = |settings: &mut StoreSettings| {
            settings.seal_at_bytes = if seals_often { 500 } else { 1 << 20 };
            settings.wal_file_bytes = wal_file_bytes;
            settings.reserve_bytes = 64 << 10;
            settings.tick = TICK;
            settings.dedup_window = Duration::from_secs(window_days * DAY_SECS);
        };
        let test = templates.store(seed, adjust).await;
        told.lock().push(format!(
            "{window_days} days, seals often: {seals_often}, log files of {wal_file_bytes} bytes"
        ));
        Self {
            test,
            model: Model::new((window_days * DAY_SECS).cast_signed()),
            sessions: Vec::new(),
            retention: [-1; 2],
            random,
            told,
        }
    }

    /// Returns the number of steps: most histories are short, so that there can be many, and some are three times as
    /// long.
    pub(super) fn length(&mut self) -> u64 {
        6 + self.below(4) * self.below(11)
    }

    pub(super) async fn step(mut self) -> Self {
        match self.below(100) {
            0..=39 => self.append().await,
            40..=44 => self.append_twice_at_once().await,
            45..=56 => self.freeze().await,
            57..=63 => self.look_again().await,
            64..=67 => self.end_session().await,
            68..=75 => self.delete().await,
            76..=80 => self.advance().await,
            81..=82 => self.retain().await,
            83..=84 => self.sweep().await,
            85 => self.count().await,
            86 => self.compact().await,
            87 => self.rest().await,
            88..=91 => return self.crash_in_the_middle().await,
            92..=95 => {
                self.tell("crash");
                return self.reopen().await;
            }
            _ => {
                self.tell("close");
                self.test.store.close().await.unwrap();
                return self.reopen().await;
            }
        }
        self
    }

    /// Checks everything before and after a last crash, and every session after it.
    pub(super) async fn end(mut self) {
        self.freeze_extent(Extent::EVERYTHING).await;
        self = self.reopen().await;
        if self.below(2) == 0 {
            self.compact().await;
        }
        while !self.sessions.is_empty() {
            self.look_at(0).await;
            self.sessions.remove(0);
        }
        self.freeze_extent(Extent::EVERYTHING).await;
    }

    fn below(&mut self, limit: u64) -> u64 {
        below(&mut self.random, limit)
    }

    fn tell(&self, what: impl Into<String>) {
        self.told.lock().push(what.into());
    }

    fn now(&self) -> i64 {
        self.test.clock.now().as_second()
    }

    fn domain(&self, at: DomainAt) -> Domain {
        [
            Domain::Space(self.test.space),
            Domain::Space(self.test.other_space),
            Domain::Account(self.test.account),
        ][at]
    }

    fn some_events(&mut self) -> (DomainAt, Vec<NewEvent>, BTreeSet<Number>) {
        let domain = self.below(DOMAINS as u64) as DomainAt;
        let numbers: Vec<Number> = (0..=self.below(8)).map(|_| self.below(30) as u8).collect();
        self.tell(format!("append to {domain}: {numbers:?}"));
        let events = numbers.iter().map(|number| {
            let day = DAYS[usize::from(day_of(*number))];
            event(day, hour_of(*number), &format!("#{number}#"))
        });
        (domain, events.collect(), numbers.into_iter().collect())
    }

    async fn append(&mut self) {
        let (at, events, numbers) = self.some_events();
        let all = events.len() as u64;
        let total = self.test.store.append(self.domain(at), events).await;
        let total = total.unwrap();
        assert_eq!(total.stored + total.duplicates, all);
        let now = self.now();
        self.model.appended(at, &numbers, now, total.stored);
    }

    /// Appends the same events twice, in two simultaneous requests.
    async fn append_twice_at_once(&mut self) {
        let (at, events, numbers) = self.some_events();
        let mut backwards = events.clone();
        backwards.reverse();
        let (domain, store) = (self.domain(at), &self.test.store);
        let (one, two) = tokio::join!(
            store.append(domain, events),
            store.append(domain, backwards)
        );
        let (one, two) = (one.unwrap().stored, two.unwrap().stored);
        let now = self.now();
        if self.model.remembers_sealed() {
            self.model.appended(at, &numbers, now, one + two);
        } else {
            // With a seal between the two, the second is stored as well.
            self.model.appended(at, &numbers, now, one.max(two));
            self.model.appended(at, &numbers, now, one.min(two));
        }
    }

    fn some_extent(&mut self) -> Extent {
        let mut range = |from: u64| {
            let (one, two) = (self.below(from) as u8, self.below(from) as u8);
            (one.min(two), one.max(two))
        };
        let (days, hours) = (range(3), range(3));
        let whole_days = self.below(2) == 0;
        Extent {
            space: [Some(0), Some(0), Some(1), None][self.below(4) as usize],
            days,
            hours: if whole_days { (0, 2) } else { hours },
        }
    }

    fn scope(&self, extent: &Extent) -> Scope {
        let hour = |number| Hour::new(number).unwrap();
        let hours = if extent.hours == (0, 2) {
            Hours::ALL
        } else {
            Hours::new(hour(extent.hours.0), hour(extent.hours.1)).unwrap()
        };
        let day = |at: u8| DAYS[usize::from(at)];
        Scope {
            target: match extent.space {
                Some(0) => Target::Space(self.test.space),
                Some(_) => Target::Space(self.test.other_space),
                None => Target::Account(self.test.account),
            },
            days: days(day(extent.days.0), day(extent.days.1)),
            hours,
        }
    }

    async fn freeze(&mut self) {
        let extent = self.some_extent();
        self.freeze_extent(extent).await;
    }

    /// Creates a session, which seals, and downloads it.
    async fn freeze_extent(&mut self, extent: Extent) {
        self.tell(format!("freeze {extent:?}"));
        if self.sessions.len() > 8 {
            self.end_session().await;
        }
        let session = self.test.session(self.scope(&extent)).await;
        let bytes = self.test.gzip(session.id).await;
        let found = self.read(&session, &bytes).await;
        self.test.prove(&session, &bytes).await;
        self.model.seen(&extent, &found);
        assert_eq!(session.events, found.values().sum::<u64>());
        let used = self.now();
        self.sessions.push(Frozen {
            session,
            bytes,
            found,
            used,
            is_gone: false,
        });
    }

    /// Returns the number of copies of each event in a download, which it reads object by object.
    async fn read(&self, session: &Session, bytes: &[u8]) -> BTreeMap<Place, u64> {
        let manifest = self.test.store.manifest(self.test.user, session.id).await;
        let manifest: Manifest = serde_json::from_slice(&manifest.unwrap()).unwrap();
        let mut rest = bytes;
        let mut found = BTreeMap::new();
        for object in manifest.objects {
            let (part, behind) = rest.split_at(usize::try_from(object.length).unwrap());
            rest = behind;
            let mut text = String::new();
            MultiGzDecoder::new(part).read_to_string(&mut text).unwrap();
            let is_its = |at: &DomainAt| self.domain(*at).to_string() == object.domain;
            let domain = (0..DOMAINS).find(is_its);
            for line in text.lines() {
                let number = line.split('#').nth(1).unwrap().parse().unwrap();
                *found.entry((domain.unwrap(), number)).or_default() += 1;
            }
        }
        assert!(rest.is_empty());
        found
    }

    async fn look_again(&mut self) {
        if !self.sessions.is_empty() {
            let at = self.below(self.sessions.len() as u64) as usize;
            self.look_at(at).await;
        }
    }

    /// Checks that a session is unchanged, or lost to a deletion, or expired.
    async fn look_at(&mut self, at: usize) {
        self.tell(format!("look at session {at} again"));
        let now = self.now();
        let frozen = &mut self.sessions[at];
        let id: SessionId = frozen.session.id;
        let since = |moment: i64| (now - moment).cast_unsigned();
        let created = frozen.session.created.as_second();
        let must_be_over = since(frozen.used) >= 7 * DAY_SECS || since(created) >= 30 * DAY_SECS;
        // A crash may lose its uses, but not its creation.
        let may_be_over = since(created) >= 7 * DAY_SECS;
        match self.test.open(id).await {
            Ok(_) => {
                assert!(!must_be_over && !frozen.is_gone, "it is still there");
                assert!(self.test.gzip(id).await == frozen.bytes, "it changed");
                self.test.prove(&frozen.session, &frozen.bytes).await;
                frozen.used = now;
            }
            Err(error) => match error.kind() {
                ErrorKind::NotFound => assert!(may_be_over, "{error}"),
                ErrorKind::Gone => assert!(frozen.is_gone, "{error}"),
                _ => panic!("{error}"),
            },
        }
    }

    async fn end_session(&mut self) {
        if self.sessions.is_empty() {
            return;
        }
        let at = self.below(self.sessions.len() as u64) as usize;
        self.tell(format!("end session {at}"));
        self.look_at(at).await;
        let id = self.sessions.remove(at).session.id;
        let (store, user) = (&self.test.store, self.test.user);
        // An expired session is not found.
        let _ = store.delete_session(user, id).await;
        let error = store.session(user, id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    async fn delete(&mut self) {
        let extent = self.some_extent();
        let dry_run = self.below(4) == 0;
        self.tell(format!("delete {extent:?}, dry: {dry_run}"));
        let (least, most) = self.model.count(&extent);
        let scope = self.scope(&extent);
        let total = self.test.store.delete_events(scope, "ann", dry_run).await;
        let count = total.unwrap().count;
        assert!(
            (least..=most).contains(&count),
            "{count} deleted in place of {least} to {most}"
        );
        if !dry_run {
            self.model.deleted(&extent);
            for frozen in &mut self.sessions {
                let mut places = frozen.found.keys();
                frozen.is_gone |= places.any(|(domain, number)| extent.has(*domain, *number));
            }
        }
    }

    async fn advance(&mut self) {
        const HOURS: [u64; 5] = [1, 24, 6 * 24, 7 * 24, 9 * 24];
        let hours = HOURS[self.below(5) as usize];
        self.tell(format!("{hours} hours later"));
        self.test.clock.advance(Duration::from_secs(hours * 3600));
        // A server that runs this long records the passed time every minute.
        self.test.store.resume_time().await.unwrap();
    }

    async fn retain(&mut self) {
        let days = [-1, 1, 30][self.below(3) as usize];
        let at = self.below(2) as usize;
        self.tell(format!("keep {at} for {days} days"));
        let targets = [self.test.space, self.test.other_space].map(Target::Space);
        let retention = Retention::try_from(days).unwrap();
        let store = &self.test.store;
        store
            .set_retention(targets[at], retention, "ann")
            .await
            .unwrap();
        self.retention[at] = days;
        for (target, days) in targets.into_iter().zip(self.retention) {
            let held = store.retention(target).await.unwrap();
            let held: Vec<_> = held.iter().map(|one| one.retention.number()).collect();
            assert_eq!(held, [days]);
        }
    }

    /// Sweeps: retention deletes the due events, and none of an existing session.
    async fn sweep(&mut self) {
        self.tell("sweep");
        // This seals: unsealed events wait for a later sweep.
        self.freeze_extent(Extent::EVERYTHING).await;
        let today = self.now() / DAY_SECS.cast_signed();
        let (mut least, mut most) = (0, 0);
        let mut due = Vec::new();
        for (space, days) in self.retention.into_iter().enumerate() {
            let is_due = |day: &&str| {
                let number = day.parse::<Day>().unwrap().number();
                days >= 0 && today - i64::from(number) > days
            };
            let count = DAYS.into_iter().take_while(is_due).count() as u8;
            let Some(last) = count.checked_sub(1) else {
                continue;
            };
            let extent = Extent {
                space: Some(space),
                days: (0, last),
                ..Extent::EVERYTHING
            };
            let counted = self.model.count(&extent);
            (least, most) = (least + counted.0, most + counted.1);
            due.push(extent);
        }
        let swept = self.test.store.sweep().await.unwrap().count;
        assert!(
            (least..=most).contains(&swept),
            "{swept} went in place of {least} to {most}"
        );
        due.iter().for_each(|extent| self.model.deleted(extent));
    }

    async fn count(&mut self) {
        let extent = self.some_extent();
        self.tell(format!("count {extent:?}"));
        let totals = self.test.store.status(self.scope(&extent)).await.unwrap();
        let count = totals.iter().map(|total| total.count).sum();
        let (least, most) = self.model.count(&extent);
        assert!((least..=most).contains(&count), "{count} counted");
    }

    /// Replaces several objects with one, wherever there are several.
    async fn compact(&self) {
        self.tell("compact");
        self.test.store.compact().await.unwrap();
    }

    /// Lets the background expire, merge and seal.
    async fn rest(&mut self) {
        self.tell("rest");
        tokio::time::sleep(TICK + TICK / 3).await;
    }

    async fn reopen(mut self) -> Self {
        self.test = self.test.crash_and_reopen().await;
        self
    }

    /// Crashes the store during a request, whose answer nobody receives.
    async fn crash_in_the_middle(mut self) -> Self {
        let moment = Duration::from_micros(self.below(4_000));
        match self.below(3) {
            0 => {
                let extent = self.some_extent();
                self.tell(format!("crash while freezing {extent:?}"));
                let session = self.test.session(self.scope(&extent));
                let _ = tokio::time::timeout(moment, session).await;
            }
            1 => {
                let extent = self.some_extent();
                self.tell(format!("crash while deleting {extent:?}"));
                let scope = self.scope(&extent);
                let deletion = self.test.store.delete_events(scope, "ann", false);
                let _ = tokio::time::timeout(moment, deletion).await;
                self.model.deletion_unknown(&extent);
                // It is equally unknown whether they are gone.
                self.sessions.retain(|frozen| {
                    let mut places = frozen.found.keys();
                    !places.any(|(domain, number)| extent.has(*domain, *number))
                });
            }
            _ => {
                let (at, events, numbers) = self.some_events();
                self.tell("crash meanwhile");
                let append = self.test.store.append(self.domain(at), events);
                let answer = tokio::time::timeout(moment, append).await;
                let now = self.now();
                match answer {
                    Ok(total) => self
                        .model
                        .appended(at, &numbers, now, total.unwrap().stored),
                    Err(_) => self.model.append_unknown(at, &numbers, now),
                }
            }
        }
        self.reopen().await
    }
}

/// Returns numbers that look random and follow from the seed.
const fn below(random: &mut u64, limit: u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    (random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) % limit
}

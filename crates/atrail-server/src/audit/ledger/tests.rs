//! Events are texts here: the start or the end of a reader's reading.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const MIB: u64 = 1 << 20;

fn reader(number: u8) -> Reader {
    Reader {
        login: format!("00000000-0000-4000-8000-0000000000{number:02}")
            .parse()
            .unwrap(),
        address: [127, 0, 0, number].into(),
    }
}

/// A ledger whose events are recorded at once, and whose state is stored at once.
struct Book {
    ledger: Ledger<String>,
    total: u64,
    recorded: Vec<String>,
    /// The durable state.
    kept: BTreeMap<u64, Reading>,
    /// How often it was written.
    writes: usize,
}

impl Book {
    fn new(total: u64) -> Self {
        Self {
            ledger: Ledger::new(total, Vec::new(), ByteSet::default()),
            total,
            recorded: Vec::new(),
            kept: BTreeMap::new(),
            writes: 0,
        }
    }

    fn record(&mut self, event: &str) {
        if !self.recorded.iter().any(|one| one == event) {
            self.recorded.push(event.to_owned());
        }
    }

    fn keep(&mut self) {
        let changes = self.ledger.begin_keeping();
        for number in &changes.gone {
            self.kept.remove(number);
        }
        self.kept.extend(changes.changed.iter().cloned());
        self.writes += 1;
        self.ledger.was_kept(changes);
    }

    fn ask(&mut self, by: u8, bytes: Range<u64>) -> Answer {
        let name = format!("start {by} #{}", self.recorded.len());
        let (answer, start) = self.ledger.ask(reader(by), bytes, || name);
        if let Some(start) = start {
            self.record(&start);
        }
        self.ledger.begun(&answer);
        if self.ledger.claim(&answer) {
            self.keep();
        }
        answer
    }

    fn hand_out(&mut self, answer: &mut Answer, bytes: Range<u64>) {
        loop {
            let number = self.recorded.len();
            let by = answer.reader.address;
            let event = |part| match part {
                Part::Start { .. } => format!("start {by} #{number}"),
                Part::End { .. } => format!("end {by} #{number}"),
            };
            match self.ledger.hand_out(answer, &bytes, event) {
                Step::HandOut => return,
                Step::Keep => self.keep(),
                Step::Begin(start) => {
                    self.record(&start);
                    self.ledger.begun(answer);
                }
                Step::End(end) => {
                    self.record(&end);
                    self.ledger.ended(answer, &bytes);
                    return self.keep();
                }
            }
        }
    }

    /// Makes a request whose answer completes.
    fn take(&mut self, by: u8, bytes: Range<u64>) {
        let mut answer = self.ask(by, bytes.clone());
        self.hand_out(&mut answer, bytes);
        self.ledger.leave(&answer);
    }

    /// Makes a request whose answer breaks off at this position.
    fn take_until(&mut self, by: u8, bytes: Range<u64>, place: u64) {
        let mut answer = self.ask(by, bytes.clone());
        self.hand_out(&mut answer, bytes.start..place);
        self.ledger.leave(&answer);
    }

    fn restart(&mut self) {
        self.keep();
        self.kill();
    }

    fn kill(&mut self) {
        let kept = self.kept.clone().into_iter().collect();
        self.ledger = Ledger::new(self.total, kept, ByteSet::default());
    }

    fn words(&self) -> Vec<&str> {
        self.recorded
            .iter()
            .map(|event| event.split(' ').next().unwrap())
            .collect()
    }
}

const ONE: [&str; 2] = ["start", "end"];

#[test]
fn ranges_in_any_order_are_one_reading() {
    let mut book = Book::new(1000);
    for start in [900, 0, 300, 600, 100, 200, 400, 700, 800, 500] {
        assert!(!book.words().contains(&"end"));
        book.take(1, start..start + 100);
    }
    assert_eq!(book.words(), ONE);
}

#[test]
fn another_login_or_address_is_another_reading() {
    let mut book = Book::new(1000);
    book.take(1, 0..1000);
    book.take(2, 1..1000);
    assert_eq!(book.words(), ["start", "end", "start", "end"]);
    let same_login = Reader {
        address: [127, 0, 0, 9].into(),
        ..reader(1)
    };
    let (answer, start) = book
        .ledger
        .ask(same_login, 1..2, || "from elsewhere".to_owned());
    assert_eq!(start.as_deref(), Some("from elsewhere"));
    book.ledger.leave(&answer);
}

#[test]
fn bytes_that_were_handed_out_are_read_again() {
    let mut book = Book::new(1000);
    book.take(1, 0..1000);
    book.take(1, 1..1000);
    book.take(1, 500..600);
    assert_eq!(book.words(), ["start", "end", "start", "end", "start"]);
    // The same holds for readings that never had all bytes: the server records each, and the last missing bytes end it.
    let mut book = Book::new(1000);
    for _ in 0..3 {
        book.take(1, 0..900);
    }
    book.take(1, 900..1000);
    assert_eq!(book.words(), ["start", "start", "start", "end"]);
}

#[test]
fn two_answers_of_one_reader_at_once_are_two_readings() {
    for one_is_quicker in [false, true] {
        let mut book = Book::new(1000);
        let (mut one, mut two) = (book.ask(1, 0..1000), book.ask(1, 0..1000));
        assert_eq!(book.words(), ["start"]);
        if one_is_quicker {
            book.hand_out(&mut one, 0..1000);
            book.hand_out(&mut two, 0..1000);
        } else {
            for start in (0..1000).step_by(100) {
                book.hand_out(&mut one, start..start + 100);
                book.hand_out(&mut two, start..start + 100);
            }
        }
        let mut words = book.words();
        words.sort_unstable();
        assert_eq!(words, ["end", "end", "start", "start"]);
        book.ledger.leave(&one);
        book.ledger.leave(&two);
        assert!(!book.ledger.is_in_use());
    }
}

#[test]
fn what_was_on_its_way_may_be_asked_for_again() {
    let total = 200 * MIB;
    let mut book = Book::new(total);
    book.take_until(1, 0..total, 100 * MIB);
    book.take_until(1, 70 * MIB..total, 150 * MIB);
    book.take(1, 120 * MIB..total);
    assert_eq!(book.words(), ONE);
    // Bytes that arrived long ago are not in transit, and no request resumes at the first byte.
    for from in [60 * MIB, 0] {
        let mut book = Book::new(total);
        book.take_until(1, 0..total, 100 * MIB);
        book.take(1, from..total);
        assert_eq!(book.words(), ["start", "start", "end"], "from {from}");
    }
}

#[test]
fn the_end_is_on_record_whoever_takes_the_rest_and_whatever_came_between() {
    for (restart, first) in [
        (false, 999..1000),
        (true, 999..1000),
        (true, 0..500),
        (false, 200..300),
    ] {
        for other in [1, 2] {
            for kill in [false, true] {
                let mut book = Book::new(1000);
                book.take(1, first.clone());
                if kill {
                    book.kill();
                } else if restart {
                    book.restart();
                }
                // All but the first byte, which everybody knows.
                for rest in [1..first.start.max(1), first.end..1000] {
                    if !rest.is_empty() {
                        book.take(other, rest);
                    }
                }
                assert_eq!(
                    book.words().last(),
                    Some(&"end"),
                    "{first:?} {other} {kill}"
                );
            }
        }
    }
}

#[test]
fn a_kill_makes_no_download_a_smaller_one() {
    // The answer has claimed its bytes, and may have handed them out when the process dies; its end is recorded in
    // time.
    let mut book = Book::new(1000);
    let _ = book.ask(1, 0..1000);
    book.kill();
    book.take(1, 500..1000);
    assert_eq!(book.words(), ONE);
    // A stored end is not recorded again. A later read begins a new reading.
    let mut book = Book::new(1000);
    book.take(1, 0..1000);
    book.kill();
    book.take(1, 500..1000);
    assert_eq!(book.words(), ["start", "end", "start"]);
}

#[test]
fn a_claim_is_given_back_when_its_answer_is_over() {
    let mut book = Book::new(1000);
    book.take_until(1, 0..1000, 10);
    book.restart();
    book.take(2, 100..1000);
    assert_eq!(book.words(), ["start", "start"], "90 bytes are missing");
}

#[test]
fn long_answers_are_claimed_piece_by_piece() {
    let total = 1024 * MIB;
    let mut book = Book::new(total);
    let mut answer = book.ask(1, 0..total);
    let claimed = |book: &Book| book.kept[&0].handed_out.count();
    assert_eq!(claimed(&book), AHEAD_BYTES);
    book.hand_out(&mut answer, 0..AHEAD_BYTES);
    assert_eq!(claimed(&book), AHEAD_BYTES);
    book.hand_out(&mut answer, AHEAD_BYTES..AHEAD_BYTES + 1);
    assert_eq!(claimed(&book), 2 * AHEAD_BYTES);
    book.ledger.leave(&answer);
}

#[test]
fn whoever_reads_range_by_range_claims_seldom_and_never_more_than_twice_what_was_handed_out() {
    let total = 256 * MIB;
    let mut book = Book::new(total);
    for number in 0..255 {
        let bytes = number * MIB..(number + 1) * MIB;
        let mut answer = book.ask(1, bytes.clone());
        let stored = &book.kept[&0].handed_out;
        assert!(stored.contains(&bytes), "before the first of them leaves");
        assert!(stored.count() <= (bytes.end * 2).min(bytes.end + RANGES_AHEAD_BYTES));
        book.hand_out(&mut answer, bytes);
        book.ledger.leave(&answer);
    }
    assert!(book.writes < 12, "{}", book.writes);
    // What others store meanwhile gives claims back, and they are claimed again.
    book.keep();
    assert_eq!(book.kept[&0].handed_out.count(), 255 * MIB);
    let answer = book.ask(1, 255 * MIB..total);
    assert!(book.kept[&0].handed_out.contains(&(255 * MIB..total)));
    book.ledger.leave(&answer);
}

#[test]
fn bytes_whose_claim_is_being_given_back_are_claimed_again() {
    let mut book = Book::new(1000);
    book.take_until(1, 0..900, 10);
    // The claim of 900 bytes is being given back when the reader continues.
    let being_kept = book.ledger.begin_keeping();
    let (answer, _) = book.ledger.ask(reader(1), 500..900, String::new);
    assert!(book.ledger.claim(&answer), "it must be stored before");
    book.ledger.was_kept(being_kept);
    book.keep();
    assert!(book.kept[&0].handed_out.contains(&(500..900)));
}

#[test]
fn a_few_bytes_of_a_small_session_are_no_end() {
    let mut book = Book::new(20);
    book.take(1, 0..9);
    assert_eq!(book.words(), ["start"]);
    book.take(1, 9..11);
    assert_eq!(book.words(), ONE);
    book.take(1, 11..20);
    assert_eq!(book.words(), ONE, "a reading ends once");
}

#[test]
fn what_somebody_else_is_being_handed_counts() {
    let mut book = Book::new(1000);
    let mut under_way = book.ask(1, 0..1000);
    book.hand_out(&mut under_way, 0..500);
    book.take(2, 500..1000);
    assert_eq!(book.words(), ["start", "start", "end"]);
    // The first answer continues, and has all bytes by itself.
    book.hand_out(&mut under_way, 500..1000);
    book.ledger.leave(&under_way);
    assert_eq!(book.words(), ["start", "start", "end", "end"]);
}

#[test]
fn what_ended_is_nobody_elses_beginning() {
    let mut book = Book::new(1000);
    book.take(1, 0..1000);
    book.take(2, 500..1000);
    assert_eq!(book.words(), ["start", "end", "start"]);
}

#[test]
fn what_changes_while_the_ledger_is_kept_is_kept_next() {
    let mut book = Book::new(1000);
    book.take(1, 0..100);
    assert!(!book.ledger.is_kept(), "the claim was given back");
    let being_kept = book.ledger.begin_keeping();
    let answer = book.ask(1, 100..200);
    book.ledger.was_kept(being_kept.clone());
    assert!(!book.ledger.is_kept());
    book.ledger.leave(&answer);
    book.ledger.was_kept(being_kept);
    assert!(book.ledger.is_kept());
}

#[test]
fn readings_are_bounded_and_none_that_goes_is_forgotten() {
    let mut book = Book::new(10_000);
    for by in 0..99 {
        let start = u64::from(by) * 100;
        book.take(by, start..start + 100);
    }
    assert!(book.ledger.readings.len() <= READINGS_MAX);
    assert!(book.kept.len() <= READINGS_MAX);
    book.restart();
    book.take(99, 9_900..10_000);
    assert_eq!(book.words().last(), Some(&"end"));
    assert_eq!(book.words().len(), 101);
}

#[test]
fn what_an_earlier_version_handed_out_counts() {
    let mut book = Book::new(1000);
    book.ledger = Ledger::new(1000, Vec::new(), ByteSet::up_to(400));
    book.take(1, 400..1000);
    assert_eq!(book.words(), ONE);
}

#[test]
fn an_end_that_could_not_be_written_is_owed_by_whoever_goes_on() {
    let mut book = Book::new(1000);
    let mut answer = book.ask(1, 0..1000);
    let step = book
        .ledger
        .hand_out(&mut answer, &(0..1000), |_| "end of the first".to_owned());
    assert_eq!(step, Step::End("end of the first".to_owned()));
    // The connection was cut.
    book.ledger.leave(&answer);
    book.take(2, 500..1000);
    assert_eq!(book.words(), ["start", "start", "end"]);
}

#[derive(Debug, Clone)]
enum Move {
    Take(u8, u64, u64),
    Cut(u8, u64, u64),
    Restart,
    Kill,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let range = (0..1000_u64, 1..600_u64);
    let one = prop_oneof![
        6 => (1..4_u8, range.clone()).prop_map(|(by, (start, len))| Move::Take(by, start, len)),
        2 => (1..4_u8, range).prop_map(|(by, (start, len))| Move::Cut(by, start, len)),
        1 => Just(Move::Restart),
        1 => Just(Move::Kill),
    ];
    prop::collection::vec(one, 1..40)
}

proptest! {
    /// A reader who holds every byte has left an end; a reader who receives the same bytes again has left another
    /// start.
    #[test]
    fn nobody_has_the_whole_without_a_trace(moves in moves()) {
        let mut book = Book::new(1000);
        // The bytes handed out to anybody since the last end, and to each reader since its last start.
        let mut together = BTreeSet::new();
        let mut of_reader: [BTreeSet<u64>; 4] = Default::default();
        for one in moves {
            let before = book.recorded.clone();
            match one {
                Move::Restart => book.restart(),
                Move::Kill => {
                    book.kill();
                    // Bytes handed out since the last store may have been in transit.
                    for had in &mut of_reader {
                        had.retain(|byte| *byte == 0);
                    }
                }
                Move::Take(by, start, len) | Move::Cut(by, start, len) => {
                    let bytes = start..(start + len).min(1000);
                    let is_cut = matches!(one, Move::Cut(..));
                    let end = if is_cut { bytes.start + (bytes.end - bytes.start) / 2 } else { bytes.end };
                    let had = &mut of_reader[usize::from(by)];
                    let is_again = bytes.clone().any(|byte| had.contains(&byte));
                    book.take_until(by, bytes.clone(), end);
                    let news: Vec<_> = book.recorded[before.len()..].to_vec();
                    prop_assert!(!is_again || news.iter().any(|event| event.starts_with("start")));
                    if news.iter().any(|event| event.starts_with("start")) {
                        had.clear();
                    }
                    together.extend(bytes.start..end);
                    // A reader may request bytes again when a cut leaves their arrival uncertain.
                    if !is_cut {
                        had.extend(bytes);
                    } else if bytes.start == 0 && end > 0 {
                        had.insert(0);
                    }
                    if news.iter().any(|event| event.starts_with("end")) {
                        together.clear();
                    }
                    prop_assert!(together.len() < 1000, "{:?}", book.recorded);
                }
            }
        }
    }
}

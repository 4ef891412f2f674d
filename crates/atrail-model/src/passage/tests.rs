use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// A clock, and the lines derived from it.
struct Run {
    passage: Passage,
    now: Moment,
}

impl Run {
    fn from(kept: Option<Kept>, newest: Option<Timestamp>, date: Timestamp) -> Self {
        let now = Moment {
            date,
            elapsed: Elapsed::default(),
        };
        Self {
            passage: Passage::begin(kept, newest, Timestamp::MIN, now),
            now,
        }
    }

    fn new() -> Self {
        Self::from(None, None, start())
    }

    fn look(&mut self) -> Now {
        self.passage.look(self.now)
    }

    /// Lets time pass, with a reading every minute; the background reads more often.
    fn pass(&mut self, span: Duration) -> Now {
        let mut left = span;
        while !left.is_zero() {
            let step = left.min(MINUTE);
            self.now.date += step;
            self.now.elapsed = self.now.elapsed.after(step);
            left -= step;
            self.look();
        }
        self.look()
    }

    fn jump(&mut self, date: Timestamp) -> Now {
        self.now.date = date;
        self.look()
    }
}

fn start() -> Timestamp {
    "2026-11-26T06:00:00Z".parse().unwrap()
}

#[test]
fn without_a_jump_the_lines_are_the_date() {
    let mut run = Run::new();
    let seen = run.pass(100 * DAY);
    assert_eq!(seen.date, start() + 100 * DAY);
    assert_eq!((seen.passed, seen.ages), (seen.date, seen.date));
    assert!(seen.agrees());
}

#[test]
fn looking_seldom_is_as_good_as_looking_often() {
    let mut run = Run::new();
    run.now.date = start() + YEAR;
    run.now.elapsed = run.now.elapsed.after(YEAR);
    assert_eq!(run.look().certain(), start() + YEAR);
}

#[test]
fn a_jump_ahead_is_no_time_and_coming_back_agrees_at_once() {
    let mut run = Run::new();
    let seen = run.jump(start() + YEAR);
    assert_eq!(seen.certain(), start());
    assert_eq!(seen.ages, start());
    assert!(!seen.agrees());
    let seen = run.pass(5 * MINUTE);
    assert!(seen.certain() <= start() + 10 * MINUTE, "{seen:?}");
    let seen = run.jump(start() + 15 * MINUTE);
    assert!(seen.agrees());
    assert!(seen.certain() >= start() + 10 * MINUTE);
    // The next jump counts as one again.
    assert!(run.jump(start() + YEAR).certain() <= start() + 15 * MINUTE);
}

#[test]
fn a_date_that_stays_is_believed_after_as_long_as_it_jumped() {
    let mut run = Run::new();
    run.jump(start() + 10 * DAY);
    let seen = run.pass(9 * DAY);
    assert_eq!(seen.ahead(), SignedDuration::from_hours(24));
    assert!(run.pass(DAY).agrees());
    assert_eq!(run.look().certain(), start() + 20 * DAY);
}

#[test]
fn many_small_jumps_are_no_time_either() {
    let mut run = Run::new();
    for _ in 0..1000 {
        run.jump(run.now.date + 50 * MINUTE);
        run.pass(Duration::from_secs(1));
    }
    assert!(run.look().certain() <= start() + Duration::from_secs(2000));
}

#[test]
fn back_and_ahead_again_is_where_it_was() {
    let mut run = Run::new();
    run.pass(DAY);
    let seen = run.jump(start() - YEAR);
    assert_eq!(
        seen.certain(),
        start() - YEAR,
        "nothing is due that is not by the clock"
    );
    assert_eq!(seen.ages, start() + DAY, "ages never go back");
    run.pass(10 * MINUTE);
    let seen = run.jump(start() + DAY + 10 * MINUTE);
    assert!(seen.agrees());
    assert_eq!(seen.certain(), start() + DAY + 10 * MINUTE);
    assert_eq!(seen.ages, start() + DAY + 10 * MINUTE);
}

#[test]
fn a_date_that_stays_behind_is_the_right_one_and_a_later_jump_is_one() {
    let mut run = Run::new();
    run.jump(start() - YEAR);
    assert!(!run.pass(DAY - MINUTE).agrees());
    let seen = run.pass(2 * MINUTE);
    assert!(seen.agrees(), "{seen:?}");
    assert!(seen.ages > start(), "ages never go back");
    assert!(run.jump(start()).certain() < start() - YEAR + 2 * DAY);
}

#[test]
fn small_corrections_are_none() {
    let mut run = Run::new();
    for seconds in [2_u64, 30, 3000] {
        let before = run.pass(DAY).date;
        assert!(run.jump(before + Duration::from_secs(seconds)).agrees());
        assert!(run.jump(before - Duration::from_secs(seconds)).agrees());
        run.pass(DAY);
        assert_eq!(run.look().certain(), run.now.date);
    }
}

#[test]
fn what_was_kept_is_gone_on_from() {
    let mut before = Run::new();
    before.jump(start() + YEAR);
    let kept = before.passage.kept();
    // A jump outlives a restart, in either direction.
    let mut run = Run::from(Some(kept), None, start() + YEAR);
    assert_eq!(run.look().certain(), start());
    assert!(!run.look().agrees());
    let mut run = Run::from(Some(kept), None, start() + MINUTE);
    assert_eq!(
        run.look().certain(),
        start() + MINUTE,
        "it did not run for a minute"
    );
    let mut run = Run::from(Some(kept), None, start() - YEAR);
    assert_eq!(run.look().certain(), start() - YEAR);
    assert_eq!(run.look().ages, start());
    assert!(
        run.jump(start()).agrees(),
        "the clock was not set at the start, and is now"
    );
    // A weekend without the server is believed once the server has run for the same time.
    let mut run = Run::from(Some(kept), None, start() + 2 * DAY);
    assert!(!run.look().agrees());
    assert!(run.pass(2 * DAY).agrees());
    // A night is believed at once.
    let mut run = Run::from(Some(kept), None, start() + DAY / 2);
    assert_eq!(run.look().certain(), start() + DAY / 2);
    assert_eq!(run.look().ages, start() + DAY / 2);
}

#[test]
fn a_directory_of_an_earlier_version_goes_on_from_its_newest_trace() {
    let mut run = Run::from(None, Some(start()), start() + YEAR);
    assert_eq!(run.look().certain(), start());
    let mut run = Run::from(None, Some(start()), start() + MINUTE);
    assert_eq!(run.look().certain(), start() + MINUTE);
    // Without a trace there is nothing to lose either.
    let mut run = Run::from(None, None, start() + YEAR);
    assert_eq!(run.look().certain(), start() + YEAR);
}

#[test]
fn an_age_is_never_earlier_than_one_that_was_noted() {
    let now = Moment {
        date: start(),
        elapsed: Elapsed::default(),
    };
    let kept = Kept {
        passed: start(),
        ages: start(),
    };
    let mut passage = Passage::begin(Some(kept), None, start() + MINUTE, now);
    assert_eq!(passage.look(now).ages, start() + MINUTE);
}

#[test]
fn a_clock_that_was_never_set_is_no_line() {
    let unset: Timestamp = "1970-01-01T00:00:30Z".parse().unwrap();
    let mut run = Run::from(None, None, unset);
    run.pass(MINUTE);
    let seen = run.jump(start());
    assert!(seen.agrees());
    assert_eq!(seen.certain(), start());
}

#[test]
fn an_operator_moves_the_line_and_no_age() {
    let mut run = Run::new();
    run.jump(start() + YEAR);
    let seen = run.passage.resume(run.now);
    assert!(seen.agrees());
    assert_eq!(seen.certain(), start() + YEAR);
    assert_eq!(seen.ages, start());
    run.jump(start());
    assert_eq!(run.passage.resume(run.now).certain(), start());
    // It confirms this date, not the next one.
    assert_eq!(run.jump(start() + YEAR).certain(), start());
}

#[test]
fn the_ends_of_time_break_nothing() {
    let mut run = Run::new();
    run.jump(Timestamp::MAX);
    run.now.elapsed = Elapsed::new(Duration::MAX);
    run.look();
    run.jump(Timestamp::MIN);
    run.passage.resume(run.now);
    assert_eq!(run.look().certain(), Timestamp::MIN);
}

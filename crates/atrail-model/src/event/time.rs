//! `eventTime` in the forms seen in the wild.
//!
//! ```text
//! YYYY-MM-DD ( "T" | " " ) HH:MM:SS [ "." 1*9DIGIT ] [ [" "] zone ]
//! zone = "Z" | ( "+" | "-" ) HH [":"] MM [ " UTC" ]
//! ```
//! The first is RFC 3339, whose `T` and `Z` may be lower case; without a zone the time is UTC; `+0000` is what CADF
//! libraries write, ` +0000 UTC` is how Go prints a time. Blanks after the colons of the time of day (`01: 20: 47`) stand in
//! published CADF samples: they leave no doubt about the time, so they are no reason to lose an event.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

const SHAPE: &str = "not a time in a form known here";

/// Reads a time, or says what is wrong with it.
pub(super) fn parse(text: &[u8]) -> Result<Timestamp, &'static str> {
    let mut rest = Rest(text);
    let (year, month, day) = (
        rest.number(4)?,
        rest.after(b"-")?.number(2)?,
        rest.after(b"-")?.number(2)?,
    );
    let hour = rest.after(b"Tt ")?.number(2)?;
    let minute = rest.after(b":")?.blanks().number(2)?;
    let second = rest.after(b":")?.blanks().number(2)?;
    let nanosecond = rest.fraction()?;
    let offset_secs = rest.zone()?;
    if !rest.0.is_empty() {
        return Err(SHAPE);
    }

    let date =
        Date::new(year, narrow(month)?, narrow(day)?).map_err(|_| "there is no such date")?;
    if hour > 23 || minute > 59 || second > 60 {
        return Err("there is no such time of day");
    }
    let is_leap = second == 60;
    let (second, nanosecond) = if is_leap {
        (59, 999_999_999)
    } else {
        (second, nanosecond)
    };
    let local = date.at(narrow(hour)?, narrow(minute)?, narrow(second)?, nanosecond);
    let time = Offset::from_seconds(offset_secs)
        .and_then(|offset| offset.to_timestamp(local))
        .map_err(|_| "outside the years known here")?;
    if is_leap && time.as_second().rem_euclid(86_400) != 86_399 {
        return Err("second 60 is only at the end of a UTC day, in a leap second");
    }
    Ok(time)
}

fn narrow(number: i16) -> Result<i8, &'static str> {
    i8::try_from(number).map_err(|_| SHAPE)
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// Exactly this many digits, at most 4.
    fn number(&mut self, digits: usize) -> Result<i16, &'static str> {
        let (number, rest) = self.0.split_at_checked(digits).ok_or(SHAPE)?;
        if !number.iter().all(u8::is_ascii_digit) {
            return Err(SHAPE);
        }
        self.0 = rest;
        Ok(number
            .iter()
            .fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0')))
    }

    /// Steps over one of these separators.
    fn after(&mut self, separators: &[u8]) -> Result<&mut Self, &'static str> {
        let (first, rest) = self.0.split_first().ok_or(SHAPE)?;
        if !separators.contains(first) {
            return Err(SHAPE);
        }
        self.0 = rest;
        Ok(self)
    }

    /// Steps over blanks.
    fn blanks(&mut self) -> &mut Self {
        self.0 = self.0.trim_ascii_start();
        self
    }

    /// A fraction of a second in nanoseconds, or 0.
    fn fraction(&mut self) -> Result<i32, &'static str> {
        let Some(digits) = self.0.strip_prefix(b".") else {
            return Ok(0);
        };
        let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
        if !(1..=9).contains(&count) {
            return Err("a fraction of a second has 1 to 9 digits");
        }
        let value = digits[..count]
            .iter()
            .fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'));
        self.0 = &digits[count..];
        Ok((count..9).fold(value, |value, _| value * 10))
    }

    /// Seconds east of UTC; 0 when there is no zone.
    fn zone(&mut self) -> Result<i32, &'static str> {
        self.0 = match self.0 {
            [b' ', rest @ ..] if !rest.is_empty() => rest,
            other => other,
        };
        let sign = match self.0.split_first() {
            None => return Ok(0),
            Some((b'Z' | b'z', rest)) => {
                self.0 = rest;
                return Ok(0);
            }
            Some((b'+', _)) => 1,
            Some((b'-', _)) => -1,
            Some(_) => return Err("the time zone must be Z or an offset such as +0000 or -06:00"),
        };
        let hours = self.after(b"+-")?.number(2)?;
        if self.0.starts_with(b":") {
            self.after(b":")?;
        }
        let minutes = self.number(2)?;
        if hours > 23 || minutes > 59 {
            return Err("there is no such offset from UTC");
        }
        let offset_secs = sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60);
        if let Some(rest) = self.0.strip_prefix(b" UTC") {
            if offset_secs != 0 {
                return Err("an offset from UTC and the word UTC contradict each other");
            }
            self.0 = rest;
        }
        Ok(offset_secs)
    }
}

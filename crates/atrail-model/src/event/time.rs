//! Parses `eventTime` in the forms that real producers write.
//!
//! ```text
//! YYYY-MM-DD ( "T" | " " ) HH:MM [ ":" SS [ ( "." | "," ) 1*DIGIT ] ] [ [" "] zone ]
//! zone = ( "Z" | offset ) [ "[" name "]" ] | ( "UTC" | "GMT" ) | offset " " abbreviation
//! offset = ( "+" | "-" ) HH [ [":"] MM [ ":" SS ] ]
//! ```
//! and at the very end, the reading that Go prints of its own clock: `m=+0.123`.
//!
//! The first form is RFC 3339, whose `T` and `Z` may be lower case. Without a zone, the time is UTC. CADF libraries
//! write `+0000`. Java's `toString` omits seconds that are 0 and puts the zone's name in brackets (RFC 9557). ISO 8601
//! allows the comma, and offsets of hours only, which PostgreSQL also prints. Go prints a time with ` +0200 CEST`. If
//! there is an offset, it decides, whatever name follows. Digits after the ninth are below the resolution and are
//! ignored.
//!
//! Published CADF samples have blanks after the colons of the time of day (`01: 20: 47`). They leave no doubt about the
//! time, so they are no reason to lose an event.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use crate::clock::whole_seconds;

const SHAPE: &str = "not a time in a supported form";
/// Longest accepted name of a time zone, in bytes; the longest real one has 32.
const ZONE_NAME_MAX_BYTES: usize = 64;

/// Parses a time, or returns what is wrong with it.
pub(super) fn parse(text: &[u8]) -> Result<Timestamp, &'static str> {
    refuse_other_kinds(text)?;
    let mut rest = Rest(text);
    let (year, month, day) = (
        rest.number(4)?,
        rest.after(b"-")?.number(2)?,
        rest.after(b"-")?.number(2)?,
    );
    if rest.0.is_empty() {
        return Err("a date without a time of day");
    }
    let hour = rest.after(b"Tt ")?.number(2)?;
    let minute = rest.after(b":")?.blanks().number(2)?;
    let (second, nanosecond) = if rest.0.starts_with(b":") {
        (rest.after(b":")?.blanks().number(2)?, rest.fraction()?)
    } else {
        (0, 0)
    };
    let offset_secs = rest.zone()?;
    rest.go_clock()?;
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
        .map_err(|_| "outside the supported years")?;
    if is_leap && whole_seconds(time).rem_euclid(86_400) != 86_399 {
        return Err("second 60 is only at the end of a UTC day, in a leap second");
    }
    Ok(time)
}

/// Reports text that is clearly not a time in these forms, and may be another kind of time.
fn refuse_other_kinds(text: &[u8]) -> Result<(), &'static str> {
    let is_number = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    match text {
        [] => Err("the time is empty"),
        [b'A'..=b'Z', b'a'..=b'z', b'a'..=b'z', ..] => {
            Err("names of days and months are not supported")
        }
        _ if text.iter().all(is_number) => {
            Err("a number does not say what it counts, nor from when")
        }
        _ => Ok(()),
    }
}

fn narrow(number: i16) -> Result<i8, &'static str> {
    i8::try_from(number).map_err(|_| SHAPE)
}

/// The unread text.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// Reads exactly this many digits, at most 4.
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

    /// Skips one of these separators.
    fn after(&mut self, separators: &[u8]) -> Result<&mut Self, &'static str> {
        let (first, rest) = self.0.split_first().ok_or(SHAPE)?;
        if !separators.contains(first) {
            return Err(SHAPE);
        }
        self.0 = rest;
        Ok(self)
    }

    /// Skips blanks.
    fn blanks(&mut self) -> &mut Self {
        self.0 = self.0.trim_ascii_start();
        self
    }

    /// Reads a fraction of a second in nanoseconds, or 0.
    fn fraction(&mut self) -> Result<i32, &'static str> {
        let [b'.' | b',', digits @ ..] = self.0 else {
            return Ok(0);
        };
        let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
        if count == 0 {
            return Err("a fraction of a second needs digits");
        }
        let counted = count.min(9);
        let value = digits[..counted]
            .iter()
            .fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'));
        self.0 = &digits[count..];
        Ok((counted..9).fold(value, |value, _| value * 10))
    }

    /// Reads the zone as seconds east of UTC; 0 when there is none.
    fn zone(&mut self) -> Result<i32, &'static str> {
        self.0 = match self.0 {
            [b' ', rest @ ..] if !rest.is_empty() && !rest.starts_with(b"m=") => rest,
            other => other,
        };
        let sign = match self.0 {
            [] | [b' ', ..] => return Ok(0),
            [b'Z' | b'z', rest @ ..] => {
                self.0 = rest;
                return self.zone_in_brackets().map(|()| 0);
            }
            [b'U', b'T', b'C', rest @ ..] | [b'G', b'M', b'T', rest @ ..] => {
                self.0 = rest;
                return Ok(0);
            }
            [b'+', ..] => 1,
            [b'-', ..] => -1,
            [b'[', ..] => {
                return Err(
                    "the name of a zone leaves the time open where clocks go back: add the offset",
                );
            }
            [b'A'..=b'Z', ..] => {
                return Err(
                    "an abbreviation names several zones: send Z or an offset such as +0000",
                );
            }
            _ => return Err("the time zone must be Z or an offset such as +0000 or -06:00"),
        };
        let hours = self.after(b"+-")?.number(2)?;
        let (mut minutes, mut seconds) = (0, 0);
        if self.0.starts_with(b":") {
            minutes = self.after(b":")?.number(2)?;
            if self.0.starts_with(b":") {
                seconds = self.after(b":")?.number(2)?;
            }
        } else if self.0.first().is_some_and(u8::is_ascii_digit) {
            minutes = self.number(2)?;
        }
        if hours > 23 || minutes > 59 || seconds > 59 {
            return Err("there is no such offset from UTC");
        }
        let offset_secs =
            sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60 + i32::from(seconds));
        self.zone_in_brackets()?;
        self.abbreviation(offset_secs)?;
        Ok(offset_secs)
    }

    /// Skips the name of the zone that an offset derives from (RFC 9557 §4.1).
    fn zone_in_brackets(&mut self) -> Result<(), &'static str> {
        let [b'[', rest @ ..] = self.0 else {
            return Ok(());
        };
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"/_+-.:".contains(byte);
        let length = rest.iter().take_while(|byte| is_name(byte)).count();
        if !(1..=ZONE_NAME_MAX_BYTES).contains(&length) || rest.get(length) != Some(&b']') {
            return Err("the brackets must hold the name of a time zone");
        }
        self.0 = &rest[length + 1..];
        Ok(())
    }

    /// Skips the text that Go prints after an offset: the zone's abbreviation or, where it has none, the offset again.
    fn abbreviation(&mut self, offset_secs: i32) -> Result<(), &'static str> {
        let [b' ', rest @ ..] = self.0 else {
            return Ok(());
        };
        let is_name = |byte: &u8| byte.is_ascii_uppercase();
        let letters = rest.iter().take_while(|byte| is_name(byte)).count();
        match letters {
            3 if offset_secs != 0 && matches!(&rest[..3], b"UTC" | b"GMT") => {
                return Err("an offset from UTC and the word UTC contradict each other");
            }
            2..=5 => self.0 = &rest[letters..],
            0 if matches!(rest.first(), Some(b'+' | b'-')) => {
                let mut again = Rest(rest);
                if again.zone()? != offset_secs {
                    return Err("two offsets contradict each other");
                }
                self.0 = again.0;
            }
            _ => {}
        }
        Ok(())
    }

    /// Skips the reading of the monotonic clock that Go prints after a time, which does not affect the time.
    fn go_clock(&mut self) -> Result<(), &'static str> {
        let Some([b'+' | b'-', digits @ ..]) = self.0.strip_prefix(b" m=") else {
            return Ok(());
        };
        let is_reading = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        if digits.is_empty() || !digits.iter().all(is_reading) {
            return Err(SHAPE);
        }
        self.0 = &[];
        Ok(())
    }
}

//! The headers of both forms.

use atrail_model::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// What a header states.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Header<'a> {
    /// Facility times eight plus severity.
    pub(super) priority: Option<u8>,
    /// Whether the form is that of RFC 5424.
    pub(super) is_5424: bool,
    /// The time, and whether it has a fraction of a second.
    pub(super) time: Option<(Timestamp, bool)>,
    pub(super) host: Option<&'a str>,
    pub(super) app: Option<&'a str>,
    pub(super) process: Option<&'a str>,
    pub(super) message_id: Option<&'a str>,
}

/// The names of facilities (RFC 5424 §6.2.1), as syslog daemons spell them.
pub(super) const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];
/// The names of severities.
pub(super) const SEVERITIES: [&str; 8] = [
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
];

/// Returns a priority, and the rest after it.
pub(super) fn priority(text: &str) -> Option<(u8, &str)> {
    let (digits, rest) = text.strip_prefix('<')?.split_once('>')?;
    let is_number = (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let number: u8 = is_number.then(|| digits.parse().ok()).flatten()?;
    (number < 192).then_some((number, rest))
}

/// Reads the rest of a header of RFC 5424, after its priority, up to the structured data.
pub(super) fn of_5424(text: &str) -> Option<(Header<'_>, &str)> {
    let text = text.strip_prefix("1 ")?;
    let (time, rest) = text.split_once(' ')?;
    let time = match time {
        "-" => None,
        text => Some(rfc3339(text)?),
    };
    let (host, rest) = field(rest)?;
    let (app, rest) = field(rest)?;
    let (process, rest) = field(rest)?;
    let (message_id, rest) = field(rest)?;
    let header = Header {
        is_5424: true,
        time,
        host,
        app,
        process,
        message_id,
        ..Header::default()
    };
    Some((header, rest))
}

/// Returns a field and the rest after its space; a field of `-` is absent.
fn field(text: &str) -> Option<(Option<&str>, &str)> {
    let (field, rest) = text.split_once(' ')?;
    Some((present(field), rest))
}

fn present(field: &str) -> Option<&str> {
    (!field.is_empty() && field != "-").then_some(field)
}

/// Reads a header of RFC 3164, after its priority, up to the message. It has no year, which is the one that brings the
/// time nearest to `now`, and no zone. Senders vary it: with a time of RFC 3339, with a year, with a fraction, without a
/// host. A text without a time has no header.
pub(super) fn of_3164<'a>(text: &'a str, now: Timestamp, zone: &TimeZone) -> (Header<'a>, &'a str) {
    let Some((time, rest)) = time(text, now, zone) else {
        return (Header::default(), text);
    };
    let mut header = Header {
        time: Some(time),
        ..Header::default()
    };
    let rest = rest.trim_start_matches(' ');
    let mut content = rest;
    // A word that ends with a colon, or has a bracket, is the tag already.
    if let Some((host, after)) = rest.split_once(' ')
        && !host.ends_with(':')
        && !host.contains('[')
        && !host.starts_with(['{', '@'])
    {
        header.host = present(host);
        content = after.trim_start_matches(' ');
    }
    if let Some((app, process, after)) = tag(content) {
        header.app = Some(app);
        header.process = process;
        content = after;
    }
    (header, content)
}

/// Reads `TAG:`, `TAG[PID]:` or `TAG[PID]`.
fn tag(text: &str) -> Option<(&str, Option<&str>, &str)> {
    let is_part = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '(' | ')' | '@' | '#')
    };
    let end = text.find(|c| !is_part(c))?;
    let (app, rest) = text.split_at(end);
    if app.is_empty() || app.starts_with('@') {
        return None;
    }
    let (process, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((process, rest)) => (present(process), rest),
        None => (None, rest),
    };
    let after = match rest.strip_prefix(':') {
        Some(after) => after,
        None if process.is_some() => rest,
        None => return None,
    };
    Some((app, process, after.strip_prefix(' ').unwrap_or(after)))
}

/// Reads a time, and returns the rest after it.
fn time<'a>(
    text: &'a str,
    now: Timestamp,
    zone: &TimeZone,
) -> Option<((Timestamp, bool), &'a str)> {
    // Cisco's mark of a clock that is not synchronised.
    let text = text.trim_start_matches(['*', '.']);
    let (first, rest) = text.split_once(' ')?;
    if let Some(time) = rfc3339(first) {
        return Some((time, rest));
    }
    let month = MONTHS.iter().position(|month| *month == first)?;
    let (day, rest) = rest.trim_start_matches(' ').split_once(' ')?;
    let day: i8 = day.parse().ok()?;
    let rest = rest.trim_start_matches(' ');
    let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
    let (year, clock, rest) = match word.parse::<i16>() {
        Ok(year) if word.len() == 4 => {
            let (clock, rest) = after.split_once(' ').unwrap_or((after, ""));
            (Some(year), clock, rest)
        }
        _ => (None, word, after),
    };
    let (clock, has_fraction) = match clock.trim_end_matches(':').split_once('.') {
        Some((clock, fraction)) if fraction.bytes().all(|b| b.is_ascii_digit()) => {
            (clock, Some(fraction))
        }
        Some(_) => return None,
        None => (clock.trim_end_matches(':'), None),
    };
    let mut parts = clock.splitn(3, ':').map(str::parse::<i8>);
    let mut part = || parts.next()?.ok();
    let (hour, minute, second) = (part()?, part()?, part()?);
    let nanos = has_fraction.map_or(0, nanoseconds);
    let at = |year| {
        let time = DateTime::new(
            year,
            i8::try_from(month + 1).ok()?,
            day,
            hour,
            minute,
            // A leap second.
            second.min(59),
            nanos,
        );
        let zoned = time.ok()?.to_zoned(zone.clone()).ok()?;
        Some(zoned.timestamp())
    };
    let time = match year {
        Some(year) => at(year)?,
        None => {
            let this = now.to_zoned(zone.clone()).year();
            let years = [this.checked_sub(1)?, this, this.checked_add(1)?];
            let distance = |time: &Timestamp| time.duration_since(now).abs();
            years.into_iter().filter_map(at).min_by_key(distance)?
        }
    };
    Some(((time, has_fraction.is_some()), rest))
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Returns a fraction of a second, which has digits alone, in nanoseconds.
fn nanoseconds(fraction: &str) -> i32 {
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    digits.fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'))
}

/// Reads a time of RFC 3339, and whether it has a fraction of a second.
fn rfc3339(text: &str) -> Option<(Timestamp, bool)> {
    let is_one = text.len() >= 20 && text.as_bytes()[4] == b'-' && text.as_bytes()[10] == b'T';
    let time = is_one.then(|| text.parse().ok()).flatten()?;
    Some((time, text.as_bytes()[19] == b'.'))
}

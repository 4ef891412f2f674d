//! What the names of CloudTrail's files say.
//!
//! ```text
//! [PREFIX/]AWSLogs/[O-ID/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_UNIQUE.json.gz
//! [PREFIX/]AWSLogs/[O-ID/]ACCOUNT/CloudTrail-Digest/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOME_YYYYMMDDTHHmmssZ[_backfill].json.gz
//! ```

use atrail_model::{Day, Timestamp};

const DIGEST: &str = "_CloudTrail-Digest_";

/// Returns whether a file with this name is a digest.
pub(crate) fn is_digest(name: &str) -> bool {
    name.contains(DIGEST)
}

/// Returns whether a path is in the part of a bucket where another service of AWS keeps its logs.
pub(crate) fn is_of_another_service(path: &str) -> bool {
    let mut parts = path
        .split('/')
        .skip_while(|part| *part != "AWSLogs")
        .skip(1);
    let account = parts.next().filter(|part| !part.starts_with("o-"));
    let service = account.or_else(|| parts.next()).and_then(|_| parts.next());
    // The last part is a file.
    parts.next().is_some() && service.is_some_and(|service| !service.starts_with("CloudTrail"))
}

/// Returns the last part of a path or key, without the ends that packing adds and removes: the same for a file and its
/// copy.
pub(crate) fn base(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let name = name.strip_suffix(".gz").or(name.strip_suffix(".zst"));
    name.unwrap_or_else(|| path.rsplit(['/', '\\']).next().unwrap_or(path))
}

/// Returns the account and the region of a log or digest file, by its name.
pub(crate) fn region_of(path: &str) -> Option<(&str, &str)> {
    let mut parts = base(path).split('_');
    let account = parts.next()?;
    parts.next().filter(|kind| kind.starts_with("CloudTrail"))?;
    Some((account, parts.next()?))
}

/// Returns what the digests of one chain have in common: the name without its time.
pub(crate) fn chain_of(object: &str) -> &str {
    let name = base(object).trim_end_matches(".json");
    let cut = name.strip_suffix("_backfill").unwrap_or(name);
    match cut.rfind('_') {
        Some(at) if cut.len() == name.len() => &name[..at],
        // A chain of its own, whose name is longer.
        _ => name,
    }
}

/// Returns the time in a file's name.
pub(crate) fn time_of(path: &str) -> Option<Timestamp> {
    let mut parts = base(path).split(['_', '.']).filter_map(stamp);
    parts.next()
}

/// Returns the day of a file: that of its directory, or else the one in its name.
pub(crate) fn day_of(path: &str) -> Option<Day> {
    let parts: Vec<&str> = path.split('/').collect();
    let dated = parts.windows(3).rev().find_map(|window| match window {
        [year, month, day] if is_number(year, 4) && is_number(month, 2) && is_number(day, 2) => {
            format!("{year}-{month}-{day}").parse().ok()
        }
        _ => None,
    });
    dated.or_else(|| time_of(path).and_then(Day::of))
}

/// Reads `YYYYMMDDTHHmmZ` and `YYYYMMDDTHHmmssZ`.
fn stamp(text: &str) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    if !is_number(date, 8) || !(is_number(time, 4) || is_number(time, 6)) {
        return None;
    }
    let seconds = if time.len() == 6 { &time[4..] } else { "00" };
    let text = format!(
        "{}-{}-{}T{}:{}:{seconds}Z",
        &date[..4],
        &date[4..6],
        &date[6..],
        &time[..2],
        &time[2..4]
    );
    text.parse().ok()
}

fn is_number(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "p/AWSLogs/1/CloudTrail/eu-west-1/2026/03/01/1_CloudTrail_eu-west-1_20260301T2355Z_Ab3.json.gz";
    const DIGEST: &str = "AWSLogs/1/CloudTrail-Digest/eu-west-1/2026/03/02/1_CloudTrail-Digest_eu-west-1_my_trail_us-east-1_20260302T000131Z.json.gz";

    #[test]
    fn names_say_what_a_file_is() {
        assert!(is_digest(DIGEST) && !is_digest(LOG));
        assert_eq!(base(LOG), "1_CloudTrail_eu-west-1_20260301T2355Z_Ab3.json");
        for path in [LOG, DIGEST] {
            assert_eq!(region_of(path), Some(("1", "eu-west-1")));
        }
        assert_eq!(region_of("other_thing_x.json"), None);
        assert_eq!(
            chain_of(DIGEST),
            "1_CloudTrail-Digest_eu-west-1_my_trail_us-east-1"
        );
        let later = DIGEST.replace("T000131Z", "T000131Z_backfill");
        assert_ne!(chain_of(&later), chain_of(DIGEST));
        let time = |path| time_of(path).unwrap().to_string();
        assert_eq!(time(LOG), "2026-03-01T23:55:00Z");
        assert_eq!(time(DIGEST), "2026-03-02T00:01:31Z");
    }

    #[test]
    fn logs_of_other_services_are_known_by_their_place() {
        for (path, is_foreign) in [
            (LOG, false),
            (DIGEST, false),
            ("AWSLogs/1/Config/eu-west-1/2026/3/1/x.json.gz", true),
            ("p/AWSLogs/o-a1/1/CloudTrail-Insight/x.json.gz", false),
            ("p/AWSLogs/o-a1/1/vpcflowlogs/x.json.gz", true),
            ("AWSLogs/x.json.gz", false),
            ("AWSLogs/1/x.json.gz", false),
            ("logs/Config/x.json.gz", false),
        ] {
            assert_eq!(is_of_another_service(path), is_foreign, "{path}");
        }
    }

    #[test]
    fn days_come_from_directories_or_names() {
        for (path, day) in [
            (LOG, Some("2026-03-01")),
            (
                "1_CloudTrail_eu-west-1_20260301T2355Z_Ab3.json",
                Some("2026-03-01"),
            ),
            ("logs/2026/02/30/x.json", None),
            ("logs/x.json", None),
        ] {
            assert_eq!(day_of(path), day.map(|day| day.parse().unwrap()), "{path}");
        }
    }
}

//! Something to send.

use std::fmt::Write as _;
use std::path::Path;

use atrail_model::{Day, DayRange, Timestamp};

use crate::error::{CliError, Result};

/// How many events there are.
pub(super) const COUNT: u32 = 3_000;

/// Writes events of today and the two days before; today's lie before this moment.
pub(super) fn write(path: &Path, now: Timestamp) -> Result<DayRange> {
    let clock = || CliError::failed("this machine's clock is outside the years 1970-9999");
    let today = Day::of(now).ok_or_else(clock)?;
    let days = DayRange::new(today.minus(2), today).ok_or_else(clock)?;
    let first = i64::from(days.start().number()) * 86_400;
    let span = now.as_second() - first;
    let mut text = String::new();
    for number in 0..COUNT {
        let second = first + span * i64::from(number) / i64::from(COUNT);
        let moment = Timestamp::from_second(second).map_err(|_| clock())?;
        let action = ["create", "read", "update", "delete"][number as usize % 4];
        let _ = writeln!(
            text,
            r#"{{"typeURI":"http://schemas.dmtf.org/cloud/audit/1.0/event","eventType":"activity","id":"quickstart-{number:05}","eventTime":"{moment}","action":"{action}","outcome":"success","initiator":{{"id":"user-{}","typeURI":"service/security/account/user","name":"user{}@example.com"}},"target":{{"id":"volume-{}","typeURI":"service/storage/block"}},"observer":{{"id":"storage"}},"reason":{{"reasonCode":200}}}}"#,
            number % 17,
            number % 17,
            number % 101
        );
    }
    std::fs::write(path, text)
        .map_err(|error| CliError::file(format!("could not write {}", path.display()), error))?;
    Ok(days)
}

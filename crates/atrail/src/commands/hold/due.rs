//! What retention deletes as soon as a hold is released.

use std::collections::BTreeMap;

use atrail_api::{
    DaySummary, ErrorCode, EventsQuery, HoldRequest, HoldRow, OptionRow, OptionsRequest, paths,
};
use atrail_model::{Day, Timestamp};

use crate::client::{Call, Client};
use crate::commands::option::{last_due, retention_of};
use crate::error::{CliError, Result};
use crate::printer::counted;

/// Says in few words what retention deletes once the hold of this level is released.
pub(super) async fn on_release(
    now: Timestamp,
    client: &Client,
    at_account_level: bool,
) -> Result<String> {
    match due(now, client, at_account_level).await {
        Ok(Due::Held) => Ok("another hold still prevents every deletion".to_owned()),
        Ok(Due::Events(0)) => Ok("retention deletes nothing now".to_owned()),
        Ok(Due::Events(count)) => Ok(format!(
            "retention then deletes {} within minutes",
            counted(count, "event")
        )),
        // Who keeps holds need not be allowed to read.
        Err(error) if error.refusal() == Some(ErrorCode::Forbidden) => Ok(
            "retention may delete events within minutes; you are not allowed to count them"
                .to_owned(),
        ),
        Err(error) => Err(error),
    }
}

enum Due {
    /// Nothing becomes free.
    Held,
    /// So many events are older than their retention.
    Events(u64),
}

async fn due(now: Timestamp, client: &Client, at_account_level: bool) -> Result<Due> {
    let level = at_account_level.then_some(true);
    let request = HoldRequest {
        reason: None,
        at_account_level: level,
    };
    let holds: Vec<HoldRow> = client
        .json(Call::get(paths::HOLDS).query(&request)?)
        .await?;
    let request = OptionsRequest {
        retention: None,
        at_account_level: level,
    };
    let options: Vec<OptionRow> = client
        .json(Call::get(paths::OPTIONS).query(&request)?)
        .await?;
    let released = if at_account_level { "account" } else { "space" };
    let is_at = |space: &str, is_released: bool| {
        let mut holds = holds.iter();
        holds.any(|hold| hold.space == space && (hold.level == released) == is_released)
    };
    // The server refuses to release a hold that does not stand, and says so.
    let freed = options
        .iter()
        .filter(|row| is_at(&row.space, true) && !is_at(&row.space, false));
    let mut last_days = BTreeMap::new();
    let mut is_any_freed = false;
    for row in freed {
        is_any_freed = true;
        if let Some(last) = last_due(now, retention_of(row)?) {
            last_days.insert(row.space.as_str(), last);
        }
    }
    if !is_any_freed && !holds.is_empty() {
        return Ok(Due::Held);
    }
    let Some(last) = last_days.values().max() else {
        return Ok(Due::Events(0));
    };
    let query = EventsQuery {
        start: Some(Day::FIRST.to_string()),
        end: Some(last.to_string()),
        at_account_level: level,
        by: at_account_level.then(|| "space".to_owned()),
        ..EventsQuery::default()
    };
    let days: Vec<DaySummary> = client.json(Call::get(paths::EVENTS).query(&query)?).await?;
    let mut count = 0;
    for day in days {
        let last = match &day.space {
            Some(space) => last_days.get(space.as_str()),
            None => Some(last),
        };
        let date = day.date.parse::<Day>().map_err(|error| {
            CliError::failed("the server's answer cannot be understood")
                .because(format!("{}: {error}", day.date))
        })?;
        if last.is_some_and(|last| date <= *last) {
            count += day.count;
        }
    }
    Ok(Due::Events(count))
}

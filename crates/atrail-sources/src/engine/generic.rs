//! The mapping of texts that are of no known format, or of none of its events: whatever it is, it becomes an event.

use std::borrow::Cow;

use atrail_model::{Day, Timestamp, event::read_event_time, format_timestamp};

use super::ids::Ids;
use super::{Context, Made};
use crate::Origin;
use crate::draft::{Attachment, Draft, Resource};
use crate::formats::generic::FORMAT;
use crate::members::members;
use crate::surrogates::without_halves;
use crate::text::Text;

const NAME: &str = "generic";

/// Makes an event of any text.
pub(super) fn read<'a>(text: &[u8], context: Context<'_>, ids: &mut Ids) -> Made<'a> {
    let readable = without_halves(text);
    let [id, time, timestamp, action, outcome, user, target] = members(
        &readable,
        [
            "id",
            "@timestamp",
            "time",
            "action",
            "outcome",
            "user",
            "target",
        ],
    )
    .unwrap_or_default();
    let text_of = |raw: Option<&'_ str>| {
        let text = Text::of_json(raw?)?.into_plain().into_owned();
        Some(Text::Plain(Cow::Owned(text)))
    };
    let time = [time, timestamp].into_iter().find_map(|raw| {
        let time = read_event_time(&Text::of_json(raw?)?.into_plain())?;
        is_possible(time).then_some(time)
    });
    let hinted = context.hints.time.filter(|time| is_possible(*time));
    let id = text_of(id)
        .or_else(|| Text::of(context.hints.id.as_deref()?))
        .unwrap_or_else(|| Text::Plain(ids.of_text(NAME, text, context.hints).into()));
    let resource = |id| Resource {
        id,
        ..Resource::default()
    };
    let draft = Draft {
        event_type: "monitor",
        id,
        event_time: format_timestamp(time.or(hinted).unwrap_or(context.received)),
        action: text_of(action).unwrap_or(Text::Plain("unknown".into())),
        outcome: match text_of(outcome).map(Text::into_plain).as_deref() {
            Some("success") => "success",
            Some("failure") => "failure",
            _ => "unknown",
        },
        reason_type: None,
        reason_code: None,
        initiator: resource(text_of(user)),
        target: resource(text_of(target)),
        observer: resource(Text::of(NAME)),
        mapping: (NAME, 1),
    };
    let attachment = Attachment {
        name: NAME,
        text,
        trim: &[],
    };
    Made {
        text: draft.with(&[attachment]).into(),
        origin: Origin::Format(&FORMAT),
    }
}

/// Reports whether an event may have this time.
fn is_possible(time: Timestamp) -> bool {
    time >= Timestamp::UNIX_EPOCH && Day::of(time).is_some()
}

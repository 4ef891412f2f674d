//! Payloads of a known format.

use std::borrow::Cow;

use atrail_model::{Timestamp, event};

use super::ids::Ids;
use super::unwrap::inside;
use super::{Context, Made};
use crate::inspector::{Inspector, Shape};
use crate::origin::to_cadf;
use crate::{FORMATS, Format, Reason, SourceKind};

/// How many layers may lie around an event.
const LAYERS_MAX: usize = 3;

/// Returns the event in a payload, or the reason why it is none of the type.
pub(super) fn read<'a>(
    text: &'a [u8],
    kind: SourceKind,
    context: Context<'_>,
    ids: &mut Ids,
) -> Result<Made<'a>, Reason> {
    let inspector = Inspector::new(FORMATS, kind);
    let refusal = match event_in(text, kind, &inspector, context, ids) {
        Ok(made) => return Ok(made),
        Err(refusal) => refusal,
    };
    let mut layers = vec![inside(text)];
    while let Some(texts) = layers.last_mut() {
        let Some(text) = texts.next() else {
            layers.pop();
            continue;
        };
        if let Ok(made) = event_in(&text, kind, &inspector, context, ids) {
            return Ok(Made {
                text: made.text.into_owned().into(),
                origin: made.origin,
            });
        }
        if layers.len() < LAYERS_MAX {
            layers.push(inside(&text));
        }
    }
    Err(refusal)
}

/// Returns the event that a text is, or that an envelope of its format holds.
fn event_in<'a>(
    text: &'a [u8],
    kind: SourceKind,
    inspector: &Inspector,
    context: Context<'_>,
    ids: &mut Ids,
) -> Result<Made<'a>, Reason> {
    let (text, format) = match (text.first(), kind) {
        (Some(b'{'), _) => match inspector.shape(text) {
            Shape::Event(format) => (text, format),
            Shape::Envelope(format, range) => (&text[range], format),
            Shape::List => (text, inspector.other()),
        },
        (_, SourceKind::Of(format)) => (text, format),
        (_, SourceKind::Auto) => (text, inspector.other()),
    };
    let (event, origin) = to_cadf(format, text)?;
    admitted(event, format, context, ids).map(|text| Made { text, origin })
}

/// Returns a CADF event with an id; refuses any other text.
fn admitted<'a>(
    event: Cow<'a, [u8]>,
    format: &'static Format,
    context: Context<'_>,
    ids: &mut Ids,
) -> Result<Cow<'a, [u8]>, Reason> {
    let owned = |event: &[u8], ids: &mut Ids| {
        let id = || match &context.hints.id {
            Some(id) if !id.is_empty() => id.clone().into_owned(),
            _ => ids.of_text(format.name, event, context.hints),
        };
        event::admit(event, Timestamp::MAX, id)
            .map(|event| event.id_added.then(|| event.line.into_owned()))
            .map_err(|error| Reason::NotConverted {
                format: "CADF",
                problem: error.to_string(),
            })
    };
    Ok(match owned(&event, ids)? {
        Some(line) => line.into(),
        None => event,
    })
}

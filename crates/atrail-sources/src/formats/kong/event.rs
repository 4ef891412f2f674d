//! The CADF event that a Kong event becomes, with its members in the order of writing.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

/// The longest text, in bytes, outside of the attachment of an event that is too large for its conversion.
const SHORT_MAX_BYTES: usize = 4096;

/// A CADF event, with its members in the order of writing.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    #[serde(rename = "typeURI")]
    pub(super) type_uri: &'static str,
    pub(super) event_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) event_time: String,
    pub(super) action: &'static str,
    pub(super) outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<HttpReason>,
    pub(super) initiator: Resource<'a>,
    pub(super) target: Resource<'a>,
    pub(super) observer: Resource<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_path: Option<Cow<'a, str>>,
    pub(super) attachments: [Attachment<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HttpReason {
    pub(super) reason_type: &'static str,
    pub(super) reason_code: String,
}

#[derive(Serialize)]
pub(super) struct Resource<'a> {
    pub(super) id: Cow<'a, str>,
    #[serde(rename = "typeURI")]
    pub(super) type_uri: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) host: Option<Host<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) addresses: Option<[Address<'a>; 1]>,
}

#[derive(Serialize)]
pub(super) struct Host<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) agent: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
pub(super) struct Address<'a> {
    pub(super) url: Cow<'a, str>,
}

#[derive(Serialize)]
pub(super) struct Attachment<'a> {
    #[serde(rename = "typeURI")]
    pub(super) type_uri: &'static str,
    pub(super) name: &'static str,
    pub(super) content: Content<'a>,
}

/// The original event.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Content<'a> {
    Text(&'a str),
    Json(&'a RawValue),
}

impl<'a> Event<'a> {
    /// Removes texts that make the conversion longer than the event, and that the attached event has anyway.
    pub(super) fn shorten(&mut self, original: &'a [u8]) -> serde_json::Result<()> {
        let is_long = |text: &mut Cow<'_, str>| text.len() > SHORT_MAX_BYTES;
        let json = serde_json::from_slice(original)?;
        self.attachments[0].content = Content::Json(json);
        self.request_path.take_if(is_long);
        self.target
            .addresses
            .take_if(|[address]| is_long(&mut address.url));
        if let Some(host) = &mut self.initiator.host {
            host.agent.take_if(is_long);
        }
        Ok(())
    }
}

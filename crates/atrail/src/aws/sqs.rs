//! SQS: receives and deletes messages, by its JSON protocol.

use std::str::FromStr;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Aws, Request, Subject};
use crate::client::Endpoint;
use crate::error::{CliError, Exit, Result};

/// Most messages of one answer, and of one deletion.
pub(crate) const MESSAGES_MAX: usize = 10;
const ANSWER_MAX_BYTES: u64 = 16 << 20;

/// A queue by its URL, as `aws sqs get-queue-url` prints it.
#[derive(Debug, Clone)]
pub(crate) struct QueueUrl {
    url: String,
    endpoint: Endpoint,
}

impl FromStr for QueueUrl {
    type Err = CliError;

    fn from_str(text: &str) -> Result<Self> {
        let address: Endpoint = text.parse()?;
        let endpoint = text.split_once("://").and_then(|(scheme, rest)| {
            let host = rest.split('/').next()?;
            format!("{scheme}://{host}").parse().ok()
        });
        let Some(endpoint) = endpoint else {
            return Err(CliError::usage(format!("{text:?} is no URL of a queue"))
                .hint("`aws sqs get-queue-url --queue-name NAME` prints it"));
        };
        Ok(Self {
            url: address.to_string(),
            endpoint,
        })
    }
}

/// A received message.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Message {
    #[serde(default)]
    pub(crate) message_id: String,
    pub(crate) receipt_handle: String,
    #[serde(default)]
    pub(crate) body: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Received {
    #[serde(default)]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Deleted {
    #[serde(default)]
    failed: Vec<Value>,
}

/// The client of one queue.
pub(crate) struct Queue<'a> {
    aws: &'a Aws,
    queue: QueueUrl,
    region: String,
}

impl<'a> Queue<'a> {
    pub(crate) fn new(aws: &'a Aws, queue: QueueUrl) -> Self {
        let host = queue.endpoint.host();
        let named = host
            .strip_prefix("sqs.")
            .and_then(|rest| rest.split('.').next());
        let region = named.unwrap_or(aws.region()).to_owned();
        Self { aws, queue, region }
    }

    /// Receives messages: waits up to `seconds` (0 to 20) for the first, and returns none when none came.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub(crate) async fn receive(&self, seconds: u8) -> Result<Vec<Message>> {
        let body = json!({
            "QueueUrl": self.queue.url,
            "MaxNumberOfMessages": MESSAGES_MAX,
            "WaitTimeSeconds": seconds,
        });
        let received: Received = self.call("ReceiveMessage", &body).await?;
        Ok(received.messages)
    }

    /// Deletes messages. Returns the reason for each that stays; it will come again.
    ///
    /// # Errors
    /// When the queue cannot be written.
    pub(crate) async fn delete(&self, receipts: &[String]) -> Result<Vec<String>> {
        let mut kept = Vec::new();
        for receipts in receipts.chunks(MESSAGES_MAX) {
            let entries = receipts.iter().enumerate();
            let entries = entries
                .map(|(at, receipt)| json!({"Id": at.to_string(), "ReceiptHandle": receipt}));
            let body = json!({
                "QueueUrl": self.queue.url,
                "Entries": entries.collect::<Vec<_>>(),
            });
            let deleted: Deleted = self.call("DeleteMessageBatch", &body).await?;
            kept.extend(deleted.failed.iter().map(|failed| {
                let why = failed["Message"].as_str().or(failed["Code"].as_str());
                why.unwrap_or("the queue gives no reason").to_owned()
            }));
        }
        Ok(kept)
    }

    async fn call<T: serde::de::DeserializeOwned>(&self, action: &str, body: &Value) -> Result<T> {
        let target = HeaderValue::from_str(&format!("AmazonSQS.{action}"));
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-amz-json-1.0"),
        );
        headers.insert(
            HeaderName::from_static("x-amz-target"),
            target.expect("the name of an action is a token"),
        );
        let request = Request {
            service: "sqs",
            subject: Subject::Service,
            region: self.region.clone(),
            method: Method::POST,
            url: format!("{}/", self.queue.endpoint),
            headers,
            body: Bytes::from(body.to_string()),
        };
        let what = || format!("could not use the queue {}", self.queue.url);
        let response = self.aws.send(&request).await?;
        if !response.status().is_success() {
            return Err(self.aws.refused(&request, response).await.during(what()));
        }
        let answer = crate::client::read_answer(response, ANSWER_MAX_BYTES).await;
        let answer =
            answer.map_err(|error| CliError::new(Exit::Unavailable, what()).because(error))?;
        serde_json::from_slice(&answer).map_err(|error| {
            CliError::failed(what())
                .because(error)
                .hint("check the URL of the queue")
        })
    }
}

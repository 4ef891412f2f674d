//! Hands on the objects that the messages of a queue name.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::mpsc::Sender;

use super::files::Class;
use super::incoming::{Content, Incoming, Origin};
use super::intake::{Intake, hand_on};
use super::messages::{Outcome, Receipt};
use super::problems::Problems;
use crate::aws::notification::{Notice, read};
use crate::aws::s3::{S3, is_bucket};
use crate::aws::sqs::{Message, Queue};
use crate::error::Result;

/// How long the queue waits for a message before it counts as empty, in seconds. Without a wait, SQS asks only some of
/// its machines.
const LAST_WAIT_SECONDS: u8 = 2;
/// How long the queue waits for a message when further ones are expected, in seconds: the most that SQS allows.
const LONG_WAIT_SECONDS: u8 = 20;
/// The pause after an answer that names nothing new while messages are in work.
const PAUSE: Duration = Duration::from_millis(500);

/// How many messages are remembered.
const MET_MAX: usize = 100_000;
/// How many messages that stay in the queue come again, one after the other, before it counts as empty: at least this
/// many, and twice as many as stay, because SQS keeps no order.
const REPEATS_MIN: usize = 20;

impl Intake<'_> {
    /// Hands on the objects that the messages of a queue name, until the queue is empty or, with `follow`, for ever. A
    /// queue also counts as empty when nothing is in work and each message that stays in it has come again and again.
    pub(super) async fn queue(
        &mut self,
        queue: &Queue<'_>,
        follow: bool,
        to: &Sender<Incoming>,
    ) -> Result<()> {
        let s3 = self.s3()?;
        let wait = if follow {
            LONG_WAIT_SECONDS
        } else {
            LAST_WAIT_SECONDS
        };
        let mut met: HashMap<String, Receipt> = HashMap::new();
        let mut repeats = 0;
        loop {
            let messages = queue.receive(wait).await?;
            if messages.is_empty() && !follow {
                return Ok(());
            }
            let is_in_work = |receipt: &Receipt| receipt.outcome() == Outcome::InWork;
            if met.len() > MET_MAX {
                met.retain(|_, receipt| is_in_work(receipt));
            }
            let (mut ended, mut has_new) = (Vec::new(), false);
            for message in messages {
                let known = met.get(&message.message_id);
                match known.map(|receipt| (receipt, receipt.outcome())) {
                    Some((receipt, Outcome::InWork)) => receipt.renew(message.receipt_handle),
                    // Its deletion was too late, or had no effect: once more.
                    Some((receipt, Outcome::Answered)) => {
                        receipt.keep();
                        ended.push(message.receipt_handle);
                    }
                    // One attempt is enough for an import that ends.
                    Some((_, Outcome::Kept)) if !follow => repeats += 1,
                    Some((_, Outcome::Kept)) | None => {
                        (repeats, has_new) = (0, true);
                        let (id, is_new) = (message.message_id.clone(), known.is_none());
                        let handle = message.receipt_handle.clone();
                        let receipt = self.message(&s3, message, is_new, to).await?;
                        if receipt.is_idle() {
                            ended.push(handle);
                        }
                        met.insert(id, receipt);
                    }
                }
            }
            delete(queue, &ended, self.problems).await?;
            if repeats > REPEATS_MIN {
                let count = |outcome| {
                    let receipts = met.values();
                    receipts
                        .filter(|receipt| receipt.outcome() == outcome)
                        .count()
                };
                if count(Outcome::InWork) == 0 && repeats > 2 * count(Outcome::Kept) {
                    return Ok(());
                }
            }
            if !has_new && met.values().any(is_in_work) {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Hands on the objects of a message. Returns its receipt, which is empty if it names none.
    async fn message(
        &mut self,
        s3: &S3<'_>,
        message: Message,
        is_new: bool,
        to: &Sender<Incoming>,
    ) -> Result<Receipt> {
        let objects = match read(&message.body) {
            Notice::Made(objects) => objects,
            Notice::Nothing => return Ok(Receipt::new(message.receipt_handle, 0)),
            Notice::Unknown => {
                if is_new {
                    let id = &message.message_id;
                    self.problems.add(&format!(
                        "message {id}: it is no notification of S3, SNS, EventBridge or CloudTrail; it stays in the queue"
                    ));
                }
                return Ok(Receipt::kept(message.receipt_handle));
            }
        };
        let count = objects.len();
        let events: Vec<_> = objects
            .into_iter()
            .filter(|(_, key)| self.choice.class(key) == Class::Events)
            .collect();
        self.passed_over += (count - events.len()) as u64;
        let receipt = Receipt::new(message.receipt_handle, events.len());
        for (bucket, key) in events {
            let origin = Origin {
                receipt: Some(receipt.clone()),
                ..Origin::of(format!("s3://{bucket}/{key}"))
            };
            if !is_bucket(&bucket) {
                let why = "the message names no bucket".to_owned();
                hand_on(to, origin, Content::Failed(why), self.settings.now()).await?;
                continue;
            }
            self.fetch(s3, &bucket, &key, origin, to).await?;
        }
        Ok(receipt)
    }
}

/// Deletes messages. One that the queue keeps comes again, and its events are stored once.
///
/// # Errors
/// When the queue cannot be written.
pub(super) async fn delete(
    queue: &Queue<'_>,
    handles: &[String],
    problems: &Problems<'_>,
) -> Result<()> {
    for why in queue.delete(handles).await? {
        problems.add(&format!("a message could not be deleted: {why}"));
    }
    Ok(())
}

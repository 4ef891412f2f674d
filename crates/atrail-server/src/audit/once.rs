//! An event that is written once, however many callers wait for it and however often they retry.

use atrail_model::Timestamp;
use atrail_store::NewEvent;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::act::Act;
use super::writer::{Unwritten, Writer};

/// An act whose event is written once. The first attempt fixes the event's bytes, so that an attempt with an unknown
/// result and the next attempt store one event.
#[derive(Debug)]
pub(super) struct Once {
    pub(super) act: Act,
    id: Uuid,
    time: Timestamp,
    event: OnceCell<NewEvent>,
    written: OnceCell<()>,
}

impl Once {
    pub(super) fn new(act: Act, time: Timestamp) -> Self {
        Self::with_id(act, Uuid::new_v4(), time)
    }

    /// Returns an act whose event has this id, and is the same event whenever it is made again.
    pub(super) fn with_id(act: Act, id: Uuid, time: Timestamp) -> Self {
        Self {
            act,
            id,
            time,
            event: OnceCell::new(),
            written: OnceCell::new(),
        }
    }

    /// Returns when the event is durable; `true` for the caller whose attempt succeeded.
    pub(super) async fn write(&self, writer: &Writer) -> Result<bool, Unwritten> {
        let mut is_first = false;
        let first = &mut is_first;
        let write = || async move {
            let make = || writer.event_of(&self.act, self.id, self.time);
            let event = self.event.get_or_try_init(make).await?;
            writer.append(&self.act, event.clone()).await?;
            *first = true;
            Ok::<_, Unwritten>(())
        };
        match self.written.get_or_try_init(write).await {
            Ok(()) => Ok(is_first),
            Err(error) => {
                writer.failed(&self.act, &error);
                Err(error)
            }
        }
    }
}

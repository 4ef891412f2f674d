//! Removals: what a download in progress may be serving, and nobody may serve any more. On several nodes each of them has to
//! notice, and to let go of its copies.

#[cfg(feature = "cluster")]
pub(crate) mod watch;

use std::sync::atomic::Ordering;

use atrail_catalog::domains::DomainRow;
use atrail_disk::Result;

use crate::closing::Closed;
use crate::core::Core;

/// What is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RemovalOf {
    Events,
    Session,
}

impl Core {
    /// Counts a removal, after the transaction that made it. When it returns, no node serves what was removed.
    ///
    /// # Errors
    /// When the catalog does not answer, or a node does not notice: then some node may still be serving it.
    #[cfg_attr(
        not(feature = "cluster"),
        expect(
            clippy::unused_async,
            unused_variables,
            reason = "it waits for other nodes"
        )
    )]
    pub(crate) async fn note_removal(&self, what: RemovalOf) -> Result<()> {
        self.removals.fetch_add(1, Ordering::Release);
        #[cfg(feature = "cluster")]
        if let Some(node) = self.catalog.membership() {
            return node.announce_removal(what == RemovalOf::Events).await;
        }
        Ok(())
    }

    /// Refuses to serve bytes while other nodes may take this one for dead: they do not wait for it any more.
    ///
    /// # Errors
    /// `Away`, until the catalog answers again.
    #[cfg_attr(
        not(feature = "cluster"),
        expect(clippy::unused_self, reason = "a server that is alone has no lease")
    )]
    pub(crate) fn refuse_without_lease(&self) -> Result<()> {
        #[cfg(feature = "cluster")]
        if let Some(node) = self.catalog.membership()
            && !node.is_live()
        {
            return Err(atrail_disk::StoreError::Away {
                what: "tell whether what is read was removed".to_owned(),
                source: "this node could not renew its lease".into(),
            });
        }
        Ok(())
    }

    /// Closes these domains on every node: when it returns, no append to them is in progress.
    ///
    /// # Errors
    /// `Ending` when another node is doing the same; when the catalog fails, or a node does not notice.
    pub(crate) async fn close_everywhere(&self, domains: &[DomainRow]) -> Result<Closed> {
        let these = domains.iter().map(|row| row.domain).collect();
        let closed = self.closing.close(these).await;
        #[cfg(feature = "cluster")]
        if let Some(node) = self.catalog.membership() {
            let begun = async {
                self.catalog.begin_closing(domains).await?;
                node.announce_removal(false).await
            };
            if let Err(error) = begun.await {
                // It may have begun nevertheless.
                self.open_everywhere(domains, false).await;
                return Err(error);
            }
        }
        Ok(closed)
    }

    /// Ends [`Self::close_everywhere`]: unless they have ended, the domains accept events again.
    #[cfg_attr(
        not(feature = "cluster"),
        expect(
            clippy::unused_async,
            unused_variables,
            reason = "it waits for other nodes"
        )
    )]
    pub(crate) async fn open_everywhere(&self, domains: &[DomainRow], have_ended: bool) {
        #[cfg(feature = "cluster")]
        if let Err(error) = self.catalog.end_closing(domains, have_ended).await {
            tracing::warn!(
                error = atrail_disk::chain(&error),
                "domains that did not end stay closed until this node ends"
            );
        }
    }
}

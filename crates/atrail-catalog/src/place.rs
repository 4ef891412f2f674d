//! Opens a catalog that is not in a file.

use std::path::Path;

use atrail_disk::{Result, StoreError};

use super::Catalog;

/// A catalog that a server of databases keeps.
#[derive(Debug, Clone, Copy)]
pub struct Remote<'a> {
    /// The URL of its database: `postgres://USER@HOST/DATABASE`.
    pub url: &'a str,
    /// The file in the data directory that names the catalog to which the directory belongs. It is written on the first
    /// start.
    pub home: &'a Path,
    /// Whether the directory holds events.
    pub has_events: bool,
}

impl Catalog {
    /// Opens the catalog in this database, and creates or upgrades its tables when needed. New logs in it are signed by
    /// the key with this verifier key.
    ///
    /// # Errors
    /// `Invalid` when the URL is none, or this program was built without the feature `cluster`; `Conflict` when another
    /// server uses the catalog, when it belongs to another data directory or was made by a later version of atrail, or
    /// when the server of databases is set up in a way that would lose transactions; or when it does not answer.
    #[cfg_attr(
        not(feature = "cluster"),
        expect(clippy::unused_async, reason = "it waits when the feature is on")
    )]
    pub async fn open_remote(remote: Remote<'_>, verifier_key: String) -> Result<Self> {
        #[cfg(not(feature = "cluster"))]
        {
            let _ = (remote, verifier_key);
            Err(StoreError::Invalid(
                "this atrail was built without PostgreSQL: build it with --features cluster, or leave out [store] catalog"
                    .to_owned(),
            ))
        }
        #[cfg(feature = "cluster")]
        {
            use super::sql::postgres::{Home, open};
            refuse_other_urls(remote.url)?;
            let home = Home {
                file: remote.home,
                has_events: remote.has_events,
            };
            let (pools, node) = open(remote.url, home).await?;
            let catalog = Self {
                node: Some(node),
                ..Self::of(pools)
            };
            catalog.set_verifier_key(verifier_key);
            catalog.finish_removals().await?;
            Ok(catalog)
        }
    }

    /// Joins the nodes that share the catalog in this database; creates or upgrades its tables when needed. New logs in it are
    /// signed by the key that [`Catalog::set_verifier_key`] names.
    ///
    /// # Errors
    /// `Invalid` when the URL is none; `Conflict` when the catalog belongs to a data directory or was made by a later version
    /// of atrail, or when the server of databases is set up in a way that would lose transactions; or when it does not
    /// answer.
    #[cfg(feature = "cluster")]
    pub async fn join(node: super::Joining<'_>) -> Result<Self> {
        Self::join_as(node, &super::migration::Usage::Nodes).await
    }

    /// As [`Self::join`], where the catalog is one that is used so.
    ///
    /// # Errors
    /// As [`Self::join`]; `Conflict` when it is used otherwise.
    #[cfg(feature = "cluster")]
    pub async fn join_as(
        node: super::Joining<'_>,
        usage: &super::migration::Usage,
    ) -> Result<Self> {
        use super::sql::postgres::{Shared, join};
        refuse_other_urls(node.url)?;
        let incarnation = atrail_model::Incarnation::generate();
        let Shared {
            catalog,
            beside,
            renewals,
            claims,
        } = join(node.url, incarnation, usage).await?;
        let membership = super::Membership::join(incarnation, &node, renewals, claims).await?;
        let catalog = Self {
            membership: Some(membership),
            beside: Some(beside),
            ..Self::of(catalog)
        };
        catalog.finish_removals().await?;
        Ok(catalog)
    }
}

#[cfg(feature = "cluster")]
pub(crate) fn refuse_other_urls(url: &str) -> Result<()> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(());
    }
    Err(StoreError::Invalid(
        "[store] catalog is no URL of a PostgreSQL database: postgres://USER@HOST/DATABASE"
            .to_owned(),
    ))
}

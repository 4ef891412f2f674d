//! Credentials of a bucket, found as AWS's own tools find them, and renewed before they expire.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use reqsign_aws_v4::{Credential, DefaultCredentialProvider};
use reqsign_core::{Context, ProvideCredential, SigningCredential};
use tokio::sync::Mutex;

/// Finds credentials in the environment, shared files, commands, and roles of containers and instances.
#[derive(Debug)]
pub(super) struct Found {
    context: Context,
    provider: DefaultCredentialProvider,
    known: Mutex<Option<(Credential, Arc<AwsCredential>)>>,
}

#[derive(Debug, thiserror::Error)]
#[error(
    "no usable credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role"
)]
struct Missing(#[source] Option<reqsign_core::Error>);

impl Found {
    pub(super) fn new(variables: &BTreeMap<String, String>) -> Result<Self, object_store::Error> {
        let context = atrail_aws::context(variables).map_err(failed)?;
        Ok(Self {
            context,
            provider: DefaultCredentialProvider::new(),
            known: Mutex::default(),
        })
    }

    async fn find(&self) -> Result<Arc<AwsCredential>, object_store::Error> {
        let mut known = self.known.lock().await;
        if let Some((credential, found)) = &*known
            && credential.is_valid()
        {
            return Ok(Arc::clone(found));
        }
        let asked = self.provider.provide_credential(&self.context).await;
        let credential = asked
            .map_err(|error| failed(Missing(Some(error))))?
            .ok_or_else(|| failed(Missing(None)))?;
        let found = Arc::new(AwsCredential {
            key_id: credential.access_key_id.clone(),
            secret_key: credential.secret_access_key.clone(),
            token: credential.session_token.clone(),
        });
        *known = Some((credential, Arc::clone(&found)));
        Ok(found)
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> object_store::Error {
    object_store::Error::Unauthenticated {
        path: String::new(),
        source: Box::new(error),
    }
}

impl CredentialProvider for Found {
    type Credential = AwsCredential;

    fn get_credential<'a, 'b>(
        &'a self,
    ) -> Pin<Box<dyn Future<Output = object_store::Result<Arc<AwsCredential>>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(self.find())
    }
}

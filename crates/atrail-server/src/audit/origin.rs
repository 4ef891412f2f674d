//! The origin of a request, as far as readers of the events may learn it.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::{Extension, FromRequestParts};
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;

use super::text::capped;
use crate::error::ApiError;
use crate::observe::{Peer, RequestId};

/// Longest `User-Agent` that is recorded, in bytes.
const AGENT_MAX_BYTES: usize = 256;

/// The origin of a request.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// The address of the connection.
    pub(super) address: IpAddr,
    /// The client's `User-Agent`.
    pub(super) agent: Option<String>,
    /// The id of the request.
    pub(super) request: String,
}

impl Origin {
    /// Returns this machine, as the origin of acts without a request.
    pub(super) const fn here() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            agent: None,
            request: String::new(),
        }
    }

    pub(crate) const fn address(&self) -> IpAddr {
        self.address
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Ok(RequestId(request)) = RequestId::from_request_parts(parts, state).await;
        let peer = Extension::<Peer>::from_request_parts(parts, state).await;
        let Extension(Peer(address)) = peer.map_err(ApiError::internal)?;
        let agent = parts.headers.get(USER_AGENT);
        Ok(Self {
            address,
            agent: agent
                .map(|agent| capped(&String::from_utf8_lossy(agent.as_bytes()), AGENT_MAX_BYTES)),
            request,
        })
    }
}

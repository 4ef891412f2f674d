//! Checks a server's certificate: trusts the named certificates besides the system's authorities, and explains a
//! refusal in words.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, SignatureScheme,
};
use rustls_platform_verifier::Verifier;

use super::endpoint::Endpoint;

/// Returns a TLS configuration that trusts the system's authorities and these certificates, both as authorities and as
/// servers' own certificates.
///
/// # Errors
/// When a certificate cannot be used at all.
pub(super) fn trusting(named: Vec<CertificateDer<'static>>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(default_provider());
    let verifier = TrustsNamed {
        authorities: Verifier::new_with_extra_roots(named.clone(), Arc::clone(&provider))?,
        named,
    };
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Accepts a server's certificate that an authority issued, and one that the user named. A self-signed certificate, as
/// `openssl req -x509` makes it, claims to be an authority, so the verifier alone would refuse it as a server's.
#[derive(Debug)]
struct TrustsNamed {
    authorities: Verifier,
    named: Vec<CertificateDer<'static>>,
}

impl TrustsNamed {
    /// Returns whether the unknown issuer is the only objection to the certificate. webpki checks the dates first.
    fn is_only_unvouched(error: &Error) -> bool {
        let Error::InvalidCertificate(error) = error else {
            return false;
        };
        match error {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => true,
            CertificateError::Other(other) => is_authority_as_server(other),
            _ => false,
        }
    }
}

impl ServerCertVerifier for TrustsNamed {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let checked =
            self.authorities
                .verify_server_cert(certificate, intermediates, name, ocsp, now);
        match checked {
            Err(error)
                if self.named.iter().any(|named| named == certificate)
                    && Self::is_only_unvouched(&error) =>
            {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            checked => checked,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Why TLS refused a server, for people.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) why: String,
    pub(super) hint: &'static str,
}

const CHECK_CERTIFICATE: &str = "check the server's certificate; `atrail login --ca-file FILE` trusts your own authority or certificate, --skip-ssl-validation trusts anybody";
/// What to do when the server speaks another protocol.
pub(super) const CHECK_SCHEME: &str =
    "check the endpoint with `atrail target`, and what listens there";

/// Explains in words why TLS failed, if TLS failed. The library's own text consists of names of its types.
pub(super) fn explain(endpoint: &Endpoint, error: &reqwest::Error) -> Option<Refused> {
    Some(explain_tls(endpoint, find(error)?))
}

/// Returns whether another attempt would fail the same way: a certificate does not change in between.
pub(super) fn is_lasting(error: &reqwest::Error) -> bool {
    matches!(
        find(error),
        Some(
            Error::InvalidCertificate(_)
                | Error::NoCertificatesPresented
                | Error::PeerIncompatible(_)
                | Error::InvalidMessage(_)
        )
    )
}

/// Finds the TLS error. An `io::Error` does not list the error that it wraps among its sources.
fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<Error>() {
            return Some(found);
        }
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

fn explain_tls(endpoint: &Endpoint, error: &Error) -> Refused {
    let host = endpoint.host();
    let certificate = |why: &str| Refused {
        why: why.to_owned(),
        hint: CHECK_CERTIFICATE,
    };
    let other = |why: &str| Refused {
        why: why.to_owned(),
        hint: CHECK_SCHEME,
    };
    match error {
        Error::InvalidCertificate(error) => match error {
            // A certificate that was made again under the same name fails by its signature.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                certificate(&format!(
                    "nobody this computer trusts signed the certificate of {host}: see --ca-file"
                ))
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => certificate(
                "the server's certificate has expired, or this machine's clock is wrong",
            ),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                certificate(
                    "the server's certificate is not valid yet, or this machine's clock is wrong",
                )
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                certificate(&format!(
                    "the server's certificate is for {}",
                    names_of(error)
                ))
            }
            CertificateError::Revoked => certificate("the server's certificate was revoked"),
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                certificate("the server's certificate is not for servers (extendedKeyUsage)")
            }
            CertificateError::Other(error) if is_authority_as_server(error) => certificate(
                "the server's certificate says that it is an authority (basicConstraints CA:TRUE): pass this very \
                 certificate to --ca-file, or make it with CA:FALSE",
            ),
            _ => certificate("the server's certificate cannot be used"),
        },
        Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. } => other(&format!(
            "the server at {host} does not speak HTTPS: try {}",
            endpoint.with_scheme("http")
        )),
        Error::AlertReceived(_) => other("the server ended the TLS handshake"),
        Error::PeerIncompatible(_) | Error::NoApplicationProtocol => {
            other("the server speaks no version of TLS that this client does (1.2 and 1.3)")
        }
        Error::NoCertificatesPresented => certificate("the server showed no certificate"),
        _ => other("TLS failed"),
    }
}

/// Returns the names in a certificate.
fn names_of(error: &CertificateError) -> String {
    match error {
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "no name at all (it has no subjectAltName)".to_owned()
        }
        CertificateError::NotValidForNameContext {
            presented,
            expected,
        } => format!(
            "another name: {}, not {}",
            presented
                .iter()
                .map(|name| plain_name(name))
                .collect::<Vec<_>>()
                .join(", "),
            expected.to_str()
        ),
        _ => "another name".to_owned(),
    }
}

/// Strips the kind that webpki shows with a name: `DnsName("x")`, `IpAddress(127.0.0.1)`.
fn plain_name(shown: &str) -> &str {
    let inner = shown
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(shown).trim_matches('"')
}

/// Returns whether webpki found an authority's certificate in the place of a server's. rustls does not make the error's
/// type public.
fn is_authority_as_server(error: &OtherError) -> bool {
    format!("{error:?}").contains("CaUsedAsEndEntity")
}

//! What is asked of the server's certificate.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use serde::{Deserialize, Serialize};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, ErrorKind, Result};

/// How the connection is encrypted, and what is asked of the server's certificate: PostgreSQL's own words
/// (<https://www.postgresql.org/docs/15/libpq-ssl.html>, "Protection Provided in Different Modes", read 2026-11-23).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Tls {
    /// In the clear: for a server on the same machine, or behind a tunnel.
    Disable,
    /// Encrypted if the server offers it; whoever answers is believed.
    Prefer,
    /// Encrypted; whoever answers is believed.
    Require,
    /// Encrypted, and the certificate is signed by an authority of `ca_file` or, without it, of the system.
    VerifyCa,
    /// The same, and it is issued for `host`.
    #[default]
    VerifyFull,
}

impl Tls {
    pub(super) fn ssl_mode(self) -> SslMode {
        match self {
            Self::Disable => SslMode::Disable,
            Self::Prefer => SslMode::Prefer,
            Self::Require | Self::VerifyCa | Self::VerifyFull => SslMode::Require,
        }
    }

    /// How connections are made.
    pub(super) fn connector(self, ca_file: Option<&Path>) -> Result<MakeRustlsConnect> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::new(ErrorKind::Bug, "expected protocol versions, found none").with_source(error))?;
        let config = match self {
            Self::Disable | Self::Prefer | Self::Require => {
                let any = Arc::new(Lenient { provider, authorities: None });
                builder.dangerous().with_custom_certificate_verifier(any).with_no_client_auth()
            }
            Self::VerifyCa => {
                let known = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(ca_file)?), provider.clone());
                let authorities = known.build().map_err(|error| no_roots().with_source(error))?;
                let named_anything = Arc::new(Lenient { provider, authorities: Some(authorities) });
                builder.dangerous().with_custom_certificate_verifier(named_anything).with_no_client_auth()
            }
            Self::VerifyFull => builder.with_root_certificates(roots(ca_file)?).with_no_client_auth(),
        };
        Ok(MakeRustlsConnect::new(config))
    }
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let certificates = certificates.map_err(|_| {
                Error::new(ErrorKind::Config, "expected certificates in PEM in `ca_file`, found none that can be read")
            })?;
            roots.add_parsable_certificates(certificates);
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() { Err(no_roots()) } else { Ok(roots) }
}

fn no_roots() -> Error {
    Error::new(ErrorKind::Config, "expected certificates of authorities, found none; set `ca_file`")
}

/// Believes more than rustls does by itself: any certificate, or any name in one that a known authority signed. That the
/// server holds the certificate's key is always looked at.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    authorities: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(authorities) = &self.authorities else { return Ok(ServerCertVerified::assertion()) };
        match authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last: everything else is in order.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

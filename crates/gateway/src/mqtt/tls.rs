//! Certificates for the connection to a broker.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::MqttTls;

/// A client that trusts the authority of the settings.
pub(super) fn client(settings: &MqttTls) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = &settings.ca_file {
        let failed = |e: &dyn std::fmt::Display| {
            format!("cannot read certificates from `{}`: {e}; give a PEM file", path.display())
        };
        for certificate in CertificateDer::pem_file_iter(path).map_err(|e| failed(&e))? {
            roots.add(certificate.map_err(|e| failed(&e))?).map_err(|e| failed(&e))?;
        }
        if roots.is_empty() {
            return Err(failed(&"it holds none"));
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err("the system trusts no certificates; install ca-certificates or set ca_file".to_owned());
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(|e| e.to_string())?.with_root_certificates(roots).with_no_client_auth())
}

//! Bytes that are made once and compressed once, however many ask for them.

use std::io::Write as _;
use std::sync::OnceLock;

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// A megabyte takes some 10 ms at this level; higher ones save little more.
const LEVEL: u32 = 4;

/// Bytes, made when first asked for.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    plain: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
}

/// Bytes that stay as they are while the service runs, told apart from those of another one.
#[derive(Debug)]
pub(crate) struct Fixed {
    encoded: Encoded,
    pub(crate) version: String,
}

impl Fixed {
    pub(crate) fn new(bytes: Bytes) -> Self {
        let version = format!("{:016x}", fingerprint(&bytes));
        Self { encoded: Encoded { plain: OnceLock::from(bytes), gzip: OnceLock::new() }, version }
    }

    pub(crate) fn plain(&self) -> Content {
        Content { bytes: self.encoded.plain(Bytes::new), is_gzip: false }
    }

    pub(crate) fn content(&self, request: &HeaderMap) -> Content {
        self.encoded.content(request, Bytes::new)
    }
}

/// FNV-1a: tells one version of a file from another.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Bytes as one client takes them.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) bytes: Bytes,
    pub(crate) is_gzip: bool,
}

impl Encoded {
    /// The bytes as they are.
    pub(crate) fn plain(&self, make: impl FnOnce() -> Bytes) -> Bytes {
        self.plain.get_or_init(make).clone()
    }

    /// The bytes in the form that the request asks for.
    pub(crate) fn content(&self, request: &HeaderMap, make: impl FnOnce() -> Bytes) -> Content {
        let is_gzip = takes_gzip(request);
        let bytes = if is_gzip { self.gzip.get_or_init(|| gzip(&self.plain(make))).clone() } else { self.plain(make) };
        Content { bytes, is_gzip }
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, is_gzip: false }
    }
}

fn gzip(plain: &Bytes) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::new(LEVEL));
    // Writing into memory does not fail.
    let _ = encoder.write_all(plain);
    encoder.finish().unwrap_or_default().into()
}

/// Whether `Accept-Encoding` names gzip, and not only to refuse it.
fn takes_gzip(request: &HeaderMap) -> bool {
    let values = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|v| v.split(',')).any(|coding| {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = parameters.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight != Some(0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_as_it_is_offered() {
        let takes = |text: &str| takes_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, text.parse().unwrap())]));
        assert!(takes("gzip"));
        assert!(takes("br;q=1.0, GZIP; q=0.5"));
        assert!(!takes("gzip;q=0, br"));
        assert!(!takes("identity"));
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}

//! The riders' map, out of the binary.

use std::borrow::Cow;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::answer::{Versioned, problem};

/// Where the page's build puts its files; missing where it was not built.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/ui/dist"]
#[allow_missing = true]
struct Files;

const NOT_BUILT: &str = "<!doctype html><meta charset=\"utf-8\"><title>marshrut</title>\
    <p>Сторінку не зібрано: виконайте <code>make ui</code> і зберіть програму знову.</p>\
    <p lang=\"en\">The page was not built: run <code>make ui</code>, then build the program again.</p>";

pub(crate) async fn index(request: HeaderMap) -> Response {
    page(Files::get("index.html"), &request)
}

fn page(file: Option<EmbeddedFile>, request: &HeaderMap) -> Response {
    match file {
        Some(file) => answer(file, "text/html; charset=utf-8", "no-cache", request),
        None => (StatusCode::NOT_FOUND, Html(NOT_BUILT)).into_response(),
    }
}

pub(crate) async fn file(Path(path): Path<String>, request: HeaderMap) -> Response {
    // Their names hold a hash of what is in them.
    asset(&format!("assets/{path}"), "public, max-age=31536000, immutable", &request)
}

pub(crate) async fn favicon(request: HeaderMap) -> Response {
    asset("favicon.svg", "public, max-age=86400", &request)
}

fn asset(path: &str, cache: &'static str, request: &HeaderMap) -> Response {
    let Some(file) = Files::get(path) else {
        return problem(StatusCode::NOT_FOUND, "there is no such file; load the page again, it may be a newer one");
    };
    let content_type = match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    };
    answer(file, content_type, cache, request)
}

fn answer(file: EmbeddedFile, content_type: &'static str, cache: &'static str, request: &HeaderMap) -> Response {
    let hash = file.metadata.sha256_hash();
    let version = format!("{:016x}", hash.iter().take(8).fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte)));
    let bytes = match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    Versioned { content: bytes.into(), content_type, version: &version, modified: None, cache }.answer(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_was_not_built_says_how_to() {
        assert_eq!(page(None, &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
        assert!(NOT_BUILT.contains("make ui"));
    }
}

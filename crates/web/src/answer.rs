//! Answers that handlers share.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::Timestamp;
use serde_json::json;

use crate::encoded::Content;

/// As HTTP writes an instant, `Fri, 16 Jan 2026 19:31:00 GMT`.
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// An error as JSON that says what to do.
pub(crate) fn problem(status: StatusCode, reason: &str) -> Response {
    (status, axum::Json(json!({ "error": reason }))).into_response()
}

/// Bytes with a version: whoever has that version already is told so instead.
pub(crate) struct Versioned<'a> {
    pub(crate) content: Content,
    pub(crate) content_type: &'static str,
    /// Unique for the content, in any characters that a header may hold.
    pub(crate) version: &'a str,
    /// Where no other version can be of the same second.
    pub(crate) modified: Option<Timestamp>,
    /// `Cache-Control`.
    pub(crate) cache: &'static str,
}

impl Versioned<'_> {
    pub(crate) fn answer(self, request: &HeaderMap) -> Response {
        // Weak, since compression changes the bytes but not what they say.
        let etag = format!("W/\"{}\"", self.version);
        let mut headers = HeaderMap::new();
        let mut set = |name, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set(header::ETAG, &etag);
        set(header::CACHE_CONTROL, self.cache);
        set(header::VARY, "accept-encoding");
        if let Some(modified) = self.modified {
            set(header::LAST_MODIFIED, &http_date(modified));
        }
        if is_known(request, &etag, self.modified) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if self.content.is_gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        (headers, self.content.bytes).into_response()
    }
}

/// Whether the client has this version. Its date only counts where it names no tag (RFC 9110,
/// section 13.1.3).
fn is_known(request: &HeaderMap, etag: &str, modified: Option<Timestamp>) -> bool {
    if request.contains_key(header::IF_NONE_MATCH) {
        let known = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
        return known.flat_map(|v| v.split(',')).any(|v| {
            let v = v.trim();
            v == "*" || v.trim_start_matches("W/") == etag.trim_start_matches("W/")
        });
    }
    let since = request.get(header::IF_MODIFIED_SINCE).and_then(|v| from_http_date(v.to_str().ok()?));
    since.zip(modified).is_some_and(|(since, modified)| since.as_secs() >= modified.as_secs())
}

fn http_date(at: Timestamp) -> String {
    at.to_jiff().strftime(HTTP_DATE).to_string()
}

fn from_http_date(text: &str) -> Option<Timestamp> {
    let civil = jiff::civil::DateTime::strptime(HTTP_DATE, text.trim()).ok()?;
    civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_http() {
        let at = Timestamp::parse("2026-01-16T19:31:00Z").unwrap();
        assert_eq!(http_date(at), "Fri, 16 Jan 2026 19:31:00 GMT");
        assert_eq!(from_http_date("Fri, 16 Jan 2026 19:31:00 GMT"), Some(at));
        assert_eq!(from_http_date("yesterday"), None);
    }

    #[test]
    fn a_tag_counts_before_a_date() {
        let at = Timestamp::parse("2026-01-16T19:31:00.5Z").unwrap();
        let asked = |name, value: &str| HeaderMap::from_iter([(name, value.parse().unwrap())]);
        assert!(is_known(&asked(header::IF_NONE_MATCH, "\"a\", W/\"b\""), "W/\"b\"", None));
        assert!(is_known(&asked(header::IF_MODIFIED_SINCE, &http_date(at)), "W/\"b\"", Some(at)));
        assert!(!is_known(&asked(header::IF_MODIFIED_SINCE, &http_date(at)), "W/\"b\"", Some(at.plus_seconds(1.0))));
        assert!(!is_known(&asked(header::IF_MODIFIED_SINCE, &http_date(at)), "W/\"b\"", None));
        let mut both = asked(header::IF_MODIFIED_SINCE, &http_date(at));
        both.insert(header::IF_NONE_MATCH, "\"a\"".parse().unwrap());
        assert!(!is_known(&both, "W/\"b\"", Some(at)));
    }
}

//! Requests, head and body.

use httparse::{EMPTY_HEADER, Header};

use super::reply::{HEAD_TOO_LARGE, LENGTH_REQUIRED, Status, TOO_LARGE};
use super::{MAX_FRAME, MAX_HEAD, MAX_HEADERS, UNREADABLE};
use crate::DecodeError;
use crate::text::whole;

const NO_HTTP: DecodeError = DecodeError::Framing("the bytes are no HTTP request");

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Other,
}

/// One request with all of its body.
pub(crate) struct Request<'a> {
    pub method: Method,
    /// What stands behind `?` in the target.
    pub query: &'a [u8],
    pub body: &'a [u8],
    /// Bytes of head and body.
    pub len: usize,
    headers: [Header<'a>; MAX_HEADERS],
}

impl<'a> Request<'a> {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value)
    }

    /// The body where it is JSON: by its first character, since few trackers get the type right.
    pub fn json(&self) -> Option<&'a [u8]> {
        let body = self.body.trim_ascii();
        matches!(body, [b'{' | b'[', ..]).then_some(body)
    }
}

/// Why it is not known where the next request starts, and the status that says so.
pub(super) struct Refused {
    pub error: DecodeError,
    pub status: Status,
}

/// Reads the request at the start of the input; `None` while it is not whole.
pub(super) fn parse(input: &[u8]) -> Result<Option<Request<'_>>, Refused> {
    let refused = |error, status| Err(Refused { error, status });
    let head = match Head::parse(input) {
        Ok(Some(head)) => head,
        Ok(None) if input.len() >= MAX_HEAD => {
            let error = DecodeError::Length { what: "head", found: MAX_HEAD, limit: MAX_HEAD - 1 };
            return refused(error, HEAD_TOO_LARGE);
        }
        Ok(None) => return Ok(None),
        Err(error) => return refused(error, UNREADABLE),
    };
    if head.header("Transfer-Encoding").is_some() {
        return refused(DecodeError::Framing("the body comes in chunks, without its length"), LENGTH_REQUIRED);
    }
    let Some(body_len) = head.content_length() else {
        return refused(DecodeError::Framing("the length of the body is none"), UNREADABLE);
    };
    let len = head.len.saturating_add(body_len);
    if len > MAX_FRAME {
        return refused(DecodeError::Length { what: "request", found: len, limit: MAX_FRAME }, TOO_LARGE);
    }
    let Some(body) = input.get(head.len..len) else { return Ok(None) };
    let query = head.query();
    Ok(Some(Request { method: head.method, query, body, len, headers: head.headers }))
}

/// Request line and headers.
pub(super) struct Head<'a> {
    pub method: Method,
    target: &'a str,
    headers: [Header<'a>; MAX_HEADERS],
    /// Bytes up to and with the empty line.
    pub len: usize,
}

impl<'a> Head<'a> {
    /// `None` while it is not whole.
    pub fn parse(input: &'a [u8]) -> Result<Option<Self>, DecodeError> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        // Later bytes are not looked at, so that the bound is the same however they come.
        let start = input.get(..MAX_HEAD).unwrap_or(input);
        let httparse::Status::Complete(len) = request.parse(start).map_err(|_| NO_HTTP)? else { return Ok(None) };
        let method = match request.method {
            Some("GET") => Method::Get,
            Some("POST") => Method::Post,
            _ => Method::Other,
        };
        let target = request.path.unwrap_or_default();
        Ok(Some(Self { method, target, headers, len }))
    }

    /// What stands behind `?` in the target.
    pub fn query(&self) -> &'a [u8] {
        self.target.split_once('?').map_or(b"", |(_, query)| query.as_bytes())
    }

    fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value)
    }

    /// Bytes of the body, where that is said.
    pub fn body_len(&self) -> usize {
        self.content_length().unwrap_or(0)
    }

    /// Zero where there is no such header; `None` where it is no length, or several.
    fn content_length(&self) -> Option<usize> {
        let mut lengths =
            self.headers.iter().filter(|h| h.name.eq_ignore_ascii_case("Content-Length")).map(|h| h.value);
        let Some(first) = lengths.next() else { return Some(0) };
        let is_number = first.iter().all(u8::is_ascii_digit) && lengths.all(|other| other == first);
        is_number.then(|| whole(first)).flatten().and_then(|n| usize::try_from(n).ok())
    }
}

//! The other side, for virtual trackers: requests, and what a client reads in the responses.

use httparse::{EMPTY_HEADER, Response, Status};

use super::{MAX_HEAD, MAX_HEADERS};
use crate::Frame;
use crate::encode::all_or_none;
use crate::text::whole;

/// A request without a body for a path and query.
pub(crate) fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: gps\r\n\r\n").into_bytes()
}

/// A request with a JSON body; `headers` are whole lines.
pub(crate) fn post(target: &str, headers: &str, json: &str) -> Vec<u8> {
    let len = json.len();
    format!(
        "POST {target} HTTP/1.1\r\nHost: gps\r\nContent-Type: application/json\r\n{headers}Content-Length: {len}\r\n\r\n{json}"
    )
    .into_bytes()
}

/// How many of the frame's records a response acknowledges: all with 200, else none. `None`
/// while it is not whole.
pub(crate) fn acknowledged(frame: &Frame<'_>, answer: &[u8]) -> Option<usize> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut response = Response::new(&mut headers);
    let head = match response.parse(answer) {
        Ok(Status::Complete(len)) => len,
        Ok(Status::Partial) if answer.len() < MAX_HEAD => return None,
        Ok(Status::Partial) | Err(_) => return Some(0),
    };
    let length = response.headers.iter().find(|h| h.name.eq_ignore_ascii_case("Content-Length"));
    let body = length.and_then(|h| whole(h.value)).and_then(|len| usize::try_from(len).ok()).unwrap_or(0);
    let is_whole = answer.len() >= head.saturating_add(body);
    is_whole.then(|| all_or_none(frame, response.code == Some(200)))
}

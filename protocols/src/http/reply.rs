//! Responses.

use crate::Reply;

/// Status code and reason phrase.
pub(crate) type Status = &'static str;

pub(crate) const OK: Status = "200 OK";
pub(crate) const UNREADABLE: Status = "400 Bad Request";
pub(crate) const FORBIDDEN: Status = "403 Forbidden";
pub(crate) const NOT_ALLOWED: Status = "405 Method Not Allowed";
pub(super) const LENGTH_REQUIRED: Status = "411 Length Required";
pub(super) const TOO_LARGE: Status = "413 Content Too Large";
pub(super) const HEAD_TOO_LARGE: Status = "431 Request Header Fields Too Large";

/// Type of a body in words.
pub(super) const TEXT: &str = "text/plain";

/// A response after which the connection goes on.
pub(crate) fn respond(status: Status, content_type: &str, body: &[u8]) -> Reply {
    response(status, "", content_type, body)
}

/// A response after which the connection is closed.
pub(super) fn closing(status: Status) -> Reply {
    response(status, "Connection: close\r\n", "", b"")
}

fn response(status: Status, connection: &str, content_type: &str, body: &[u8]) -> Reply {
    let (before, after) = if content_type.is_empty() { ("", "") } else { ("Content-Type: ", "\r\n") };
    let allow = if status == NOT_ALLOWED { "Allow: GET, POST\r\n" } else { "" };
    let len = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\n{allow}{connection}{before}{content_type}{after}Content-Length: {len}\r\n\r\n");
    Reply::new(&[head.as_bytes(), body].concat())
}

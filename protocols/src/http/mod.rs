//! HTTP/1.1 as trackers and phones speak it: requests with a body of a stated length, several a
//! connection. Shared by the protocols that travel in it.
//!
//! A request is answered with a whole response, 200 once its records are durable; 400 says
//! that it cannot be read, 403 that its device is not wanted. `Expect: 100-continue` is passed
//! over: RFC 9110, 10.1.1, has the client send its body even when no 100 comes.

pub(crate) mod client;
mod parameters;
mod reply;
mod request;
mod sniff;

use std::collections::VecDeque;

use crate::{DecodeError, Kind, Likeness, Message, Step};

pub(crate) use parameters::{Parameters, kept};
pub(crate) use reply::{FORBIDDEN, NOT_ALLOWED, OK, UNREADABLE, respond};
pub(crate) use request::{Method, Request};
pub(crate) use sniff::{Body, likeness};

use request::Refused;

/// Longest request, head and body together.
pub(crate) const MAX_FRAME: usize = 256 * 1024;
/// Longest head: request line, headers and the empty line.
pub(crate) const MAX_HEAD: usize = 16 * 1024;
/// Most headers of a request.
const MAX_HEADERS: usize = 64;

/// One connection: takes requests and hands out what they say, message by message.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// What is still to be handed out of the request at the start of the input.
    pending: VecDeque<Message>,
    /// Bytes of that request not consumed yet.
    left: usize,
}

impl Connection {
    /// Takes the next message. `read` says what a request means: at least one message, of which
    /// the last carries the response.
    pub fn decode(&mut self, input: &[u8], read: impl FnOnce(&Request<'_>) -> Vec<Message>) -> Step {
        if self.pending.is_empty() {
            let request = match request::parse(input) {
                Ok(Some(request)) => request,
                Ok(None) => return Step::Need,
                Err(Refused { error, status }) => {
                    let refused = Message::new(Kind::Error(error), None).reply(reply::closing(status));
                    return refused.took(input.len().max(1));
                }
            };
            self.left = request.len;
            self.pending = match request.method {
                Method::Get | Method::Post => read(&request).into(),
                Method::Other => {
                    let error = DecodeError::Format("method is neither GET nor POST");
                    [unreadable(error, NOT_ALLOWED)].into()
                }
            };
        }
        let Some(message) = self.pending.pop_front() else { return Step::Need };
        // The messages before the last take a byte each, the last takes the rest.
        let consumed = if self.pending.is_empty() { self.left } else { 1 };
        self.left = self.left.saturating_sub(consumed);
        message.took(consumed.clamp(1, input.len().max(1)))
    }
}

/// A request that cannot be read, and the response that says so.
pub(crate) fn unreadable(error: DecodeError, status: reply::Status) -> Message {
    let words = error.to_string();
    // What follows is for who runs this server.
    let why = words.split(';').next().unwrap_or_default();
    Message::new(Kind::Error(error), None).reply(respond(status, reply::TEXT, why.as_bytes()))
}

/// Whether the start of a connection is that of a request with GET or POST.
pub(crate) fn begins(input: &[u8]) -> Likeness {
    Likeness::any(input, &[(b"GET ", Likeness::Likely), (b"POST ", Likeness::Likely)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(input: &[u8]) -> Step {
        Connection::default().decode(input, |_| vec![Message::new(Kind::Heartbeat, None).reply(respond(OK, "", b""))])
    }

    fn status(step: &Step) -> (usize, &str) {
        let Step::Took { consumed, message } = step else { return (0, "") };
        (*consumed, std::str::from_utf8(message.reply.as_bytes().get(9..12).unwrap()).unwrap())
    }

    #[test]
    fn a_request_is_taken_once_its_body_is_there() {
        let request = b"POST / HTTP/1.1\r\nHost: c\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc";
        for end in 0..request.len() {
            assert_eq!(one(&request[..end]), Step::Need, "{end}");
        }
        assert_eq!(status(&one(request)), (request.len(), "200"));
        assert_eq!(status(&one(b"GET / HTTP/1.0\r\n\r\n")), (18, "200"));
    }

    #[test]
    fn what_has_no_end_or_no_sense_is_refused() {
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc";
        assert_eq!(status(&one(chunked)).1, "411");
        assert_eq!(status(&one(b"POST / HTTP/1.1\r\nContent-Length: 999999\r\n\r\n")).1, "413");
        assert_eq!(status(&one(b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n")).1, "400");
        assert_eq!(status(&one(b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")).1, "400");
        assert_eq!(status(&one(b"\x00\x0f35")).1, "400");
        assert_eq!(status(&one(b"DELETE / HTTP/1.1\r\nContent-Length: 2\r\n\r\nabGET")), (42, "405"));
        assert_eq!(status(&one(&[b"GET /".as_slice(), &[b'a'; MAX_HEAD]].concat())).1, "431");
    }

    #[test]
    fn several_messages_share_a_request_and_what_follows_is_left() {
        let input = b"GET / HTTP/1.1\r\n\r\nGET";
        let mut connection = Connection::default();
        let mut taken = Vec::new();
        let mut rest = &input[..];
        while rest.len() > 3 {
            let step = connection.decode(rest, |_| (0..3).map(|_| Message::new(Kind::Heartbeat, None)).collect());
            let Step::Took { consumed, .. } = step else { panic!() };
            taken.push(consumed);
            rest = &rest[consumed..];
        }
        assert_eq!((taken, rest), (vec![1, 1, 16], &b"GET"[..]));
    }
}

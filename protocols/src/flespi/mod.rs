//! Messages of a flespi channel or stream, over HTTP and MQTT. `NOTE.md` describes the JSON.

pub mod encode;
pub mod payload;

use model::DeviceId;

use crate::http::{self, Body, Connection, FORBIDDEN, OK, Request, respond};
use crate::{Decoder, Kind, Likeness, Message, Step};

/// Longest request.
pub const MAX_FRAME: usize = http::MAX_FRAME;

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Flespi {
    connection: Connection,
}

impl Decoder for Flespi {
    fn decode(&mut self, input: &[u8]) -> Step {
        self.connection.decode(input, read)
    }

    /// Every message names its device.
    fn identify(&mut self, _device: &DeviceId) {}
}

/// What a request says: a message a device, the response with the last.
fn read(request: &Request<'_>) -> Vec<Message> {
    let reports = match payload::read(request.body) {
        Ok(reports) => reports,
        Err(error) => return vec![http::unreadable(error, http::UNREADABLE)],
    };
    let refusal = respond(FORBIDDEN, "", b"");
    let message = |(device, batch)| Message::new(Kind::Fixes(batch), Some(&device)).refusal(refusal.clone());
    let mut messages: Vec<_> = reports.into_iter().map(message).collect();
    let ok = respond(OK, "", b"");
    match messages.pop() {
        Some(last) => messages.push(last.reply(ok)),
        // A stream that is tried out sends an empty array.
        None => messages.push(Message::new(Kind::Heartbeat, None).reply(ok)),
    }
    messages
}

/// A request with messages that have an `ident`.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    http::likeness(input, &[Body::Messages], Likeness::No)
}

//! OwnTracks in HTTP mode, and its payloads over MQTT. `NOTE.md` describes the JSON.

pub mod encode;
pub mod payload;

use model::DeviceId;

use crate::http::{self, Body, Connection, FORBIDDEN, OK, Parameters, Request, respond};
use crate::{Decoder, Kind, Likeness, Message, Step};
use payload::Content;

/// Longest request.
pub const MAX_FRAME: usize = http::MAX_FRAME;

const JSON: &str = "application/json";
/// What the phone is told in return: nothing.
const NOTHING: &[u8] = b"[]";

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct OwnTracks {
    connection: Connection,
}

impl Decoder for OwnTracks {
    fn decode(&mut self, input: &[u8]) -> Step {
        self.connection.decode(input, |request| vec![read(request)])
    }

    /// Every request names its device.
    fn identify(&mut self, _device: &DeviceId) {}
}

/// What a request says, with the response that it is owed.
fn read(request: &Request<'_>) -> Message {
    let (device, content) = match payload::read(None, request_device(request).as_ref(), request.body) {
        Ok(read) => read,
        Err(error) => return http::unreadable(error, http::UNREADABLE),
    };
    let kind = match content {
        Content::Report(batch) => Kind::Fixes(batch),
        Content::Nothing => Kind::Ignored,
    };
    Message::new(kind, device.as_ref()).reply(respond(OK, JSON, NOTHING)).refusal(respond(FORBIDDEN, "", b""))
}

/// Whom the request names beside its body: user and device in the query or in headers.
fn request_device(request: &Request<'_>) -> Option<DeviceId> {
    let parameters = Parameters::of(&[request.query]);
    let header = |name| request.header(name).and_then(|value| std::str::from_utf8(value).ok());
    let user = parameters.get(&["u"]).or_else(|| header("X-Limit-U"));
    let device = parameters.get(&["d"]).or_else(|| header("X-Limit-D"));
    match (user, device) {
        (Some(user), Some(device)) => DeviceId::new(&format!("{user}/{device}")).ok(),
        (one, other) => DeviceId::new(one.or(other)?).ok(),
    }
}

/// A request with an object that has a `_type`.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    http::likeness(input, &[Body::Typed], Likeness::No)
}

//! OsmAnd and the Traccar Client: a request a position, over HTTP. `NOTE.md` describes the
//! parameters and the JSON.

mod client;
pub mod encode;
mod query;

use model::{DeviceId, Timestamp};

use crate::http::{self, Body, Connection, FORBIDDEN, OK, Parameters, Request, respond};
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Step, json_payload};

/// Longest request.
pub const MAX_FRAME: usize = http::MAX_FRAME;

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct OsmAnd {
    connection: Connection,
    now: Timestamp,
}

impl Decoder for OsmAnd {
    fn decode(&mut self, input: &[u8]) -> Step {
        let now = self.now;
        self.connection.decode(input, |request| vec![read(request, now)])
    }

    /// Every request names its device: a phone's requests may share a connection with others'.
    fn identify(&mut self, _device: &DeviceId) {}

    fn now(&mut self, now: Timestamp) {
        self.now = now;
    }
}

/// What a request says, with the response that it is owed.
fn read(request: &Request<'_>, now: Timestamp) -> Message {
    let read = match request.json() {
        Some(json) => object(request, json),
        None => query::read(&Parameters::of(&[request.query, request.body]), now),
    };
    match read {
        Ok(report) => Message::new(report.kind, Some(&report.device))
            .defect(report.defect)
            .reply(respond(OK, "", b""))
            .refusal(respond(FORBIDDEN, "", b"")),
        Err(error) => http::unreadable(error, http::UNREADABLE),
    }
}

/// What one request holds.
struct Report {
    device: DeviceId,
    kind: Kind,
    defect: Option<DecodeError>,
}

/// The client's object of a device and a location, or plain JSON.
fn object(request: &Request<'_>, json: &[u8]) -> Result<Report, DecodeError> {
    let value = crate::json_value::parse(json)?;
    let named = Parameters::of(&[request.query]);
    let named = named.get(query::DEVICE);
    let (device, batch) = match client::read(&value, named)? {
        Some(report) => report,
        None => json_payload::decode(named.map(query::device).transpose()?.as_ref(), json)?,
    };
    Ok(Report { device, kind: Kind::Fixes(batch), defect: None })
}

/// A request that names a device or a place, or says nothing: that is answered here.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    http::likeness(input, &[Body::Parameters, Body::Location], Likeness::Likely)
}

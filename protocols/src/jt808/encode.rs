//! The device's side, as of 2013: authentication, then locations, alone or in batches.

use model::{DeviceId, Fix, Timestamp};

use super::frame::{Cut, Header, cut, seal};
use super::location::ZONE_S;
use crate::encode::{Said, all_or_none, millionths, packed_digits, packed_time, whole};
use crate::{Encoder, Frame, Identity, Login};

/// Digits of a terminal's number.
const DIGITS: u8 = 12;
/// Most records of a batch: the body stays below 1,024 bytes.
const MOST_RECORDS: usize = 30;

const AUTHENTICATION: u16 = 0x0102;
const LOCATION: u16 = 0x0200;
const BATCH: u16 = 0x0704;
/// The server's answer, and its result for what is done.
const ANSWER: u16 = 0x8001;
const DONE: u8 = 0;
/// Locations that were not kept back for want of a network.
const LIVE: u8 = 0;
/// The item of the satellites, and its length.
const SATELLITES: [u8; 2] = [0x31, 1];

/// A device over a connection, registered before.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Digits(DIGITS),
    most_records: MOST_RECORDS,
    time_step_s: 1,
    login: Some(Login { bytes: login, accepted: Some(|answer| is_done(0, AUTHENTICATION, answer)) }),
    frame,
    acknowledged: Some(acknowledged),
};

/// The code of the registration is the terminal's number.
fn login(device: &DeviceId) -> Vec<u8> {
    sealed(device, AUTHENTICATION, 0, device.as_str().as_bytes())
}

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let (kind, serial) = message(frame);
    let fixes = &frame.batch.fixes;
    let body: Vec<u8> = if kind == LOCATION {
        fixes.iter().flat_map(location).collect()
    } else {
        let count = u16::try_from(fixes.len()).unwrap_or(u16::MAX).to_be_bytes();
        let one = |fix| {
            let location = location(fix);
            let len = u16::try_from(location.len()).unwrap_or(u16::MAX).to_be_bytes();
            [&len[..], &location].concat()
        };
        count.into_iter().chain([LIVE]).chain(fixes.iter().flat_map(one)).collect()
    };
    sealed(frame.device, kind, serial, &body)
}

/// Its id and serial number. The authentication has the first.
fn message(frame: &Frame<'_>) -> (u16, u16) {
    let kind = if frame.batch.fixes.len() == 1 { LOCATION } else { BATCH };
    (kind, frame.number.wrapping_add(1))
}

fn sealed(device: &DeviceId, kind: u16, serial: u16, body: &[u8]) -> Vec<u8> {
    seal(&Header::of(packed_digits(device)), kind, serial, body)
}

/// No alarm, ignition on, place, motion, local time, satellites.
fn location(fix: &Fix) -> Vec<u8> {
    const IGNITION: u32 = 1;
    let said = Said::of(fix);
    let bit = |is: bool, bit: u32| u32::from(is) << bit;
    let status = IGNITION | bit(said.valid, 1) | bit(said.lat < 0.0, 2) | bit(said.lon < 0.0, 3);
    let [lat, lon] = [said.lat, said.lon].map(|degrees| millionths(degrees).unsigned_abs());
    let mut out = [0, status, lat, lon].map(u32::to_be_bytes).concat();
    out.extend_from_slice(&said.metres().to_be_bytes());
    for value in [said.kmh * 10.0, said.heading_deg] {
        out.extend_from_slice(&whole::<u16>(value).to_be_bytes());
    }
    out.extend_from_slice(&packed_time(Timestamp::from_secs(fix.time.as_secs() + ZONE_S)));
    out.extend_from_slice(&SATELLITES);
    out.push(said.satellites);
    out
}

fn acknowledged(frame: &Frame<'_>, answer: &[u8]) -> Option<usize> {
    let (kind, serial) = message(frame);
    is_done(serial, kind, answer).map(|done| all_or_none(frame, done))
}

/// Whether the answer says that the message of that serial number and id is done.
fn is_done(serial: u16, kind: u16, answer: &[u8]) -> Option<bool> {
    match cut(answer, false) {
        Cut::Need => None,
        Cut::Message(_, header, content) => {
            let done = [&serial.to_be_bytes()[..], &kind.to_be_bytes(), &[DONE]].concat();
            Some(header.kind == ANSWER && Cut::body(&header, &content) == done)
        }
        Cut::Words(..) | Cut::Bad(..) | Cut::Garbage(_) => Some(false),
    }
}

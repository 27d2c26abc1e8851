//! The device's side: the identification, and records of the archive.

use model::DeviceId;

use super::record::{DEGREE, GENERAL, GPS_VALID, IGNITION, NAVIGATION};
use super::{ARCHIVE, DELETE_ARCHIVE, EPOCH, IDENTIFICATION, READ_ARCHIVE, frame as open, sealed};
use crate::bytes::Bytes;
use crate::crc::crc16_ccitt_false;
use crate::encode::{Said, flag, number, numbered, whole};
use crate::{Encoder, Frame, Identity, Login};

/// What the device sends at a time.
const MOST_RECORDS: u8 = 50;
/// Numbers of terminals have four bytes.
const LAST_TERMINAL: u32 = u32::MAX;
const VERSION: [u8; 4] = [0x60, 0x03, 0x40, 0x01];
const NO_PRIORITY: u8 = 0;

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Number(LAST_TERMINAL),
    most_records: MOST_RECORDS as usize,
    time_step_s: 1,
    login: Some(Login { bytes: login, accepted: Some(accepted) }),
    frame,
    acknowledged: Some(acknowledged),
};

fn login(device: &DeviceId) -> Vec<u8> {
    let terminal = u32::try_from(number(device)).unwrap_or(0);
    sealed(IDENTIFICATION, &[terminal.to_le_bytes(), VERSION].concat())
}

/// The server asks for the archive, from whatever record on.
fn accepted(answer: &[u8]) -> Option<bool> {
    asked(answer).map(|asked| matches!(asked, Some((READ_ARCHIVE, _))))
}

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let mut data = Vec::new();
    for (number, said) in numbered(frame, MOST_RECORDS) {
        if data.is_empty() {
            data.extend_from_slice(&number.to_le_bytes());
            data.extend_from_slice(&said.seconds_since(EPOCH).to_le_bytes());
            data.push(NO_PRIORITY);
        }
        let record = record(&said);
        data.extend_from_slice(&u16::try_from(record.len()).unwrap_or(u16::MAX).to_le_bytes());
        data.extend_from_slice(&record);
    }
    sealed(ARCHIVE, &data)
}

/// A message of Protocol Buffers: groups of whole numbers.
fn record(said: &Said) -> Vec<u8> {
    let time = u64::from(said.seconds_since(EPOCH));
    let flags = IGNITION | flag(GPS_VALID, said.valid);
    let mut record = Vec::new();
    group(GENERAL, &[(1, time), (4, flags)], &mut record);
    let place = [
        (1, signed(whole(said.lat * DEGREE))),
        (2, signed(whole(said.lon * DEGREE))),
        (3, u64::from(whole::<u16>(said.kmh * 10.0))),
        (4, u64::from(whole::<u16>(said.heading_deg))),
        (5, u64::from(said.satellites)),
        (6, signed(whole(said.altitude_m * 10.0))),
        (7, time),
    ];
    group(NAVIGATION, &place, &mut record);
    record
}

fn group(number: u32, fields: &[(u64, u64)], out: &mut Vec<u8>) {
    let tag = u64::from(number) << 3;
    varint(tag | 3, out);
    for (field, value) in fields {
        varint(field << 3, out);
        varint(*value, out);
    }
    varint(tag | 4, out);
}

/// Seven bits a byte, the lowest first; all but the last have the eighth.
fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        let [low, ..] = value.to_le_bytes();
        out.push(low | 0x80);
        value >>= 7;
    }
    let [low, ..] = value.to_le_bytes();
    out.push(low);
}

/// A whole number with its sign in the lowest bit.
fn signed(value: i32) -> u64 {
    u64::from((value << 1 ^ value >> 31).cast_unsigned())
}

/// The records up to the number that may be deleted.
fn acknowledged(frame: &Frame<'_>, answer: &[u8]) -> Option<usize> {
    let asked = asked(answer)?;
    let place = asked.and_then(|(command, last)| {
        let is_last = |(number, _): (u32, Said)| command == DELETE_ARCHIVE && number == last;
        numbered(frame, MOST_RECORDS).position(is_last)
    });
    Some(place.map_or(0, |place| place + 1))
}

/// What the server asks, and of which record; `Some(None)` where the answer is none.
#[expect(clippy::option_option, reason = "an answer that is not whole, or one that is none")]
fn asked(answer: &[u8]) -> Option<Option<(u8, u32)>> {
    let Ok(whole) = open(answer) else { return Some(None) };
    let (_, frame) = whole?;
    let mut rest = Bytes(&frame);
    let asked = rest.u8().zip(rest.u16_le().and_then(|_| rest.u32_le()));
    Some(asked.filter(|_| crc16_ccitt_false(&frame) == 0))
}

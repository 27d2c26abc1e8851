//! The device's side: identity and fields of FLEX 2.0, and arrays of records from memory.

use model::DeviceId;

use super::{DEGREE, FLEX, framed};
use crate::crc::crc8_nrsc5;
use crate::encode::{Said, begins, count, flag, numbered, taken, whole};
use crate::units::single;
use crate::{Encoder, Frame, Identity, Login};

/// What the device sends at a time; a count of one byte.
const MOST_RECORDS: u8 = 50;
const SERVER: [u8; 4] = [1, 0, 0, 0];
const DEVICE: [u8; 4] = [0; 4];
/// Versions of the protocol and of its structure, in tenths, and how many fields that structure has.
const VERSIONS: [u8; 2] = [20, 20];
const ALL_FIELDS: u8 = 122;
/// Number of the record, times of event and place, state, latitude, longitude, altitude, speed, course.
const FIELDS: [u8; 9] = [1, 3, 8, 9, 10, 11, 12, 13, 14];
/// Bits of the receiver's state: on, and a good place; then come the satellites.
const ON: u8 = 1;
const GOOD: u8 = 1 << 1;
const MOST_SATELLITES: u8 = 63;

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Imei,
    most_records: MOST_RECORDS as usize,
    time_step_s: 1,
    login: Some(Login { bytes: login, accepted: Some(accepted) }),
    frame,
    acknowledged: Some(|frame, answer| taken(frame, answer, &sealed(&[b'~', b'A', count(frame)]))),
};

/// Who it is, and which fields its records have.
fn login(device: &DeviceId) -> Vec<u8> {
    let mut mask = [0u8; ALL_FIELDS.div_ceil(8) as usize];
    for (byte, first) in mask.iter_mut().zip((1u8..).step_by(8)) {
        *byte = FIELDS.iter().filter_map(|number| 0x80u8.checked_shr(u32::from(number.checked_sub(first)?))).sum();
    }
    let [protocol, structure] = VERSIONS;
    let fields = [b"*>FLEX", &[FLEX, protocol, structure, ALL_FIELDS][..], &mask].concat();
    let identity = format!("*>S:{device}");
    [&framed(SERVER, DEVICE, identity.as_bytes())[..], &framed(SERVER, DEVICE, &fields)].concat()
}

fn accepted(answer: &[u8]) -> Option<bool> {
    let [protocol, structure] = VERSIONS;
    let fields = [b"*<FLEX", &[FLEX, protocol, structure][..]].concat();
    begins(answer, &[&framed(DEVICE, SERVER, b"*<S")[..], &framed(DEVICE, SERVER, &fields)].concat())
}

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let mut bytes = vec![b'~', b'A', count(frame)];
    for (number, said) in numbered(frame, MOST_RECORDS) {
        record(number, &said, &mut bytes);
    }
    sealed(&bytes)
}

fn record(number: u32, said: &Said, out: &mut Vec<u8>) {
    let time = said.unix().to_le_bytes();
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&time);
    out.push(ON | flag(GOOD, said.valid) | said.satellites.min(MOST_SATELLITES) << 2);
    out.extend_from_slice(&time);
    for value in [said.lat * DEGREE, said.lon * DEGREE, said.altitude_m * 10.0] {
        out.extend_from_slice(&whole::<i32>(value).to_le_bytes());
    }
    out.extend_from_slice(&single(said.kmh).to_le_bytes());
    out.extend_from_slice(&whole::<u16>(said.heading_deg).to_le_bytes());
}

fn sealed(bytes: &[u8]) -> Vec<u8> {
    [bytes, &[crc8_nrsc5(bytes)]].concat()
}

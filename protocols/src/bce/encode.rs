//! The device's side: the handshake, and records from the stack.

use super::record::{DATA, EPOCH, PERIOD};
use super::{ASYNC_STACK, HANDSHAKE, confirm};
use crate::crc::sum;
use crate::encode::{Said, number, taken, whole};
use crate::units::single;
use crate::{Encoder, Frame, Identity, Login};

/// The stack's key. Its highest bit is not part of it.
const KEY: u8 = 1;
/// Bit 0 of mask 1: the record has a place.
const PLACE: u16 = 1;
/// A frame of about a kilobyte, as devices send them.
const MOST_RECORDS: usize = 40;

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Imei,
    most_records: MOST_RECORDS,
    time_step_s: 2,
    login: Some(Login { bytes: |_| HANDSHAKE.to_vec(), accepted: None }),
    frame,
    acknowledged: Some(acknowledged),
};

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let mut group = vec![ASYNC_STACK, KEY];
    for fix in &frame.batch.fixes {
        record(&Said::of(fix), &mut group);
    }
    let len = u16::try_from(group.len()).unwrap_or(u16::MAX);
    let mut bytes = [&number(frame.device).to_le_bytes()[..], &len.to_le_bytes(), &group].concat();
    bytes.push(sum(&bytes));
    bytes
}

fn record(said: &Said, out: &mut Vec<u8>) {
    // 28 bits of steps of two seconds, and the kind of record.
    let seconds = (said.time.as_secs() - EPOCH).rem_euclid(PERIOD);
    let time = u32::try_from(seconds / 2).unwrap_or(0) << 4 | DATA;
    let mut record = time.to_le_bytes().to_vec();
    record.extend_from_slice(&PLACE.to_le_bytes());
    // There is no word on the validity of a place: one at 0, 0 is none.
    let (lat, lon) = if said.valid { (said.lat, said.lon) } else { (0.0, 0.0) };
    for degrees in [lon, lat] {
        record.extend_from_slice(&single(degrees).to_le_bytes());
    }
    let precision = whole::<u8>(said.hdop).min(15) << 4 | said.few_satellites();
    record.extend_from_slice(&[whole(said.kmh), precision, whole(said.heading_deg / 2.0)]);
    record.extend_from_slice(&whole::<i16>(said.altitude_m).to_le_bytes());
    record.extend_from_slice(&[0; 4]); // odometer
    out.push(u8::try_from(record.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(&record);
}

fn acknowledged(frame: &Frame<'_>, answer: &[u8]) -> Option<usize> {
    let mut expected = Vec::new();
    confirm(number(frame.device), KEY, &mut expected);
    taken(frame, answer, &expected)
}

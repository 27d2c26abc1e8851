//! The device's side: the hello, and records with the wish that they be committed.

use model::DeviceId;

use super::record::field;
use super::{EPOCH_S, HEADER, IMEI, SYNC, kind};
use crate::encode::{Said, begins, filled, numbered, taken, whole};
use crate::{Encoder, Frame, Identity, Login};

/// What the device sends at a time.
const MOST_RECORDS: u8 = 50;
const SERIAL_NUMBER: [u8; 4] = [0, 0x12, 0, 0];
const NO_SIM: [u8; 21] = [0; 21];
/// Product, versions of hardware and firmware, flags.
const PRODUCT: [u8; 8] = [0x22, 2, 1, 9, 0, 0, 0, 0];
/// Bytes of the answer to a hello: time, and flags of which bit 0 says that the device is not known.
const HELLO_ANSWER: u8 = 8;
const FLAGS_AT: usize = HEADER + 4;
const UNKNOWN: u8 = 1;
/// The reason of a record that is due.
const ELAPSED: u8 = 3;
const DEGREE: f64 = 1e7;

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Imei,
    most_records: MOST_RECORDS as usize,
    time_step_s: 1,
    login: Some(Login { bytes: login, accepted: Some(accepted) }),
    frame,
    acknowledged: Some(|frame, answer| taken(frame, answer, &message(kind::COMMIT_RESPONSE, &[1]))),
};

fn login(device: &DeviceId) -> Vec<u8> {
    // The IMEI has a zero after it.
    message(kind::HELLO, &[&SERIAL_NUMBER[..], &filled::<{ IMEI + 1 }>(device), &NO_SIM, &PRODUCT].concat())
}

fn accepted(answer: &[u8]) -> Option<bool> {
    let [first, second] = SYNC;
    let is_hello = begins(answer, &[first, second, kind::HELLO_RESPONSE, HELLO_ANSWER, 0])?;
    let whole = answer.get(..HEADER + usize::from(HELLO_ANSWER));
    if is_hello { whole?.get(FLAGS_AT).map(|flags| flags & UNKNOWN == 0) } else { Some(false) }
}

/// The records, and a message that is answered once what came before it is kept.
fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let mut records = Vec::new();
    for (number, said) in numbered(frame, MOST_RECORDS) {
        record(number, &said, &mut records);
    }
    [message(kind::DATA, &records), message(kind::COMMIT, &[])].concat()
}

fn record(number: u32, said: &Said, out: &mut Vec<u8>) {
    let time = said.seconds_since(EPOCH_S).to_le_bytes();
    let mut record = [&number.to_le_bytes()[..], &time, &[ELAPSED]].concat();
    let place = place(said);
    record.extend_from_slice(&[field::PLACE, u8::try_from(place.len()).unwrap_or(0)]);
    record.extend_from_slice(&place);
    // The length counts itself.
    let len = u16::try_from(record.len() + 2).unwrap_or(u16::MAX);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&record);
}

fn place(said: &Said) -> Vec<u8> {
    let mut place = said.seconds_since(EPOCH_S).to_le_bytes().to_vec();
    for degrees in [said.lat, said.lon] {
        place.extend_from_slice(&whole::<i32>(degrees * DEGREE).to_le_bytes());
    }
    place.extend_from_slice(&whole::<i16>(said.altitude_m).to_le_bytes());
    place.extend_from_slice(&whole::<u16>(said.speed_mps * 100.0).to_le_bytes());
    // Accuracy of the speed; heading in 2 degrees; dilution, of which a fix has the horizontal one; accuracy of the
    // place; status.
    place.extend_from_slice(&[0, whole(said.heading_deg / 2.0), whole(said.hdop * 10.0), 0, u8::from(said.valid)]);
    place
}

fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    let len = u16::try_from(content.len()).unwrap_or(u16::MAX);
    [&SYNC[..], &[kind], &len.to_le_bytes(), content].concat()
}

//! The device's side: the login, and locations with ignition and reason.

use model::DeviceId;

use super::answer::seal;
use super::record::DEGREE;
use crate::civil::two_digit_parts;
use crate::encode::{Said, begins, flag, only, packed_digits, taken, whole};
use crate::{Encoder, Frame, Identity, Login};

const LOGIN: u8 = 0x01;
const LOCATION: u8 = 0x22;
/// Serial number of the login.
const FIRST: u16 = 0;
/// Type of the device; dates in UTC.
const DEVICE: [u8; 4] = [0x36, 0x01, 0, 0];
/// Length of the GPS block, in the high half of the byte of satellites.
const BLOCK: u8 = 12 << 4;
/// Bits of course and status.
const NORTH: u16 = 1 << 10;
const WEST: u16 = 1 << 11;
const POSITIONED: u16 = 1 << 12;
/// No cell; ignition on, sent because it was time, and for the first time.
const AFTER: [u8; 11] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0];

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Imei,
    most_records: 1,
    time_step_s: 1,
    login: Some(Login { bytes: login, accepted: Some(|answer| begins(answer, &seal(false, LOGIN, &[], FIRST))) }),
    frame,
    acknowledged: Some(|frame, answer| taken(frame, answer, &seal(false, LOCATION, &[], frame.number))),
};

fn login(device: &DeviceId) -> Vec<u8> {
    let content = [&packed_digits::<8>(device)[..], &DEVICE].concat();
    seal(false, LOGIN, &content, FIRST).to_vec()
}

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let said = only(frame);
    let mut content = two_digit_parts(said.time).to_vec();
    content.push(BLOCK | said.few_satellites());
    for degrees in [said.lat, said.lon] {
        content.extend_from_slice(&whole::<u32>(degrees.abs() * DEGREE).to_be_bytes());
    }
    content.push(whole(said.kmh));
    content.extend_from_slice(&course_and_status(&said).to_be_bytes());
    content.extend_from_slice(&AFTER);
    seal(false, LOCATION, &content, frame.number).to_vec()
}

fn course_and_status(said: &Said) -> u16 {
    whole::<u16>(said.heading_deg)
        | flag(NORTH, said.lat >= 0.0)
        | flag(WEST, said.lon < 0.0)
        | flag(POSITIONED, said.valid)
}

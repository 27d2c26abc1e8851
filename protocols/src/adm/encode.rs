//! The device's side: a login that asks for answers, and data packets with a place alone.

use model::DeviceId;

use super::record::NOT_VALID;
use super::{ANSWER, ANSWER_EACH, IMEI, LOGIN_SIZE, LOGIN_TYPE};
use crate::crc::xor;
use crate::encode::{filled, flag, only, taken, whole};
use crate::units::single;
use crate::{Encoder, Frame, Identity, Login};

/// The number that the user gave the device.
const NUMBER: [u8; 2] = [1, 0];
const HARDWARE: u8 = 0x0e;
const FIRMWARE: u8 = 1;
/// A packet of type 0, which has no blocks after the place.
const SIZE: u8 = 34;
/// A bus's supply and a charged battery.
const SUPPLY_MV: u16 = 24_000;
const BATTERY_MV: u16 = 4_000;

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Imei,
    most_records: 1,
    time_step_s: 1,
    login: Some(Login { bytes: login, accepted: None }),
    frame,
    acknowledged: Some(|frame, answer| taken(frame, answer, ANSWER)),
};

fn login(device: &DeviceId) -> Vec<u8> {
    let size = u8::try_from(LOGIN_SIZE).unwrap_or(u8::MAX);
    let mut packet = [&NUMBER[..], &[size, LOGIN_TYPE], &filled::<IMEI>(device), &[HARDWARE, ANSWER_EACH]].concat();
    packet.resize(LOGIN_SIZE - 1, 0);
    packet.push(xor(&packet));
    packet
}

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let said = only(frame);
    let state = flag(NOT_VALID, !said.valid);
    let mut packet = [&NUMBER[..], &[SIZE, 0, FIRMWARE], &frame.number.to_le_bytes(), &state.to_le_bytes()].concat();
    for degrees in [said.lat, said.lon] {
        packet.extend_from_slice(&single(degrees).to_le_bytes());
    }
    for tenths in [said.heading_deg * 10.0, said.kmh * 10.0] {
        packet.extend_from_slice(&whole::<u16>(tenths).to_le_bytes());
    }
    packet.push(0); // acceleration
    packet.extend_from_slice(&whole::<i16>(said.altitude_m).to_le_bytes());
    packet.extend_from_slice(&[whole(said.hdop * 10.0), said.by_system()]);
    packet.extend_from_slice(&said.unix().to_le_bytes());
    packet.extend_from_slice(&SUPPLY_MV.to_le_bytes());
    packet.extend_from_slice(&BATTERY_MV.to_le_bytes());
    packet
}

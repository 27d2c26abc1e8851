//! The device's side: places of vehicles of the second generation, which the server confirms
//! one by one.

use model::{DeviceId, Fix};

use super::{HEAD, gps, vehicle};
use crate::encode::{Said, all_or_none, packed_digits, packed_time, whole, within};
use crate::units::single;
use crate::{Encoder, Frame, Identity};

/// The two bytes of vehicles of the second generation, and the type of their place.
const VEHICLE: [u8; 2] = [0x25; 2];
const PLACE: u8 = 0x13;
const UNKNOWN: u8 = 0xff;

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Imei,
    most_records: 1,
    time_step_s: 1,
    login: None,
    frame,
    acknowledged: Some(acknowledged),
};

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let message = |fix| {
        let content = content(fix);
        [&head(frame.device, frame.number, HEAD + content.len())[..], &content].concat()
    };
    frame.batch.fixes.iter().flat_map(message).collect()
}

/// Head, type, length of the message, serial number, IMEI.
fn head(device: &DeviceId, serial: u16, len: usize) -> Vec<u8> {
    let len = u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
    [&VEHICLE[..], &[PLACE], &len, &serial.to_be_bytes(), &packed_digits::<8>(device)].concat()
}

/// A place with the ignition on; intervals, limits, charge and distance are those of a new device.
fn content(fix: &Fix) -> Vec<u8> {
    let said = Said::of(fix);
    let located = if said.valid { gps::LOCATED } else { 0 };
    let mut out = vec![0; 9];
    out.push(located | said.satellites.min(gps::SATELLITES));
    out.extend_from_slice(&[0; 6]);
    out.extend_from_slice(&vehicle::IGNITION.to_be_bytes());
    // Outputs and a byte for later use, five analogue inputs, the alarm, distance and charge.
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&[UNKNOWN; 10]);
    out.extend_from_slice(&[0; 7]);
    out.extend_from_slice(&packed_time(fix.time));
    out.extend_from_slice(&place(&said));
    // Voltages of battery and supply, revolutions, abilities, temperature.
    out.extend_from_slice(&[UNKNOWN; 6]);
    out.extend_from_slice(&[0, 0, 0, UNKNOWN]);
    out
}

/// Altitude, longitude, latitude, tenths of km/h in digits, heading; zeros without a place.
fn place(said: &Said) -> Vec<u8> {
    if !said.valid {
        return vec![0; 16];
    }
    let tenths = within(said.kmh * 10.0, 0, 9999u16);
    let digits = u16::from_str_radix(&tenths.to_string(), 16).unwrap_or(0);
    let mut out: Vec<u8> = [said.altitude_m, said.lon, said.lat].map(|v| single(v).to_le_bytes()).concat();
    out.extend_from_slice(&digits.to_be_bytes());
    out.extend_from_slice(&whole::<u16>(said.heading_deg).to_be_bytes());
    out
}

/// The message's head with its own length.
fn acknowledged(frame: &Frame<'_>, answer: &[u8]) -> Option<usize> {
    let answer = answer.get(..HEAD)?;
    let is_mine = answer == head(frame.device, frame.number, HEAD);
    Some(all_or_none(frame, is_mine))
}

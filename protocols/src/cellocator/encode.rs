//! The device's side: status and location.

use super::status::{ANGLE, IGNITION};
use super::{SYSTEM, kind};
use crate::bytes::Bytes;
use crate::civil::two_digit_parts;
use crate::crc::sum;
use crate::encode::{all_or_none, number, only, whole};
use crate::{Encoder, Frame, Identity};

/// Numbers of units have four bytes.
const LAST_UNIT: u32 = u32::MAX;
/// The message is not forwarded, and of a unit that is on.
const CONTROL: [u8; 2] = [0x01, 0x08];
/// Versions of hardware, firmware and protocol; status of the unit and digits of the operator;
/// data of the reason.
const UNIT: [u8; 6] = [0x2a, 0x2b, 0x2c, 0x04, 0x10, 0];
/// Why it is sent: a timed event, in the mode of an engine that runs.
const REASON: [u8; 2] = [11, 0];
/// Modes of the receiver with a solution in three dimensions, and without one.
const SOLUTION: u8 = 4;
const NO_SOLUTION: u8 = 0;
/// Operator, analogue inputs, mileage, driver and age of the fix.
const NOTHING: [u8; 16] = [0; 16];
const CENTI: f64 = 100.0;
const MILLI: f64 = 1000.0;
/// Bytes of an acknowledgement.
const ANSWER: usize = 28;

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Number(LAST_UNIT),
    most_records: 1,
    time_step_s: 1,
    login: None,
    frame,
    acknowledged: Some(acknowledged),
};

fn unit(frame: &Frame<'_>) -> u32 {
    u32::try_from(number(frame.device)).unwrap_or(0)
}

/// Counts the unit's messages.
fn numerator(frame: &Frame<'_>) -> u8 {
    let [_, low] = frame.number.to_be_bytes();
    low
}

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let said = only(frame);
    let mut bytes = [&SYSTEM[..], &[kind::STATUS], &unit(frame).to_le_bytes(), &CONTROL].concat();
    bytes.push(numerator(frame));
    bytes.extend_from_slice(&UNIT);
    bytes.extend_from_slice(&REASON);
    bytes.extend_from_slice(&IGNITION.to_le_bytes());
    bytes.extend_from_slice(&NOTHING);
    let mode = if said.valid { SOLUTION } else { NO_SOLUTION };
    bytes.extend_from_slice(&[0, mode, mode, said.satellites]);
    for degrees in [said.lon, said.lat] {
        bytes.extend_from_slice(&whole::<i32>(degrees.to_radians() * ANGLE).to_le_bytes());
    }
    bytes.extend_from_slice(&whole::<i32>(said.altitude_m * CENTI).to_le_bytes());
    bytes.extend_from_slice(&whole::<u32>(said.speed_mps * CENTI).to_le_bytes());
    bytes.extend_from_slice(&whole::<u16>(said.heading_deg.to_radians() * MILLI).to_le_bytes());
    let [year, month, day, hour, minute, second] = two_digit_parts(said.time);
    bytes.extend_from_slice(&[second, minute, hour, day, month]);
    bytes.extend_from_slice(&(2000 + u16::from(year)).to_le_bytes());
    bytes.push(sum(bytes.get(SYSTEM.len()..).unwrap_or_default()));
    bytes
}

/// Unit and numerator of an acknowledgement whose checksum fits.
fn acknowledged(frame: &Frame<'_>, answer: &[u8]) -> Option<usize> {
    let (stated, covered) = answer.get(..ANSWER)?.split_last()?;
    let mut rest = Bytes(covered);
    let (system, of, to) = (rest.array::<4>()?, rest.u8()?, rest.u32_le()?);
    // The command's numerator, authentication and action.
    rest.skip(6)?;
    let is_ours = (&system, of, to, rest.u8()?) == (SYSTEM, kind::ACKNOWLEDGE, unit(frame), numerator(frame));
    let is_whole = *stated == sum(covered.get(SYSTEM.len()..)?);
    Some(all_or_none(frame, is_ours && is_whole))
}

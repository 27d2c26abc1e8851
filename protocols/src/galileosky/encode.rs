//! The device's side: the head packet, and main packets of records.

use model::DeviceId;

use super::tags::{
    ALTITUDE, COORDINATES, FIRMWARE, HARDWARE, HDOP, IDENTIFIER, IMEI, IMEI_LEN, MICRODEGREE, MOTION, TENTH, TIME,
};
use super::{CONFIRMATION, CRC, MAIN};
use crate::crc::crc16_modbus;
use crate::encode::{Said, filled, flag, taken, whole};
use crate::{Encoder, Frame, Identity, Login};

/// Packets have at most about 1,000 bytes, of which a record takes 25.
const MOST_RECORDS: usize = 40;
/// Versions of the hardware and of the firmware; the number that the user gave the device.
const VERSIONS: [u8; 2] = [0x11, 0x1e];
const NUMBER: [u8; 2] = [0x32, 0];
/// Coordinates that are not of a solution.
const NOT_CORRECT: u8 = 1 << 4;

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Imei,
    most_records: MOST_RECORDS,
    time_step_s: 1,
    login: Some(Login { bytes: login, accepted: Some(accepted) }),
    frame,
    acknowledged: Some(acknowledged),
};

fn login(device: &DeviceId) -> Vec<u8> {
    let [hardware, firmware] = VERSIONS;
    let [low, high] = NUMBER;
    let head = [&[HARDWARE, hardware, FIRMWARE, firmware, IMEI][..], &filled::<IMEI_LEN>(device)].concat();
    packet(&[&head[..], &[IDENTIFIER, low, high]].concat())
}

/// A confirmation, in whatever packet's name.
fn accepted(answer: &[u8]) -> Option<bool> {
    let [kind, ..] = answer.first_chunk::<{ 1 + CRC }>()?;
    Some(*kind == CONFIRMATION)
}

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let mut content = Vec::new();
    for fix in &frame.batch.fixes {
        record(&Said::of(fix), &mut content);
    }
    packet(&content)
}

fn record(said: &Said, out: &mut Vec<u8>) {
    out.push(TIME);
    out.extend_from_slice(&said.unix().to_le_bytes());
    out.extend_from_slice(&[COORDINATES, said.few_satellites() | flag(NOT_CORRECT, !said.valid)]);
    for degrees in [said.lat, said.lon] {
        out.extend_from_slice(&whole::<i32>(degrees * MICRODEGREE).to_le_bytes());
    }
    out.push(MOTION);
    for value in [said.kmh, said.heading_deg] {
        out.extend_from_slice(&whole::<u16>(value * TENTH).to_le_bytes());
    }
    out.push(ALTITUDE);
    out.extend_from_slice(&whole::<i16>(said.altitude_m).to_le_bytes());
    out.extend_from_slice(&[HDOP, whole(said.hdop * TENTH)]);
}

/// A main packet; nothing waits in the archive.
fn packet(content: &[u8]) -> Vec<u8> {
    let len = u16::try_from(content.len()).unwrap_or(u16::MAX);
    let mut packet = [&[MAIN], &len.to_le_bytes()[..], content].concat();
    let checksum = crc16_modbus(&packet);
    packet.extend_from_slice(&checksum.to_le_bytes());
    packet
}

/// The confirmation carries the packet's checksum.
fn acknowledged(frame: &Frame<'_>, answer: &[u8]) -> Option<usize> {
    let sent = self::frame(frame);
    let checksum = sent.last_chunk::<CRC>()?;
    taken(frame, answer, &[&[CONFIRMATION], &checksum[..]].concat())
}

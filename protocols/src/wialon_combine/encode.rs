//! The device's side: a login by name, then data packets with a position a record.

use model::{DeviceId, Fix};

use super::records::{HUNDREDTH, MIN_SATELLITES};
use super::{ANSWER, Code, DATA, LOGIN, SIGNATURE};
use crate::crc::crc16_arc;
use crate::encode::{Said, all_or_none, millionths, whole};
use crate::{Encoder, Frame, Identity, Login};

/// Most records of a packet: it stays below the 32 KiB that a length of two bytes holds.
const MOST_RECORDS: usize = 200;
const VERSION: u8 = 1;
/// An identity in text and no password.
const TEXT_ALONE: u8 = 0x40;
/// The type of sub-records that hold a position.
const POSITION: u8 = 1;

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Text,
    most_records: MOST_RECORDS,
    time_step_s: 1,
    login: Some(Login { bytes: login, accepted: Some(|answer| taken(0, answer)) }),
    frame,
    acknowledged: Some(acknowledged),
};

fn login(device: &DeviceId) -> Vec<u8> {
    sealed(LOGIN, 0, &[&[VERSION, TEXT_ALONE], device.as_str().as_bytes(), &[0]].concat())
}

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let records: Vec<u8> = frame.batch.fixes.iter().flat_map(record).collect();
    sealed(DATA, sequence(frame), &records)
}

/// The login has the first.
fn sequence(frame: &Frame<'_>) -> u16 {
    frame.number.wrapping_add(1)
}

fn sealed(kind: u8, sequence: u16, data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(data.len()).unwrap_or(u16::MAX);
    let mut out = [&SIGNATURE[..], &[kind], &sequence.to_be_bytes(), &len.to_be_bytes(), data].concat();
    out.extend_from_slice(&crc16_arc(&out).to_be_bytes());
    out
}

/// Time, and one sub-record: the position.
fn record(fix: &Fix) -> Vec<u8> {
    let said = Said::of(fix);
    let word = |value| whole::<u16>(value).to_be_bytes();
    // Their number says whether there is a solution.
    let least = MIN_SATELLITES;
    let satellites = if said.valid { said.satellites.max(least) } else { said.satellites.min(least - 1) };
    let mut out = said.unix().to_be_bytes().to_vec();
    out.extend_from_slice(&[1, POSITION]);
    out.extend_from_slice(&[said.lat, said.lon].map(|degrees| millionths(degrees).to_be_bytes()).concat());
    out.extend_from_slice(&[word(said.kmh), word(said.heading_deg)].concat());
    out.extend_from_slice(&said.metres().to_be_bytes());
    out.push(satellites);
    out.extend_from_slice(&word(said.hdop * HUNDREDTH));
    out
}

fn acknowledged(frame: &Frame<'_>, answer: &[u8]) -> Option<usize> {
    taken(sequence(frame), answer).map(|taken| all_or_none(frame, taken))
}

/// Whether the answer takes the packet of that number.
fn taken(sequence: u16, answer: &[u8]) -> Option<bool> {
    let answer = answer.get(..5)?;
    Some(answer == [&ANSWER[..], &[Code::Taken as u8], &sequence.to_be_bytes()].concat())
}

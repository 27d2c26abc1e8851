//! The device's side: extended records.

use super::records::{DEGREE, HUNDREDTH, NO_ALTITUDE, TENTH};
use super::{ACCEPTED, acknowledgement, answer, command};
use crate::crc::crc16_kermit;
use crate::encode::{Said, count, number, taken, whole};
use crate::{Encoder, Frame, Identity};

/// The manual ends packets at 1,024 bytes, of which a record takes 29.
const MOST_RECORDS: usize = 30;
/// Records of one part, none of the same second, of no priority.
const PARTS: [u8; 3] = [0, 0, 0];
/// The event of no reason of its own, and groups of values of 1, 2, 4 and 8 bytes without any.
const NO_VALUES: [u8; 6] = [0; 6];

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Imei,
    most_records: MOST_RECORDS,
    time_step_s: 1,
    login: None,
    frame,
    acknowledged: Some(|frame, bytes| taken(frame, bytes, &acknowledgement(answer::RECORDS, ACCEPTED))),
};

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let mut content = number(frame.device).to_be_bytes().to_vec();
    // No more are left.
    content.extend_from_slice(&[command::EXTENDED_RECORDS, 0, count(frame)]);
    for fix in &frame.batch.fixes {
        record(&Said::of(fix), &mut content);
    }
    let len = u16::try_from(content.len()).unwrap_or(u16::MAX);
    [&len.to_be_bytes()[..], &content, &crc16_kermit(&content).to_be_bytes()].concat()
}

fn record(said: &Said, out: &mut Vec<u8>) {
    out.extend_from_slice(&said.unix().to_be_bytes());
    out.extend_from_slice(&PARTS);
    for degrees in [said.lon, said.lat] {
        out.extend_from_slice(&whole::<i32>(degrees * DEGREE).to_be_bytes());
    }
    let altitude = whole::<i16>(said.altitude_m * TENTH).max(NO_ALTITUDE + 1);
    out.extend_from_slice(&altitude.to_be_bytes());
    out.extend_from_slice(&whole::<u16>(said.heading_deg * HUNDREDTH).to_be_bytes());
    out.push(said.satellites);
    out.extend_from_slice(&whole::<u16>(said.kmh).to_be_bytes());
    out.push(whole(said.hdop * TENTH));
    out.extend_from_slice(&NO_VALUES);
}

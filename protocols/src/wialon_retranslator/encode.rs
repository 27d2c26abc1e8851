//! The other side: what a Wialon server sends of a unit, a packet a message.

use model::Fix;

use super::{BLOCK, POSITION, TAKEN};
use crate::encode::{Said, all_or_none, whole};
use crate::{Encoder, Frame, Identity};

/// The flag of a message with a place.
const HAS_PLACE: u32 = 1;
/// Not hidden, and of the binary type.
const BINARY: [u8; 2] = [0, 2];

/// A server with one unit.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Text,
    most_records: 1,
    time_step_s: 1,
    login: None,
    frame,
    acknowledged: Some(acknowledged),
};

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let packet = |fix: &Fix| {
        let block = [&BINARY[..], POSITION, &[0], &position(fix)].concat();
        let mut packet = [frame.device.as_str().as_bytes(), &[0], &Said::of(fix).unix().to_be_bytes()].concat();
        packet.extend_from_slice(&HAS_PLACE.to_be_bytes());
        packet.extend_from_slice(&BLOCK.to_be_bytes());
        packet.extend_from_slice(&size(&block).to_be_bytes());
        packet.extend_from_slice(&block);
        [&size(&packet).to_le_bytes()[..], &packet].concat()
    };
    frame.batch.fixes.iter().flat_map(packet).collect()
}

fn size(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// Longitude, latitude, height, speed, course, satellites.
fn position(fix: &Fix) -> Vec<u8> {
    let said = Said::of(fix);
    let mut out = [said.lon, said.lat, said.altitude_m].map(f64::to_le_bytes).concat();
    for value in [said.kmh, said.heading_deg] {
        out.extend_from_slice(&whole::<u16>(value).to_be_bytes());
    }
    out.push(said.satellites);
    out
}

fn acknowledged(frame: &Frame<'_>, answer: &[u8]) -> Option<usize> {
    let answer = answer.get(..TAKEN.len())?;
    Some(all_or_none(frame, answer == TAKEN))
}

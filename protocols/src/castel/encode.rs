//! The device's side: the heartbeat of the petrol cut-off's dialect, which brings places and is answered.

use super::frame::{ID, sealed};
use super::record::DEGREE;
use crate::civil::two_digit_parts;
use crate::encode::{Said, count, filled, flag, taken, whole};
use crate::{Encoder, Frame, Identity};

/// A version of the dialect; 3 and 4 are those of "OBD Smart".
const VERSION: &[u8] = &[5];
const PLACES: u16 = 0x4206;
const ANSWER: u16 = 0x8206;
/// A frame ends before 2,048 bytes, of which a place takes 35.
const MOST_RECORDS: usize = 50;
/// Flags of a place.
const EAST: u8 = 1;
const NORTH: u8 = 1 << 1;
const SOLUTION: u8 = 1 << 3;
/// A charged battery, after four bytes of state.
const STATE: [u8; 5] = [0, 0, 0, 0, 100];
/// Odometer, fence and cell.
const NOTHING: [u8; 11] = [0; 11];

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Imei,
    most_records: MOST_RECORDS,
    time_step_s: 1,
    login: None,
    frame,
    acknowledged: Some(|frame, answer| {
        taken(frame, answer, &sealed(VERSION, &filled::<ID>(frame.device), ANSWER, &[]))
    }),
};

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let mut content = vec![0, count(frame)];
    for fix in &frame.batch.fixes {
        place(&Said::of(fix), &mut content);
    }
    sealed(VERSION, &filled::<ID>(frame.device), PLACES, &content)
}

fn place(said: &Said, out: &mut Vec<u8>) {
    let [year, month, day, hour, minute, second] = two_digit_parts(said.time);
    out.extend_from_slice(&[day, month, year, hour, minute, second]);
    for degrees in [said.lat, said.lon] {
        out.extend_from_slice(&whole::<u32>(degrees.abs() * DEGREE).to_le_bytes());
    }
    // Centimetres a second and tenths of degrees.
    for value in [said.speed_mps * 100.0, said.heading_deg * 10.0] {
        out.extend_from_slice(&whole::<u16>(value).to_le_bytes());
    }
    let side = flag(EAST, said.lon >= 0.0) | flag(NORTH, said.lat >= 0.0);
    out.push(side | flag(SOLUTION, said.valid) | said.few_satellites() << 4);
    out.extend_from_slice(&STATE);
    out.extend_from_slice(&NOTHING);
}

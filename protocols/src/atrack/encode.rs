//! The device's side: binary reports, each with its custom fields.

use super::acknowledgement;
use super::binary::{DEGREE, NOT_CONNECTED};
use crate::crc::crc16_arc;
use crate::encode::{Said, number, taken, whole};
use crate::{Encoder, Frame, Identity};

/// What reports begin with.
const PREFIX: &[u8; 2] = b"@P";
/// Ends the texts of a record.
const TEXT_END: u8 = 0;
/// Report id of a place that is due.
const TRACKING: u8 = 2;
/// Input 0.
const IGNITION: u8 = 1;
/// Satellites and altitude after the record.
const FORM: &[u8] = b"%CI%SA%AT";
/// What the device packs at a time.
const MOST_RECORDS: usize = 50;

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Imei,
    most_records: MOST_RECORDS,
    time_step_s: 1,
    login: None,
    frame,
    acknowledged: Some(|frame, answer| taken(frame, answer, &acknowledgement(number(frame.device), frame.number))),
};

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let mut content = [&frame.number.to_be_bytes()[..], &number(frame.device).to_be_bytes()].concat();
    for fix in &frame.batch.fixes {
        record(&Said::of(fix), &mut content);
    }
    let len = u16::try_from(content.len()).unwrap_or(u16::MAX);
    let summed = [&len.to_be_bytes()[..], &content].concat();
    [PREFIX, &crc16_arc(&summed).to_be_bytes()[..], &summed].concat()
}

fn record(said: &Said, out: &mut Vec<u8>) {
    // Of the place, of the device, of sending.
    for time in [said.unix(); 3] {
        out.extend_from_slice(&time.to_be_bytes());
    }
    // There is no word on the validity of a place: one at 0, 0 is none.
    let (lat, lon) = if said.valid { (said.lat, said.lon) } else { (0.0, 0.0) };
    for degrees in [lon, lat] {
        out.extend_from_slice(&whole::<i32>(degrees * DEGREE).to_be_bytes());
    }
    out.extend_from_slice(&whole::<u16>(said.heading_deg).to_be_bytes());
    out.push(TRACKING);
    out.extend_from_slice(&[0; 4]); // odometer
    out.extend_from_slice(&whole::<u16>(said.hdop * 10.0).to_be_bytes());
    out.push(IGNITION);
    out.extend_from_slice(&whole::<u16>(said.kmh).to_be_bytes());
    // Outputs, analogue input, driver.
    out.extend_from_slice(&[0, 0, 0, TEXT_END]);
    for temperature in [NOT_CONNECTED; 2] {
        out.extend_from_slice(&temperature.to_be_bytes());
    }
    out.push(TEXT_END);
    out.extend_from_slice(FORM);
    out.extend_from_slice(&[TEXT_END, said.satellites]);
    out.extend_from_slice(&whole::<i32>(said.altitude_m).to_be_bytes());
}

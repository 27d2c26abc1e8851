//! The device's side: event reports that ask to be acknowledged.

use super::header::Service;
use super::report::fix_status;
use super::{SUCCESS, kind};
use crate::bytes::Bytes;
use crate::encode::{all_or_none, flag, only, packed_digits, whole};
use crate::{Encoder, Frame, Identity};

/// Options: a mobile id and its type.
const OPTIONS: u8 = 0x83;
const MOBILE_ID: u8 = 8;
/// Length and value of the type: the modem's own identity.
const IMEI_TYPE: [u8; 2] = [1, 2];
/// Index and code of the event "time and distance", as it is programmed here.
const EVENT: [u8; 2] = [0, 1];
const DEGREE: f64 = 1e7;
const CENTI: f64 = 100.0;
/// Carrier and RSSI of a modem that is on none.
const NO_CARRIER: [u8; 4] = [0xff, 0xff, 0, 0];
/// The modem has service and data.
const COMM_STATE: u8 = 0x0f;
/// Input 0.
const IGNITION: u8 = 1;

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
    let said = only(frame);
    // Fifteen digits, filled up with `f`.
    let id = u64::from_be_bytes(packed_digits(frame.device)) << 4 | 0xf;
    let mut bytes = [&[OPTIONS, MOBILE_ID][..], &id.to_be_bytes(), &IMEI_TYPE].concat();
    bytes.extend_from_slice(&[Service::ACKNOWLEDGED, kind::EVENT]);
    bytes.extend_from_slice(&frame.number.to_be_bytes());
    // Of the report and of the fix.
    for time in [said.unix(); 2] {
        bytes.extend_from_slice(&time.to_be_bytes());
    }
    for degrees in [said.lat, said.lon] {
        bytes.extend_from_slice(&whole::<i32>(degrees * DEGREE).to_be_bytes());
    }
    bytes.extend_from_slice(&whole::<i32>(said.altitude_m * CENTI).to_be_bytes());
    bytes.extend_from_slice(&whole::<u32>(said.speed_mps * CENTI).to_be_bytes());
    bytes.extend_from_slice(&whole::<u16>(said.heading_deg).to_be_bytes());
    bytes.extend_from_slice(&[said.satellites, flag(fix_status::INVALID, !said.valid)]);
    bytes.extend_from_slice(&NO_CARRIER);
    bytes.extend_from_slice(&[COMM_STATE, whole(said.hdop * 10.0), IGNITION, 0]);
    bytes.extend_from_slice(&EVENT);
    bytes.extend_from_slice(&[0, 0]); // no accumulators
    bytes
}

/// An acknowledgement: response, type and sequence, the type that it answers and a result; then a
/// spare byte and the application's version, which do not matter.
fn acknowledged(frame: &Frame<'_>, answer: &[u8]) -> Option<usize> {
    let mut rest = Bytes(answer.get(..10)?);
    let (service, of, sequence) = (rest.u8()?, rest.u8()?, rest.u16()?);
    let (answered, result) = (rest.u8()?, rest.u8()?);
    let is_taken =
        (service, of, sequence, answered, result) == (Service::RESPONSE, kind::ACK, frame.number, kind::EVENT, SUCCESS);
    Some(all_or_none(frame, is_taken))
}

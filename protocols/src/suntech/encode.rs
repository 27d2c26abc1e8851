//! The device's side: `STT` reports of the universal protocol, one a record.

use model::Fix;

use crate::attributes::clock;
use crate::encode::Said;
use crate::{Encoder, Frame, Identity};

/// The last digits of the IMEI.
const DIGITS: u8 = 10;
/// Most records sent at once.
const MOST_RECORDS: usize = 20;
/// The fields of a report: live, date, time, and from latitude to inputs.
const MAP: u32 = 0b111 << 3 | 0x7f << 11;
/// Ignition on.
const INPUTS: &str = "00000001";

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Digits(DIGITS),
    most_records: MOST_RECORDS,
    time_step_s: 1,
    login: None,
    frame,
    acknowledged: None,
};

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    frame.batch.fixes.iter().map(|fix| report(frame, fix)).collect::<String>().into_bytes()
}

fn report(frame: &Frame<'_>, fix: &Fix) -> String {
    let Said { valid, lat, lon, kmh, heading_deg, satellites, .. } = Said::of(fix);
    let (device, moment, has_fix) = (frame.device, clock(fix.time, "%Y%m%d;%H:%M:%S"), u8::from(valid));
    format!(
        "STT;{device};{MAP:06X};1;{moment};{lat:+010.6};{lon:+011.6};{kmh:.2};{heading_deg:.2};{satellites};{has_fix};{INPUTS}\r"
    )
}

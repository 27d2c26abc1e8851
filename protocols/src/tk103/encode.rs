//! The device's side: a login, then `BR00` frames, one a record.

use model::{DeviceId, Fix};

use crate::attributes::clock;
use crate::encode::{Said, ended_by};
use crate::{Encoder, Frame, Identity, Login};

/// Characters of a terminal's number, which the manual gives.
const DIGITS: u8 = 12;
/// Most records sent at once.
const MOST_RECORDS: usize = 20;
/// The main supply is there and ACC is on; no switch is, and the odometer is new.
const STATE: &str = "01000000L00000000";

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Digits(DIGITS),
    most_records: MOST_RECORDS,
    time_step_s: 1,
    login: Some(Login { bytes: login, accepted: Some(accepted) }),
    frame,
    acknowledged: None,
};

/// The number again, as long as an IMEI, stands for the IMEI.
fn login(device: &DeviceId) -> Vec<u8> {
    format!("({device}BP05{:0>15})", device.as_str()).into_bytes()
}

fn accepted(answer: &[u8]) -> Option<bool> {
    ended_by(answer, b')').map(|frame| frame.ends_with(b"AP05"))
}

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    frame.batch.fixes.iter().map(|fix| message(frame.device, fix)).collect::<String>().into_bytes()
}

fn message(device: &DeviceId, fix: &Fix) -> String {
    let said = Said::of(fix);
    let Said { kmh, heading_deg, .. } = said;
    let (date, time) = (clock(fix.time, "%y%m%d"), clock(fix.time, "%H%M%S"));
    let (status, place) = (said.status(), said.place(""));
    format!("({device}BR00{date}{status}{place}{kmh:05.1}{time}{heading_deg:06.2}{STATE})")
}

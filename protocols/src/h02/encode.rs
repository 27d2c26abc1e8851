//! The device's side: a `V1` sentence a record, which the server confirms.

use model::Fix;

use crate::attributes::clock;
use crate::encode::{Said, all_or_none, ended_by};
use crate::{Encoder, Frame, Identity};

/// The maker's letters and the digits of the terminal's number that the manual gives.
const MAKER: &str = "HQ";
const DIGITS: u8 = 10;
/// Nothing of what a zero bit says: ACC is on, the doors are shut, no alarm.
const STATUS: &str = "FFFFFFFF";

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Digits(DIGITS),
    most_records: 1,
    time_step_s: 1,
    login: None,
    frame,
    acknowledged: Some(acknowledged),
};

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    frame.batch.fixes.iter().map(|fix| sentence(frame, fix)).collect::<String>().into_bytes()
}

fn sentence(frame: &Frame<'_>, fix: &Fix) -> String {
    let (said, device) = (Said::of(fix), frame.device);
    let Said { knots, heading_deg, .. } = said;
    let (time, date) = (clock(fix.time, "%H%M%S"), clock(fix.time, "%d%m%y"));
    let (status, place) = (said.status(), said.place(","));
    format!("*{MAKER},{device},V1,{time},{status},{place},{knots:06.2},{heading_deg:03.0},{date},{STATUS}#")
}

/// `*HQ,number,V4,V1,time#`.
fn acknowledged(frame: &Frame<'_>, answer: &[u8]) -> Option<usize> {
    let confirmed = format!("*{MAKER},{},V4,V1,", frame.device);
    let sentence = ended_by(answer, b'#')?;
    Some(all_or_none(frame, sentence.starts_with(confirmed.as_bytes())))
}

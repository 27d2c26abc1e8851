//! The device's side: `GTFRI` in text with up to fifteen positions, which the server
//! acknowledges by their count number.

use ::model::{Fix, Timestamp};

use crate::attributes::clock;
use crate::encode::{Said, all_or_none, ended_by, within};
use crate::{Encoder, Frame, Identity};

/// Most positions of a report that the manuals have.
const MOST_RECORDS: usize = 15;
/// A tracker of vehicles wired to supply and ignition.
const VERSION: &str = "060A03";
/// At a fixed interval.
const REPORT: &str = "10";
/// Ignition on: at rest and moving.
const AT_REST: &str = "210100";
const MOVING: &str = "220100";
/// A vehicle that is slower stands.
const SLOWEST_KMH: f64 = 1.0;

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Imei,
    most_records: MOST_RECORDS,
    time_step_s: 1,
    login: None,
    frame,
    acknowledged: Some(acknowledged),
};

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let fixes = &frame.batch.fixes;
    let (device, number, count) = (frame.device, fixes.len(), count(frame));
    let positions: String = fixes.iter().map(position).collect();
    let is_moving = fixes.last().is_some_and(|fix| Said::of(fix).kmh >= SLOWEST_KMH);
    let status = if is_moving { MOVING } else { AT_REST };
    let sent = moment(fixes.last().map(|fix| fix.time).unwrap_or_default());
    // Neither name nor supply; no mileage, hours, inputs and battery.
    format!("+RESP:GTFRI,{VERSION},{device},,,{REPORT},{number},{positions},,,,,{status},,,,{sent},{count}$")
        .into_bytes()
}

fn count(frame: &Frame<'_>) -> String {
    format!("{:04X}", frame.number)
}

fn moment(time: Timestamp) -> String {
    clock(time, "%Y%m%d%H%M%S")
}

/// Accuracy, motion, place and time, with the comma after them; no cell.
fn position(fix: &Fix) -> String {
    let Said { valid, lat, lon, kmh, heading_deg, altitude_m, hdop, .. } = Said::of(fix);
    // Zero stands for no fix.
    let accuracy = if valid { within(hdop, 1, 50u8) } else { 0 };
    let time = moment(fix.time);
    format!("{accuracy},{kmh:.1},{heading_deg:.0},{altitude_m:.1},{lon:.6},{lat:.6},{time},,,,,00,")
}

/// `+SACK:count$`.
fn acknowledged(frame: &Frame<'_>, answer: &[u8]) -> Option<usize> {
    let is_mine = ended_by(answer, b'$')? == format!("+SACK:{}", count(frame)).as_bytes();
    Some(all_or_none(frame, is_mine))
}

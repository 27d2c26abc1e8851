//! The device's side: what a tracker sends, and what it reads in the answers.

use std::fmt::Write as _;

use model::{AttributeKey, DeviceId, Fix, FixBatch, Known, ValueRef};

use super::checksum;
use crate::{Encoder, Identity, Login};

const KMH: f64 = 3.6;
/// Most records in a black box of a virtual tracker.
const MOST_RECORDS: usize = 100;

/// A device over a connection, in version 2.0.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Text,
    most_records: MOST_RECORDS,
    time_step_s: 1,
    login: Some(Login { bytes: login, accepted: Some(accepted) }),
    frame: |f| data(f.batch),
    acknowledged: Some(|_, answer| acknowledged(answer)),
};

/// The version that a tracker speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 1.1, without checksums.
    V1,
    /// 2.0, with checksums.
    V2,
}

/// What a device sends first, in version 2.0: its identity and no password.
pub fn login(device: &DeviceId) -> Vec<u8> {
    login_as(Version::V2, device)
}

/// What a device sends first.
pub fn login_as(version: Version, device: &DeviceId) -> Vec<u8> {
    match version {
        Version::V1 => format!("#L#{device};NA\r\n").into_bytes(),
        Version::V2 => sealed("L", &format!("2.0;{device};NA;")),
    }
}

/// The batch in version 2.0: one fix as an extended data packet, several as a black box.
pub fn data(batch: &FixBatch) -> Vec<u8> {
    data_as(Version::V2, batch)
}

/// The batch: one fix as an extended data packet, several as a black box.
pub fn data_as(version: Version, batch: &FixBatch) -> Vec<u8> {
    let (kind, separator) = if batch.fixes.len() == 1 { ("D", ';') } else { ("B", '|') };
    let mut body = String::new();
    for (i, fix) in batch.fixes.iter().enumerate() {
        if i > 0 {
            body.push(separator);
        }
        record(batch, fix, &mut body);
    }
    match version {
        Version::V1 => format!("#{kind}#{body}\r\n").into_bytes(),
        Version::V2 => {
            body.push(separator);
            sealed(kind, &body)
        }
    }
}

/// The answer to a login: `Some(true)` accepted, `Some(false)` refused, `None` not there yet.
pub fn accepted(answer: &[u8]) -> Option<bool> {
    line(answer).map(|line| line == b"#AL#1")
}

/// The answer to data: how many records the server took. `None` while it is not there yet.
pub fn acknowledged(answer: &[u8]) -> Option<usize> {
    let line = line(answer)?;
    let taken = match line.strip_prefix(b"#AB#") {
        Some(count) => std::str::from_utf8(count).ok().and_then(|c| c.parse().ok()),
        None => Some(usize::from(line == b"#AD#1" || line == b"#ASD#1")),
    };
    Some(taken.unwrap_or(0))
}

fn line(answer: &[u8]) -> Option<&[u8]> {
    let end = answer.iter().position(|b| *b == b'\n')?;
    let line = answer.get(..end)?;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

fn sealed(kind: &str, body: &str) -> Vec<u8> {
    format!("#{kind}#{body}{:04X}\r\n", checksum(body.as_bytes())).into_bytes()
}

fn record(batch: &FixBatch, fix: &Fix, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{}", fix.time.to_jiff().strftime("%d%m%y;%H%M%S"));
    let micros = fix.time.as_micros().rem_euclid(1_000_000);
    if micros != 0 {
        let _ = write!(out, ".{micros:06}");
    }
    match fix.position {
        Some(p) => {
            degrees(p.lat(), 2, ['N', 'S'], out);
            degrees(p.lon(), 3, ['E', 'W'], out);
        }
        None => out.push_str(";NA;NA;NA;NA"),
    }
    let speed_kmh = fix.speed_mps.map(|s| f64::from(s) * KMH);
    decimal(speed_kmh, 3, out);
    decimal(fix.heading_deg.map(f64::from), 3, out);
    decimal(fix.altitude_m.map(f64::from), 3, out);
    decimal(fix.satellites.map(f64::from), 0, out);
    decimal(fix.hdop.map(f64::from), 2, out);
    for key in [Known::Inputs, Known::Outputs] {
        match batch.get(fix, key) {
            Some(ValueRef::Int(bits)) => _ = write!(out, ";{bits}"),
            _ => out.push_str(";NA"),
        }
    }
    out.push_str(";;");
    match batch.get(fix, Known::DriverId) {
        Some(ValueRef::Text(card)) => out.push_str(&clean(card)),
        _ => out.push_str("NA"),
    }
    parameters(batch, fix, out);
}

/// Everything that has no field of its own, under its name.
fn parameters(batch: &FixBatch, fix: &Fix, out: &mut String) {
    let mut separator = ';';
    for attribute in batch.attributes_of(fix) {
        if matches!(attribute.key, AttributeKey::Known(Known::Inputs | Known::Outputs | Known::DriverId)) {
            continue;
        }
        let name = clean(&batch.key_name(attribute.key));
        let _ = match batch.value(attribute.value) {
            ValueRef::Bool(b) => write!(out, "{separator}{name}:1:{}", u8::from(b)),
            ValueRef::Int(i) => write!(out, "{separator}{name}:1:{i}"),
            ValueRef::Float(f) => write!(out, "{separator}{name}:2:{f}"),
            ValueRef::Text(t) => write!(out, "{separator}{name}:3:{}", clean(t)),
            ValueRef::Bytes(b) => write!(out, "{separator}{name}:3:{}", hex::encode(b)),
        };
        separator = ',';
    }
    if separator == ';' {
        out.push_str(";NA");
    }
}

/// Degrees as `DDMM.MMMMMM` and a letter.
fn degrees(value: f64, width: usize, sides: [char; 2], out: &mut String) {
    let [positive, negative] = sides;
    // A millionth of a minute is two millimetres.
    let micro_minutes = (value.abs() * 60e6).round();
    let (whole, minutes) = ((micro_minutes / 60e6).floor(), micro_minutes % 60e6 / 1e6);
    let side = if value < 0.0 { negative } else { positive };
    let _ = write!(out, ";{whole:0width$}{minutes:09.6};{side}");
}

fn decimal(value: Option<f64>, digits: usize, out: &mut String) {
    let _ = match value {
        Some(v) => write!(out, ";{v:.digits$}"),
        None => write!(out, ";NA"),
    };
}

/// Text without the characters that the protocol keeps for itself.
fn clean(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ';' | ',' | ':' | '|' | '#') || c.is_control() { '_' } else { c }).collect()
}

//! The packed form of the older families: STX, length, report, ETX.

use model::{Fix, FixBatch, Known, Timestamp};

use super::packed::{self, CUT, ID_DIGITS, decimal};
use super::{Report, classic};
use crate::bytes::Bytes;
use crate::civil::utc;
use crate::put::Put;
use crate::{DecodeError, Reply, units};

pub(super) const STX: u8 = 0x02;
pub(super) const ETX: u8 = 0x03;

const STATUS: u8 = 0x10;
const EMERGENCY: u8 = 0x11;
const EVENT: u8 = 0x12;
const ALERT: u8 = 0x13;
const ALIVE: u8 = 0x14;

/// Digits of the sender, which are one fewer than five bytes hold.
const SENDER_DIGITS: usize = 9;
const MINUTE_S: i64 = 60;

pub(super) fn is_header(byte: u8) -> bool {
    (STATUS..=0x1f).contains(&byte)
}

/// What stands between the length and ETX; `None` for a report of which nothing is kept.
pub(super) fn read<'a>(
    body: &[u8],
    now: Timestamp,
    id: &'a mut [u8; ID_DIGITS],
) -> Result<Option<Report<'a>>, DecodeError> {
    let mut rest = Bytes(body);
    let header = rest.u8().ok_or(CUT)?;
    let device = packed::sender(&mut rest, id)?;
    let device = device.get(..SENDER_DIGITS).unwrap_or(device);
    let mut batch = FixBatch::default();
    let mut reply = Reply::default();
    match header {
        ALIVE => {}
        STATUS | EMERGENCY | EVENT | ALERT => {
            placed(&mut rest, now, &mut batch).ok_or(CUT)?;
            let number = rest.u8().ok_or(CUT)?;
            match header {
                STATUS => {
                    batch.put_int("mode", number);
                    batch.put_int("message_number", rest.u16().ok_or(CUT)?);
                }
                EMERGENCY => {
                    classic::happened(b"EMG", Some(i64::from(number)), &mut batch);
                    reply = classic::acknowledge(b"ST300", device);
                }
                EVENT => classic::happened(b"EVT", Some(i64::from(number)), &mut batch),
                _ => classic::happened(b"ALT", Some(i64::from(number)), &mut batch),
            }
            meter(&mut rest, &mut batch);
        }
        _ => return Ok(None),
    }
    Ok(Some(Report { device, batch, reply, defect: None }))
}

fn placed(rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Option<()> {
    let (model, version) = (rest.u8()?, rest.u16()?);
    let [year, month, day, hours, minutes, seconds] = rest.array()?;
    let time = packed::seconds(hours, minutes, seconds)
        .and_then(|s| utc(2000 + i64::from(year), month, day, s, 0))
        .unwrap_or(now);
    let cell = rest.u24()?;
    let (lat, lon) = (degrees(rest)?, degrees(rest)?);
    let (speed, course) = (hundredths(rest)?, hundredths(rest)?);
    let state = rest.u8()?;
    let signed = |value: f64, bit: u8| if state & bit != 0 { -value } else { value };
    let position = packed::place(signed(lat, 0x40), signed(lon, 0x20));
    batch.push(Fix {
        position,
        valid: state & 0x80 != 0 && position.is_some(),
        speed_mps: Some(units::kmh(speed)),
        heading_deg: units::heading(course),
        satellites: Some(state & 0x1f),
        ..Fix::nowhere(time)
    });
    batch.put_int("model", model);
    batch.put_int("version", version);
    if cell != 0 {
        batch.put_int("cell_id", cell);
    }
    batch.known_int(Known::OdometerM, rest.u32()?);
    batch.known_float(Known::ExternalVoltageV, volts(rest)?);
    let io = rest.u8()?;
    batch.known_bool(Known::Ignition, io & 1 != 0);
    batch.known_int(Known::Inputs, io & 0x0f);
    batch.known_int(Known::Outputs, (io >> 4) & 0x03);
    Some(())
}

/// Whole degrees in a byte and six decimals in three bytes of digits; digits that are none count as nought.
fn degrees(rest: &mut Bytes<'_>) -> Option<f64> {
    let [whole, a, b, c] = rest.array()?;
    let [a, b, c] = [a, b, c].map(|byte| f64::from(decimal(byte).unwrap_or_default()));
    Some((f64::from(whole) * 1e6 + a * 1e4 + b * 1e2 + c) / 1e6)
}

/// A whole number in two bytes and two decimals in a byte of digits.
fn hundredths(rest: &mut Bytes<'_>) -> Option<f64> {
    let (whole, part) = (f64::from(rest.u16()?), decimal(rest.u8()?).unwrap_or_default());
    Some((whole * 100.0 + f64::from(part)) / 100.0)
}

/// A whole number in a byte and two decimals in a byte of digits.
fn volts(rest: &mut Bytes<'_>) -> Option<f64> {
    let (whole, part) = (f64::from(rest.u8()?), decimal(rest.u8()?).unwrap_or_default());
    Some((whole * 100.0 + f64::from(part)) / 100.0)
}

/// Hour meter, backup voltage and whether it is live, where the device is set to add them.
fn meter(rest: &mut Bytes<'_>, batch: &mut FixBatch) {
    let Some(minutes) = rest.u32() else { return };
    batch.put_int("engine_hours_s", i64::from(minutes) * MINUTE_S);
    if let Some(volts) = volts(rest) {
        batch.known_float(Known::BatteryVoltageV, volts);
    }
    if rest.u8() == Some(0) {
        batch.known_bool(Known::Archive, true);
    }
}

//! Records as lines of text, and answers to commands.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::binary::{driver, switches, words};
use super::custom::Form;
use crate::put::Put;
use crate::text::{Fields, compact_time, number, whole};
use crate::{DecodeError, units};

/// Degrees are sent multiplied by this.
const DEGREE: f64 = 1e6;
/// The device's own note of a sensor that is not connected.
const NOT_CONNECTED: f64 = 2000.0;
/// Ends the text of a record.
const TEXT_END: u8 = 0x1a;
/// 2000-01-01; clocks that say less have not been set.
const CLOCK_SET_S: i64 = 946_684_800;
/// Farther than any vehicle drives, in the unit of the field.
const FARTHEST: f64 = 1e10;
const FASTEST_KMH: f64 = 2000.0;

/// Commas before the text of a record.
const BEFORE_TEXT: usize = 16;

/// Whether a line has all fields before its text.
pub(super) fn is_up_to_text(line: &[u8]) -> bool {
    line.split(|b| *b == b',').nth(BEFORE_TEXT).is_some()
}

/// A record: times, place, report, odometer, inputs, speed, outputs, sensors, driver, text, and custom fields.
pub(super) fn record(line: &[u8], form: &Form, now: Timestamp, batch: &mut FixBatch) -> Result<(), DecodeError> {
    let mut fields = Fields::new(line, b',');
    let mut next = || fields.next().unwrap_or_default();
    let (fix, clock, _sent) = (next(), next(), next());
    let (lon, lat, course) = (number(next()), number(next()), number(next()));
    let (report, distance, dilution) = (whole(next()), number(next()), number(next()));
    let (inputs, speed, outputs) = (whole(next()), number(next()), whole(next()));
    let (analogue, driver_id) = (number(next()), next());
    let temperatures = [number(next()), number(next())];
    let (Some(lon), Some(lat)) = (lon, lat) else { return Err(DecodeError::Field("longitude and latitude")) };
    let position = LatLon::new(lat / DEGREE, lon / DEGREE).filter(|p| !p.is_null_island());
    batch.push(Fix {
        position,
        valid: position.is_some(),
        speed_mps: speed.filter(|kmh| (0.0..=FASTEST_KMH).contains(kmh)).map(units::kmh),
        heading_deg: course.and_then(units::heading),
        hdop: dilution.filter(|d| (0.0..=1e5).contains(d)).map(|tenths| units::single(tenths / 10.0)),
        ..Fix::nowhere(time(fix).or_else(|| time(clock)).unwrap_or(now))
    });
    if let Some(report) = report {
        batch.known_int(Known::Event, report);
    }
    if let Some(distance) = distance.filter(|d| (0.0..=FARTHEST).contains(d)) {
        #[expect(clippy::cast_possible_truncation, reason = "within the range of any vehicle")]
        batch.known_int(Known::OdometerM, (distance * 100.0).round() as i64);
    }
    if let (Some(inputs), Some(outputs)) = (inputs, outputs) {
        switches(inputs, outputs, batch);
    }
    if let Some(millivolts) = analogue {
        batch.put_float("adc_1_v", millivolts / 1000.0);
    }
    driver(driver_id, batch);
    for (at, tenths) in temperatures.into_iter().enumerate() {
        if let Some(tenths) = tenths.filter(|t| *t != NOT_CONNECTED) {
            let key = batch.numbered("temperature_", at + 1, "_c");
            batch.attribute(key, Value::Float(tenths / 10.0));
        }
    }
    let text = fields.next().unwrap_or_default();
    words(text.strip_suffix(&[TEXT_END]).unwrap_or(text), batch);
    form.line(fields.rest(), batch);
    Ok(())
}

/// Seconds since 1970, or `YYYYMMDDHHMMSS`; nothing of a clock that has not been set.
fn time(field: &[u8]) -> Option<Timestamp> {
    if field.len() == 14 {
        return compact_time(field);
    }
    whole(field).filter(|s| (CLOCK_SET_S..=i64::from(u32::MAX)).contains(s)).map(Timestamp::from_secs)
}

/// `$INFO=id,model,version,imei,imsi,sim,power,battery,satellites,gsm,signal,…`: the device's state. Returns its id.
pub(super) fn information<'a>(line: &'a [u8], now: Timestamp, batch: &mut FixBatch) -> Option<&'a str> {
    let mut fields = Fields::new(line.strip_prefix(b"$INFO=")?, b',');
    let device = fields.text().filter(|id| id.bytes().all(|b| b.is_ascii_alphanumeric()))?;
    let (model, version, _imei, imsi, sim) =
        (fields.next()?, fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let (power, battery) = (fields.number(), fields.number());
    let satellites = fields.whole().and_then(|n| u64::try_from(n).ok());
    let (_status, signal) = (fields.next(), fields.whole());
    batch.push(Fix { satellites: satellites.map(units::satellites), ..Fix::nowhere(now) });
    for (name, text) in [("model", model), ("version", version), ("imsi", imsi), ("iccid", sim)] {
        batch.put_text(name, text);
    }
    for (key, tenths) in [(Known::ExternalVoltageV, power), (Known::BatteryVoltageV, battery)] {
        if let Some(tenths) = tenths {
            batch.known_float(key, tenths / 10.0);
        }
    }
    if let Some(signal) = signal {
        batch.known_int(Known::GsmSignal, signal);
    }
    Some(device)
}

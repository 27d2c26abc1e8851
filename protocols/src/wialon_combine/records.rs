//! Records of a data packet: time, count of sub-records, sub-records.

use model::{AttributeKey, Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::{long, short, string};
use crate::DecodeError;
use crate::bytes::Bytes;
use crate::put::Put;
use crate::units::{heading, kmh};

/// Degrees are sent multiplied by this.
const DEGREE: f64 = 1e6;
/// HDOP is sent in hundredths.
pub(super) const HUNDREDTH: f64 = 100.0;
/// With fewer satellites a receiver has no solution.
pub(super) const MIN_SATELLITES: u8 = 3;

const CUT: DecodeError = DecodeError::Format("packet ends within a record");

/// What has been read of a packet.
#[derive(Default)]
pub(super) struct Records<'a> {
    pub batch: FixBatch,
    /// A message of the driver.
    pub words: Option<&'a [u8]>,
    /// What could not be read.
    pub defect: Option<DecodeError>,
}

impl<'a> Records<'a> {
    /// Reads records to the end of the bytes, or to what cannot be read.
    pub fn read(&mut self, data: &'a [u8]) {
        let mut rest = Bytes(data);
        while !rest.0.is_empty() {
            let Some((time, count)) = rest.u32().zip(rest.u8()) else {
                self.defect = Some(CUT);
                return;
            };
            self.batch.push(Fix::nowhere(Timestamp::from_secs(i64::from(time))));
            let mut is_kept = false;
            for _ in 0..count {
                match self.part(&mut rest) {
                    Ok(says_something) => is_kept |= says_something,
                    Err(error) => {
                        self.defect = Some(error);
                        break;
                    }
                }
            }
            if !is_kept {
                self.drop_last();
            }
            if self.defect.is_some() {
                return;
            }
        }
    }

    /// Takes a record away that has nothing to keep.
    fn drop_last(&mut self) {
        if let Some(fix) = self.batch.fixes.pop() {
            self.batch.attributes.truncate(usize::try_from(fix.attributes_start).unwrap_or(usize::MAX));
        }
    }

    /// One sub-record; whether it adds to the record.
    fn part(&mut self, rest: &mut Bytes<'a>) -> Result<bool, DecodeError> {
        let kind = short(rest).ok_or(CUT)?;
        let read = match kind {
            0 => self.parameters(rest, |number, _| AttributeKey::Number(number)),
            1 => self.position(rest),
            2 => self.inputs_outputs(rest),
            3 => return picture(rest).map(|()| false).ok_or(CUT),
            4 => self.cells(rest),
            5 => self.parameters(rest, |number, batch| batch.numbered("fuel_", number, "")),
            6 => self.parameters(rest, |number, batch| batch.numbered("temperature_", number, "_c")),
            7 => self.parameters(rest, |number, batch| batch.numbered("can_", number, "")),
            8 => self.parameters(rest, |number, batch| batch.numbered("counter_", number, "")),
            9 => self.parameters(rest, |number, batch| batch.numbered("adc_", number, "")),
            10 => self.drivers(rest),
            12 => {
                self.words = Some(string(rest).ok_or(CUT)?);
                return Ok(false);
            }
            _ => {
                let number = u32::try_from(kind).unwrap_or(u32::MAX);
                return Err(DecodeError::Unknown { what: "type of sub-record", number });
            }
        };
        read.map(|()| true).ok_or(CUT)
    }

    fn position(&mut self, rest: &mut Bytes<'_>) -> Option<()> {
        let (lat, lon) = (f64::from(rest.i32()?) / DEGREE, f64::from(rest.i32()?) / DEGREE);
        let (speed, course, height, satellites, hdop) =
            (rest.u16()?, rest.u16()?, rest.i16()?, rest.u8()?, rest.u16()?);
        let position = LatLon::new(lat, lon).filter(|p| satellites > 0 || !p.is_null_island());
        let fix = self.batch.fixes.last_mut()?;
        fix.position = position;
        fix.valid = position.is_some() && satellites >= MIN_SATELLITES;
        fix.speed_mps = Some(kmh(f64::from(speed)));
        fix.heading_deg = heading(f64::from(course));
        fix.altitude_m = Some(f32::from(height));
        fix.satellites = Some(satellites.min(254));
        fix.hdop = (hdop > 0).then(|| crate::units::single(f64::from(hdop) / HUNDREDTH));
        Some(())
    }

    /// Four bytes of inputs and four of outputs, a bit each.
    fn inputs_outputs(&mut self, rest: &mut Bytes<'_>) -> Option<()> {
        let (inputs, outputs) = (rest.u32()?, rest.u32()?);
        self.batch.known(Known::Inputs, Value::Int(i64::from(inputs)));
        self.batch.known(Known::Outputs, Value::Int(i64::from(outputs)));
        Some(())
    }

    /// Count, then the country, operator, area, cell, level and advance of each.
    fn cells(&mut self, rest: &mut Bytes<'_>) -> Option<()> {
        const NAMES: [&str; 6] = ["mcc_", "mnc_", "lac_", "cell_id_", "rx_level_", "timing_advance_"];
        for number in 1..=u32::from(rest.u8()?) {
            for name in NAMES {
                let value = Value::Int(i64::from(rest.u16()?));
                let key = self.batch.numbered(name, number, "");
                self.batch.attribute(key, value);
            }
        }
        Some(())
    }

    /// Count, then number, type and value of each.
    fn parameters(&mut self, rest: &mut Bytes<'_>, key: impl Fn(u32, &mut FixBatch) -> AttributeKey) -> Option<()> {
        for _ in 0..short(rest)? {
            let number = u32::try_from(short(rest)?).ok()?;
            let value = value(rest, &mut self.batch)?;
            let key = key(number, &mut self.batch);
            self.batch.attribute(key, value);
        }
        Some(())
    }

    /// The same of drivers' codes: the first that is not zero is the driver's.
    fn drivers(&mut self, rest: &mut Bytes<'_>) -> Option<()> {
        for _ in 0..short(rest)? {
            let number = u32::try_from(short(rest)?).ok()?;
            let code = value(rest, &mut self.batch)?;
            if code == Value::Int(0) {
                continue;
            }
            let is_known = self.batch.fixes.last().is_some_and(|fix| self.batch.get(fix, Known::DriverId).is_some());
            if is_known {
                let key = self.batch.numbered("driver_", number, "");
                self.batch.attribute(key, code);
            } else {
                let code = match code {
                    Value::Int(code) => self.batch.text_value(&code.to_string()),
                    other => other,
                };
                self.batch.known(Known::DriverId, code);
            }
        }
        Some(())
    }
}

/// Type and value: five bits of what it is, three of the power of ten by which a whole number
/// is divided.
fn value(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<Value> {
    let kind = rest.u8()?;
    let whole = match kind & 0x1f {
        0 => i64::from(rest.u8()?),
        1 => i64::from(rest.u16()?),
        2 => i64::from(rest.u32()?),
        3 => i64::try_from(rest.u64()?).unwrap_or(i64::MAX),
        4 => i64::from(rest.i8()?),
        5 => i64::from(rest.i16()?),
        6 => i64::from(rest.i32()?),
        7 => rest.i64()?,
        8 => return Some(Value::Float(f64::from(rest.f32()?))),
        9 => return Some(Value::Float(rest.f64()?)),
        10 => {
            let text = string(rest)?;
            return Some(match std::str::from_utf8(text) {
                Ok(text) => batch.text_value(text),
                Err(_) => batch.bytes_value(text),
            });
        }
        _ => return None,
    };
    Some(match kind >> 5 {
        0 => Value::Int(whole),
        power => Value::Float(whole as f64 / 10f64.powi(i32::from(power))),
    })
}

/// Number of the part, length, number of the last part, name, bytes: pictures are not kept.
fn picture(rest: &mut Bytes<'_>) -> Option<()> {
    let (_part, len, _last) = (short(rest)?, long(rest)?, short(rest)?);
    rest.until(0)?;
    rest.skip(len)
}

//! Bluetooth beacons and sensors that a device hears, in elements of variable length.

use model::{Attribute, FixBatch, Value};

use crate::bytes::Bytes;

/// Most beacons or sensors taken of a record.
const MOST: usize = 99;
/// Room for the longest name.
const NAME: usize = 32;

/// Reads element 385, "Beacon": a byte that says which part of the list it is, then for each
/// beacon what of it is sent, its identity and the strength of its signal. `false`, and nothing
/// kept, where it has no such form.
pub(super) fn beacons(bytes: &[u8], seen: &mut usize, batch: &mut FixBatch) -> bool {
    const IBEACON: u8 = 1 << 5;
    const BATTERY: u8 = 1 << 1;
    const TEMPERATURE: u8 = 1 << 2;
    undone(batch, seen, |batch, seen| {
        let mut rest = Bytes(bytes);
        rest.u8()?;
        while !rest.0.is_empty() {
            let mut tag = Tag::next("beacon", seen, batch)?;
            let flags = rest.u8()?;
            if flags & IBEACON != 0 {
                tag.hex("uuid", rest.take(16)?);
                tag.int("major", rest.u16()?);
                tag.int("minor", rest.u16()?);
            } else {
                tag.hex("namespace", rest.take(10)?);
                tag.hex("instance", rest.take(6)?);
            }
            tag.int("rssi", rest.i8()?);
            if flags & BATTERY != 0 {
                tag.float("battery_v", f64::from(rest.u16()?) / 1000.0);
            }
            if flags & TEMPERATURE != 0 {
                tag.int("temperature", rest.u16()?);
            }
        }
        Some(())
    })
}

/// Reads the lists of sensors ("EYE", "BLE advanced"): a byte of header, then for each sensor
/// the length of its parameters, and of these number, length, value. `false`, and nothing kept,
/// where it has no such form.
pub(super) fn sensors(bytes: &[u8], seen: &mut usize, batch: &mut FixBatch) -> bool {
    undone(batch, seen, |batch, seen| {
        let mut rest = Bytes(bytes);
        rest.u8()?;
        while !rest.0.is_empty() {
            let len = rest.u8()?;
            let mut parameters = Bytes(rest.take(usize::from(len))?);
            let mut tag = Tag::next("tag", seen, batch)?;
            while !parameters.0.is_empty() {
                let (number, len) = (parameters.u8()?, parameters.u8()?);
                tag.parameter(number, Bytes(parameters.take(usize::from(len))?))?;
            }
        }
        Some(())
    })
}

/// Runs `read`; where it fails, the batch is as it was.
fn undone(batch: &mut FixBatch, seen: &mut usize, read: impl FnOnce(&mut FixBatch, &mut usize) -> Option<()>) -> bool {
    let before = (*seen, batch.attributes.len(), batch.text.len());
    let done = read(batch, seen).is_some();
    if !done {
        *seen = before.0;
        batch.attributes.truncate(before.1);
        batch.text.truncate(before.2);
    }
    done
}

/// One beacon or sensor, whose values are named `tag_1_rssi` and so on.
struct Tag<'a> {
    kind: &'static str,
    number: usize,
    batch: &'a mut FixBatch,
}

impl<'a> Tag<'a> {
    fn next(kind: &'static str, seen: &mut usize, batch: &'a mut FixBatch) -> Option<Self> {
        *seen += 1;
        (*seen <= MOST).then_some(Self { kind, number: *seen, batch })
    }

    /// One parameter of a sensor.
    fn parameter(&mut self, number: u8, mut value: Bytes<'_>) -> Option<()> {
        match number {
            0 => self.int("rssi", value.i8()?),
            1 | 15 if value.0.is_empty() => {}
            1 => self.hex("id", value.0),
            2 => self.advertisement(value)?,
            5 => {
                if let Ok(name) = std::str::from_utf8(value.0) {
                    let text = self.batch.text_value(name.trim_matches('\0'));
                    self.keep("name", text);
                }
            }
            6 => self.float("temperature_c", f64::from(value.i16()?) / 100.0),
            7 => self.int("humidity", value.u8()?),
            8 => self.flag("magnet", value.u8()? != 0),
            9 => self.flag("movement", value.u8()? != 0),
            10 => self.int("movement_count", value.u16()?),
            11 => self.int("pitch_deg", value.i8()?),
            12 => self.int("roll_deg", value.i16()?),
            13 => self.flag("low_battery", value.u8()? != 0),
            14 => self.float("battery_v", f64::from(value.u16()?) / 1000.0),
            15 => self.hex("mac", value.0),
            _ => {}
        }
        Some(())
    }

    /// What an EYE sensor advertises: flags of what follows, in this order.
    fn advertisement(&mut self, mut rest: Bytes<'_>) -> Option<()> {
        let flags = rest.u8()?;
        let has = |bit: u8| flags >> bit & 1 == 1;
        if has(0) {
            self.float("temperature_c", f64::from(rest.i16()?) / 100.0);
        }
        if has(1) {
            self.int("humidity", rest.u8()?);
        }
        if has(2) {
            self.flag("magnet", has(3));
        }
        if has(4) {
            // The highest bit: it moves now. The others: how often it began to.
            let count = rest.u16()?;
            self.flag("movement", count >> 15 == 1);
            self.int("movement_count", count & 0x7fff);
        }
        if has(5) {
            self.int("pitch_deg", rest.i8()?);
            self.int("roll_deg", rest.i16()?);
        }
        if has(6) {
            self.flag("low_battery", true);
        }
        if has(7) {
            self.float("voltage_v", f64::from(2000 + 10 * u16::from(rest.u8()?)) / 1000.0);
        }
        Some(())
    }

    fn int(&mut self, name: &str, value: impl Into<i64>) {
        self.keep(name, Value::Int(value.into()));
    }

    fn float(&mut self, name: &str, value: f64) {
        self.keep(name, Value::Float(value));
    }

    fn flag(&mut self, name: &str, value: bool) {
        self.keep(name, Value::Bool(value));
    }

    fn hex(&mut self, name: &str, bytes: &[u8]) {
        let value = self.batch.bytes_value(bytes);
        self.keep(name, value);
    }

    fn keep(&mut self, name: &str, value: Value) {
        // No more than two digits, see `MOST`.
        let digits = [self.number / 10, self.number % 10].map(|digit| b'0' + u8::try_from(digit).unwrap_or(0));
        let digits = if self.number < 10 { digits.get(1..) } else { digits.get(..) };
        let mut room = [0; NAME];
        let parts = [self.kind.as_bytes(), b"_", digits.unwrap_or_default(), b"_", name.as_bytes()];
        let mut len = 0;
        for part in parts {
            for (place, byte) in room.iter_mut().skip(len).zip(part) {
                *place = *byte;
            }
            len += part.len();
        }
        let name = std::str::from_utf8(room.get(..len).unwrap_or(&room)).unwrap_or_default();
        let key = self.batch.name(name);
        self.batch.attributes.push(Attribute { key, value });
    }
}

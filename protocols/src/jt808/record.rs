//! A record while its items are being read.

use model::{AttributeKey, Fix, FixBatch, Known, Timestamp, Value};

use crate::put::{Put, words_value};
use crate::units;

/// The last fix of a batch, and the attributes that several items may say, the last of which
/// counts.
pub(super) struct Record<'b> {
    pub batch: &'b mut FixBatch,
    pub ignition: Option<bool>,
    pub movement: Option<bool>,
    pub alarm: bool,
    pub event: Option<u32>,
    pub battery_percent: Option<u8>,
    pub battery_v: Option<f64>,
    pub external_v: Option<f64>,
    pub gsm_signal: Option<u8>,
    pub odometer_m: Option<i64>,
    pub charge: Option<bool>,
    pub is_archive: bool,
    /// Seconds east of Greenwich, where an item says in which zone the time is.
    pub zone_s: Option<i64>,
    /// An item of personal trackers has been seen.
    pub is_personal: bool,
}

impl<'b> Record<'b> {
    pub fn new(batch: &'b mut FixBatch, fix: Fix) -> Self {
        batch.push(fix);
        Self {
            batch,
            ignition: None,
            movement: None,
            alarm: false,
            event: None,
            battery_percent: None,
            battery_v: None,
            external_v: None,
            gsm_signal: None,
            odometer_m: None,
            charge: None,
            is_archive: false,
            zone_s: None,
            is_personal: false,
        }
    }

    pub fn nowhere(batch: &'b mut FixBatch, time: Timestamp) -> Self {
        Self::new(batch, Fix::nowhere(time))
    }

    pub fn fix(&mut self, change: impl FnOnce(&mut Fix)) {
        if let Some(fix) = self.batch.fixes.last_mut() {
            change(fix);
        }
    }

    pub fn known(&mut self, key: Known, value: Value) {
        self.batch.known(key, value);
    }

    pub fn numbered(&mut self, number: u32, value: Value) {
        self.batch.attribute(AttributeKey::Number(number), value);
    }

    /// A SIM card's number in digits of half a byte, filled with ones.
    pub fn iccid(&mut self, bytes: &[u8]) {
        let mut digits = [0; 20];
        if let Some(bytes) = bytes.first_chunk::<10>()
            && hex::encode_to_slice(bytes, &mut digits).is_ok()
            && *bytes != [0; 10]
        {
            let end = digits.iter().position(|digit| *digit == b'f').unwrap_or(digits.len());
            self.batch.put_words("iccid", digits.get(..end).unwrap_or_default());
        }
    }

    /// A SIM card's number in words.
    pub fn iccid_words(&mut self, bytes: &[u8]) {
        let words = trimmed(bytes);
        self.batch.put_words("iccid", words.strip_suffix(b"F").unwrap_or(words));
    }

    pub fn driver(&mut self, id: &[u8]) {
        let id = trimmed(id);
        if !id.is_empty() {
            let value = words_value(self.batch, id);
            self.batch.known(Known::DriverId, value);
        }
    }

    /// A card's number in decimal digits; zero is none.
    pub fn driver_number(&mut self, number: u32) {
        if number != 0 {
            self.batch.known_decimal(Known::DriverId, u64::from(number));
        }
    }

    /// An item without a name here: a number where it is short enough for one, else text or
    /// bytes.
    pub fn other(&mut self, id: u16, data: &[u8]) {
        let value = match data.len() {
            0 => return,
            1..=4 => Value::Int(data.iter().fold(0, |sum, byte| sum << 8 | i64::from(*byte))),
            _ if data.iter().all(|b| b.is_ascii_graphic() || *b == b' ') => words_value(self.batch, data),
            _ => self.batch.bytes_value(data),
        };
        self.batch.attribute(AttributeKey::Number(u32::from(id)), value);
    }

    pub fn percent(&mut self, value: u8) {
        self.battery_percent = Some(value).filter(|percent| *percent <= 100).or(self.battery_percent);
    }

    pub fn satellites(&mut self, count: u8) {
        self.fix(|fix| fix.satellites = Some(units::satellites(u64::from(count))));
    }

    /// Adds the attributes that were kept back.
    pub fn finish(self) {
        let int = |v: Option<u8>| v.map(|v| Value::Int(i64::from(v)));
        self.batch.known_each([
            (Known::Ignition, self.ignition.map(Value::Bool)),
            (Known::Movement, self.movement.map(Value::Bool)),
            (Known::Alarm, self.alarm.then_some(Value::Bool(true))),
            (Known::Event, self.event.map(|v| Value::Int(i64::from(v)))),
            (Known::BatteryPercent, int(self.battery_percent)),
            (Known::BatteryVoltageV, self.battery_v.map(Value::Float)),
            (Known::ExternalVoltageV, self.external_v.map(Value::Float)),
            (Known::GsmSignal, int(self.gsm_signal)),
            (Known::OdometerM, self.odometer_m.map(Value::Int)),
            (Known::Archive, self.is_archive.then_some(Value::Bool(true))),
        ]);
        if let Some(charge) = self.charge {
            self.batch.put_bool("charge", charge);
        }
    }
}

/// Words without what fills them up.
pub(super) fn trimmed(bytes: &[u8]) -> &[u8] {
    let is_filler = |b: &u8| *b <= b' ';
    let start = bytes.iter().position(|b| !is_filler(b)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|b| !is_filler(b)).map_or(start, |at| at + 1);
    bytes.get(start..end).unwrap_or_default()
}

/// Whole numbers of half a byte each; `None` where one is no decimal digit.
pub(super) fn bcd(byte: u8) -> Option<u8> {
    let (high, low) = (byte >> 4, byte & 0x0f);
    (high <= 9 && low <= 9).then_some(high * 10 + low)
}

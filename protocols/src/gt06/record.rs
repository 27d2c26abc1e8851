//! The one record of a message while it is being read.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use crate::bytes::Bytes;
use crate::civil::{of_day, utc};
use crate::put::Put;
use crate::units;

/// Minutes of arc are sent multiplied by 30,000.
pub(super) const DEGREE: f64 = 60.0 * 30_000.0;
/// Two-digit years are of this century.
const CENTURY: i64 = 2000;
/// Battery levels of one digit go from 0 to 6.
const FULL: u8 = 6;
/// What a device's times are in, and the time of records that have none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// Seconds east of Greenwich.
    pub zone_s: i64,
    pub now: Timestamp,
}

impl Clock {
    /// Six bytes: year, month, day, hour, minute, second.
    pub fn time(&self, bytes: [u8; 6]) -> Option<Timestamp> {
        let [year, month, day, hour, minute, second] = bytes;
        if year > 99 {
            return None;
        }
        let seconds = of_day(hour, minute, second)?;
        let local = utc(CENTURY + i64::from(year), month, day, seconds.min(86_399), 0)?;
        Some(Timestamp::from_secs(local.as_secs() - self.zone_s))
    }

    /// The same six bytes in BCD.
    pub fn bcd_time(&self, bytes: [u8; 6]) -> Option<Timestamp> {
        let nibbles = bytes.map(|b| (b >> 4, b & 0x0f));
        if nibbles.iter().any(|(high, low)| *high > 9 || *low > 9) {
            return None;
        }
        self.time(nibbles.map(|(high, low)| high * 10 + low))
    }
}

/// Serving cell, as wide as the message sends it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Widths {
    /// Bytes of the network code where the country code does not say.
    pub network: usize,
    pub area: usize,
    pub cell: usize,
}

impl Widths {
    pub const GSM: Self = Self { network: 1, area: 2, cell: 3 };
    pub const WIDE_CELL: Self = Self { network: 1, area: 2, cell: 4 };
    pub const WIDE_NETWORK: Self = Self { network: 2, area: 2, cell: 4 };
    pub const LTE: Self = Self { network: 1, area: 4, cell: 8 };
}

/// A record with the attributes that several parts of a message may say, the last of which
/// counts.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub batch: FixBatch,
    pub ignition: Option<bool>,
    pub alarm: bool,
    pub event: Option<u16>,
    pub battery_percent: Option<u8>,
    pub battery_v: Option<f64>,
    pub external_v: Option<f64>,
    pub gsm_signal: Option<u8>,
    pub odometer_m: Option<i64>,
    pub is_archive: bool,
}

impl Record {
    pub fn new(fix: Fix) -> Self {
        let mut record = Self::default();
        record.batch.attributes.reserve(16);
        record.batch.push(fix);
        record
    }

    /// A record without a position.
    pub fn nowhere(time: Timestamp) -> Self {
        Self::new(Fix::nowhere(time))
    }

    /// Date and the GPS block: satellites, latitude, longitude, speed, course and status.
    pub fn gps(rest: &mut Bytes<'_>, clock: Clock) -> Option<Self> {
        let time = clock.time(rest.array()?);
        let mut record = Self::nowhere(time.unwrap_or(clock.now));
        let satellites = rest.u8()?;
        record.place(rest.u32()?, rest.u32()?, Some(u16::from(rest.u8()?)), rest.u16()?);
        // The high half is the length of the block.
        record.fix(|fix| fix.satellites = Some(satellites & 0x0f));
        Some(record)
    }

    pub fn fix(&mut self, change: impl FnOnce(&mut Fix)) {
        if let Some(fix) = self.batch.fixes.last_mut() {
            change(fix);
        }
    }

    /// Course and status: bits 0 to 9 course, 10 north, 11 west, 12 positioned, 14 whether
    /// bit 15 is the ignition.
    pub fn place(&mut self, latitude: u32, longitude: u32, kmh: Option<u16>, flags: u16) {
        let is = |bit: u16| flags >> bit & 1 != 0;
        let lat = f64::from(latitude) / DEGREE * if is(10) { 1.0 } else { -1.0 };
        let lon = f64::from(longitude) / DEGREE * if is(11) { -1.0 } else { 1.0 };
        // Without a fix it is the last known place, or 0, 0 where there never was one.
        let position = LatLon::new(lat, lon).filter(|p| !p.is_null_island());
        self.fix(|fix| {
            fix.position = position;
            fix.valid = is(12) && position.is_some();
            fix.speed_mps = kmh.filter(|_| position.is_some()).map(|kmh| units::kmh(f64::from(kmh)));
            fix.heading_deg = position.and_then(|_| units::heading(f64::from(flags & 0x03ff)));
        });
        if is(14) {
            self.ignition = Some(is(15));
        }
    }

    pub fn driver(&mut self, id: &str) {
        if !id.is_empty() {
            let value = self.batch.text_value(id);
            self.batch.known(Known::DriverId, value);
        }
    }

    /// A card's or button's number in hexadecimal digits.
    pub fn driver_hex(&mut self, id: &[u8]) {
        if !id.is_empty() {
            self.batch.known_hex(Known::DriverId, id);
        }
    }

    /// A card's or button's number in decimal digits; zero is none.
    pub fn driver_number(&mut self, number: u64) {
        if number != 0 {
            self.batch.known_decimal(Known::DriverId, number);
        }
    }

    /// A SIM card's number: digits of half a byte, filled with ones.
    pub fn iccid(&mut self, bytes: &[u8]) {
        let mut digits = [0; 20];
        if let Some(bytes) = bytes.first_chunk::<10>()
            && hex::encode_to_slice(bytes, &mut digits).is_ok()
        {
            let end = digits.iter().rposition(|digit| *digit != b'f').map_or(0, |at| at + 1);
            self.batch.put_words("iccid", digits.get(..end).unwrap_or_default());
        }
    }

    pub fn door(&mut self, is_open: bool) {
        self.batch.known(Known::Door1, Value::Bool(is_open));
    }

    pub fn inputs(&mut self, bits: impl Into<i64>) {
        self.batch.known(Known::Inputs, Value::Int(bits.into()));
    }

    pub fn outputs(&mut self, bits: impl Into<i64>) {
        self.batch.known(Known::Outputs, Value::Int(bits.into()));
    }

    /// The serving cell: country, network, area, cell. Returns how many bytes it took.
    pub fn cell(&mut self, rest: &mut Bytes<'_>, widths: Widths) -> Option<usize> {
        let before = rest.0.len();
        let country = rest.u16()?;
        // The highest bit of the country says that the network has two bytes.
        let network = if country & 0x8000 != 0 || widths.network == 2 { rest.u16()? } else { u16::from(rest.u8()?) };
        let area = if widths.area == 4 { rest.u32()? } else { u32::from(rest.u16()?) };
        let cell = match widths.cell {
            3 => u64::from(rest.u24()?),
            4 => u64::from(rest.u32()?),
            _ => rest.u64()?,
        };
        if cell != 0 || area != 0 {
            self.batch.put_int("mcc", country & 0x7fff);
            self.batch.put_int("mnc", network);
            self.batch.put_int("lac", area);
            self.batch.put_int("cell_id", units::int(cell));
        }
        Some(before - rest.0.len())
    }

    /// Terminal information: bit 0 armed, 1 ignition, 2 charging, 3 to 5 alarm, 6 GPS on,
    /// 7 oil and electricity cut.
    pub fn information(&mut self, status: u8) {
        let is = |bit: u8| status >> bit & 1 != 0;
        self.batch.put_int("status", status);
        self.ignition = Some(is(1));
        self.batch.put_bool("charge", is(2));
        self.batch.put_bool("blocked", is(7));
        // 1 shock, 2 power cut, 3 low battery, 4 SOS, 6 fence, 7 removed or too fast.
        self.alarm |= matches!(status >> 3 & 7, 1..=4 | 6 | 7);
    }

    /// A level of 0 to 6, or a percentage.
    pub fn battery_level(&mut self, level: u8) {
        self.battery_percent = match level {
            0..=FULL => u8::try_from(u16::from(level) * 100 / u16::from(FULL)).ok(),
            7..=100 => Some(level),
            _ => None,
        };
    }

    /// The alarm code of alarm and status messages.
    pub fn alarm_code(&mut self, code: u16) {
        if code != 0 {
            self.event = Some(code);
            self.alarm |= is_alarm(code);
        }
    }

    /// With the attributes that were kept back.
    pub fn finish(mut self) -> FixBatch {
        let int = |v: Option<u8>| v.map(|v| Value::Int(i64::from(v)));
        self.batch.known_each([
            (Known::Ignition, self.ignition.map(Value::Bool)),
            (Known::Alarm, self.alarm.then_some(Value::Bool(true))),
            (Known::Event, self.event.map(|v| Value::Int(i64::from(v)))),
            (Known::BatteryPercent, int(self.battery_percent)),
            (Known::BatteryVoltageV, self.battery_v.map(Value::Float)),
            (Known::ExternalVoltageV, self.external_v.map(Value::Float)),
            (Known::GsmSignal, int(self.gsm_signal)),
            (Known::OdometerM, self.odometer_m.map(Value::Int)),
            (Known::Archive, self.is_archive.then_some(Value::Bool(true))),
        ]);
        self.batch
    }
}

/// Codes that only inform: leaving or entering a place without GPS (0x0a, 0x0b), first fix
/// (0x0d), radio off to save power (0x12), deep sleep (0x20), a card (0xe8), ignition (0xfe,
/// 0xff). 0x0c is the power-on notice of some models and the tamper alarm of others.
fn is_alarm(code: u16) -> bool {
    !matches!(code, 0x00 | 0x0a | 0x0b | 0x0d | 0x12 | 0x20 | 0xe8 | 0xfe | 0xff)
}

/// Volts sent in hundredths.
pub(super) fn hundredths(value: u16) -> f64 {
    f64::from(value) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_four_hemispheres_and_no_fix() {
        let at = |flags: u16| {
            let mut record = Record::nowhere(Timestamp::from_secs(0));
            record.place(18_000_000, 36_000_000, Some(36), flags);
            record.batch.fixes[0]
        };
        for (bits, lat, lon) in
            [(0x1400, 10.0, 20.0), (0x1000, -10.0, 20.0), (0x1c00, 10.0, -20.0), (0x1800, -10.0, -20.0)]
        {
            assert_eq!(at(bits).position, LatLon::new(lat, lon));
            assert!(at(bits).valid);
        }
        assert!(!at(0x0400).valid && at(0x0400).position.is_some());
        assert_eq!(at(0x1590).heading_deg, None);
    }

    #[test]
    fn zones_are_taken_off() {
        let clock = Clock { zone_s: -4 * 3600, now: Timestamp::from_secs(0) };
        assert_eq!(clock.time([26, 1, 16, 21, 30, 0]).unwrap().to_string(), "2026-01-17T01:30:00Z");
        assert_eq!(clock.bcd_time([0x26, 1, 0x16, 0x21, 0x30, 0]), clock.time([26, 1, 16, 21, 30, 0]));
        assert_eq!(clock.time([0; 6]), None);
    }
}

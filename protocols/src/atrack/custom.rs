//! Custom fields: two letters each, chosen by the owner. A report may say which it has, or the device in answer to a
//! command.

use model::{FixBatch, Known};

use super::beacon;
use crate::DecodeError;
use crate::bytes::Bytes;
use crate::put::Put;
use crate::text::{number, whole};
use crate::units;

/// Longest list of custom fields.
const LONGEST: usize = 256;
/// Ends a text among the fields of a line.
const TEXT_END: u8 = 0x1a;
/// Tenths of an hour in seconds.
const TENTH_HOUR_S: i64 = 360;

/// A list of fields such as `%MV%BV%GQ`.
#[derive(Clone, Debug)]
pub(super) struct Form {
    text: [u8; LONGEST],
    len: usize,
}

impl Default for Form {
    fn default() -> Self {
        Self { text: [0; LONGEST], len: 0 }
    }
}

/// How a field stands in a binary record.
#[derive(Clone, Copy)]
enum Width {
    Byte,
    Word,
    SignedWord,
    Long,
    SignedLong,
    Eight,
    /// Up to a zero byte.
    Text,
    /// Of no use here.
    Skip(usize),
}

fn width(key: &[u8]) -> Option<Width> {
    Some(match key {
        b"SA" | b"GQ" | b"RL" | b"GS" | b"DT" | b"EL" | b"TR" | b"FL" | b"ML" | b"PD" | b"IA" | b"MP" | b"MT"
        | b"HA" | b"HB" | b"HC" | b"IN0" | b"IN1" | b"IN2" | b"IN3" => Width::Byte,
        b"MV" | b"BV" | b"LC" | b"RP" | b"MF" | b"SM" | b"AV1" | b"AV2" | b"AV3" => Width::Word,
        b"ET" => Width::SignedWord,
        b"CE" | b"CN" | b"PC" | b"FC" | b"EH" => Width::Long,
        b"AT" => Width::SignedLong,
        b"CM" | b"ME" => Width::Eight,
        b"VN" | b"CI" | b"NC" | b"GL" | b"MA" | b"CD" | b"BC" => Width::Text,
        b"GN" => Width::Skip(60),
        b"GV" => Width::Skip(6),
        _ => return None,
    })
}

impl Form {
    /// The list that stands in a text, from its first `%` on.
    pub fn of(text: &[u8]) -> Self {
        let mut form = Self::default();
        let start = text.iter().position(|b| *b == b'%').unwrap_or(text.len());
        let list = text.get(start..).unwrap_or_default();
        let list = list.strip_prefix(b"%CI").unwrap_or(list);
        let is_list = |b: &&u8| **b == b'%' || b.is_ascii_uppercase() || b.is_ascii_digit();
        for (place, byte) in form.text.iter_mut().zip(list.iter().take_while(is_list)) {
            *place = *byte;
            form.len += 1;
        }
        form
    }

    fn list(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or(&self.text)
    }

    fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.list().split(|b| *b == b'%').filter(|key| !key.is_empty())
    }

    /// Where the list stands again, with `%CI` before it.
    pub fn find(&self, bytes: &[u8]) -> Option<usize> {
        let list = self.list();
        let mut windows = bytes.windows(list.len() + 3);
        windows.position(|window| window.strip_prefix(b"%CI") == Some(list))
    }

    /// The fields of a binary record.
    pub fn binary(&self, rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Result<(), DecodeError> {
        let mut network = Network::default();
        for key in self.keys() {
            let width = width(key).ok_or(DecodeError::Field("custom field"))?;
            let value = match width {
                Width::Byte => rest.u8().map(i64::from),
                Width::Word => rest.u16().map(i64::from),
                Width::SignedWord => rest.i16().map(i64::from),
                Width::Long => rest.u32().map(i64::from),
                Width::SignedLong => rest.i32().map(i64::from),
                Width::Eight => rest.u64().map(units::int),
                Width::Text => {
                    let text = rest.until(0).ok_or(super::binary::CUT)?;
                    words(key, text, batch);
                    continue;
                }
                Width::Skip(len) => {
                    rest.skip(len).ok_or(super::binary::CUT)?;
                    continue;
                }
            };
            value_of(key, value.ok_or(super::binary::CUT)?, &mut network, batch);
        }
        network.finish(batch);
        Ok(())
    }

    /// The fields of a line, after the list if it has one. Those of which the device did not say what they are keep their
    /// number.
    pub fn line(&self, fields: &[u8], batch: &mut FixBatch) {
        let own = fields.starts_with(b"%CI").then(|| split(fields, b',').map(|(form, rest)| (Self::of(form), rest)));
        match own {
            Some(Some((form, rest))) => form.values(rest, batch),
            Some(None) => {}
            None if self.len > 0 => self.values(fields, batch),
            None => unnamed(fields, batch),
        }
    }

    fn values(&self, mut rest: &[u8], batch: &mut FixBatch) {
        let mut network = Network::default();
        for key in self.keys() {
            // An address on a map has commas of its own.
            let end = if key == b"GL" && rest.contains(&TEXT_END) { TEXT_END } else { b',' };
            let (field, mut later) = split(rest, end).unwrap_or((rest, b""));
            if end == TEXT_END {
                later = later.strip_prefix(b",").unwrap_or(later);
            }
            rest = later;
            let field = field.strip_suffix(&[TEXT_END]).unwrap_or(field);
            match (width(key), whole(field)) {
                (Some(Width::Text), _) => words(key, field, batch),
                (Some(Width::Skip(_)), _) => {}
                (_, Some(value)) => value_of(key, value, &mut network, batch),
                (..) => words(key, field, batch),
            }
        }
        network.finish(batch);
    }
}

/// Up to a byte and after it.
fn split(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|b| *b == at)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

fn unnamed(fields: &[u8], batch: &mut FixBatch) {
    for (at, field) in fields.split(|b| *b == b',').enumerate().filter(|(_, field)| !field.is_empty()) {
        if beacon::lengths(field, batch) {
            continue;
        }
        let key = batch.numbered("custom_", at + 1, "");
        let value = match number(field) {
            Some(number) => model::Value::Float(number),
            None => crate::put::text_or_bytes(batch, field),
        };
        batch.attribute(key, value);
    }
}

/// The cell, of which the parts come in any order.
#[derive(Default)]
struct Network {
    cell: i64,
    area: i64,
    country: i64,
    network: i64,
}

impl Network {
    fn finish(&self, batch: &mut FixBatch) {
        if self.cell == 0 {
            return;
        }
        for (name, value) in [("mcc", self.country), ("mnc", self.network), ("lac", self.area), ("cell_id", self.cell)]
        {
            if value != 0 {
                batch.put_int(name, value);
            }
        }
    }
}

/// A number of a field that is known.
fn value_of(key: &[u8], value: i64, network: &mut Network, batch: &mut FixBatch) {
    let tenths = value as f64 / 10.0;
    match key {
        b"SA" => {
            if let Some(fix) = batch.fixes.last_mut() {
                fix.satellites = u64::try_from(value).ok().map(units::satellites);
            }
        }
        b"AT" => {
            if let Some(fix) = batch.fixes.last_mut() {
                fix.altitude_m = Some(units::single(value as f64));
            }
        }
        b"MV" => batch.known_float(Known::ExternalVoltageV, tenths),
        b"BV" => batch.known_float(Known::BatteryVoltageV, tenths),
        b"GQ" => batch.known_int(Known::GsmSignal, value),
        b"GS" => batch.put_int("gsm_status", value),
        b"CE" => network.cell = value,
        b"LC" => network.area = value,
        // Three digits and two or three.
        b"CN" if value >= 100_000 => (network.country, network.network) = (value / 1000, value % 1000),
        b"CN" => (network.country, network.network) = (value / 100, value % 100),
        b"DT" => batch.known_bool(Known::Archive, value == 1),
        b"MT" => batch.known_bool(Known::Movement, value > 0),
        b"HA" | b"HB" | b"HC" => {
            if value > 0 {
                batch.known_bool(Known::Alarm, true);
            }
            put(key, value, batch);
        }
        b"EH" => batch.put_int("engine_hours_s", value.saturating_mul(TENTH_HOUR_S)),
        b"AV1" => batch.put_float("adc_1_v", value as f64 / 1000.0),
        b"AV2" => batch.put_float("adc_2_v", value as f64 / 1000.0),
        b"AV3" => batch.put_float("adc_3_v", value as f64 / 1000.0),
        b"ML" => batch.put_bool("malfunction", value != 0),
        _ => put(key, value, batch),
    }
}

/// A number under the field's name.
fn put(key: &[u8], value: i64, batch: &mut FixBatch) {
    let name = match key {
        b"RL" => "gsm_level",
        b"PC" => "pulse_count",
        b"RP" => "rpm",
        b"MF" => "air_flow",
        b"EL" => "engine_load_percent",
        b"TR" => "throttle_percent",
        b"ET" => "coolant_temperature_c",
        b"FL" => "fuel_percent",
        b"FC" => "fuel_consumption",
        b"SM" => "speed_max_kmh",
        b"PD" => "pending_code",
        b"IA" => "intake_temperature_c",
        b"MP" => "air_pressure_kpa",
        b"HA" => "harsh_acceleration",
        b"HB" => "harsh_braking",
        b"HC" => "harsh_cornering",
        b"CM" => "imsi",
        b"ME" => "imei",
        other => std::str::from_utf8(other).unwrap_or("custom"),
    };
    batch.put_int(name, value);
}

fn words(key: &[u8], text: &[u8], batch: &mut FixBatch) {
    let name = match key {
        b"CI" | b"GL" => return,
        b"BC" => return beacon::masked(text, batch),
        b"VN" => "vin",
        b"CD" => "iccid",
        b"NC" => "neighbour_cells",
        b"MA" => "mac",
        other => std::str::from_utf8(other).unwrap_or("custom"),
    };
    batch.put_text(name, text.trim_ascii());
}

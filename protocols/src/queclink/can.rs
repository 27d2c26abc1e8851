//! `GTCAN` and `GTOBD`: what the vehicle's buses say.

use model::{FixBatch, Known, Value};

use crate::text::{hexadecimal, number, whole};
use crate::units::int;

use super::attributes as add;
use super::model::Model;
use super::report::Report;

/// Metres of a step of the distances on the bus.
const HECTOMETRE: i64 = 100;
/// Seconds of an hour.
const HOUR: f64 = 3600.0;
/// Bit of the mask with which a mask of more fields follows, and that within it.
const EXPANDED: u32 = 29;
const EXPANDED_AGAIN: u32 = 31;

/// Fields in the order of the mask's bits, but for speed, which follows engine speed.
const ORDER: [u32; 22] = [0, 1, 2, 3, 5, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21];

/// The fields of the mask at the index.
struct Fields<'a, 'b> {
    report: &'b Report<'a>,
    next: usize,
}

impl<'a> Fields<'a, '_> {
    fn next(&mut self) -> &'a [u8] {
        let field = self.report.get(self.next);
        self.next += 1;
        field
    }
}

/// Reads the fields of `GTCAN`: name, type, state of the bus, mask, and what the mask says.
pub(super) fn read(report: &Report<'_>, batch: &mut FixBatch) {
    let mask_at = 6 + usize::from(report.vin().is_some());
    let Some(mask) = hexadecimal(report.get(mask_at)) else { return };
    let mut fields = Fields { report, next: mask_at + 1 };
    for bit in ORDER.into_iter().filter(|bit| mask >> bit & 1 != 0) {
        let field = fields.next();
        if !field.is_empty() {
            basic(bit, field, batch);
        }
    }
    match report.model {
        Model::Gv350m => skip(&mut fields, mask, 22..=24),
        Model::Gv350ceu | Model::Gv355ceu => skip(&mut fields, mask, 23..=27),
        _ => {}
    }
    if mask >> EXPANDED & 1 == 0 {
        return;
    }
    let Some(mask) = hexadecimal(fields.next()) else { return };
    for bit in (0..EXPANDED_AGAIN).filter(|bit| mask >> bit & 1 != 0) {
        let field = fields.next();
        if !field.is_empty() {
            expanded(bit, field, batch);
        }
    }
}

fn skip(fields: &mut Fields<'_, '_>, mask: u64, bits: std::ops::RangeInclusive<u32>) {
    fields.next += bits.filter(|bit| mask >> bit & 1 != 0).count();
}

fn basic(bit: u32, field: &[u8], batch: &mut FixBatch) {
    match bit {
        0 => add::text(batch, "vin", field),
        // Off, on, or running.
        1 => {
            if let Some(key) = whole(field) {
                batch.known(Known::Ignition, Value::Bool(key > 0));
            }
        }
        // `H` hectometres, `I` impulses.
        2 => match field {
            [b'H', distance @ ..] => add::int(batch, "can_odometer_m", whole(distance).and_then(hectometres)),
            _ => add::text(batch, "can_impulses", field),
        },
        3 => add::float(batch, "fuel_used_l", litres(field)),
        4 => add::int(batch, "can_speed_kmh", whole(field)),
        5 => add::int(batch, "rpm", whole(field)),
        6 => add::int(batch, "coolant_temperature_c", whole(field)),
        // Litres for 100 km, which stand as `M` with the model's own figure, or an hour.
        7 => match field.strip_prefix(b"L/H") {
            Some(hourly) => add::float(batch, "fuel_consumption_l_h", number(hourly)),
            None => add::float(batch, "fuel_consumption_l_100km", number(field.strip_prefix(b"M").unwrap_or(field))),
        },
        8 => match field {
            [b'P', level @ ..] => add::float(batch, "fuel_level_percent", number(level)),
            [b'L', level @ ..] => add::float(batch, "fuel_level_l", number(level)),
            _ => {}
        },
        9 => add::int(batch, "range_m", whole(field).and_then(hectometres)),
        10 => add::int(batch, "throttle_percent", whole(field)),
        11 => add::int(batch, "engine_hours_s", number(field).map(seconds)),
        12 => add::float(batch, "driving_hours", number(field)),
        13 => add::float(batch, "idle_hours", number(field)),
        14 => add::float(batch, "idle_fuel_l", litres(field)),
        15 => add::int(batch, "axle_weight_kg", whole(field)),
        16 => add::int(batch, "tachograph", hexadecimal(field).map(int)),
        17 => add::int(batch, "indicators", hexadecimal(field).map(int)),
        18 => add::int(batch, "lights", hexadecimal(field).map(int)),
        19 => doors(field, batch),
        20 => add::float(batch, "overspeed_hours", number(field)),
        _ => add::float(batch, "engine_overspeed_hours", number(field)),
    }
}

fn expanded(bit: u32, field: &[u8], batch: &mut FixBatch) {
    match bit {
        0 => add::float(
            batch,
            "adblue_level",
            number(field.strip_prefix(b"P").or(field.strip_prefix(b"L")).unwrap_or(field)),
        ),
        1 => add::int(batch, "axle_weight_1_kg", whole(field)),
        2 => add::int(batch, "axle_weight_3_kg", whole(field)),
        3 => add::int(batch, "axle_weight_4_kg", whole(field)),
        7 => add::float(batch, "adc_1_v", add::volts(field)),
        15 => add::driver(batch, field),
        16 => add::text(batch, "driver_2_id", field),
        17 => add::text(batch, "driver_1_name", field),
        18 => add::text(batch, "driver_2_name", field),
        19 => add::text(batch, "registration", field),
        21 => add::int(batch, "rapid_brakings", whole(field)),
        22 => add::int(batch, "rapid_accelerations", whole(field)),
        23 => add::float(batch, "engine_torque", number(field)),
        24 => add::int(batch, "service_distance", whole(field)),
        25 => add::float(batch, "ambient_temperature_c", number(field)),
        _ => {}
    }
}

/// Doors open as bits: driver's, front passenger's, rear left, rear right, boot, bonnet.
fn doors(field: &[u8], batch: &mut FixBatch) {
    let Some(bits) = hexadecimal(field) else { return };
    add::int(batch, "doors", Some(int(bits)));
    for (bit, door) in [Known::Door1, Known::Door2, Known::Door3, Known::Door4].into_iter().enumerate() {
        batch.known(door, Value::Bool(bits >> bit & 1 != 0));
    }
}

fn seconds(hours: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a float to integer cast saturates")]
    let seconds = (hours * HOUR).round() as i64;
    seconds
}

fn hectometres(count: i64) -> Option<i64> {
    count.checked_mul(HECTOMETRE)
}

/// Litres behind an `L` or nothing; `K` stands for kilograms of gas.
fn litres(field: &[u8]) -> Option<f64> {
    number(field.strip_prefix(b"L").unwrap_or(field))
}

/// Reads the fields of `GTOBD` that stand between the mask and the position at `at`.
pub(super) fn obd(report: &Report<'_>, at: Option<usize>, batch: &mut FixBatch) {
    // The vehicle's number and the name, type, mask, the number again, connected, voltage.
    let is_mask = |i: usize| report.get(i - 1).len() == 1 && (6..=8).contains(&report.get(i).len());
    let Some(mask_at) = [6, 5].into_iter().find(|i| is_mask(*i) && hexadecimal(report.get(*i)).is_some()) else {
        return;
    };
    let field = |i: usize| report.get(mask_at + i);
    if report.vin().is_none() {
        add::text(batch, "vin", field(1));
    }
    add::float(batch, "obd_voltage_v", add::volts(field(3)));
    add::int(batch, "rpm", whole(field(5)));
    add::int(batch, "obd_speed_kmh", whole(field(6)));
    add::int(batch, "coolant_temperature_c", whole(field(7)));
    add::float(batch, "fuel_consumption_l_100km", number(field(8)));
    add::int(batch, "dtcs_cleared_distance_km", whole(field(9)));
    add::int(batch, "mil_distance_km", whole(field(10)));
    add::int(batch, "mil", whole(field(11)));
    add::int(batch, "dtcs", whole(field(12)));
    add::text(batch, "dtc_codes", field(13));
    add::int(batch, "throttle_percent", whole(field(14)));
    add::int(batch, "engine_load_percent", whole(field(15)));
    add::int(batch, "fuel_level_percent", whole(field(16)));
    if let Some(at) = at.filter(|at| *at > mask_at + 17) {
        add::int(batch, "obd_odometer_m", whole(report.get(at - 1)).and_then(|km| km.checked_mul(1000)));
    }
}

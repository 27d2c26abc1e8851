//! `GTERI`: a fixed report with what external sensors say, by a mask.

use model::{FixBatch, Timestamp};

use crate::text::{hexadecimal, number, whole};
use crate::units::int;

use super::attributes as add;
use super::model::Model;
use super::report::Report;
use super::tail;

/// Bits of the mask.
const DIGITAL_FUEL: u64 = 1 << 0;
const ONE_WIRE: u64 = 1 << 1;
const CAN: u64 = 1 << 2;
const FUEL_PERCENT: u64 = 1 << 3;
const FUEL_VOLUME: u64 = 1 << 4;
const RADIO_SENSORS: u64 = 1 << 7;
const BLUETOOTH: u64 = 1 << 8;
const FUEL_TEMPERATURE: u64 = 1 << 10;
const ULTRASONIC: u64 = 1 << 29;
/// Most sensors of a kind.
const MAX_SENSORS: usize = 16;
/// Degrees of one step of a 1-wire thermometer (DS18B20).
const ONE_WIRE_STEP: f64 = 0.0625;

/// Pushes the positions of the report and what its sensors say.
pub(super) fn read(report: &Report<'_>, now: Timestamp, batch: &mut FixBatch) {
    // GV500 has the vehicle's number before the name.
    let mask_at = if is_mask(report.get(4)) { 4 } else { 5 };
    let mask = hexadecimal(report.get(mask_at)).unwrap_or(0);
    // Name, mask, external supply, type, number of positions.
    let first = report.next_position(mask_at).unwrap_or(mask_at + 4);
    let next = super::reports::positions(report, first, now, batch);
    super::reports::head(report, first, batch);
    let tail = report.range(next, report.end);
    let sensors = match tail::status(tail) {
        Some(status) => {
            tail::before_status(tail, status, batch);
            status + 2
        }
        None => without_status(report.model, mask, tail, batch),
    };
    let mut rest = Rest(tail.get(sensors..).unwrap_or_default());
    external(report.model, mask, &mut rest, batch);
}

fn is_mask(field: &[u8]) -> bool {
    field.len() == 8 && hexadecimal(field).is_some()
}

/// The fields before the sensors of models without a status; says how many there are.
fn without_status(model: Model, mask: u64, tail: &[&[u8]], batch: &mut FixBatch) -> usize {
    let field = |i: usize| tail.get(i).copied().unwrap_or_default();
    match model {
        Model::Gl5 => {
            // Error rate, mileage, battery, mode, movement.
            add::battery(batch, field(2));
            tail::moves(field(4), batch);
            5
        }
        Model::Gl320m => {
            add::odometer(batch, field(0));
            add::battery(batch, field(1));
            if mask & RADIO_SENSORS == 0 {
                return 2;
            }
            add::int(batch, "external_battery_percent", whole(field(2)));
            3
        }
        Model::Gv200 => {
            tail::gv200(tail, batch);
            8
        }
        _ => {
            // The status may be empty: battery is where it is with two analog inputs.
            let status = if model == Model::Gv350m { 4 } else { 5 };
            tail::before_status(tail, status, batch);
            status + 2
        }
    }
}

/// Fields that have not been read.
pub(super) struct Rest<'a, 'b>(pub &'b [&'a [u8]]);

impl<'a> Rest<'a, '_> {
    fn next(&mut self) -> &'a [u8] {
        match self.0 {
            [first, rest @ ..] => {
                self.0 = rest;
                first
            }
            [] => b"",
        }
    }

    /// How many sensors follow.
    fn count(&mut self) -> usize {
        whole(self.next()).and_then(|n| usize::try_from(n).ok()).unwrap_or(0).min(MAX_SENSORS)
    }
}

/// What the mask says that external devices report, in the order of the manual.
fn external(model: Model, mask: u64, rest: &mut Rest<'_, '_>, batch: &mut FixBatch) {
    let has = |bit: u64| mask & bit != 0;
    let lists_fuel = model == Model::Gv350m;
    if has(DIGITAL_FUEL) && !lists_fuel {
        add::int(batch, "fuel_1", hexadecimal(rest.next()).map(int));
    }
    if has(ULTRASONIC) && !model.is_portable() {
        ultrasonic(rest, batch);
    }
    if has(ONE_WIRE) {
        one_wire(rest, batch);
    }
    if has(CAN) {
        // Its length depends on a mask of its own; the same is sent as `GTCAN`.
        return;
    }
    if has(FUEL_PERCENT | FUEL_VOLUME) || has(DIGITAL_FUEL) && lists_fuel {
        fuel(mask, lists_fuel, rest, batch);
    }
    if has(RADIO_SENSORS) && model != Model::Gl320m {
        radio_sensors(rest, batch);
    }
    if has(BLUETOOTH) && model != Model::Gl320m {
        bluetooth(rest, batch);
    }
}

fn ultrasonic(rest: &mut Rest<'_, '_>, batch: &mut FixBatch) {
    rest.next();
    rest.next();
    let mask = hexadecimal(rest.next()).unwrap_or(0);
    if mask & 1 != 0 {
        add::int(batch, "fuel_1", hexadecimal(rest.next()).map(int));
    }
    if mask & 2 != 0 {
        add::int(batch, "fuel_height", hexadecimal(rest.next()).map(int));
    }
}

/// Keys and thermometers on the 1-wire bus: address, type, data.
fn one_wire(rest: &mut Rest<'_, '_>, batch: &mut FixBatch) {
    for index in 1..=rest.count() {
        let (address, kind, data) = (rest.next(), rest.next(), rest.next());
        add::text(batch, &format!("one_wire_{index}"), address);
        if kind == b"1"
            && let Some(raw) = hexadecimal(data).and_then(|raw| u16::try_from(raw).ok())
        {
            let degrees = f64::from(raw.cast_signed()) * ONE_WIRE_STEP;
            add::float(batch, &format!("temperature_{index}_c"), Some(degrees));
        }
    }
}

/// Fuel sensors on the serial port.
fn fuel(mask: u64, lists_fuel: bool, rest: &mut Rest<'_, '_>, batch: &mut FixBatch) {
    if rest.0.is_empty() {
        return;
    }
    for index in 1..=rest.count() {
        rest.next();
        if lists_fuel {
            rest.next();
            if mask & DIGITAL_FUEL != 0 {
                add::int(batch, &format!("fuel_{index}"), hexadecimal(rest.next()).map(int));
            }
        }
        if mask & FUEL_PERCENT != 0 {
            add::float(batch, &format!("fuel_level_{index}_percent"), number(rest.next()));
        }
        if mask & FUEL_VOLUME != 0 {
            add::float(batch, &format!("fuel_volume_{index}_l"), number(rest.next()));
        }
        if mask & FUEL_TEMPERATURE != 0 {
            add::float(batch, &format!("fuel_temperature_{index}_c"), number(rest.next()));
        }
    }
}

/// Thermometers, and hygrometers (type 2), at 433 MHz.
fn radio_sensors(rest: &mut Rest<'_, '_>, batch: &mut FixBatch) {
    for index in 1..=rest.count() {
        let (serial, kind) = (rest.next(), rest.next());
        add::text(batch, &format!("sensor_{index}"), serial);
        add::float(batch, &format!("sensor_{index}_temperature_c"), number(rest.next()));
        if kind == b"2" {
            add::float(batch, &format!("sensor_{index}_humidity"), number(rest.next()));
        }
    }
}

/// Bluetooth accessories, each with a mask of what it says.
fn bluetooth(rest: &mut Rest<'_, '_>, batch: &mut FixBatch) {
    for index in 1..=rest.count() {
        let (_index, _kind, _model) = (rest.next(), rest.next(), rest.next());
        // Raw data, which some models precede with its length.
        rest.next();
        let mut mask = rest.next();
        if mask.len() != 4 {
            mask = rest.next();
        }
        let Some(mask) = hexadecimal(mask) else { return };
        accessory(&format!("tag_{index}"), mask, rest, batch);
    }
}

/// What a Bluetooth accessory says, by the bits of its mask from the lowest.
pub(super) fn accessory(name: &str, mask: u64, rest: &mut Rest<'_, '_>, batch: &mut FixBatch) {
    for bit in (0..16).filter(|bit| mask >> bit & 1 != 0) {
        let named = |what: &str| format!("{name}_{what}");
        match bit {
            // Not used by the manual, and without a field.
            6 | 15 => {}
            0 => add::text(batch, &named("name"), rest.next()),
            1 => add::text(batch, &named("id"), rest.next()),
            2 => add::int(batch, &named("status"), whole(rest.next())),
            3 => add::float(batch, &named("battery_v"), add::volts(rest.next())),
            4 => add::float(batch, &named("temperature_c"), number(rest.next())),
            5 => add::int(batch, &named("humidity"), whole(rest.next())),
            9 => add::float(batch, &named("pressure"), number(rest.next())),
            11 => add::float(batch, &named("fine_temperature_c"), number(rest.next())),
            13 => add::int(batch, &named("battery_percent"), whole(rest.next())),
            _ => {
                rest.next();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_ends_in_empty_fields() {
        let fields: [&[u8]; 2] = [b"3", b"x"];
        let mut rest = Rest(&fields);
        assert_eq!((rest.count(), rest.next(), rest.next(), rest.count()), (3, &b"x"[..], &b""[..], 0));
    }
}

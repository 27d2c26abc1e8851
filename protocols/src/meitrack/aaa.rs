//! Records in text: `AAA`, and the commands that carry the same record.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use crate::text::{Fields, hexadecimal, number, whole, year_month_day};
use crate::units::{heading, int, kmh, satellites, single};

use super::attributes as add;
use super::event::DRIVER;

/// Fields that may stand before the event code, such as the number of records that wait.
const MAX_BEFORE: usize = 2;
/// From the protocol version in the record on: temperatures as one number with a sign.
const SIGNED_TEMPERATURES: i64 = 3;
/// Versions of taximeters, which have a count and its fields where others have accelerations.
const TAXIMETER: i64 = 100;
/// Bounds of what a fix can hold.
const MAX_KMH: f64 = 1000.0;
const MAX_ALTITUDE_M: f64 = 100_000.0;
const MAX_TEMPERATURES: usize = 16;

/// Pushes the record; `None` where the data are none.
pub(super) fn read(data: &[u8], now: Timestamp, batch: &mut FixBatch) -> Option<()> {
    let mut fields = Fields::new(data, b',');
    for _ in 0..=MAX_BEFORE {
        if is_record(fields.clone()) {
            record(fields, now, batch);
            return Some(());
        }
        fields.next()?;
    }
    None
}

/// Event code, latitude, longitude, time, `A` or `V`.
fn is_record(mut fields: Fields<'_>) -> bool {
    let (event, _lat, _lon) = (fields.whole(), fields.next(), fields.next());
    let time = fields.next().unwrap_or_default();
    let valid = fields.next().unwrap_or_default();
    event.is_some() && time.len() == 12 && time.iter().all(u8::is_ascii_digit) && matches!(valid, b"A" | b"V")
}

fn record(mut fields: Fields<'_>, now: Timestamp, batch: &mut FixBatch) {
    let event = fields.whole().and_then(|e| u32::try_from(e).ok()).unwrap_or(0);
    let (lat, lon) = (fields.number(), fields.number());
    let time = fields.next().and_then(|t| t.split_at_checked(6)).and_then(|(date, clock)| year_month_day(date, clock));
    let mut fix = Fix::nowhere(time.unwrap_or(now));
    let position = lat.zip(lon).and_then(|(lat, lon)| LatLon::new(lat, lon));
    fix.position = position.filter(|p| !p.is_null_island());
    fix.valid = fields.next() == Some(b"A") && fix.position.is_some();
    fix.satellites = fields.whole().and_then(|n| u64::try_from(n).ok()).map(satellites);
    let signal = fields.whole();
    fix.speed_mps = fields.number().filter(|s| (0.0..MAX_KMH).contains(s)).map(kmh);
    fix.heading_deg = fields.number().and_then(heading);
    fix.hdop = fields.number().filter(|h| (0.0..=100.0).contains(h) && *h > 0.0).map(single);
    fix.altitude_m = fields.number().filter(|a| a.abs() < MAX_ALTITUDE_M).map(single);
    batch.push(fix);
    add::event(batch, event);
    if let Some(signal) = signal {
        batch.known(Known::GsmSignal, Value::Int(signal));
    }
    if let Some(metres) = fields.whole() {
        batch.known(Known::OdometerM, Value::Int(metres));
    }
    add::int(batch, "run_time_s", fields.whole());
    cell(fields.next().unwrap_or_default(), batch);
    // Inputs in the upper byte, outputs in the lower.
    if let Some(ports) = fields.next().and_then(hexadecimal) {
        add::ports(batch, ports >> 8 & 0xff, ports & 0xff);
    }
    analog(fields.next().unwrap_or_default(), batch);
    event_data(event, fields.next().unwrap_or_default(), batch);
    more(fields, batch);
}

/// Country and network in decimal, area and cell in hex.
fn cell(field: &[u8], batch: &mut FixBatch) {
    let mut parts = Fields::new(field, b'|');
    let (mcc, mnc) = (parts.whole(), parts.whole());
    let mut hex = || parts.next().and_then(hexadecimal).map(int);
    add::cell(batch, [mcc, mnc, hex(), hex()]);
}

/// Three inputs, battery and external supply, in hex of the converter, or in volts with
/// those of clock, processor and receiver.
fn analog(field: &[u8], batch: &mut FixBatch) {
    let mut parts = Fields::new(field, b'|');
    if field.contains(&b'.') {
        for key in [Known::BatteryVoltageV, Known::ExternalVoltageV] {
            if let Some(volts) = parts.number() {
                batch.known(key, Value::Float(volts));
            }
        }
        for name in ["rtc_voltage_v", "mcu_voltage_v", "gps_voltage_v"] {
            add::float(batch, name, parts.number());
        }
        return;
    }
    for name in ["adc_1", "adc_2", "adc_3"] {
        add::int(batch, name, parts.next().and_then(hexadecimal).map(int));
    }
    let (battery, supply) = (parts.next().and_then(hexadecimal), parts.next().and_then(hexadecimal));
    let converter = battery.and_then(Converter::of);
    match battery.zip(converter.as_ref()) {
        Some((raw, converter)) => batch.known(Known::BatteryVoltageV, Value::Float(converter.battery(raw))),
        None => add::int(batch, "adc_4", battery.map(int)),
    }
    match supply.zip(converter).and_then(|(raw, converter)| converter.supply(raw)) {
        Some(volts) => batch.known(Known::ExternalVoltageV, Value::Float(volts)),
        None => add::int(batch, "adc_5", supply.map(int)),
    }
}

/// What the converter's numbers stand for. It depends on the model, which the record does not
/// name; but a lithium battery has 2.5 to 5 V, which tells the scales apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Converter {
    /// Hundredths of a volt: T1, T3, T311, T322X, T333, T355 and later.
    Hundredths,
    /// Ten bits of 3 V behind dividers by 2 and 16: MVT340, MVT380.
    TenBits,
    /// Twelve bits of 3.3 V behind the same: MVT100, MVT600, MVT800, TC68.
    TwelveBits,
}

impl Converter {
    const fn of(battery: u64) -> Option<Self> {
        match battery {
            250..=500 => Some(Self::Hundredths),
            501..=853 => Some(Self::TenBits),
            1552..=3103 => Some(Self::TwelveBits),
            _ => None,
        }
    }

    fn battery(self, raw: u64) -> f64 {
        match self {
            Self::Hundredths => raw as f64 / 100.0,
            Self::TenBits => raw as f64 * 3.0 * 2.0 / 1024.0,
            Self::TwelveBits => raw as f64 * 3.3 * 2.0 / 4096.0,
        }
    }

    /// Volts of the external supply; MT90, which has twelve bits and another divider, shows
    /// by more than a vehicle has.
    fn supply(self, raw: u64) -> Option<f64> {
        const MOST_OF_A_VEHICLE: f64 = 33.0;
        let volts = match self {
            Self::Hundredths => return Some(raw as f64 / 100.0),
            Self::TenBits => raw as f64 * 3.0 * 16.0 / 1024.0,
            Self::TwelveBits => raw as f64 * 3.3 * 16.0 / 4096.0,
        };
        (volts <= MOST_OF_A_VEHICLE).then_some(volts)
    }
}

/// What the event is about: the card, the picture's name, flags of the system.
fn event_data(event: u32, field: &[u8], batch: &mut FixBatch) {
    match std::str::from_utf8(field) {
        Ok(card) if event == DRIVER && !card.is_empty() => add::driver(batch, card),
        _ => add::text(batch, "event_data", field),
    }
}

/// A field for the customer, the version of the protocol, fuel, temperatures, and accelerations
/// or the taximeter.
fn more(mut fields: Fields<'_>, batch: &mut FixBatch) {
    add::text(batch, "custom_data", fields.next().unwrap_or_default());
    let version = fields.whole().unwrap_or(0);
    fuel(fields.next().unwrap_or_default(), batch);
    let temperatures = fields.next().unwrap_or_default();
    for temperature in temperatures.split(|b| *b == b'|').take(MAX_TEMPERATURES) {
        self::temperature(version, temperature, batch);
    }
    if version >= TAXIMETER {
        taximeter(fields, batch);
        return;
    }
    add::int(batch, "max_acceleration", fields.whole());
    add::int(batch, "max_deceleration", fields.whole());
}

/// Percent, the whole in the upper byte and hundredths in the lower.
fn fuel(field: &[u8], batch: &mut FixBatch) {
    if let Some(raw) = hexadecimal(field).filter(|_| field.len() == 4) {
        let percent = (raw >> 8) as f64 + (raw & 0xff) as f64 / 100.0;
        add::float(batch, "fuel_level_percent", Some(percent));
    }
}

/// The sensor's number and its degrees in hundredths, or in older versions whole degrees with
/// a sign and then hundredths.
fn temperature(version: i64, field: &[u8], batch: &mut FixBatch) {
    let Some((sensor, value)) = field.split_at_checked(2).filter(|(_, value)| value.len() == 4) else { return };
    let (Some(sensor), Some(value)) = (hexadecimal(sensor), hexadecimal(value).and_then(|v| u16::try_from(v).ok()))
    else {
        return;
    };
    let degrees = if version >= SIGNED_TEMPERATURES {
        f64::from(value.cast_signed()) / 100.0
    } else {
        let [whole, hundredths] = value.to_be_bytes();
        let (whole, hundredths) = (f64::from(whole.cast_signed()), f64::from(hundredths) / 100.0);
        if whole < 0.0 { whole - hundredths } else { whole + hundredths }
    };
    add::float(batch, &format!("temperature_{sensor}_c"), Some(degrees));
}

/// Count of fields, and of them the taximeter's: state, start, end, distance, fare, trip, wait.
fn taximeter(fields: Fields<'_>, batch: &mut FixBatch) {
    let mut fields = fields.skip(2);
    add::text(batch, "temperature_data", fields.next().unwrap_or_default());
    let Some(meter) = fields.nth(3).filter(|f| !f.is_empty()) else { return };
    let mut parts = Fields::new(meter, b'|');
    if let Some(on) = parts.next().and_then(|state| state.get(1)) {
        let key = batch.name("taximeter_on");
        batch.attribute(key, Value::Bool(*on == b'0'));
    }
    add::text(batch, "taximeter_start", parts.next().unwrap_or_default());
    add::text(batch, "taximeter_end", parts.next().unwrap_or_default());
    add::int(batch, "taximeter_distance", parts.next().and_then(whole));
    add::float(batch, "taximeter_fare", parts.next().and_then(number));
    add::text(batch, "taximeter_trip", parts.next().unwrap_or_default());
    add::text(batch, "taximeter_wait", parts.next().unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_battery_tells_which_converter_it_is() {
        for (raw, converter, volts) in [
            (0x018d, Converter::Hundredths, 3.97),
            (0x02d3, Converter::TenBits, 4.236),
            (0x0a58, Converter::TwelveBits, 4.267),
        ] {
            let found = Converter::of(raw).unwrap();
            assert_eq!(found, converter);
            assert!((found.battery(raw) - volts).abs() < 0.001, "{raw}");
        }
        assert_eq!(Converter::of(0), None);
        assert_eq!(Converter::TwelveBits.supply(0x0b34), None);
    }
}

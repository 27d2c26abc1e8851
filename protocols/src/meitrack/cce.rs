//! Records of numbered parameters in binary: `CCE`.

use model::{AttributeKey, Fix, FixBatch, Known, LatLon, Timestamp, Value};

use crate::DecodeError;
use crate::bytes::Bytes;
use crate::units::{heading, kmh};

use super::MAX_RECORDS;
use super::attributes as add;
use super::ccc::{DEGREE, EPOCH};

/// First byte of ids of two bytes.
const EXTENDED: u8 = 0xfe;
/// Voltages, temperatures and fuel are sent as hundredths.
const HUNDREDTHS: f64 = 100.0;

/// What a record says in parameters that belong to the fix.
#[derive(Default)]
struct Place {
    lat: Option<i32>,
    lon: Option<i32>,
    time: Option<u32>,
    is_valid: bool,
    satellites: Option<u8>,
    speed_kmh: Option<u16>,
    heading: Option<u16>,
    hdop: Option<u16>,
    altitude: Option<i16>,
}

/// Pushes the records; an error says what of the last could not be read.
pub(super) fn read(data: &[u8], now: Timestamp, batch: &mut FixBatch) -> Result<(), DecodeError> {
    const CUT: DecodeError = DecodeError::Format("CCE records end before their content does");
    let mut rest = Bytes(data);
    let (Some(_waiting), Some(count)) = (rest.u32_le(), rest.u16_le()) else { return Err(CUT) };
    for _ in 0..usize::from(count).min(MAX_RECORDS) {
        let record = rest.u16_le().and_then(|len| rest.take(usize::from(len))).ok_or(CUT)?;
        let before = (batch.fixes.len(), batch.attributes.len(), batch.text.len());
        if self::record(record, now, batch).is_none() {
            batch.fixes.truncate(before.0);
            batch.attributes.truncate(before.1);
            batch.text.truncate(before.2);
            return Err(CUT);
        }
    }
    Ok(())
}

/// The number of the parameters, and they in four groups: of one, two, four and any number of bytes.
fn record(record: &[u8], now: Timestamp, batch: &mut FixBatch) -> Option<()> {
    let mut rest = Bytes(record);
    let _parameters = rest.u16_le()?;
    let mut place = Place::default();
    batch.push(Fix::nowhere(now));
    for _ in 0..rest.u8()? {
        byte(id(&mut rest)?, rest.u8()?, &mut place, batch);
    }
    for _ in 0..rest.u8()? {
        short(id(&mut rest)?, rest.u16_le()?, &mut place, batch);
    }
    for _ in 0..rest.u8()? {
        long(id(&mut rest)?, rest.u32_le()?, &mut place, batch);
    }
    for _ in 0..rest.u8()? {
        let id = id(&mut rest)?;
        let len = usize::from(rest.u8()?);
        any(id, rest.take(len)?, batch);
    }
    let fix = batch.fixes.last_mut()?;
    *fix = Fix { attributes_start: fix.attributes_start, attributes_len: fix.attributes_len, ..place.fix(now) };
    Some(())
}

fn id(rest: &mut Bytes<'_>) -> Option<u32> {
    match rest.u8()? {
        EXTENDED => Some(u32::from(EXTENDED) << 8 | u32::from(rest.u8()?)),
        id => Some(u32::from(id)),
    }
}

impl Place {
    fn fix(&self, now: Timestamp) -> Fix {
        let time = self.time.map_or(now, |time| Timestamp::from_secs(EPOCH + i64::from(time)));
        let place = self.lat.zip(self.lon);
        let position = place.and_then(|(lat, lon)| LatLon::new(f64::from(lat) / DEGREE, f64::from(lon) / DEGREE));
        let position = position.filter(|p| !p.is_null_island());
        Fix {
            position,
            valid: self.is_valid && position.is_some(),
            altitude_m: self.altitude.map(f32::from),
            speed_mps: self.speed_kmh.filter(|s| *s < 1000).map(|s| kmh(f64::from(s))),
            heading_deg: self.heading.and_then(|h| heading(f64::from(h))),
            satellites: self.satellites.map(|s| s.min(254)),
            hdop: self.hdop.filter(|h| (1..990).contains(h)).map(|h| f32::from(h) / 10.0),
            ..Fix::nowhere(time)
        }
    }
}

fn numbered(batch: &mut FixBatch, id: u32, value: i64) {
    batch.attribute(AttributeKey::Number(id), Value::Int(value));
}

fn byte(id: u32, value: u8, place: &mut Place, batch: &mut FixBatch) {
    let whole = i64::from(value);
    match id {
        0x01 => add::event(batch, u32::from(value)),
        0x05 => place.is_valid = value > 0,
        0x06 => place.satellites = Some(value),
        0x07 => batch.known(Known::GsmSignal, Value::Int(whole)),
        0x14 => batch.known(Known::Outputs, Value::Int(whole)),
        0x15 => batch.known(Known::Inputs, Value::Int(whole)),
        0x1b => add::int(batch, "fence", Some(whole)),
        0x97 => add::int(batch, "throttle_percent", Some(whole)),
        0x9d => add::int(batch, "fuel_level_percent", Some(whole)),
        0xfe69 if value <= 100 => batch.known(Known::BatteryPercent, Value::Int(whole)),
        _ => numbered(batch, id, whole),
    }
}

fn short(id: u32, value: u16, place: &mut Place, batch: &mut FixBatch) {
    let whole = i64::from(value);
    let volts = Value::Float(f64::from(value) / HUNDREDTHS);
    match id {
        0x08 => place.speed_kmh = Some(value),
        0x09 => place.heading = Some(value),
        0x0a => place.hdop = Some(value),
        0x0b => place.altitude = Some(value.cast_signed()),
        0x16 => add::float(batch, "adc_1_v", Some(f64::from(value) / HUNDREDTHS)),
        0x17 => add::float(batch, "adc_2_v", Some(f64::from(value) / HUNDREDTHS)),
        0x18 => add::float(batch, "adc_3_v", Some(f64::from(value) / HUNDREDTHS)),
        0x19 => batch.known(Known::BatteryVoltageV, volts),
        0x1a => batch.known(Known::ExternalVoltageV, volts),
        0x29 => add::float(batch, "fuel_level_percent", Some(f64::from(value) / HUNDREDTHS)),
        // Temperature sensors 1 to 8.
        0x2a..=0x31 => {
            let degrees = f64::from(value.cast_signed()) / HUNDREDTHS;
            add::float(batch, &format!("temperature_{}_c", id - 0x29), Some(degrees));
        }
        0x40 => add::event(batch, u32::from(value)),
        0x91 | 0x92 => add::int(batch, "obd_speed_kmh", Some(whole)),
        0x98 => add::int(batch, "fuel_used", Some(whole)),
        0x99 => add::int(batch, "rpm", Some(whole)),
        0x9c => add::int(batch, "coolant_temperature_c", Some(i64::from(value.cast_signed()))),
        0x9f => add::int(batch, "temperature_1_c", Some(i64::from(value.cast_signed()))),
        0xc9 => add::int(batch, "fuel_consumption", Some(whole)),
        _ => numbered(batch, id, whole),
    }
}

fn long(id: u32, value: u32, place: &mut Place, batch: &mut FixBatch) {
    let whole = i64::from(value);
    match id {
        0x02 => place.lat = Some(value.cast_signed()),
        0x03 => place.lon = Some(value.cast_signed()),
        0x04 => place.time = Some(value),
        0x0c => batch.known(Known::OdometerM, Value::Int(whole)),
        0x0d => add::int(batch, "run_time_s", Some(whole)),
        0x25 => add::driver(batch, &value.to_string()),
        0x9b => add::int(batch, "obd_odometer_m", Some(whole)),
        0xa0 => add::float(batch, "fuel_used_l", Some(f64::from(value) / 1000.0)),
        0xa2 => add::float(batch, "fuel_consumption_l_100km", Some(f64::from(value) / HUNDREDTHS)),
        _ => numbered(batch, id, whole),
    }
}

fn any(id: u32, value: &[u8], batch: &mut FixBatch) {
    let read = match id {
        0x0e => network(value, batch),
        0x28 => {
            add::text(batch, "image", value);
            Some(())
        }
        0x4b => {
            // A version, a type, and the network's name behind its length.
            let name = value.split_at_checked(3).and_then(|(head, text)| text.get(..usize::from(*head.last()?)));
            name.map(|name| add::text(batch, "network", name))
        }
        0xfe31 => picture(value, batch),
        0xfe73 => tag(value, batch),
        0xfea8 => batteries(value, batch),
        _ => None,
    };
    if read.is_none() {
        let value = batch.bytes_value(value);
        batch.attribute(AttributeKey::Number(id), value);
    }
}

/// Country, network, area, cell, level.
fn network(value: &[u8], batch: &mut FixBatch) -> Option<()> {
    let mut rest = Bytes(value);
    let (mcc, mnc, lac, cell) = (rest.u16_le()?, rest.u16_le()?, rest.u16_le()?, rest.u32_le()?);
    add::cell(batch, [Some(mcc.into()), Some(mnc.into()), Some(lac.into()), Some(cell.into())]);
    Some(())
}

/// A camera's alarm: version, type, and the name of the picture.
fn picture(value: &[u8], batch: &mut FixBatch) -> Option<()> {
    let [_version, kind, name @ ..] = value else { return None };
    add::int(batch, "camera_alarm", Some(i64::from(*kind)));
    add::text(batch, "image", name);
    Some(())
}

/// A Bluetooth sensor: version, name behind its length, address, battery, temperature and
/// humidity in 256ths.
fn tag(value: &[u8], batch: &mut FixBatch) -> Option<()> {
    let mut rest = Bytes(value);
    rest.skip(1)?;
    let len = usize::from(rest.u8()?);
    let (name, address) = (rest.take(len)?, rest.take(6)?);
    let (battery, temperature, humidity) = (rest.u8()?, rest.i16_le()?, rest.u16_le()?);
    add::text(batch, "tag_name", name);
    add::text(batch, "tag_id", hex::encode(address).as_bytes());
    add::int(batch, "tag_battery_percent", Some(i64::from(battery)));
    add::float(batch, "tag_temperature_c", Some(f64::from(temperature) / 256.0));
    add::float(batch, "tag_humidity", Some(f64::from(humidity) / 256.0));
    Some(())
}

/// Three batteries: whether there is one, and its percentage.
fn batteries(value: &[u8], batch: &mut FixBatch) -> Option<()> {
    let [has_1, first, has_2, second, has_3, third, ..] = *value else { return None };
    if has_1 > 0 && first <= 100 {
        batch.known(Known::BatteryPercent, Value::Int(i64::from(first)));
    }
    add::int(batch, "battery_2_percent", Some(i64::from(second)).filter(|_| has_2 > 0));
    add::int(batch, "battery_3_percent", Some(i64::from(third)).filter(|_| has_3 > 0));
    Some(())
}

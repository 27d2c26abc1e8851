//! Lines of text, `$AV,type,id,…*checksum`.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use crate::DecodeError;
use crate::crc::xor;
use crate::text::{Fields, day_month_year, degrees_minutes, hexadecimal, number, whole};
use crate::units::{heading, knots, satellites, single};

/// Voltages come in hundredths of a volt.
const HUNDREDTH: f64 = 100.0;
/// The fuel sensor has nothing to say from here on.
const NO_FUEL: i64 = 65_534;
/// The temperature sensor has nothing to say.
const NO_TEMPERATURE: i64 = 32_767;
/// What a line ends with that comes from the device's memory.
const FROM_MEMORY: &[u8] = b"SF";
/// The receiver's clock begins on 6 January 1980 where it has not been set.
const UNSET_CLOCK: u8 = b'8';

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// A record of the version.
    Record(u8),
    /// Who the device is: hardware, firmware, IMEI, SIM card.
    Device,
    /// The answer to a command.
    Answer,
    /// State of the device's parts and of the network, which is not kept.
    Other,
}

/// A line whose checksum is right.
pub(super) struct Line<'a> {
    kind: Type,
    /// After the type.
    fields: Fields<'a>,
}

impl<'a> Line<'a> {
    pub fn new(line: &'a [u8]) -> Result<Self, DecodeError> {
        let format = DecodeError::Format("line is no `$AV,…*checksum`");
        let line = line.trim_ascii_end().strip_prefix(b"$").ok_or(format.clone())?;
        let star = line.iter().rposition(|b| *b == b'*').ok_or(format.clone())?;
        let (content, seal) = line.split_at_checked(star).ok_or(format.clone())?;
        let stated = seal.get(1..).filter(|digits| digits.len() == 2).and_then(hexadecimal).ok_or(format.clone())?;
        let computed = xor(content);
        if stated != u64::from(computed) {
            let stated = u32::try_from(stated).unwrap_or(0);
            return Err(DecodeError::Crc { stated, computed: u32::from(computed) });
        }
        let mut fields = Fields::new(content, b',');
        let kind = match fields.next() {
            Some(b"AV") => match fields.next().ok_or(format)? {
                [b'V', version @ b'1'..=b'9'] => Type::Record(version - b'0'),
                [b'V', b'1'..=b'9', b'D', b'I'] => Type::Device,
                _ => Type::Other,
            },
            Some(b"GSMCONT") => Type::Answer,
            _ => return Err(format),
        };
        Ok(Self { kind, fields })
    }

    pub const fn kind(&self) -> Type {
        self.kind
    }

    /// The device's name, where the line has it.
    pub fn identity(&self) -> Option<&'a [u8]> {
        (self.kind != Type::Answer).then(|| self.fields.clone().next().unwrap_or_default())
    }

    /// What an answer says.
    pub fn words(&self) -> &'a [u8] {
        self.fields.rest()
    }

    /// Adds the record to the batch; `None` where fields are missing.
    pub fn record(mut self, version: u8, now: Timestamp, batch: &mut FixBatch) -> Option<()> {
        let fields = &mut self.fields;
        let _identity = fields.next()?;
        batch.push(Fix::nowhere(now));
        for (name, what) in [("index", What::Whole), ("", What::Supply), ("", What::Battery), ("fuel_1", What::Fuel)] {
            add(name, what, fields.next()?, batch);
        }
        for (name, what) in [("stop", What::Whole), ("", What::Ignition), ("", What::Inputs)] {
            add(name, what, fields.next()?, batch);
        }
        let counters = [("frequency_1", 2), ("pulses_1", 2), ("frequency_2", 3), ("pulses_2", 3), ("antenna", 5)];
        for (name, _) in counters.into_iter().filter(|(_, since)| version >= *since) {
            add(name, What::Whole, fields.next()?, batch);
        }
        let (has_fix, count) = (fields.whole()?, fields.next().and_then(whole));
        if let Some(fix) = batch.fixes.last_mut() {
            fix.satellites = count.and_then(|count| u64::try_from(count).ok()).map(satellites);
            navigation(version, fields, fix);
            fix.valid = has_fix > 0 && fix.position.is_some();
        }
        for (name, what) in
            [("adc_1_v", What::Hundredths), ("counter_3", What::Whole), ("ts_temperature", What::Temperature)]
        {
            if version >= 3
                && let Some(field) = fields.next()
            {
                add(name, what, field, batch);
            }
        }
        if fields.any(|field| field == FROM_MEMORY) {
            batch.known(Known::Archive, Value::Bool(true));
        }
        Some(())
    }
}

/// Height and geoid since version 4, then time, latitude, longitude, speed, course, date. Where
/// there is no time some devices leave all that out but for one empty field.
fn navigation(version: u8, fields: &mut Fields<'_>, fix: &mut Fix) {
    let mut ahead = fields.clone();
    let height = if version >= 4 { ahead.next().zip(ahead.next()).map(|(height, _geoid)| height) } else { None };
    let time = ahead.next().unwrap_or_default();
    if !time.first_chunk::<6>().is_some_and(|clock| clock.iter().all(u8::is_ascii_digit)) {
        let _empty = fields.next();
        return;
    }
    let [latitude, longitude, speed, course, date] = std::array::from_fn(|_| ahead.next().unwrap_or_default());
    *fields = ahead;
    fix.altitude_m = height.and_then(number).map(single);
    fix.position = angle(latitude).zip(angle(longitude)).and_then(|(lat, lon)| LatLon::new(lat, lon));
    fix.position = fix.position.filter(|p| !p.is_null_island());
    fix.speed_mps = number(speed).map(knots);
    fix.heading_deg = number(course).and_then(heading);
    let is_set = date.get(4).is_some_and(|decade| *decade < UNSET_CLOCK);
    if let Some(time) = day_month_year(date, time).filter(|_| is_set) {
        fix.time = time;
    }
}

/// Degrees and minutes with the side's letter at the end.
fn angle(field: &[u8]) -> Option<f64> {
    let (side, digits) = field.split_last()?;
    degrees_minutes(digits, *side)
}

/// How a field is kept.
#[derive(Clone, Copy)]
enum What {
    Whole,
    Hundredths,
    Supply,
    Battery,
    Fuel,
    Ignition,
    Inputs,
    Temperature,
}

/// Adds a field where it is a number.
fn add(name: &str, what: What, field: &[u8], batch: &mut FixBatch) {
    let Some(value) = whole(field) else { return };
    let hundredths = Value::Float(value as f64 / HUNDREDTH);
    match what {
        What::Supply => return batch.known(Known::ExternalVoltageV, hundredths),
        What::Battery => return batch.known(Known::BatteryVoltageV, hundredths),
        What::Ignition => return batch.known(Known::Ignition, Value::Bool(value != 0)),
        What::Inputs => return batch.known(Known::Inputs, Value::Int(value)),
        What::Fuel if !(0..NO_FUEL).contains(&value) => return,
        What::Temperature if value == NO_TEMPERATURE => return,
        What::Whole | What::Hundredths | What::Fuel | What::Temperature => {}
    }
    let value = if matches!(what, What::Hundredths) { hundredths } else { Value::Int(value) };
    let key = batch.name(name);
    batch.attribute(key, value);
}

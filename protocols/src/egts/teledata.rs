//! Subrecords of the teledata service: places, and the fixes that sensors belong to.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::EPOCH;
use super::sensors;
use super::service::{Record, Subrecords};
use crate::DecodeError;
use crate::bytes::Bytes;
use crate::units::{heading, kmh, single};

pub(super) const POS_DATA: u8 = 16;
pub(super) const EXT_POS_DATA: u8 = 17;
/// The event source of a panic button.
const PANIC: u8 = 13;

const CUT: DecodeError = DecodeError::Format("subrecord ends before its fields do");

/// What of one record has come so far.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Nothing,
    /// Sensors, and no place of theirs.
    Sensors,
    Place,
}

/// Reads the subrecords of one record into fixes.
pub(super) struct Teledata<'a> {
    batch: &'a mut FixBatch,
    state: State,
    time: Timestamp,
    event: Option<u32>,
    place: Option<LatLon>,
}

impl<'a> Teledata<'a> {
    /// `known` is where the device was last, `fallback` the time where the record has none.
    pub fn new(batch: &'a mut FixBatch, record: &Record<'_>, known: Option<LatLon>, fallback: Timestamp) -> Self {
        let time = record.time.map_or(fallback, time);
        Self { batch, state: State::Nothing, time, event: record.event, place: known }
    }

    /// Where the device was last.
    pub fn place(&self) -> Option<LatLon> {
        self.place
    }

    /// Reads all subrecords; one that cannot be read does not lose the others.
    pub fn read(&mut self, data: &[u8]) -> Result<(), DecodeError> {
        let mut subrecords = Subrecords::of(data);
        let mut result = Ok(());
        for (kind, content) in subrecords.by_ref() {
            if self.subrecord(kind, Bytes(content)).is_none() {
                result = Err(CUT);
            }
        }
        // Sensors alone are of the place where the device was last.
        if let (State::Sensors, Some(fix)) = (self.state, self.batch.fixes.last_mut()) {
            fix.position = self.place;
        }
        if subrecords.is_done() { result } else { Err(CUT) }
    }

    fn subrecord(&mut self, kind: u8, mut rest: Bytes<'_>) -> Option<()> {
        match kind {
            POS_DATA => self.position(&mut rest),
            EXT_POS_DATA => {
                self.sensors();
                precision(&mut rest, self.batch)
            }
            sensors::FIRST..=sensors::LAST => {
                self.sensors();
                sensors::read(kind, &mut rest, self.batch)
            }
            // Responses to records, and what other services call by the same numbers.
            _ => Some(()),
        }
    }

    /// Sees to it that there is a fix for sensors to belong to.
    fn sensors(&mut self) {
        if self.state == State::Nothing {
            self.begin(Fix::nowhere(self.time));
            self.state = State::Sensors;
        }
    }

    fn begin(&mut self, fix: Fix) {
        self.batch.push(fix);
        if let Some(event) = self.event {
            let key = self.batch.name("event_id");
            self.batch.attribute(key, Value::Int(i64::from(event)));
        }
    }

    fn position(&mut self, rest: &mut Bytes<'_>) -> Option<()> {
        let (seconds, lat, lon, flags) = (rest.u32_le()?, rest.u32_le()?, rest.u32_le()?, rest.u8()?);
        let (speed, direction) = (rest.u16_le()?, rest.u8()?);
        let (odometer, inputs, source) = (rest.u24_le()?, rest.u8()?, rest.u8()?);
        let altitude = if flags & 0x80 == 0 { None } else { Some(rest.u24_le()?) };
        let data = rest.u16_le();
        let sign = |bit: u8| if flags & bit == 0 { 1.0 } else { -1.0 };
        let part = |raw: u32| f64::from(raw) / f64::from(u32::MAX);
        let place = LatLon::new(part(lat) * 90.0 * sign(0x20), part(lon) * 180.0 * sign(0x40));
        let position = place.filter(|p| !p.is_null_island());
        let below = if speed & 0x4000 == 0 { 1.0 } else { -1.0 };
        let degrees = f64::from(direction) + if speed & 0x8000 == 0 { 0.0 } else { 256.0 };
        let fix = Fix {
            position,
            valid: flags & 1 != 0 && position.is_some(),
            altitude_m: position.and(altitude).map(|metres| single(f64::from(metres) * below)),
            speed_mps: position.map(|_| kmh(f64::from(speed & 0x3fff) / 10.0)),
            heading_deg: position.and(heading(degrees)),
            ..Fix::nowhere(time(seconds))
        };
        if self.state == State::Sensors {
            if let Some(last) = self.batch.fixes.last_mut() {
                let kept = *last;
                *last = Fix {
                    attributes_start: kept.attributes_start,
                    attributes_len: kept.attributes_len,
                    satellites: kept.satellites,
                    hdop: kept.hdop,
                    ..fix
                };
            }
        } else {
            self.begin(fix);
        }
        self.state = State::Place;
        self.place = position.or(self.place);
        self.state_of(flags, odometer, inputs, source, data);
        Some(())
    }

    fn state_of(&mut self, flags: u8, odometer: u32, inputs: u8, source: u8, data: Option<u16>) {
        if flags & 0x08 != 0 {
            self.batch.known(Known::Archive, Value::Bool(true));
        }
        self.batch.known(Known::Movement, Value::Bool(flags & 0x10 != 0));
        // Tenths of a kilometre.
        self.batch.known(Known::OdometerM, Value::Int(i64::from(odometer) * 100));
        self.batch.known(Known::Inputs, Value::Int(i64::from(inputs)));
        self.batch.known(Known::Event, Value::Int(i64::from(source)));
        if source == PANIC {
            self.batch.known(Known::Alarm, Value::Bool(true));
        }
        if let Some(data) = data {
            let key = self.batch.name("event_data");
            self.batch.attribute(key, Value::Int(i64::from(data)));
        }
    }
}

fn time(seconds: u32) -> Timestamp {
    Timestamp::from_secs(EPOCH + i64::from(seconds))
}

/// Dilutions in hundredths, satellites, and systems as bits.
fn precision(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let flags = rest.u8()?;
    let mut hundredths =
        |bit: u8| if flags & bit == 0 { Some(None) } else { rest.u16_le().map(|v| Some(f64::from(v) / 100.0)) };
    let (vdop, hdop, pdop) = (hundredths(1)?, hundredths(2)?, hundredths(4)?);
    let satellites = if flags & 8 == 0 { None } else { Some(rest.u8()?) };
    let systems = if flags & 16 == 0 { None } else { Some(rest.u16_le()?) };
    if let Some(fix) = batch.fixes.last_mut() {
        fix.hdop = hdop.map(single).or(fix.hdop);
        fix.satellites = satellites.or(fix.satellites);
    }
    if let Some(pdop) = pdop {
        batch.known(Known::Pdop, Value::Float(pdop));
    }
    if let Some(vdop) = vdop {
        let key = batch.name("vdop");
        batch.attribute(key, Value::Float(vdop));
    }
    if let Some(systems) = systems {
        let key = batch.name("satellite_systems");
        batch.attribute(key, Value::Int(i64::from(systems)));
    }
    Some(())
}

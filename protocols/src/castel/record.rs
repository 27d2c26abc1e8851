//! What several types share: the place, and the state of car and trip.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use crate::attributes::once;
use crate::bytes::Bytes;
use crate::civil::utc;
use crate::put::Put;
use crate::units::{heading, single};

/// A place.
pub(super) const PLACE: usize = 19;
/// Units of a degree: milliseconds of arc.
pub(super) const DEGREE: f64 = 3_600_000.0;
/// Clocks that show less than 2010 have not been set.
const EARLIEST_S: u32 = 1_262_304_000;
/// State bits that alarm: battery low, towed, too fast, too hot, accelerated, braked; revolutions,
/// lane, corner, fatigue, panic button, crash, opened; entered and ignited without leave.
const ALARMS: u32 = 0x3f | 1 << 8 | 0xfc << 8 | 0x3 << 16;
const IGNITION: u32 = 1 << 18;

/// Date, time, place, speed, course and flags, as a fix.
pub(super) fn place(bytes: &mut Bytes<'_>, now: Timestamp) -> Option<Fix> {
    let [day, month, year, hour, minute, second] = bytes.array::<6>()?;
    let (latitude, longitude) = (f64::from(bytes.u32_le()?) / DEGREE, f64::from(bytes.u32_le()?) / DEGREE);
    // Centimetres a second, and tenths of degrees.
    let (speed, course) = (f64::from(bytes.u16_le()?) / 100.0, f64::from(bytes.u16_le()?) / 10.0);
    let flags = bytes.u8()?;
    let (east, north, is_fixed) = (flags & 1 != 0, flags & 2 != 0, flags & 0x0c != 0);

    let is_time = hour < 24 && minute < 60 && second < 60;
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    let time = utc(2000 + i64::from(year), month, day, seconds, 0).filter(|_| is_time && year < 100);
    let sign = |positive: bool, value: f64| if positive { value } else { -value };
    let position = LatLon::new(sign(north, latitude), sign(east, longitude)).filter(|p| !p.is_null_island());
    Some(Fix {
        position,
        valid: is_fixed && position.is_some(),
        speed_mps: Some(single(speed)),
        heading_deg: heading(course),
        satellites: Some(flags >> 4),
        ..Fix::nowhere(time.unwrap_or(now))
    })
}

/// The state that begins most types of "OBD Smart".
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    utc_s: u32,
    odometer_m: u32,
    trip_m: u32,
    fuel: u32,
    trip_fuel: u16,
    bits: u32,
}

impl State {
    pub fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        bytes.skip(4)?; // since when ACC is on
        let (utc_s, odometer_m, trip_m) = (bytes.u32_le()?, bytes.u32_le()?, bytes.u32_le()?);
        let (fuel, trip_fuel, bits) = (bytes.u32_le()?, bytes.u16_le()?, bytes.u32_le()?);
        bytes.skip(8)?; // link and device
        Some(Self { utc_s, odometer_m, trip_m, fuel, trip_fuel, bits })
    }

    /// The device's time, where its clock is set.
    pub fn time(&self, now: Timestamp) -> Timestamp {
        if self.utc_s < EARLIEST_S { now } else { Timestamp::from_secs(i64::from(self.utc_s)) }
    }

    /// Adds what it says to the fix pushed last; what an alarm says of the ignition comes first.
    pub fn add(&self, batch: &mut FixBatch) {
        once(batch, Known::Ignition, Value::Bool(self.bits & IGNITION != 0));
        batch.known(Known::OdometerM, Value::Int(self.odometer_m.into()));
        // Fuel is in hundredths of a litre.
        for (name, value) in [
            ("trip_m", self.trip_m),
            ("fuel_total", self.fuel),
            ("fuel_trip", self.trip_fuel.into()),
            ("status", self.bits),
        ] {
            batch.put(name, Value::Int(value.into()));
        }
        if self.bits & ALARMS != 0 {
            once(batch, Known::Alarm, Value::Bool(true));
        }
    }

    /// A record without a place.
    pub fn nowhere(&self, now: Timestamp) -> FixBatch {
        let mut batch = FixBatch::default();
        batch.push(Fix::nowhere(self.time(now)));
        self.add(&mut batch);
        batch
    }
}

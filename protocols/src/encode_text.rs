//! What the device's side of several protocols writes and reads alike: a record in the units of
//! trackers, numbers as wide as their field, decimal digits, degrees and minutes.

use model::{DeviceId, Fix, Timestamp};

use crate::Frame;
use crate::civil::two_digit_parts;
use crate::units::nearest;

/// Kilometres an hour in a metre a second.
const KMH: f64 = 3.6;
/// Metres a second in a knot: 1,852 m an hour (ISO 80000-3).
const KNOT: f64 = 1852.0 / 3600.0;

/// A record as trackers say it: zero stands for what is not known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    /// Whether there is a place, and the receiver vouches for it.
    pub valid: bool,
    pub lat: f64,
    pub lon: f64,
    pub kmh: f64,
    pub knots: f64,
    pub heading_deg: f64,
    pub altitude_m: f64,
    pub satellites: u8,
    pub hdop: f64,
}

impl Said {
    pub fn of(fix: &Fix) -> Self {
        let (lat, lon) = fix.position.map_or((0.0, 0.0), |p| (p.lat(), p.lon()));
        let measured = |value: Option<f32>| f64::from(value.unwrap_or(0.0));
        let mps = measured(fix.speed_mps);
        Self {
            valid: fix.valid && fix.position.is_some(),
            lat,
            lon,
            kmh: mps * KMH,
            knots: mps / KNOT,
            heading_deg: measured(fix.heading_deg),
            altitude_m: measured(fix.altitude_m),
            satellites: fix.satellites.unwrap_or(0),
            hdop: measured(fix.hdop),
        }
    }

    /// The letter of a solution, `A`, or of none, `V`, as NMEA 0183 has them.
    pub fn status(&self) -> char {
        if self.valid { 'A' } else { 'V' }
    }

    /// Latitude and longitude as NMEA 0183 has them, each with the letter of its side.
    pub fn place(&self, separator: &str) -> String {
        let side = |value: f64, [positive, negative]: [_; 2]| if value < 0.0 { negative } else { positive };
        let (lat, north) = (degrees_minutes(self.lat, 2), side(self.lat, ["N", "S"]));
        let (lon, east) = (degrees_minutes(self.lon, 3), side(self.lon, ["E", "W"]));
        [lat.as_str(), north, &lon, east].join(separator)
    }

    /// The altitude to the metre.
    pub fn metres(&self) -> i16 {
        within(self.altitude_m, i16::MIN, i16::MAX)
    }
}

/// How many records an answer acknowledges that takes the frame or does not.
pub(crate) fn all_or_none(frame: &Frame<'_>, is_taken: bool) -> usize {
    if is_taken { frame.batch.fixes.len() } else { 0 }
}

/// The nearest whole number of a field that holds those between two.
pub(crate) fn within<T: TryFrom<i64> + Into<i64> + Copy>(value: f64, least: T, most: T) -> T {
    let number = nearest(value).unwrap_or(0).clamp(least.into(), most.into());
    T::try_from(number).unwrap_or(least)
}

/// Degrees in millionths.
pub(crate) fn millionths(degrees: f64) -> i32 {
    within(degrees * 1e6, i32::MIN, i32::MAX)
}

/// Seconds since 1970.
pub(crate) fn unix(time: Timestamp) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(0)
}

/// Degrees and decimal minutes, `DDMM.MMMM`, with so many digits of degrees.
fn degrees_minutes(value: f64, digits: usize) -> String {
    const MINUTE: f64 = 1e4;
    const DEGREE: f64 = 60.0 * MINUTE;
    let parts = (value.abs() * DEGREE).round();
    format!("{:0digits$}{:07.4}", (parts / DEGREE).floor(), parts % DEGREE / MINUTE)
}

/// Twelve decimal digits in six bytes: `YYMMDDHHMMSS` in UTC.
pub(crate) fn packed_time(time: Timestamp) -> [u8; 6] {
    two_digit_parts(time).map(|two| two / 10 % 10 * 16 + two % 10)
}

/// A number of decimal digits, two a byte, with zeros before it; zeros where it does not fit.
pub(crate) fn packed_digits<const N: usize>(device: &DeviceId) -> [u8; N] {
    let mut bytes = [0; N];
    let digits = format!("{:0>1$}", device.as_str(), 2 * N);
    match hex::decode_to_slice(&digits, &mut bytes) {
        Ok(()) if digits.bytes().all(|b| b.is_ascii_digit()) => bytes,
        _ => [0; N],
    }
}

/// What an answer says up to the byte that ends it; `None` while that is not there.
pub(crate) fn ended_by(answer: &[u8], end: u8) -> Option<&[u8]> {
    answer.get(..answer.iter().position(|b| *b == end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_within_their_field() {
        assert_eq!((within(1.5, 0, u8::MAX), within(-1.0, 0, u8::MAX), within(256.0, 0, u8::MAX)), (2, 0, 255));
        assert_eq!((within(-40_000.0, i16::MIN, i16::MAX), within(f64::NAN, 0, u16::MAX)), (i16::MIN, 0));
    }

    #[test]
    fn minutes_never_come_to_sixty() {
        let at = |lat, lon| {
            let position = model::LatLon::new(lat, lon).unwrap();
            Said::of(&Fix::at(Timestamp::default(), position)).place(",")
        };
        assert_eq!(at(47.999_999_99, -7.5), "4800.0000,N,00730.0000,W");
        assert_eq!(at(-0.01, 179.999_999_99), "0000.6000,S,18000.0000,E");
    }

    #[test]
    fn digits_are_packed_two_a_byte() {
        let packed = |id: &str| packed_digits::<3>(&DeviceId::new(id).unwrap());
        assert_eq!(packed("12345"), [0x01, 0x23, 0x45]);
        assert_eq!((packed("1234567"), packed("abcdef")), ([0; 3], [0; 3]));
        assert_eq!(packed_time(Timestamp::parse("2026-01-16T19:31:05Z").unwrap()), [0x26, 1, 0x16, 0x19, 0x31, 5]);
    }
}

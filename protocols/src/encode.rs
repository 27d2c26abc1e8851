//! What the devices' side of several protocols writes and reads alike: a record in the units of
//! trackers, numbers as wide as their field, decimal digits, degrees and minutes, answers.

use model::{DeviceId, Fix, Timestamp};

use crate::Frame;
use crate::civil::two_digit_parts;

/// Kilometres an hour in a metre a second.
const KMH: f64 = 3.6;
/// Metres a second in a knot: 1,852 m an hour (ISO 80000-3).
const KNOT: f64 = 1852.0 / 3600.0;
/// Satellites of a valid fix that does not say how many it used: as many as it takes.
const ENOUGH: u8 = 4;

/// A record as trackers say it: zero stands for what is not known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub time: Timestamp,
    /// Whether there is a place, and the receiver vouches for it.
    pub valid: bool,
    pub lat: f64,
    pub lon: f64,
    pub speed_mps: f64,
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
        let valid = fix.valid && fix.position.is_some();
        let speed_mps = measured(fix.speed_mps);
        Self {
            time: fix.time,
            valid,
            lat,
            lon,
            speed_mps,
            kmh: speed_mps * KMH,
            knots: speed_mps / KNOT,
            heading_deg: measured(fix.heading_deg),
            altitude_m: measured(fix.altitude_m),
            satellites: if valid { fix.satellites.unwrap_or(ENOUGH).max(1) } else { 0 },
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
        whole(self.altitude_m)
    }

    /// Seconds since an instant that is itself given in seconds since 1970.
    pub fn seconds_since(&self, epoch: i64) -> u32 {
        u32::try_from(self.time.as_secs() - epoch).unwrap_or(0)
    }

    /// Seconds since 1970.
    pub fn unix(&self) -> u32 {
        self.seconds_since(0)
    }

    /// The satellites where four bits hold their number.
    pub fn few_satellites(&self) -> u8 {
        self.satellites.min(15)
    }

    /// The satellites as if half of them were GPS's, in the low four bits, and half GLONASS's.
    pub fn by_system(&self) -> u8 {
        // No system has more than 12 in view, and higher numbers may mean something else.
        let half = |count: u8| (count / 2).min(12);
        half(self.satellites.saturating_add(1)) | half(self.satellites) << 4
    }
}

/// The frame's records, each with a number that counts on from frame to frame.
pub(crate) fn numbered<'a>(frame: &Frame<'a>, most_records: u8) -> impl Iterator<Item = (u32, Said)> + use<'a> {
    let first = u32::from(frame.number) * u32::from(most_records);
    (first..).zip(frame.batch.fixes.iter().map(Said::of))
}

/// The frame's only record, where a frame holds no more.
pub(crate) fn only(frame: &Frame<'_>) -> Said {
    frame.batch.fixes.first().map_or_else(|| Said::of(&Fix::nowhere(Timestamp::default())), Said::of)
}

/// How many records the frame has, where one byte says so.
pub(crate) fn count(frame: &Frame<'_>) -> u8 {
    u8::try_from(frame.batch.fixes.len()).unwrap_or(u8::MAX)
}

/// How many records an answer acknowledges that takes the frame or does not.
pub(crate) fn all_or_none(frame: &Frame<'_>, is_taken: bool) -> usize {
    if is_taken { frame.batch.fixes.len() } else { 0 }
}

/// Whether the answer begins with these bytes; `None` while it may yet.
pub(crate) fn begins(answer: &[u8], expected: &[u8]) -> Option<bool> {
    if answer.starts_with(expected) {
        Some(true)
    } else if expected.starts_with(answer) {
        None
    } else {
        Some(false)
    }
}

/// All records of the frame where it is answered with these bytes, none where with others.
pub(crate) fn taken(frame: &Frame<'_>, answer: &[u8], expected: &[u8]) -> Option<usize> {
    begins(answer, expected).map(|is_taken| all_or_none(frame, is_taken))
}

/// What an answer says up to the byte that ends it; `None` while that is not there.
pub(crate) fn ended_by(answer: &[u8], end: u8) -> Option<&[u8]> {
    answer.get(..answer.iter().position(|b| *b == end)?)
}

/// The device's digits as a number.
pub(crate) fn number(device: &DeviceId) -> u64 {
    device.as_str().parse().unwrap_or(0)
}

/// The device's name, filled up with zeros.
pub(crate) fn filled<const N: usize>(device: &DeviceId) -> [u8; N] {
    let mut text = [0; N];
    for (place, byte) in text.iter_mut().zip(device.as_str().bytes()) {
        *place = byte;
    }
    text
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

/// These bits where something holds, none where it does not.
pub(crate) fn flag<T: Default>(bits: T, is_set: bool) -> T {
    if is_set { bits } else { T::default() }
}

/// Rounds to the nearest number that the type holds.
pub(crate) fn whole<T: Limits>(number: f64) -> T {
    T::saturate(number.round())
}

/// The nearest whole number of a field that holds those between two.
pub(crate) fn within<T: Limits + Ord>(number: f64, least: T, most: T) -> T {
    whole::<T>(number).clamp(least, most)
}

/// Degrees in millionths.
pub(crate) fn millionths(degrees: f64) -> i32 {
    whole(degrees * 1e6)
}

pub(crate) trait Limits {
    fn saturate(number: f64) -> Self;
}

macro_rules! limits {
    ($($t:ty: $($lint:path),*;)*) => {$(
        impl Limits for $t {
            #[expect($($lint),*, reason = "float-to-integer casts saturate")]
            fn saturate(number: f64) -> Self {
                number as Self
            }
        }
    )*};
}
limits! {
    u8: clippy::cast_possible_truncation, clippy::cast_sign_loss;
    u16: clippy::cast_possible_truncation, clippy::cast_sign_loss;
    u32: clippy::cast_possible_truncation, clippy::cast_sign_loss;
    i16: clippy::cast_possible_truncation;
    i32: clippy::cast_possible_truncation;
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
    fn satellites_by_system_add_up_and_mean_nothing_else() {
        let place = model::LatLon::new(48.85, 37.6).unwrap();
        for count in 1..=24 {
            let fix = Fix { satellites: Some(count), ..Fix::at(Timestamp::default(), place) };
            let [gps, glonass] = [Said::of(&fix).by_system() & 0xf, Said::of(&fix).by_system() >> 4];
            assert_eq!((gps + glonass, gps <= 12, glonass <= 12), (count, true, true));
        }
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

//! What the encoders of binary protocols share.

use model::{DeviceId, Fix, Timestamp};

use crate::Frame;

/// Metres a second in kilometres an hour and in knots.
const KMH: f64 = 3.6;
const KNOTS: f64 = 3600.0 / 1852.0;
/// Satellites of a valid fix that does not say how many it used: as many as it takes.
const ENOUGH: u8 = 4;

/// What a record says, with zeros for what the fix leaves out, as trackers send it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub time: Timestamp,
    pub valid: bool,
    pub lat: f64,
    pub lon: f64,
    pub altitude_m: f64,
    pub speed_mps: f64,
    pub heading_deg: f64,
    pub hdop: f64,
    pub satellites: u8,
}

impl Said {
    pub fn of(fix: &Fix) -> Self {
        let (lat, lon) = fix.position.map_or((0.0, 0.0), |p| (p.lat(), p.lon()));
        let valid = fix.valid && fix.position.is_some();
        let number = |value: Option<f32>| value.map_or(0.0, f64::from);
        Self {
            time: fix.time,
            valid,
            lat,
            lon,
            altitude_m: number(fix.altitude_m),
            speed_mps: number(fix.speed_mps),
            heading_deg: number(fix.heading_deg),
            hdop: number(fix.hdop),
            satellites: if valid { fix.satellites.unwrap_or(ENOUGH).max(1) } else { 0 },
        }
    }

    pub fn kmh(&self) -> f64 {
        self.speed_mps * KMH
    }

    pub fn knots(&self) -> f64 {
        self.speed_mps * KNOTS
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

/// These bits where something holds, none where it does not.
pub(crate) fn flag<T: Default>(bits: T, is_set: bool) -> T {
    if is_set { bits } else { T::default() }
}

/// The device's digits as a number.
pub(crate) fn number(device: &DeviceId) -> u64 {
    device.as_str().parse().unwrap_or(0)
}

/// The device's digits of four bits each, the last one lowest.
pub(crate) fn bcd(device: &DeviceId) -> u64 {
    u64::from_str_radix(device.as_str(), 16).unwrap_or(0)
}

/// The device's name, filled up with zeros.
pub(crate) fn filled<const N: usize>(device: &DeviceId) -> [u8; N] {
    let mut text = [0; N];
    for (place, byte) in text.iter_mut().zip(device.as_str().bytes()) {
        *place = byte;
    }
    text
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

pub(crate) fn all_or_none(frame: &Frame<'_>, is_taken: bool) -> usize {
    if is_taken { frame.batch.fixes.len() } else { 0 }
}

/// Rounds to the nearest number that the type holds.
pub(crate) fn whole<T: Limits>(number: f64) -> T {
    T::saturate(number.round())
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

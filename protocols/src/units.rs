//! Units that trackers send, in SI, and values within what a fix can hold.

/// Kilometres an hour in a metre a second.
const KMH: f64 = 3.6;
/// Metres a second in a knot: 1,852 m an hour (ISO 80000-3).
const KNOT: f64 = 1852.0 / 3600.0;
/// Metres a second in a mile an hour.
const MPH: f64 = 1609.344 / 3600.0;

/// A speed in km/h, in metres a second.
#[inline]
pub(crate) fn kmh(value: f64) -> f32 {
    single(value / KMH)
}

/// A speed in knots, in metres a second.
#[inline]
pub(crate) fn knots(value: f64) -> f32 {
    single(value * KNOT)
}

/// A speed in miles an hour, in metres a second.
#[inline]
pub(crate) fn mph(value: f64) -> f32 {
    single(value * MPH)
}

/// A heading where it is one.
#[inline]
pub(crate) fn heading(degrees: f64) -> Option<f32> {
    (0.0..=360.0).contains(&degrees).then(|| single(degrees))
}

/// To single precision, which is what a fix has.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "single precision is what a fix has")]
pub(crate) fn single(value: f64) -> f32 {
    value as f32
}

/// To single precision, where that holds it.
#[inline]
pub(crate) fn finite(value: f64) -> Option<f32> {
    Some(single(value)).filter(|v| v.is_finite())
}

/// A count as the byte that a fix has for it, at most 254.
#[inline]
pub(crate) fn satellites(count: u64) -> u8 {
    u8::try_from(count).unwrap_or(254).min(254)
}

/// A whole number of any width, at most what a value can hold.
#[inline]
pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The nearest whole number, within the range that a double holds exactly.
#[inline]
pub(crate) fn nearest(value: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "within the range and whole")]
    (value.abs() < 9.0e15).then_some(value.round() as i64)
}

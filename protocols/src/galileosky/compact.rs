//! Records of compressed packets: ten bytes of time and place, then the tags' numbers, then
//! their values.

use model::{Fix, Known, LatLon, Timestamp, Value};

use super::records::Records;
use crate::DecodeError;
use crate::bytes::Bytes;
use crate::civil::utc;

/// Most tags of a record; the high bit of their count is not part of it.
const TAGS: u8 = 0x7f;
/// A record may be so much ahead of the clock before it is taken for the year before.
const AHEAD_S: f64 = 86_400.0;
/// The mean year of the calendar.
const YEAR_S: i64 = 31_556_952;

/// Reads records to the end of the bytes.
pub(super) fn read<'a>(mut rest: Bytes<'a>, records: &mut Records<'a>) {
    while !rest.0.is_empty() {
        let Some((minimum, count)) = rest.array::<10>().zip(rest.u8()) else {
            records.defect = Some(DecodeError::Format("packet ends within a record"));
            return;
        };
        let Some(tags) = rest.take(usize::from(count & TAGS)) else {
            records.defect = Some(DecodeError::Format("packet ends before the tags of its last record do"));
            return;
        };
        records.open();
        records.keep();
        place(minimum, records);
        let read = tags.iter().try_for_each(|tag| records.tag(*tag, &mut rest));
        records.close();
        if read.is_none() {
            return;
        }
    }
}

/// The minimum data set, from the highest bit: one reserved, 25 of seconds since the year
/// began, one that is set where the place is wrong, 22 of longitude and 21 of latitude as
/// shares of the whole range, one of alarm, nine of the user's.
fn place(minimum: [u8; 10], records: &mut Records<'_>) {
    let bits = minimum.iter().fold(0u128, |sum, byte| sum << 8 | u128::from(*byte));
    let field = |low: u32, width: u32| i64::try_from(bits >> low & ((1 << width) - 1)).unwrap_or(0);
    let (seconds, is_wrong) = (field(54, 25), field(53, 1) == 1);
    let lon = field(31, 22) as f64 * 360.0 / 4_194_304.0 - 180.0;
    let lat = field(10, 21) as f64 * 180.0 / 2_097_152.0 - 90.0;
    let now = records.now();
    records.fix(|fix: &mut Fix| {
        fix.position = LatLon::new(lat, lon);
        fix.valid = !is_wrong && fix.position.is_some();
        fix.time = of_this_year(seconds, now).unwrap_or(now);
    });
    if field(9, 1) == 1 {
        records.known(Known::Alarm, Value::Bool(true));
    }
    if field(0, 9) != 0 {
        records.named("user_bits", Value::Int(field(0, 9)));
    }
}

/// The instant so many seconds after the year of `now` began, or after the one before where
/// that is still to come.
fn of_this_year(seconds: i64, now: Timestamp) -> Option<Timestamp> {
    let this_year = 1970 + now.as_secs().div_euclid(YEAR_S);
    let latest = now.plus_seconds(AHEAD_S);
    // By the mean length of years, the new year may be a day off.
    [this_year + 1, this_year, this_year - 1]
        .into_iter()
        .filter_map(|year| Some(utc(year, 1, 1, 0, 0)?.plus_seconds(seconds as f64)))
        .find(|time| *time <= latest)
}

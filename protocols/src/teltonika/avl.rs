//! AVL records of Codecs 8, 8 Extended and 16.

use model::{Attribute, AttributeKey, Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::Codec;
use super::elements::{Elements, VACANT, put};
use crate::DecodeError;
use crate::bytes::Bytes;

/// Degrees are sent multiplied by this.
pub(super) const DEGREE: f64 = 1e7;
pub(super) const KMH: f32 = 3.6;
/// The name under which Codec 16's generation type is kept.
pub(super) const GENERATION_TYPE: &str = "generation_type";

/// Timestamp, priority and the GPS element: the bytes that all three codecs share.
const GNSS: usize = 24;
/// Attributes from other fields of a record: priority, event, generation type.
const FIELDS: usize = 3;

/// Copied as one, which is faster than place by place, where a record has no more elements.
static VACANT_PLACES: [Attribute; 64] = [VACANT; 64];

const CUT: DecodeError = DecodeError::Format("record ends before its elements do");

/// Reads the records between the codec id and the end of the data field, both counts included,
/// into an empty batch.
#[inline]
pub(super) fn records(codec: Codec, data: &[u8], batch: &mut FixBatch) -> Result<(), DecodeError> {
    match codec {
        Codec::Codec8 => Layout::<1, 1>::records(data, batch),
        Codec::Codec8Extended => Layout::<2, 2>::records(data, batch),
        Codec::Codec16 => Layout::<2, 1>::records(data, batch),
    }
}

/// What tells the codecs apart: how many bytes an id takes, and how many a count.
struct Layout<const ID: usize, const COUNT: usize>;

/// A record's elements, by the size of their values.
struct Groups<'a> {
    of_one: &'a [u8],
    of_two: &'a [u8],
    of_four: &'a [u8],
    of_eight: &'a [u8],
    of_any: &'a [u8],
    count: usize,
}

impl<const ID: usize, const COUNT: usize> Layout<ID, COUNT> {
    /// Codec 8 Extended has a group of elements of any length.
    const EXTENDED: bool = COUNT == 2;
    /// Codec 16 says why it made the record.
    const GENERATION: bool = ID > COUNT;

    #[inline(never)]
    fn records(data: &[u8], batch: &mut FixBatch) -> Result<(), DecodeError> {
        let mut rest = Bytes(data);
        let count = rest.u8().ok_or(CUT)?;
        batch.fixes = Vec::with_capacity(usize::from(count));
        let generation = Self::GENERATION.then(|| batch.name(GENERATION_TYPE));
        for left in (1..=count).rev() {
            Self::record(generation, usize::from(left), &mut rest, batch)?;
        }
        let again = rest.u8().ok_or(CUT)?;
        if again != count {
            let (stated, found) = (usize::from(count), usize::from(again));
            return Err(DecodeError::Count { what: "second count of records", stated, found });
        }
        if !rest.0.is_empty() {
            return Err(DecodeError::Format("data field goes on after its records"));
        }
        Ok(())
    }

    /// Reads the first of `left` records.
    #[inline]
    fn record(
        generation: Option<AttributeKey>,
        left: usize,
        rest: &mut Bytes<'_>,
        batch: &mut FixBatch,
    ) -> Result<(), DecodeError> {
        let (fix, priority) = rest.take(GNSS).and_then(gnss).ok_or(CUT)?;
        let event = Self::id(rest).ok_or(CUT)?;
        let kind = if generation.is_some() { Some(rest.u8().ok_or(CUT)?) } else { None };
        let stated = Self::count(rest).ok_or(CUT)?;
        let groups = Self::groups(rest).ok_or(CUT)?;
        // Codec 8's total is one byte and the groups may hold more than it can say.
        if groups.count != stated && (Self::EXTENDED || groups.count & 0xff != stated) {
            return Err(DecodeError::Count { what: "number of elements", stated, found: groups.count });
        }
        if batch.attributes.capacity() == 0 {
            // As a rule the records of a message have the same elements.
            let elements = (groups.count * left).min(groups.count + rest.0.len() / (ID + 1));
            batch.attributes = Vec::with_capacity(elements + FIELDS * left);
        }
        let FixBatch { attributes, text, .. } = &mut *batch;
        let before = attributes.len();
        let most = FIELDS + groups.count;
        match VACANT_PLACES.get(..most) {
            Some(vacant) => attributes.extend_from_slice(vacant),
            None => attributes.resize(before + most, VACANT),
        }
        let mut places = attributes.get_mut(before..).unwrap_or_default().iter_mut();
        // Low priority and "no event" are the rule, and nothing to keep.
        if priority != 0 {
            put(&mut places, AttributeKey::Known(Known::Priority), Value::Int(i64::from(priority)));
        }
        if event != 0 {
            put(&mut places, AttributeKey::Known(Known::Event), Value::Int(i64::from(event)));
        }
        if let (Some(key), Some(kind)) = (generation, kind) {
            put(&mut places, key, Value::Int(i64::from(kind)));
        }
        let mut elements = Elements::default();
        elements.add_group::<ID, 1>(groups.of_one, &mut places, text);
        elements.add_group::<ID, 2>(groups.of_two, &mut places, text);
        elements.add_group::<ID, 4>(groups.of_four, &mut places, text);
        elements.add_group::<ID, 8>(groups.of_eight, &mut places, text);
        let vacant = places.len();
        attributes.truncate(attributes.len() - vacant);
        if !groups.of_any.is_empty() {
            Self::variable(groups.of_any, &mut elements, batch);
        }
        elements.finish(batch);
        batch.fixes.push(Fix {
            hdop: elements.hdop,
            attributes_start: u32::try_from(before).unwrap_or(u32::MAX),
            attributes_len: u16::try_from(batch.attributes.len() - before).unwrap_or(u16::MAX),
            ..fix
        });
        Ok(())
    }

    /// Takes the groups apart: five in Codec 8 Extended, four in the others, each with its count.
    #[inline]
    fn groups<'a>(rest: &mut Bytes<'a>) -> Option<Groups<'a>> {
        let mut found = 0;
        let mut group = |size| {
            let count = Self::count(rest)?;
            found += count;
            rest.take(count * (ID + size))
        };
        let (of_one, of_two, of_four, of_eight) = (group(1)?, group(2)?, group(4)?, group(8)?);
        let mut of_any: &[u8] = &[];
        if Self::EXTENDED {
            let count = Self::count(rest)?;
            found += count;
            let all = rest.0;
            for _ in 0..count {
                rest.u16()?;
                let len = usize::from(rest.u16()?);
                rest.skip(len)?;
            }
            of_any = all.get(..all.len() - rest.0.len())?;
        }
        Some(Groups { of_one, of_two, of_four, of_eight, of_any, count: found })
    }

    /// Elements of any length, which have been found to be whole.
    #[inline(never)]
    fn variable(elements: &[u8], seen: &mut Elements, batch: &mut FixBatch) {
        let mut rest = Bytes(elements);
        while let (Some(id), Some(len)) = (rest.u16(), rest.u16()) {
            seen.add_variable(id, rest.take(usize::from(len)).unwrap_or_default(), batch);
        }
    }

    #[inline]
    fn id(rest: &mut Bytes<'_>) -> Option<u16> {
        if ID == 1 { rest.u8().map(u16::from) } else { rest.u16() }
    }

    #[inline]
    fn count(rest: &mut Bytes<'_>) -> Option<usize> {
        if COUNT == 1 { rest.u8().map(usize::from) } else { rest.u16().map(usize::from) }
    }
}

#[inline]
fn gnss(bytes: &[u8]) -> Option<(Fix, u8)> {
    let mut rest = Bytes(bytes);
    let millis = rest.u64()?;
    let priority = rest.u8()?;
    let (lon, lat) = (f64::from(rest.i32()?) / DEGREE, f64::from(rest.i32()?) / DEGREE);
    let (altitude, angle, satellites, speed) = (rest.i16()?, rest.u16()?, rest.u8()?, rest.u16()?);
    // "If record are without valid coordinates, Longitude, Latitude and Altitude values are
    // last valid fix, and Angle, Satellites and Speed are 0."
    let position = LatLon::new(lat, lon).filter(|p| satellites > 0 || !p.is_null_island());
    let valid = satellites > 0 && position.is_some();
    let fix = Fix {
        position,
        valid,
        altitude_m: position.map(|_| f32::from(altitude)),
        speed_mps: valid.then(|| f32::from(speed) / KMH),
        heading_deg: (valid && angle <= 360).then(|| f32::from(angle)),
        satellites: Some(satellites),
        ..Fix::nowhere(Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)))
    };
    Some((fix, priority))
}

//! PostgreSQL's `timestamptz` and `date` in its binary format.

use model::{ServiceDate, Timestamp};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};

use crate::time::micros;

/// 2000-01-01T00:00:00Z, from which PostgreSQL counts, in microseconds since 1970.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// The same as a date.
const EPOCH: jiff::civil::Date = jiff::civil::date(2000, 1, 1);

/// `timestamptz`: microseconds since 2000-01-01T00:00:00Z.
pub(super) struct Time(pub Timestamp);

/// `date`: days since 2000-01-01.
pub(super) struct Day(pub ServiceDate);

/// A time as the wire has it.
pub(super) fn time_number(time: Timestamp) -> i64 {
    micros(time) - EPOCH_MICROS
}

/// A date as the wire has it.
pub(super) fn day_number(day: ServiceDate) -> i32 {
    (day.date() - EPOCH).get_days()
}

impl Type<Postgres> for Time {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1184))
    }
}

impl PgHasArrayType for Time {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1185))
    }
}

impl PgHasArrayType for Day {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1182))
    }
}

impl Encode<'_, Postgres> for Time {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(&time_number(self.0).to_be_bytes());
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for Time {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let number = i64::from_be_bytes(value.as_bytes()?.try_into()?);
        Ok(Self(Timestamp::from_micros(number.saturating_add(EPOCH_MICROS))))
    }
}

impl Type<Postgres> for Day {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1082))
    }
}

impl Encode<'_, Postgres> for Day {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(&day_number(self.0).to_be_bytes());
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for Day {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let days = i32::from_be_bytes(value.as_bytes()?.try_into()?);
        let date = EPOCH.checked_add(jiff::Span::new().try_days(days)?)?;
        Ok(Self(ServiceDate::new(date)))
    }
}

//! `COPY … (FORMAT binary)` (PostgreSQL manual, "COPY", section "Binary Format").
//!
//! | part | bytes |
//! | --- | --- |
//! | signature, flags 0, length of the extension 0 | 11, 4, 4 |
//! | each row: number of fields | 2 |
//! | each field: length, −1 for null; value, big-endian | 4, length |
//! | trailer −1 | 2 |

use std::borrow::Cow;

use model::{LatLon, ServiceDate, Timestamp};
use sqlx::PgConnection;
use sqlx::postgres::PgCopyIn;

use super::types::{day_number, time_number};

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
const NULL: i32 = -1;
const TRAILER: i16 = -1;
/// Sent at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// EWKB of a point: byte order, type with the flag of a reference system, the system, x, y
/// (PostGIS, `doc/ZMSgeoms.txt`).
const EWKB_POINT: u32 = 0x2000_0001;
/// WGS 84.
const SRID: u32 = 4326;

/// Copies rows into a table: `statement` is the `COPY`, `encode` writes one row's fields.
pub(super) async fn copy<'r, T: Sync + 'r>(
    connection: &mut PgConnection,
    statement: &str,
    rows: impl Iterator<Item = &'r T> + Send,
    columns: i16,
    encode: fn(&T, &mut Fields),
) -> Result<(), sqlx::Error> {
    let mut copy: PgCopyIn<_> = connection.copy_in_raw(statement).await?;
    let mut fields = Fields { bytes: Vec::with_capacity(CHUNK_BYTES + 4096) };
    fields.bytes.extend_from_slice(SIGNATURE);
    fields.bytes.extend_from_slice(&[0; 8]);
    for row in rows {
        fields.bytes.extend_from_slice(&columns.to_be_bytes());
        encode(row, &mut fields);
        if fields.bytes.len() >= CHUNK_BYTES {
            copy.send(fields.bytes.as_slice()).await?;
            fields.bytes.clear();
        }
    }
    fields.bytes.extend_from_slice(&TRAILER.to_be_bytes());
    copy.send(fields.bytes.as_slice()).await?;
    copy.finish().await?;
    Ok(())
}

/// Text without NUL characters, which PostgreSQL refuses: one of them in a timetable's id must
/// not hold up everything that follows.
pub(super) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// The fields of a row, one after the other in the order of the statement's columns.
pub(super) struct Fields {
    bytes: Vec<u8>,
}

impl Fields {
    fn field(&mut self, value: &[u8]) {
        // Ids, attributes of one frame: nothing here comes near 2 GiB.
        let length = i32::try_from(value.len()).unwrap_or(i32::MAX);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(value);
    }

    /// The value by `write`, or null.
    pub(super) fn or_null<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            Some(value) => write(self, value),
            None => self.bytes.extend_from_slice(&NULL.to_be_bytes()),
        }
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.field(&[u8::from(value)]);
    }

    pub(super) fn i16(&mut self, value: i16) {
        self.field(&value.to_be_bytes());
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.field(&value.to_be_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.field(&value.to_be_bytes());
    }

    pub(super) fn f32(&mut self, value: f32) {
        self.field(&value.to_be_bytes());
    }

    pub(super) fn f64(&mut self, value: f64) {
        self.field(&value.to_be_bytes());
    }

    pub(super) fn text(&mut self, value: &str) {
        self.field(storable(value).as_bytes());
    }

    pub(super) fn time(&mut self, value: Timestamp) {
        self.i64(time_number(value));
    }

    pub(super) fn day(&mut self, value: ServiceDate) {
        self.i32(day_number(value));
    }

    pub(super) fn point(&mut self, value: LatLon) {
        let mut ewkb = [0; 25];
        let parts: [&[u8]; 5] = [
            &[1], // little-endian
            &EWKB_POINT.to_le_bytes(),
            &SRID.to_le_bytes(),
            &value.lon().to_le_bytes(),
            &value.lat().to_le_bytes(),
        ];
        for (to, from) in ewkb.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        self.field(&ewkb);
    }
}

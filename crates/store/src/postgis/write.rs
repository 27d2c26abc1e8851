//! Commits.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sqlx::{Connection as _, PgConnection};

use super::Postgis;
use super::copy::{Fields, copy};
use crate::time::{micros, utc_day};
use crate::{Batch, Committed, FixRow, StoreError, VisitRow};

const CREATE_FIXES: &str = "CREATE TEMPORARY TABLE fixes_staging (LIKE marshrut.fixes) ON COMMIT DELETE ROWS";
const CREATE_VISITS: &str =
    "CREATE TEMPORARY TABLE stop_visits_staging (LIKE marshrut.stop_visits) ON COMMIT DELETE ROWS";

const LOCK: &str = "SELECT position FROM marshrut.progress WHERE consumer = 'history' FOR UPDATE";
const ADVANCE: &str = "UPDATE marshrut.progress SET position = $1 WHERE consumer = 'history'";

const FIX_COLUMNS: i16 = 23;
macro_rules! copy_fixes_into {
    ($table:literal) => {
        concat!(
            "COPY ",
            $table,
            " (device_id, vehicle_id, time, received_at, content_hash, protocol, valid, geom, altitude_m, \
             speed_mps, heading_deg, satellites, hdop, attributes, state, rejected, trip_id, service_date, \
             route_id, direction_id, shape_dist_m, cross_track_m, delay_s) FROM STDIN (FORMAT binary)"
        )
    };
}
const COPY_FIXES: &str = copy_fixes_into!("marshrut.fixes");
const COPY_FIXES_STAGING: &str = copy_fixes_into!("pg_temp.fixes_staging");
const MERGE_FIXES: &str =
    "INSERT INTO marshrut.fixes SELECT * FROM pg_temp.fixes_staging ON CONFLICT ON CONSTRAINT fixes_once DO NOTHING";
const MERGE_DAYS: &str = "INSERT INTO marshrut.device_days (day, vehicle_id, device_id) \
     SELECT day::date, vehicle_id, device_id FROM unnest($1::text[], $2::text[], $3::text[]) \
     AS seen (day, vehicle_id, device_id) ON CONFLICT DO NOTHING";

const VISIT_COLUMNS: i16 = 13;
const COPY_VISITS: &str = "COPY pg_temp.stop_visits_staging (service_date, trip_id, vehicle_id, run_offset_s, \
     stop_sequence, stop_id, route_id, direction_id, arrival, departure, interpolated, uncertainty_s, delay_s) \
     FROM STDIN (FORMAT binary)";
const MERGE_VISITS: &str = "INSERT INTO marshrut.stop_visits SELECT * FROM pg_temp.stop_visits_staging \
     ON CONFLICT (service_date, trip_id, vehicle_id, run_offset_s, stop_sequence) DO UPDATE SET \
     stop_id = excluded.stop_id, route_id = excluded.route_id, direction_id = excluded.direction_id, \
     arrival = excluded.arrival, departure = excluded.departure, interpolated = excluded.interpolated, \
     uncertainty_s = excluded.uncertainty_s, delay_s = excluded.delay_s";

/// Gives a new connection the temporary tables that batches pass through. They live as long
/// as the connection and are emptied by each commit.
pub(super) async fn create_staging(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query(CREATE_FIXES).execute(&mut *connection).await?;
    sqlx::query(CREATE_VISITS).execute(&mut *connection).await?;
    Ok(())
}

impl Postgis {
    /// One transaction. The lock on the position keeps a second writer waiting until it sees
    /// what the first has committed.
    pub(super) async fn write(&self, batch: &Batch, upto: u64) -> Result<Committed, StoreError> {
        let progress = self.error("marshrut.progress");
        let mut connection = self.writer.acquire().await.map_err(&progress)?;
        let mut transaction = connection.begin().await.map_err(&progress)?;
        let committed: i64 = sqlx::query_scalar(LOCK).fetch_one(&mut *transaction).await.map_err(&progress)?;
        let committed = committed.cast_unsigned();
        if upto < committed {
            return Err(StoreError::Stale { committed, upto });
        }
        let offered = batch.fixes.len() as u64;
        if upto == committed {
            return Ok(Committed { inserted: 0, duplicates: offered });
        }
        let inserted = self.merge_fixes(&mut transaction, &batch.fixes).await?;
        self.merge_visits(&mut transaction, &batch.visits).await?;
        sqlx::query(ADVANCE).bind(upto.cast_signed()).execute(&mut *transaction).await.map_err(&progress)?;
        transaction.commit().await.map_err(&progress)?;
        Ok(Committed { inserted, duplicates: offered.saturating_sub(inserted) })
    }

    pub(super) async fn merge_fixes(&self, connection: &mut PgConnection, fixes: &[FixRow]) -> Result<u64, StoreError> {
        if fixes.is_empty() {
            return Ok(0);
        }
        let inserted = insert_fixes(&mut *connection, fixes).await.map_err(self.error("marshrut.fixes"))?;
        let seen: BTreeSet<_> =
            fixes.iter().map(|fix| (utc_day(fix.time), fix.vehicle_id.as_str(), fix.device_id.as_str())).collect();
        let days: Vec<String> = seen.iter().map(|(day, _, _)| day.to_string()).collect();
        let vehicles: Vec<&str> = seen.iter().map(|(_, vehicle, _)| *vehicle).collect();
        let devices: Vec<&str> = seen.iter().map(|(_, _, device)| *device).collect();
        sqlx::query(MERGE_DAYS)
            .bind(days)
            .bind(vehicles)
            .bind(devices)
            .execute(connection)
            .await
            .map_err(self.error("marshrut.device_days"))?;
        Ok(inserted)
    }

    pub(super) async fn merge_visits(
        &self,
        connection: &mut PgConnection,
        visits: &[VisitRow],
    ) -> Result<(), StoreError> {
        if visits.is_empty() {
            return Ok(());
        }
        // One statement may not change a row twice: only the last of each key goes in.
        let last: BTreeMap<_, &VisitRow> = visits.iter().map(|v| ((v.service_date, v.key()), v)).collect();
        let error = self.error("marshrut.stop_visits");
        copy(&mut *connection, COPY_VISITS, last.into_values(), VISIT_COLUMNS, visit_fields).await.map_err(&error)?;
        sqlx::query(MERGE_VISITS).execute(connection).await.map_err(&error)?;
        Ok(())
    }
}

/// Copies straight into the table, which is more than twice as quick as through another
/// one, and takes that other way where the table turns out to have one of the fixes already:
/// trackers send again seldom, and then much at once.
async fn insert_fixes(connection: &mut PgConnection, fixes: &[FixRow]) -> Result<u64, sqlx::Error> {
    let mut seen = HashSet::with_capacity(fixes.len());
    let once: Vec<&FixRow> =
        fixes.iter().filter(|fix| seen.insert((&fix.device_id, micros(fix.time), fix.content_hash))).collect();
    let rows = || once.iter().copied();

    let mut attempt = connection.begin().await?;
    match copy(&mut attempt, COPY_FIXES, rows(), FIX_COLUMNS, fix_fields).await {
        Ok(()) => {
            attempt.commit().await?;
            return Ok(once.len() as u64);
        }
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => attempt.rollback().await?,
        Err(other) => return Err(other),
    }
    copy(&mut *connection, COPY_FIXES_STAGING, rows(), FIX_COLUMNS, fix_fields).await?;
    Ok(sqlx::query(MERGE_FIXES).execute(connection).await?.rows_affected())
}

/// The fields in the order of [`COPY_FIXES`].
fn fix_fields(row: &FixRow, out: &mut Fields) {
    out.text(row.device_id.as_str());
    out.text(row.vehicle_id.as_str());
    out.time(row.time);
    out.time(row.received_at);
    out.i64(row.content_hash.cast_signed());
    out.text(&row.protocol);
    out.bool(row.valid);
    out.or_null(row.position, Fields::point);
    out.or_null(row.altitude_m, Fields::f32);
    out.or_null(row.speed_mps, Fields::f32);
    out.or_null(row.heading_deg, Fields::f32);
    out.or_null(row.satellites.map(i16::from), Fields::i16);
    out.or_null(row.hdop, Fields::f32);
    out.or_null(Some(row.attributes.as_str()).filter(|a| !a.is_empty()), Fields::text);
    let live = &row.live;
    out.or_null(live.state.as_deref(), Fields::text);
    out.or_null(live.rejected.as_deref(), Fields::text);
    out.or_null(live.trip_id.as_deref(), Fields::text);
    out.or_null(live.service_date, Fields::day);
    out.or_null(live.route_id.as_deref(), Fields::text);
    out.or_null(live.direction_id.map(i16::from), Fields::i16);
    out.or_null(live.shape_dist_m, Fields::f64);
    out.or_null(live.cross_track_m, Fields::f32);
    out.or_null(live.delay_s, Fields::i32);
}

/// The fields in the order of [`COPY_VISITS`].
fn visit_fields(row: &VisitRow, out: &mut Fields) {
    out.day(row.service_date);
    out.text(&row.trip_id);
    out.text(row.vehicle_id.as_str());
    out.i32(row.run_offset_s);
    out.i64(i64::from(row.stop_sequence));
    out.text(&row.stop_id);
    out.or_null(row.route_id.as_deref(), Fields::text);
    out.or_null(row.direction_id.map(i16::from), Fields::i16);
    out.time(row.arrival);
    out.or_null(row.departure, Fields::time);
    out.bool(row.interpolated);
    out.f32(row.uncertainty_s);
    out.or_null(row.delay_s, Fields::i32);
}

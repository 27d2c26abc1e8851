//! Commits.

use std::collections::{BTreeMap, HashSet};

use jiff::civil::Date;
use model::ServiceDate;
use sqlx::{Connection as _, PgConnection};

use super::Postgis;
use super::copy::{Fields, copy, storable};
use super::known::{Known, Plan};
use super::types::{Day, Time};
use crate::time::{micros, utc_day};
use crate::{Batch, Claim, Committed, Correction, FixRow, LiveMatch, StoreError, VisitRow};

const CREATE_FIXES: &str = "CREATE TEMPORARY TABLE fixes_staging (LIKE marshrut.fixes) ON COMMIT DELETE ROWS";

const POSITION: &str = "SELECT position FROM marshrut.progress WHERE consumer = 'history'";
const ADVANCE: &str = "UPDATE marshrut.progress SET position = $1 WHERE consumer = 'history' AND position < $1";

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
const PRESENT: &str = "SELECT wanted.place FROM unnest($1::text[], $2::timestamptz[], $3::bigint[]) \
     WITH ORDINALITY AS wanted (device_id, time, content_hash, place) WHERE EXISTS (SELECT FROM marshrut.fixes f \
     WHERE f.device_id = wanted.device_id COLLATE \"C\" AND f.time = wanted.time \
     AND f.content_hash = wanted.content_hash)";
const MERGE_FIXES: &str =
    "INSERT INTO marshrut.fixes SELECT * FROM pg_temp.fixes_staging ON CONFLICT ON CONSTRAINT fixes_once DO NOTHING";
const MERGE_DAYS: &str = "INSERT INTO marshrut.device_days (day, vehicle_id, device_id) \
     SELECT * FROM unnest($1::date[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING";

const MERGE_VISITS: &str = "INSERT INTO marshrut.stop_visits (service_date, trip_id, vehicle_id, run_offset_s, \
     stop_sequence, stop_id, route_id, direction_id, arrival, departure, interpolated, uncertainty_s, delay_s) \
     SELECT * FROM unnest($1::date[], $2::text[], $3::text[], $4::int[], $5::bigint[], $6::text[], $7::text[], \
     $8::smallint[], $9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::real[], $13::int[]) \
     ON CONFLICT (service_date, trip_id, vehicle_id, run_offset_s, stop_sequence) DO UPDATE SET \
     stop_id = excluded.stop_id, route_id = excluded.route_id, direction_id = excluded.direction_id, \
     arrival = excluded.arrival, departure = excluded.departure, interpolated = excluded.interpolated, \
     uncertainty_s = excluded.uncertainty_s, delay_s = excluded.delay_s";

/// The day of a vehicle's device leads to the key's index, which has each device's fixes by time.
const CORRECT: &str = "UPDATE marshrut.fixes AS f SET state = c.state, rejected = c.rejected, trip_id = c.trip_id, \
     service_date = c.service_date, route_id = c.route_id, direction_id = c.direction_id, \
     shape_dist_m = c.shape_dist_m, cross_track_m = c.cross_track_m, delay_s = c.delay_s \
     FROM unnest($1::date[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::date[], \
     $8::text[], $9::smallint[], $10::float8[], $11::real[], $12::int[]) AS c (day, vehicle_id, time, state, rejected, \
     trip_id, service_date, route_id, direction_id, shape_dist_m, cross_track_m, delay_s) \
     JOIN marshrut.device_days AS d ON d.day = c.day AND d.vehicle_id = c.vehicle_id COLLATE \"C\" \
     WHERE f.device_id = d.device_id AND f.time = c.time AND f.vehicle_id = d.vehicle_id \
     AND (f.rejected IS NULL OR f.rejected = 'late')";

/// Looks for keys by the key's index and by nothing else, whatever the planner believed of the
/// table when it was still empty. The index of times has blocks of it, and would be read by bitmap.
const BY_INDEX: &str = "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; \
     SET enable_mergejoin = off";

/// Gives a new connection the temporary table that fixes pass through where some are there
/// already. It lives as long as the connection and is emptied by each commit.
pub(super) async fn prepare(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(BY_INDEX).execute(&mut *connection).await?;
    sqlx::query(CREATE_FIXES).execute(connection).await.map(drop)
}

/// What a commit moves on with its rows, and is refused by.
pub(super) enum Guard<'a> {
    /// The journal's position.
    Position(u64),
    /// How far shards of the stream have got.
    Shards(&'a [Claim]),
}

/// How fixes get into their table.
#[derive(Clone, Copy)]
enum Way {
    /// Copied, more than twice as quick; only where none of them is there already.
    Straight,
    /// By another table, from which those go on that are not there yet.
    Around,
}

impl Postgis {
    /// One transaction with rows and what guards them. Where the table turns out to have a fix
    /// that this process did not know of, it is rolled back and done the other way.
    pub(super) async fn write(&self, batch: &Batch, guard: Guard<'_>) -> Result<Committed, StoreError> {
        let error = self.error("marshrut.fixes");
        let mut connection = self.writer.acquire().await.map_err(&error)?;
        let offered = batch.fixes.len() as u64;
        let mut way = Way::Straight;
        loop {
            let mut transaction = connection.begin().await.map_err(&error)?;
            let moved = match &guard {
                Guard::Position(upto) => self.advance(&mut transaction, *upto).await?,
                Guard::Shards(upto) => self.advance_shards(&mut transaction, upto).await?,
            };
            if !moved {
                return Ok(Committed { inserted: 0, duplicates: offered });
            }
            let mut known = self.known.take();
            let Some(inserted) = self.merge(&mut transaction, batch, &mut known, way).await? else {
                transaction.rollback().await.map_err(&error)?;
                way = Way::Around;
                continue;
            };
            transaction.commit().await.map_err(&error)?;
            self.known.keep(known);
            return Ok(Committed { inserted, duplicates: offered.saturating_sub(inserted) });
        }
    }

    /// Whether the position has moved; it has not where it stands there already. The row's lock
    /// keeps a second writer waiting until it sees what the first has committed.
    async fn advance(&self, connection: &mut PgConnection, upto: u64) -> Result<bool, StoreError> {
        let error = self.error("marshrut.progress");
        let moved = sqlx::query(ADVANCE).bind(upto.cast_signed()).execute(&mut *connection).await.map_err(&error)?;
        if moved.rows_affected() > 0 {
            return Ok(true);
        }
        let committed: i64 = sqlx::query_scalar(POSITION).fetch_one(connection).await.map_err(&error)?;
        let committed = committed.cast_unsigned();
        if upto < committed { Err(StoreError::Stale { committed, upto }) } else { Ok(false) }
    }

    /// Brings a batch's rows into the tables; gives how many fixes are new, and `None` where
    /// they cannot go this way.
    async fn merge(
        &self,
        connection: &mut PgConnection,
        batch: &Batch,
        known: &mut Known,
        way: Way,
    ) -> Result<Option<u64>, StoreError> {
        let Plan { new, doubtful, days } = known.plan(&batch.fixes);
        let inserted = match way {
            Way::Straight => insert_straight(connection, new, &doubtful).await,
            Way::Around => insert_around(connection, &batch.fixes).await.map(Some),
        };
        let Some(inserted) = inserted.map_err(self.error("marshrut.fixes"))? else { return Ok(None) };
        self.merge_days(connection, days).await?;
        self.merge_visits(connection, &batch.visits).await?;
        self.correct(connection, &batch.corrections).await?;
        Ok(Some(inserted))
    }

    async fn merge_days(
        &self,
        connection: &mut PgConnection,
        mut lines: Vec<(Date, &str, &str)>,
    ) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        // In order, so that two workers with the same rows do not wait for each other.
        lines.sort_unstable();
        lines.dedup();
        let days: Vec<Day> = lines.iter().map(|(day, _, _)| Day(ServiceDate::new(*day))).collect();
        let vehicles: Vec<&str> = lines.iter().map(|(_, vehicle, _)| *vehicle).collect();
        let devices: Vec<&str> = lines.iter().map(|(_, _, device)| *device).collect();
        let merge = sqlx::query(MERGE_DAYS).bind(days).bind(vehicles).bind(devices);
        merge.execute(connection).await.map_err(self.error("marshrut.device_days")).map(drop)
    }

    async fn merge_visits(&self, connection: &mut PgConnection, visits: &[VisitRow]) -> Result<(), StoreError> {
        if visits.is_empty() {
            return Ok(());
        }
        // One statement may not change a row twice: only the last of each key goes in.
        let last: BTreeMap<_, &VisitRow> = visits.iter().map(|v| ((v.service_date, v.key()), v)).collect();
        let visits: Vec<&VisitRow> = last.into_values().collect();
        let merge = sqlx::query(MERGE_VISITS)
            .bind(column(&visits, |v| Day(v.service_date)))
            .bind(column(&visits, |v| storable(&v.trip_id)))
            .bind(column(&visits, |v| v.vehicle_id.as_str()))
            .bind(column(&visits, |v| v.run_offset_s))
            .bind(column(&visits, |v| i64::from(v.stop_sequence)))
            .bind(column(&visits, |v| storable(&v.stop_id)))
            .bind(column(&visits, |v| v.route_id.as_deref().map(storable)))
            .bind(column(&visits, |v| v.direction_id.map(i16::from)))
            .bind(column(&visits, |v| Time(v.arrival)))
            .bind(column(&visits, |v| v.departure.map(Time)))
            .bind(column(&visits, |v| v.interpolated))
            .bind(column(&visits, |v| v.uncertainty_s))
            .bind(column(&visits, |v| v.delay_s));
        merge.execute(connection).await.map_err(self.error("marshrut.stop_visits")).map(drop)
    }

    async fn correct(&self, connection: &mut PgConnection, corrections: &[Correction]) -> Result<(), StoreError> {
        if corrections.is_empty() {
            return Ok(());
        }
        // As with visits, only the last of each fix.
        let last: BTreeMap<_, &Correction> = corrections.iter().map(|c| ((&c.vehicle_id, micros(c.time)), c)).collect();
        let rows: Vec<&Correction> = last.into_values().collect();
        let text = |of: fn(&LiveMatch) -> Option<&str>| column(&rows, |c| of(&c.live).map(storable));
        let correct = sqlx::query(CORRECT)
            .bind(column(&rows, |c| Day(ServiceDate::new(utc_day(c.time)))))
            .bind(column(&rows, |c| c.vehicle_id.as_str()))
            .bind(column(&rows, |c| Time(c.time)))
            .bind(text(|live| live.state.as_deref()))
            .bind(text(|live| live.rejected.as_deref()))
            .bind(text(|live| live.trip_id.as_deref()))
            .bind(column(&rows, |c| c.live.service_date.map(Day)))
            .bind(text(|live| live.route_id.as_deref()))
            .bind(column(&rows, |c| c.live.direction_id.map(i16::from)))
            .bind(column(&rows, |c| c.live.shape_dist_m))
            .bind(column(&rows, |c| c.live.cross_track_m))
            .bind(column(&rows, |c| c.live.delay_s));
        correct.execute(connection).await.map_err(self.error("marshrut.fixes")).map(drop)
    }
}

fn column<'r, R, T>(rows: &[&'r R], of: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(|row| of(row)).collect()
}

/// Copies those that are not there yet; `None`, and the transaction is spoilt, where one is
/// there that this process did not know of.
async fn insert_straight<'r>(
    connection: &mut PgConnection,
    mut new: Vec<&'r FixRow>,
    doubtful: &[&'r FixRow],
) -> Result<Option<u64>, sqlx::Error> {
    if !doubtful.is_empty() {
        new.extend(absent(connection, doubtful).await?);
        let mut seen = HashSet::with_capacity(new.len());
        new.retain(|fix| seen.insert((&fix.device_id, micros(fix.time), fix.content_hash)));
    }
    if new.is_empty() {
        return Ok(Some(0));
    }
    match copy(connection, COPY_FIXES, new.iter().copied(), FIX_COLUMNS, fix_fields).await {
        Ok(()) => Ok(Some(new.len() as u64)),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(None),
        Err(other) => Err(other),
    }
}

async fn insert_around(connection: &mut PgConnection, fixes: &[FixRow]) -> Result<u64, sqlx::Error> {
    copy(&mut *connection, COPY_FIXES_STAGING, fixes.iter(), FIX_COLUMNS, fix_fields).await?;
    Ok(sqlx::query(MERGE_FIXES).execute(connection).await?.rows_affected())
}

/// Those that the table does not have.
async fn absent<'r>(connection: &mut PgConnection, fixes: &[&'r FixRow]) -> Result<Vec<&'r FixRow>, sqlx::Error> {
    let devices: Vec<&str> = fixes.iter().map(|fix| fix.device_id.as_str()).collect();
    let times: Vec<Time> = fixes.iter().map(|fix| Time(fix.time)).collect();
    let hashes: Vec<i64> = fixes.iter().map(|fix| fix.content_hash.cast_signed()).collect();
    let present: Vec<i64> =
        sqlx::query_scalar(PRESENT).bind(devices).bind(times).bind(hashes).fetch_all(connection).await?;
    let present: HashSet<i64> = present.into_iter().collect();
    Ok((1..).zip(fixes).filter(|(place, _)| !present.contains(place)).map(|(_, fix)| *fix).collect())
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

//! Pages and single answers.

use async_trait::async_trait;
use compact_str::CompactString;
use model::{ServiceDate, Timestamp, VehicleId};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::Postgis;
use super::types::{Day, Time};
use crate::cells::{Cells, fix, vehicles, visit};
use crate::page::{After, Reader, Window};
use crate::time::utc_day;
use crate::{FixRow, StoreError, VisitKey, VisitRow};

const VEHICLES: &str = "SELECT DISTINCT vehicle_id FROM marshrut.device_days \
     WHERE day BETWEEN $1 AND $2 AND vehicle_id >= $3 ORDER BY vehicle_id LIMIT $4";

const FIXES: &str = "SELECT f.device_id, f.time, f.received_at, f.content_hash, f.protocol, f.valid, \
     ST_X(f.geom) AS lon, ST_Y(f.geom) AS lat, f.altitude_m, f.speed_mps, f.heading_deg, \
     f.satellites::bigint AS satellites, f.hdop, f.attributes::text AS attributes, f.state, f.rejected, f.trip_id, \
     f.service_date, f.route_id, f.direction_id::bigint AS direction_id, f.shape_dist_m, f.cross_track_m, \
     f.delay_s::bigint AS delay_s \
     FROM marshrut.fixes f \
     WHERE f.device_id IN \
         (SELECT device_id FROM marshrut.device_days WHERE day BETWEEN $1 AND $2 AND vehicle_id = $3) \
     AND f.vehicle_id = $3 AND f.time >= $4 AND f.time < $5 \
     AND (f.time, f.content_hash, f.device_id) > ($6, $7, $8) \
     ORDER BY f.time, f.content_hash, f.device_id LIMIT $9";

const VISITS: &str = "SELECT v.trip_id, v.vehicle_id, v.run_offset_s::bigint AS run_offset_s, v.stop_sequence, \
     v.stop_id, v.route_id, v.direction_id::bigint AS direction_id, v.arrival, v.departure, v.interpolated, \
     v.uncertainty_s, v.delay_s::bigint AS delay_s FROM marshrut.stop_visits v \
     WHERE v.service_date = $1 AND (v.trip_id, v.vehicle_id, v.run_offset_s, v.stop_sequence) > ($2, $3, $4, $5) \
     ORDER BY v.trip_id, v.vehicle_id, v.run_offset_s, v.stop_sequence LIMIT $6";

const DAYS: &str = "SELECT DISTINCT day FROM marshrut.device_days ORDER BY day";
const POSITION: &str = "SELECT position FROM marshrut.progress WHERE consumer = 'history'";
const CHECK: &str = "SELECT pg_is_in_recovery() FROM marshrut.progress WHERE consumer = 'history'";

impl Postgis {
    pub(super) async fn read_position(&self) -> Result<u64, StoreError> {
        let position: i64 =
            sqlx::query_scalar(POSITION).fetch_one(&self.readers).await.map_err(self.error("marshrut.progress"))?;
        Ok(position.cast_unsigned())
    }

    pub(super) async fn check(&self) -> Result<(), StoreError> {
        let standby: bool =
            sqlx::query_scalar(CHECK).fetch_one(&self.readers).await.map_err(self.error("marshrut.progress"))?;
        if standby {
            return Err(StoreError::Denied {
                url: self.url.clone(),
                reason: "the server is a read-only standby".to_owned(),
                advice: "connect to the primary".to_owned(),
            });
        }
        Ok(())
    }

    pub(super) async fn read_days(&self) -> Result<Vec<ServiceDate>, StoreError> {
        let days: Vec<Day> =
            sqlx::query_scalar(DAYS).fetch_all(&self.readers).await.map_err(self.error("marshrut.device_days"))?;
        Ok(days.into_iter().map(|day| day.0).collect())
    }

    pub(super) async fn read_visits(
        &self,
        day: ServiceDate,
        after: Option<&VisitKey>,
        limit: usize,
    ) -> Result<Vec<VisitRow>, StoreError> {
        let error = self.error("marshrut.stop_visits");
        let rows = sqlx::query(VISITS)
            .bind(Day(day))
            .bind(after.map_or("", |key| key.trip_id.as_str()))
            .bind(after.map_or("", |key| key.vehicle_id.as_str()))
            .bind(after.map_or(i32::MIN, |key| key.run_offset_s))
            .bind(after.map_or(-1, |key| i64::from(key.stop_sequence)))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.readers)
            .await
            .map_err(&error)?;
        rows.iter().map(|row| visit(row, day).map_err(&error)).collect()
    }
}

#[async_trait]
impl Reader for Postgis {
    async fn vehicles(&self, window: Window, from_vehicle: &str, limit: usize) -> Result<Vec<VehicleId>, StoreError> {
        let error = self.error("marshrut.device_days");
        let names: Vec<String> = sqlx::query_scalar(VEHICLES)
            .bind(Day(ServiceDate::new(utc_day(window.from))))
            .bind(Day(ServiceDate::new(utc_day(window.until))))
            .bind(from_vehicle)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.readers)
            .await
            .map_err(&error)?;
        vehicles(&names).map_err(error)
    }

    async fn fixes_of_vehicle(
        &self,
        window: Window,
        vehicle: &VehicleId,
        after: After<'_>,
        limit: usize,
    ) -> Result<Vec<FixRow>, StoreError> {
        let error = self.error("marshrut.fixes");
        let rows = sqlx::query(FIXES)
            .bind(Day(ServiceDate::new(utc_day(window.from))))
            .bind(Day(ServiceDate::new(utc_day(window.until))))
            .bind(vehicle.as_str())
            .bind(Time(window.from))
            .bind(Time(window.until))
            .bind(Time(after.time))
            .bind(after.content_hash)
            .bind(after.device)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.readers)
            .await
            .map_err(&error)?;
        rows.iter().map(|row| fix(row, vehicle).map_err(&error)).collect()
    }
}

impl Cells for PgRow {
    fn text(&self, column: &'static str) -> Result<Option<CompactString>, sqlx::Error> {
        Ok(self.try_get::<Option<&str>, _>(column)?.map(CompactString::from))
    }

    fn time(&self, column: &'static str) -> Result<Option<Timestamp>, sqlx::Error> {
        Ok(self.try_get::<Option<Time>, _>(column)?.map(|time| time.0))
    }

    fn day(&self, column: &'static str) -> Result<Option<ServiceDate>, sqlx::Error> {
        Ok(self.try_get::<Option<Day>, _>(column)?.map(|day| day.0))
    }

    fn bool(&self, column: &'static str) -> Result<Option<bool>, sqlx::Error> {
        self.try_get(column)
    }

    fn i64(&self, column: &'static str) -> Result<Option<i64>, sqlx::Error> {
        self.try_get(column)
    }

    fn f32(&self, column: &'static str) -> Result<Option<f32>, sqlx::Error> {
        self.try_get(column)
    }

    fn f64(&self, column: &'static str) -> Result<Option<f64>, sqlx::Error> {
        self.try_get(column)
    }
}

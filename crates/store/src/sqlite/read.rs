//! Pages and single answers.

use async_trait::async_trait;
use compact_str::CompactString;
use model::{ServiceDate, Timestamp, VehicleId};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::Sqlite;
use crate::cells::{Cells, fix, invalid, vehicles, visit};
use crate::page::{After, Reader, Window};
use crate::time::{micros, utc_day};
use crate::{FixRow, StoreError, VisitKey, VisitRow};

const VEHICLES: &str = "SELECT DISTINCT vehicle_id FROM device_days \
     WHERE day BETWEEN ?1 AND ?2 AND vehicle_id >= ?3 ORDER BY vehicle_id LIMIT ?4";

const FIXES: &str = "SELECT * FROM fixes \
     WHERE device_id IN (SELECT device_id FROM device_days WHERE day BETWEEN ?1 AND ?2 AND vehicle_id = ?3) \
     AND vehicle_id = ?3 AND time >= ?4 AND time < ?5 \
     AND (time, content_hash, device_id) > (?6, ?7, ?8) \
     ORDER BY time, content_hash, device_id LIMIT ?9";

const VISITS: &str = "SELECT * FROM stop_visits \
     WHERE service_date = ?1 AND (trip_id, vehicle_id, run_offset_s, stop_sequence) > (?2, ?3, ?4, ?5) \
     ORDER BY trip_id, vehicle_id, run_offset_s, stop_sequence LIMIT ?6";

const DAYS: &str = "SELECT DISTINCT day FROM device_days ORDER BY day";
const POSITION: &str = "SELECT position FROM progress WHERE consumer = 'history'";

impl Sqlite {
    pub(super) async fn read_position(&self) -> Result<u64, StoreError> {
        let position: i64 =
            sqlx::query_scalar(POSITION).fetch_one(&self.readers).await.map_err(self.error("progress"))?;
        Ok(position.cast_unsigned())
    }

    pub(super) async fn read_days(&self) -> Result<Vec<ServiceDate>, StoreError> {
        let error = self.error("device_days");
        let days: Vec<String> = sqlx::query_scalar(DAYS).fetch_all(&self.readers).await.map_err(&error)?;
        days.iter().map(|day| date("day", day).map_err(&error)).collect()
    }

    pub(super) async fn read_visits(
        &self,
        day: ServiceDate,
        after: Option<&VisitKey>,
        limit: usize,
    ) -> Result<Vec<VisitRow>, StoreError> {
        let error = self.error("stop_visits");
        let rows = sqlx::query(VISITS)
            .bind(day.to_string())
            .bind(after.map_or(String::new(), |key| key.trip_id.to_string()))
            .bind(after.map_or(String::new(), |key| key.vehicle_id.to_string()))
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
impl Reader for Sqlite {
    async fn vehicles(&self, window: Window, from_vehicle: &str, limit: usize) -> Result<Vec<VehicleId>, StoreError> {
        let error = self.error("device_days");
        let names: Vec<String> = sqlx::query_scalar(VEHICLES)
            .bind(utc_day(window.from).to_string())
            .bind(utc_day(window.until).to_string())
            .bind(from_vehicle.to_owned())
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
        let error = self.error("fixes");
        let rows = sqlx::query(FIXES)
            .bind(utc_day(window.from).to_string())
            .bind(utc_day(window.until).to_string())
            .bind(vehicle.to_string())
            .bind(micros(window.from))
            .bind(micros(window.until))
            .bind(micros(after.time))
            .bind(after.content_hash)
            .bind(after.device.to_owned())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.readers)
            .await
            .map_err(&error)?;
        rows.iter().map(|row| fix(row, vehicle).map_err(&error)).collect()
    }
}

fn date(column: &'static str, text: &str) -> Result<ServiceDate, sqlx::Error> {
    ServiceDate::parse(text).ok_or_else(|| invalid(column)(std::io::Error::other(format!("`{text}` is no date"))))
}

impl Cells for SqliteRow {
    fn text(&self, column: &'static str) -> Result<Option<CompactString>, sqlx::Error> {
        Ok(self.try_get::<Option<&str>, _>(column)?.map(CompactString::from))
    }

    fn time(&self, column: &'static str) -> Result<Option<Timestamp>, sqlx::Error> {
        Ok(self.try_get::<Option<i64>, _>(column)?.map(Timestamp::from_micros))
    }

    fn day(&self, column: &'static str) -> Result<Option<ServiceDate>, sqlx::Error> {
        self.try_get::<Option<&str>, _>(column)?.map(|day| date(column, day)).transpose()
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

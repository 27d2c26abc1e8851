//! Pages and single answers.

use async_trait::async_trait;
use compact_str::CompactString;
use model::{DeviceId, LatLon, ServiceDate, Timestamp, VehicleId};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::Sqlite;
use crate::page::{After, Reader, Window};
use crate::time::{micros, utc_day};
use crate::{FixRow, LiveMatch, StoreError, VisitKey, VisitRow};

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
        names.iter().map(|name| VehicleId::new(name).map_err(decode("vehicle_id")).map_err(&error)).collect()
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

/// A value that this version of marshrut would not have written.
fn decode<E: std::error::Error + Send + Sync + 'static>(column: &'static str) -> impl Fn(E) -> sqlx::Error {
    move |error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) }
}

fn date(column: &'static str, text: &str) -> Result<ServiceDate, sqlx::Error> {
    ServiceDate::parse(text).ok_or_else(|| decode(column)(std::io::Error::other(format!("`{text}` is no date"))))
}

fn text(row: &SqliteRow, column: &'static str) -> Result<Option<CompactString>, sqlx::Error> {
    Ok(row.try_get::<Option<&str>, _>(column)?.map(CompactString::from))
}

fn time(row: &SqliteRow, column: &'static str) -> Result<Option<Timestamp>, sqlx::Error> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp::from_micros))
}

fn fix(row: &SqliteRow, vehicle: &VehicleId) -> Result<FixRow, sqlx::Error> {
    let place: (Option<f64>, Option<f64>) = (row.try_get("lat")?, row.try_get("lon")?);
    Ok(FixRow {
        device_id: DeviceId::new(row.try_get("device_id")?).map_err(decode("device_id"))?,
        vehicle_id: vehicle.clone(),
        time: time(row, "time")?.unwrap_or_default(),
        received_at: time(row, "received_at")?.unwrap_or_default(),
        content_hash: row.try_get::<i64, _>("content_hash")?.cast_unsigned(),
        protocol: text(row, "protocol")?.unwrap_or_default(),
        valid: row.try_get("valid")?,
        position: place.0.zip(place.1).and_then(|(lat, lon)| LatLon::new(lat, lon)),
        altitude_m: row.try_get("altitude_m")?,
        speed_mps: row.try_get("speed_mps")?,
        heading_deg: row.try_get("heading_deg")?,
        satellites: row.try_get("satellites")?,
        hdop: row.try_get("hdop")?,
        attributes: row.try_get::<Option<String>, _>("attributes")?.unwrap_or_default(),
        live: LiveMatch {
            state: text(row, "state")?,
            rejected: text(row, "rejected")?,
            trip_id: text(row, "trip_id")?,
            service_date: row
                .try_get::<Option<&str>, _>("service_date")?
                .map(|day| date("service_date", day))
                .transpose()?,
            route_id: text(row, "route_id")?,
            direction_id: row.try_get("direction_id")?,
            shape_dist_m: row.try_get("shape_dist_m")?,
            cross_track_m: row.try_get("cross_track_m")?,
            delay_s: row.try_get("delay_s")?,
        },
    })
}

fn visit(row: &SqliteRow, service_date: ServiceDate) -> Result<VisitRow, sqlx::Error> {
    Ok(VisitRow {
        service_date,
        trip_id: text(row, "trip_id")?.unwrap_or_default(),
        vehicle_id: VehicleId::new(row.try_get("vehicle_id")?).map_err(decode("vehicle_id"))?,
        run_offset_s: row.try_get("run_offset_s")?,
        stop_sequence: row.try_get("stop_sequence")?,
        stop_id: text(row, "stop_id")?.unwrap_or_default(),
        route_id: text(row, "route_id")?,
        direction_id: row.try_get("direction_id")?,
        arrival: time(row, "arrival")?.unwrap_or_default(),
        departure: time(row, "departure")?,
        interpolated: row.try_get("interpolated")?,
        uncertainty_s: row.try_get("uncertainty_s")?,
        delay_s: row.try_get("delay_s")?,
    })
}

//! Pages and single answers.

use async_trait::async_trait;
use compact_str::CompactString;
use model::{DeviceId, LatLon, ServiceDate, VehicleId};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::Postgis;
use super::types::{Day, Time};
use crate::page::{After, Reader, Window};
use crate::time::utc_day;
use crate::{FixRow, LiveMatch, StoreError, VisitKey, VisitRow};

const VEHICLES: &str = "SELECT DISTINCT vehicle_id FROM marshrut.device_days \
     WHERE day BETWEEN $1 AND $2 AND vehicle_id >= $3 ORDER BY vehicle_id LIMIT $4";

const FIXES: &str = "SELECT f.device_id, f.time, f.received_at, f.content_hash, f.protocol, f.valid, \
     ST_X(f.geom) AS lon, ST_Y(f.geom) AS lat, f.altitude_m, f.speed_mps, f.heading_deg, f.satellites, f.hdop, \
     f.attributes::text AS attributes, f.state, f.rejected, f.trip_id, f.service_date, f.route_id, \
     f.direction_id, f.shape_dist_m, f.cross_track_m, f.delay_s \
     FROM marshrut.fixes f \
     WHERE f.device_id IN \
         (SELECT device_id FROM marshrut.device_days WHERE day BETWEEN $1 AND $2 AND vehicle_id = $3) \
     AND f.vehicle_id = $3 AND f.time >= $4 AND f.time < $5 \
     AND (f.time, f.content_hash, f.device_id) > ($6, $7, $8) \
     ORDER BY f.time, f.content_hash, f.device_id LIMIT $9";

const VISITS: &str = "SELECT trip_id, vehicle_id, run_offset_s, stop_sequence, stop_id, route_id, direction_id, arrival, \
     departure, interpolated, uncertainty_s, delay_s FROM marshrut.stop_visits \
     WHERE service_date = $1 AND (trip_id, vehicle_id, run_offset_s, stop_sequence) > ($2, $3, $4, $5) \
     ORDER BY trip_id, vehicle_id, run_offset_s, stop_sequence LIMIT $6";

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
        names.iter().map(|name| VehicleId::new(name).map_err(decode("vehicle_id")).map_err(&error)).collect()
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

/// A value that this version of marshrut would not have written.
fn decode<E: std::error::Error + Send + Sync + 'static>(column: &'static str) -> impl Fn(E) -> sqlx::Error {
    move |error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) }
}

fn text(row: &PgRow, column: &'static str) -> Result<Option<CompactString>, sqlx::Error> {
    Ok(row.try_get::<Option<&str>, _>(column)?.map(CompactString::from))
}

fn small(row: &PgRow, column: &'static str) -> Result<Option<u8>, sqlx::Error> {
    row.try_get::<Option<i16>, _>(column)?.map(u8::try_from).transpose().map_err(decode(column))
}

fn fix(row: &PgRow, vehicle: &VehicleId) -> Result<FixRow, sqlx::Error> {
    let place: (Option<f64>, Option<f64>) = (row.try_get("lat")?, row.try_get("lon")?);
    Ok(FixRow {
        device_id: DeviceId::new(row.try_get("device_id")?).map_err(decode("device_id"))?,
        vehicle_id: vehicle.clone(),
        time: row.try_get::<Time, _>("time")?.0,
        received_at: row.try_get::<Time, _>("received_at")?.0,
        content_hash: row.try_get::<i64, _>("content_hash")?.cast_unsigned(),
        protocol: text(row, "protocol")?.unwrap_or_default(),
        valid: row.try_get("valid")?,
        position: place.0.zip(place.1).and_then(|(lat, lon)| LatLon::new(lat, lon)),
        altitude_m: row.try_get("altitude_m")?,
        speed_mps: row.try_get("speed_mps")?,
        heading_deg: row.try_get("heading_deg")?,
        satellites: small(row, "satellites")?,
        hdop: row.try_get("hdop")?,
        attributes: row.try_get::<Option<String>, _>("attributes")?.unwrap_or_default(),
        live: LiveMatch {
            state: text(row, "state")?,
            rejected: text(row, "rejected")?,
            trip_id: text(row, "trip_id")?,
            service_date: row.try_get::<Option<Day>, _>("service_date")?.map(|day| day.0),
            route_id: text(row, "route_id")?,
            direction_id: small(row, "direction_id")?,
            shape_dist_m: row.try_get("shape_dist_m")?,
            cross_track_m: row.try_get("cross_track_m")?,
            delay_s: row.try_get("delay_s")?,
        },
    })
}

fn visit(row: &PgRow, service_date: ServiceDate) -> Result<VisitRow, sqlx::Error> {
    Ok(VisitRow {
        service_date,
        trip_id: text(row, "trip_id")?.unwrap_or_default(),
        vehicle_id: VehicleId::new(row.try_get("vehicle_id")?).map_err(decode("vehicle_id"))?,
        run_offset_s: row.try_get("run_offset_s")?,
        stop_sequence: u32::try_from(row.try_get::<i64, _>("stop_sequence")?).map_err(decode("stop_sequence"))?,
        stop_id: text(row, "stop_id")?.unwrap_or_default(),
        route_id: text(row, "route_id")?,
        direction_id: small(row, "direction_id")?,
        arrival: row.try_get::<Time, _>("arrival")?.0,
        departure: row.try_get::<Option<Time>, _>("departure")?.map(|time| time.0),
        interpolated: row.try_get("interpolated")?,
        uncertainty_s: row.try_get("uncertainty_s")?,
        delay_s: row.try_get("delay_s")?,
    })
}

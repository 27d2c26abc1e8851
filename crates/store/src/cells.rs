//! Rows of either database as fixes and stop visits.

use compact_str::CompactString;
use model::{DeviceId, LatLon, ServiceDate, Timestamp, VehicleId};

use crate::{FixRow, LiveMatch, VisitRow};

type Cell<T> = Result<Option<T>, sqlx::Error>;

/// The cells of one row by the names of their columns.
pub(crate) trait Cells {
    fn text(&self, column: &'static str) -> Cell<CompactString>;
    fn time(&self, column: &'static str) -> Cell<Timestamp>;
    fn day(&self, column: &'static str) -> Cell<ServiceDate>;
    fn bool(&self, column: &'static str) -> Cell<bool>;
    fn i64(&self, column: &'static str) -> Cell<i64>;
    fn f32(&self, column: &'static str) -> Cell<f32>;
    fn f64(&self, column: &'static str) -> Cell<f64>;
}

/// A value that this version of marshrut would not have written.
pub(crate) fn invalid<E: std::error::Error + Send + Sync + 'static>(column: &'static str) -> impl Fn(E) -> sqlx::Error {
    move |error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) }
}

/// The cell of a column that is never null.
fn filled<T>(column: &'static str, cell: Cell<T>) -> Result<T, sqlx::Error> {
    cell?.ok_or_else(|| invalid(column)(std::io::Error::other("it is null")))
}

fn whole<T: TryFrom<i64, Error: std::error::Error + Send + Sync + 'static>>(
    row: &impl Cells,
    column: &'static str,
) -> Cell<T> {
    row.i64(column)?.map(T::try_from).transpose().map_err(invalid(column))
}

/// One of a vehicle's fixes.
pub(crate) fn fix(row: &impl Cells, vehicle: &VehicleId) -> Result<FixRow, sqlx::Error> {
    let place = row.f64("lat")?.zip(row.f64("lon")?);
    let device = filled("device_id", row.text("device_id"))?;
    Ok(FixRow {
        device_id: DeviceId::new(&device).map_err(invalid("device_id"))?,
        vehicle_id: vehicle.clone(),
        time: filled("time", row.time("time"))?,
        received_at: filled("received_at", row.time("received_at"))?,
        content_hash: filled("content_hash", row.i64("content_hash"))?.cast_unsigned(),
        protocol: filled("protocol", row.text("protocol"))?,
        valid: filled("valid", row.bool("valid"))?,
        position: place.and_then(|(lat, lon)| LatLon::new(lat, lon)),
        altitude_m: row.f32("altitude_m")?,
        speed_mps: row.f32("speed_mps")?,
        heading_deg: row.f32("heading_deg")?,
        satellites: whole(row, "satellites")?,
        hdop: row.f32("hdop")?,
        attributes: row.text("attributes")?.map(String::from).unwrap_or_default(),
        live: LiveMatch {
            state: row.text("state")?,
            rejected: row.text("rejected")?,
            trip_id: row.text("trip_id")?,
            service_date: row.day("service_date")?,
            route_id: row.text("route_id")?,
            direction_id: whole(row, "direction_id")?,
            shape_dist_m: row.f64("shape_dist_m")?,
            cross_track_m: row.f32("cross_track_m")?,
            delay_s: whole(row, "delay_s")?,
        },
    })
}

/// One of a day's stop visits.
pub(crate) fn visit(row: &impl Cells, service_date: ServiceDate) -> Result<VisitRow, sqlx::Error> {
    let vehicle = filled("vehicle_id", row.text("vehicle_id"))?;
    Ok(VisitRow {
        service_date,
        trip_id: filled("trip_id", row.text("trip_id"))?,
        vehicle_id: VehicleId::new(&vehicle).map_err(invalid("vehicle_id"))?,
        run_offset_s: filled("run_offset_s", whole(row, "run_offset_s"))?,
        stop_sequence: filled("stop_sequence", whole(row, "stop_sequence"))?,
        stop_id: filled("stop_id", row.text("stop_id"))?,
        route_id: row.text("route_id")?,
        direction_id: whole(row, "direction_id")?,
        arrival: filled("arrival", row.time("arrival"))?,
        departure: row.time("departure")?,
        interpolated: filled("interpolated", row.bool("interpolated"))?,
        uncertainty_s: filled("uncertainty_s", row.f32("uncertainty_s"))?,
        delay_s: whole(row, "delay_s")?,
    })
}

/// Vehicles' ids.
pub(crate) fn vehicles(names: &[String]) -> Result<Vec<VehicleId>, sqlx::Error> {
    names.iter().map(|name| VehicleId::new(name).map_err(invalid("vehicle_id"))).collect()
}

//! Commits.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{AssertSqlSafe, Sqlite as Database};

use super::Sqlite;
use crate::time::{micros, utc_day};
use crate::{Batch, Committed, Correction, FixRow, LiveMatch, StoreError, VisitRow};

/// Rows written by one statement: enough that the cost of a statement no longer shows.
const ROWS: usize = 128;

const POSITION: &str = "SELECT position FROM progress WHERE consumer = 'history'";
const ADVANCE: &str = "UPDATE progress SET position = ?1 WHERE consumer = 'history'";

const FIXES: Insert = Insert {
    head: "INSERT INTO fixes (device_id, vehicle_id, time, received_at, content_hash, protocol, valid, lat, lon, \
         altitude_m, speed_mps, heading_deg, satellites, hdop, attributes, state, rejected, trip_id, service_date, \
         route_id, direction_id, shape_dist_m, cross_track_m, delay_s) VALUES ",
    columns: 24,
    tail: " ON CONFLICT (device_id, time, content_hash) DO NOTHING",
};

const DAYS: Insert = Insert {
    head: "INSERT INTO device_days (day, vehicle_id, device_id) VALUES ",
    columns: 3,
    tail: " ON CONFLICT DO NOTHING",
};

const VISITS: Insert = Insert {
    head: "INSERT INTO stop_visits (service_date, trip_id, vehicle_id, run_offset_s, stop_sequence, stop_id, \
         route_id, direction_id, arrival, departure, interpolated, uncertainty_s, delay_s) VALUES ",
    columns: 13,
    tail: " ON CONFLICT (service_date, trip_id, vehicle_id, run_offset_s, stop_sequence) DO UPDATE SET \
         stop_id = excluded.stop_id, route_id = excluded.route_id, direction_id = excluded.direction_id, \
         arrival = excluded.arrival, departure = excluded.departure, interpolated = excluded.interpolated, \
         uncertainty_s = excluded.uncertainty_s, delay_s = excluded.delay_s",
};

const CORRECT: &str = "UPDATE fixes SET state = ?4, rejected = ?5, trip_id = ?6, service_date = ?7, route_id = ?8, \
     direction_id = ?9, shape_dist_m = ?10, cross_track_m = ?11, delay_s = ?12 \
     WHERE device_id IN (SELECT device_id FROM device_days WHERE day = ?1 AND vehicle_id = ?2) \
     AND time = ?3 AND vehicle_id = ?2 AND (rejected IS NULL OR rejected = 'late')";

type Statement<'q> = Query<'q, Database, SqliteArguments>;

/// An insert of any number of rows.
struct Insert {
    head: &'static str,
    columns: usize,
    tail: &'static str,
}

impl Insert {
    /// Writes the rows and tells how many of them are new or changed.
    async fn run<'r, T: Sync>(
        &self,
        connection: &mut SqliteConnection,
        rows: &'r [T],
        bind: for<'q> fn(Statement<'q>, &'r T) -> Statement<'q>,
    ) -> Result<u64, sqlx::Error> {
        let mut written = 0;
        for chunk in rows.chunks(ROWS) {
            // Only the last chunk's text differs, so the statement cache serves all others.
            let mut statement = sqlx::query(AssertSqlSafe(self.text(chunk.len()))).persistent(chunk.len() == ROWS);
            for row in chunk {
                statement = bind(statement, row);
            }
            written += statement.execute(&mut *connection).await?.rows_affected();
        }
        Ok(written)
    }

    /// The statement for so many rows: nothing in it but constants and question marks.
    fn text(&self, rows: usize) -> String {
        let marks = vec!["?"; self.columns].join(",");
        let mut text = String::with_capacity(self.head.len() + rows * (marks.len() + 3) + self.tail.len());
        text.push_str(self.head);
        for row in 0..rows {
            // Writing to a `String` cannot fail.
            _ = write!(text, "{}({marks})", if row == 0 { "" } else { "," });
        }
        text.push_str(self.tail);
        text
    }
}

impl Sqlite {
    /// One transaction that takes the file's write lock before it looks at the position.
    pub(super) async fn write(&self, batch: &Batch, upto: u64) -> Result<Committed, StoreError> {
        let progress = self.error("progress");
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(&progress)?;
        let committed: i64 = sqlx::query_scalar(POSITION).fetch_one(&mut *transaction).await.map_err(&progress)?;
        let committed = committed.cast_unsigned();
        if upto < committed {
            return Err(StoreError::Stale { committed, upto });
        }
        let offered = batch.fixes.len() as u64;
        if upto == committed {
            return Ok(Committed { inserted: 0, duplicates: offered });
        }
        let inserted = FIXES.run(&mut transaction, &batch.fixes, bind_fix).await.map_err(self.error("fixes"))?;
        let days: BTreeSet<_> = batch
            .fixes
            .iter()
            .map(|fix| (utc_day(fix.time), fix.vehicle_id.as_str(), fix.device_id.as_str()))
            .collect();
        let days: Vec<_> = days.into_iter().collect();
        DAYS.run(&mut transaction, &days, |statement, (day, vehicle, device)| {
            statement.bind(day.to_string()).bind((*vehicle).to_owned()).bind((*device).to_owned())
        })
        .await
        .map_err(self.error("device_days"))?;
        VISITS.run(&mut transaction, &batch.visits, bind_visit).await.map_err(self.error("stop_visits"))?;
        for correction in &batch.corrections {
            let correct = bind_correction(sqlx::query(CORRECT), correction);
            correct.execute(&mut *transaction).await.map_err(self.error("fixes"))?;
        }
        sqlx::query(ADVANCE).bind(upto.cast_signed()).execute(&mut *transaction).await.map_err(&progress)?;
        transaction.commit().await.map_err(&progress)?;
        Ok(Committed { inserted, duplicates: offered.saturating_sub(inserted) })
    }
}

fn bind_fix<'q>(statement: Statement<'q>, row: &FixRow) -> Statement<'q> {
    let statement = statement
        .bind(row.device_id.to_string())
        .bind(row.vehicle_id.to_string())
        .bind(micros(row.time))
        .bind(micros(row.received_at))
        .bind(row.content_hash.cast_signed())
        .bind(row.protocol.to_string())
        .bind(row.valid)
        .bind(row.position.map(model::LatLon::lat))
        .bind(row.position.map(model::LatLon::lon))
        .bind(row.altitude_m)
        .bind(row.speed_mps)
        .bind(row.heading_deg)
        .bind(row.satellites)
        .bind(row.hdop)
        .bind((!row.attributes.is_empty()).then(|| row.attributes.clone()));
    bind_live(statement, &row.live)
}

fn bind_correction<'q>(statement: Statement<'q>, row: &Correction) -> Statement<'q> {
    let statement =
        statement.bind(utc_day(row.time).to_string()).bind(row.vehicle_id.to_string()).bind(micros(row.time));
    bind_live(statement, &row.live)
}

fn bind_live<'q>(statement: Statement<'q>, live: &LiveMatch) -> Statement<'q> {
    let text = |text: &Option<compact_str::CompactString>| text.as_ref().map(ToString::to_string);
    statement
        .bind(text(&live.state))
        .bind(text(&live.rejected))
        .bind(text(&live.trip_id))
        .bind(live.service_date.map(|day| day.to_string()))
        .bind(text(&live.route_id))
        .bind(live.direction_id)
        .bind(live.shape_dist_m)
        .bind(live.cross_track_m)
        .bind(live.delay_s)
}

fn bind_visit<'q>(statement: Statement<'q>, row: &VisitRow) -> Statement<'q> {
    statement
        .bind(row.service_date.to_string())
        .bind(row.trip_id.to_string())
        .bind(row.vehicle_id.to_string())
        .bind(row.run_offset_s)
        .bind(row.stop_sequence)
        .bind(row.stop_id.to_string())
        .bind(row.route_id.as_ref().map(ToString::to_string))
        .bind(row.direction_id)
        .bind(micros(row.arrival))
        .bind(row.departure.map(micros))
        .bind(row.interpolated)
        .bind(row.uncertainty_s)
        .bind(row.delay_s)
}

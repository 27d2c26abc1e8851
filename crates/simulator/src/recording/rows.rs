//! The rows of a positions file.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use csv::StringRecord;
use model::{LatLon, Timestamp, VehicleId};

use super::{MAX_SKIPS_KEPT, Row, Skips, open_text};
use crate::SimulatorError;

/// Most vehicles of one recording; rows of further ones are skipped.
const MAX_VEHICLES: usize = 1_000_000;

/// When which vehicle could take fixes but not send them, by `outages.csv`.
#[derive(Debug, Default)]
pub(super) struct Outages(HashMap<String, Vec<(Timestamp, Timestamp)>>);

impl Outages {
    /// When a fix of this vehicle taken at `time` was sent.
    fn sent(&self, vehicle: &VehicleId, time: Timestamp) -> Timestamp {
        let spans = self.0.get(vehicle.as_str()).map_or(&[][..], Vec::as_slice);
        spans.iter().find(|(from, until)| *from <= time && time < *until).map_or(time, |(_, until)| *until)
    }
}

pub(super) fn read_positions(
    path: &Path,
    outages: &Outages,
) -> Result<(Vec<VehicleId>, Vec<Row>, Skips), SimulatorError> {
    let mut table = Table::open(path)?;
    let wanted = [table.must("vehicle_id")?, table.must("time")?, table.must("lat")?, table.must("lon")?];
    let [speed, heading] = [table.may("speed_mps"), table.may("heading_deg")];
    let mut vehicles = Vehicles::default();
    let mut rows = Vec::new();
    let mut skips = Skips::default();
    let mut record = StringRecord::new();
    while table.next(&mut record)? {
        let [vehicle, time, lat, lon] = wanted.map(|column| record.get(column).unwrap_or("").trim());
        let number = |column: Option<usize>| column.and_then(|c| record.get(c)).and_then(|v| v.trim().parse().ok());
        let row = place(lat, lon).and_then(|position| {
            let time =
                Timestamp::parse(time).ok_or_else(|| format!("time `{time}` is not like 2026-01-16T19:31:00Z"))?;
            let vehicle = vehicles.index(vehicle)?;
            Ok(Row { vehicle, time, sent: time, position, speed_mps: number(speed), heading_deg: number(heading) })
        });
        match row {
            Ok(row) => rows.push(row),
            Err(reason) => {
                skips.count += 1;
                if skips.first.len() < MAX_SKIPS_KEPT {
                    skips.first.push(format!("line {}: {reason}", table.line));
                }
            }
        }
    }
    if rows.is_empty() {
        let first = skips.first.first().cloned();
        return Err(SimulatorError::NoRows { path: path.to_path_buf(), skipped: skips.count, first });
    }
    if !outages.0.is_empty() {
        for row in &mut rows {
            if let Some(vehicle) = vehicles.list.get(row.vehicle as usize) {
                row.sent = outages.sent(vehicle, row.time);
            }
        }
    }
    rows.sort_by_key(|row| (row.sent, row.time));
    Ok((vehicles.list, rows, skips))
}

/// Reads `vehicle_id,from,until,kind`: fixes taken within a span of kind `buffered` were
/// sent at its end. Other kinds say why there are none, and change nothing.
pub(super) fn read_outages(path: &Path) -> Result<Outages, SimulatorError> {
    let mut table = Table::open(path)?;
    let columns = [table.must("vehicle_id")?, table.must("from")?, table.must("until")?, table.must("kind")?];
    let mut outages = Outages::default();
    let mut record = StringRecord::new();
    while table.next(&mut record)? {
        let [vehicle, from, until, kind] = columns.map(|column| record.get(column).unwrap_or("").trim());
        if kind != "buffered" {
            continue;
        }
        let (Some(from), Some(until)) = (Timestamp::parse(from), Timestamp::parse(until)) else {
            let reason = "an outage's times must be like 2026-01-16T19:31:00Z".to_owned();
            return Err(SimulatorError::Broken { path: path.to_path_buf(), line: table.line, reason });
        };
        outages.0.entry(vehicle.to_owned()).or_default().push((from, until));
    }
    Ok(outages)
}

fn place(lat: &str, lon: &str) -> Result<LatLon, String> {
    let parsed = lat.parse().ok().zip(lon.parse().ok()).and_then(|(lat, lon)| LatLon::new(lat, lon));
    parsed.ok_or_else(|| format!("`{lat}`, `{lon}` is no place; degrees north and east are expected"))
}

/// Vehicle ids as small numbers.
#[derive(Default)]
struct Vehicles {
    list: Vec<VehicleId>,
    indices: HashMap<String, u32>,
}

impl Vehicles {
    fn index(&mut self, text: &str) -> Result<u32, String> {
        if let Some(index) = self.indices.get(text) {
            return Ok(*index);
        }
        let id = VehicleId::new(text).map_err(|e| format!("vehicle_id `{text}`: {e}"))?;
        if self.list.len() >= MAX_VEHICLES {
            return Err(format!("more than {MAX_VEHICLES} vehicles"));
        }
        let index = u32::try_from(self.list.len()).map_err(|e| e.to_string())?;
        self.indices.insert(text.to_owned(), index);
        self.list.push(id);
        Ok(index)
    }
}

/// A CSV file whose columns are known by their names.
struct Table<'a> {
    path: &'a Path,
    reader: csv::Reader<Box<dyn Read>>,
    header: StringRecord,
    /// The line at which the last record began.
    line: u64,
}

impl<'a> Table<'a> {
    fn open(path: &'a Path) -> Result<Self, SimulatorError> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(open_text(path)?);
        let header = reader.headers().map_err(|e| broken(path, 1, &e))?.clone();
        Ok(Self { path, reader, header, line: 1 })
    }

    fn may(&self, column: &str) -> Option<usize> {
        self.header.iter().position(|name| name.trim().trim_start_matches('\u{feff}') == column)
    }

    fn must(&self, column: &'static str) -> Result<usize, SimulatorError> {
        self.may(column).ok_or_else(|| SimulatorError::NoColumn { path: self.path.to_path_buf(), column })
    }

    /// Reads the next record; false at the end. A record whose text is not UTF-8 comes
    /// with `�` in its place.
    fn next(&mut self, record: &mut StringRecord) -> Result<bool, SimulatorError> {
        let mut bytes = csv::ByteRecord::new();
        let more = self.reader.read_byte_record(&mut bytes).map_err(|e| broken(self.path, self.line, &e))?;
        self.line = bytes.position().map_or(self.line, csv::Position::line);
        *record = StringRecord::from_byte_record_lossy(bytes);
        Ok(more)
    }
}

fn broken(path: &Path, line: u64, error: &csv::Error) -> SimulatorError {
    SimulatorError::Broken { path: path.to_path_buf(), line, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::Recording;
    use super::*;

    fn day(positions: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("positions.csv"), positions).unwrap();
        folder
    }

    #[test]
    fn bad_rows_are_skipped_and_named_by_line() {
        let folder = day("\u{feff}vehicle_id,time,lat,lon,speed_mps,heading_deg\n\
             a,2024-02-19T16:30:09Z,52.1,21.0,3.5,\n\
             b,2024-02-1916:30:08,52.1,21.0,,\n\
             b,2024-02-19T16:30:08Z,52.1,21.0\n\
             b,2024-02-19T16:30:08Z,152.1,21.0,,\n\
             ,2024-02-19T16:30:08Z,52.1,21.0,,\n");
        let recording = Recording::open(folder.path()).unwrap();
        let names: Vec<&str> = recording.vehicles().iter().map(VehicleId::as_str).collect();
        assert_eq!(names, ["a", "b"]);
        let rows: Vec<(u32, String)> = recording.rows().iter().map(|r| (r.vehicle, r.time.to_string())).collect();
        assert_eq!(rows, [(1, "2024-02-19T16:30:08Z".into()), (0, "2024-02-19T16:30:09Z".into())]);
        assert_eq!(recording.rows()[1].speed_mps, Some(3.5));
        assert_eq!(recording.skips().count, 3);
        assert!(recording.skips().first[0].starts_with("line 3: time `2024-02-1916:30:08`"));
        assert!(recording.skips().first[1].starts_with("line 5: `152.1`"));
        assert!(recording.skips().first[2].starts_with("line 6: vehicle_id"));
    }

    #[test]
    fn buffered_fixes_are_sent_when_the_outage_ends() {
        let folder = day("vehicle_id,time,lat,lon\n\
             a,2026-11-18T08:00:00Z,48.8,37.6\na,2026-11-18T08:01:00Z,48.8,37.6\n\
             b,2026-11-18T08:01:30Z,48.8,37.6\na,2026-11-18T08:02:00Z,48.8,37.6\n");
        let outages = "vehicle_id,from,until,kind\na,2026-11-18T08:00:30Z,2026-11-18T08:02:00Z,buffered\n\
             b,2026-11-18T08:00:00Z,2026-11-18T09:00:00Z,lost\n";
        std::fs::write(folder.path().join("outages.csv"), outages).unwrap();
        let recording = Recording::open(folder.path()).unwrap();
        let order: Vec<(String, String)> =
            recording.rows().iter().map(|r| (r.time.to_string(), r.sent.to_string())).collect();
        let t = |minute: &str| format!("2026-11-18T08:{minute}Z");
        let expected = [("00:00", "00:00"), ("01:30", "01:30"), ("01:00", "02:00"), ("02:00", "02:00")];
        assert_eq!(order, expected.map(|(time, sent)| (t(time), t(sent))));
    }

    #[test]
    fn what_cannot_be_opened_says_what_to_do() {
        let said = |result: Result<Recording, SimulatorError>| result.unwrap_err().to_string();
        let empty = tempfile::tempdir().unwrap();
        assert!(said(Recording::open(empty.path())).contains("neither positions.csv.gz nor positions.csv"));
        assert!(said(Recording::open(&empty.path().join("none"))).contains("check that it exists"));
        assert!(said(Recording::open(day("vehicle_id,when,lat,lon\n").path())).contains("no column `time`"));
        assert!(said(Recording::open(day("vehicle_id,time,lat,lon\nx,1,2,3\n").path())).contains("line 2: time `1`"));
    }

    #[test]
    fn a_truncated_archive_is_refused_with_the_line_it_reached() {
        let mut text = b"vehicle_id,time,lat,lon\n".to_vec();
        for n in 0..5000u32 {
            writeln!(text, "{},2026-11-18T08:00:00Z,48.8{n},37.6{}", n % 7, n * 7919).unwrap();
        }
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&text).unwrap();
        let mut bytes = gzip.finish().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("positions.csv.gz");
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(Recording::open(folder.path()).unwrap().rows().len(), 5000);
        bytes.truncate(bytes.len() / 2);
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(Recording::open(folder.path()), Err(SimulatorError::Broken { line, .. }) if line > 1000));
    }
}

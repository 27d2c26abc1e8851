//! Recorded days.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use model::{Fix, LatLon, Timestamp, VehicleId};

use crate::SimulatorError;

mod busiest;
mod rows;

/// Most skipped rows whose reason is kept; the others are only counted.
pub const MAX_SKIPS_KEPT: usize = 20;

/// A day of positions, in memory and in the order in which they were sent.
///
/// Opened from a folder in the shape of `replay-data/README.md` or from a positions file
/// alone, gzip or plain. Rows that say nothing usable are skipped, counted and named.
#[derive(Debug)]
pub struct Recording {
    vehicles: Vec<VehicleId>,
    rows: Vec<Row>,
    skips: Skips,
    files: Files,
}

/// One recorded fix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Index into [`Recording::vehicles`].
    pub vehicle: u32,
    /// When the fix was taken.
    pub time: Timestamp,
    /// When the tracker sent it: later than `time` where it had no signal to send with.
    pub sent: Timestamp,
    /// Where.
    pub position: LatLon,
    /// Metres per second over ground.
    pub speed_mps: Option<f32>,
    /// Degrees clockwise from true north.
    pub heading_deg: Option<f32>,
}

impl Row {
    /// The fix that a tracker makes of it.
    pub fn fix(&self) -> Fix {
        Fix { speed_mps: self.speed_mps, heading_deg: self.heading_deg, ..Fix::at(self.time, self.position) }
    }
}

/// What could not be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skips {
    /// How many rows.
    pub count: u64,
    /// The first of them, at most [`MAX_SKIPS_KEPT`], in words with their line.
    pub first: Vec<String>,
}

#[derive(Debug)]
struct Files {
    positions: PathBuf,
    gtfs: Option<PathBuf>,
    truth: Option<PathBuf>,
}

impl Recording {
    /// Reads a day's folder, or a positions file alone.
    pub fn open(path: &Path) -> Result<Self, SimulatorError> {
        let files = Files::find(path)?;
        let folder = files.positions.parent().unwrap_or(Path::new("."));
        let outages = match first_of(folder, &["outages.csv"]) {
            Some(path) => rows::read_outages(&path)?,
            None => rows::Outages::default(),
        };
        let (vehicles, rows, skips) = rows::read_positions(&files.positions, &outages)?;
        Ok(Self { vehicles, rows, skips, files })
    }

    /// The vehicles, in the order of their first row in the file.
    pub fn vehicles(&self) -> &[VehicleId] {
        &self.vehicles
    }

    /// The fixes by the time at which they were sent; those of one instant by their own
    /// time, then as in the file.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The rows sent from `from` up to but without `until`.
    pub fn sent_between(&self, from: Timestamp, until: Timestamp) -> &[Row] {
        let start = self.rows.partition_point(|r| r.sent < from);
        let end = self.rows.partition_point(|r| r.sent < until);
        self.rows.get(start..end).unwrap_or(&[])
    }

    /// The vehicle of a row.
    pub fn vehicle_of(&self, row: &Row) -> Option<&VehicleId> {
        self.vehicles.get(usize::try_from(row.vehicle).ok()?)
    }

    /// What was skipped while reading.
    pub const fn skips(&self) -> &Skips {
        &self.skips
    }

    /// The positions file.
    pub fn positions_path(&self) -> &Path {
        &self.files.positions
    }

    /// The day's schedule, `gtfs.zip` or the folder `gtfs`, where the day has one.
    pub fn gtfs_path(&self) -> Option<&Path> {
        self.files.gtfs.as_deref()
    }

    /// The day's truth for scoring, where it has one.
    pub fn truth_path(&self) -> Option<&Path> {
        self.files.truth.as_deref()
    }

    /// When the first and the last row were sent. One stray row may lie days away from the
    /// rest: for what is worth showing see [`Recording::busy_span`].
    pub fn span(&self) -> (Timestamp, Timestamp) {
        let sent = |row: Option<&Row>| row.map_or(Timestamp::default(), |r| r.sent);
        (sent(self.rows.first()), sent(self.rows.last()))
    }

    /// The longest stretch that is worth showing: from and until which instant at least
    /// half as much was sent a minute as in the busiest minutes, without a longer pause.
    pub fn busy_span(&self) -> (Timestamp, Timestamp) {
        busiest::span(&self.rows)
    }

    /// Where to begin a demonstration: the beginning of the busy stretch, or of its first
    /// half hour that is nearly as busy as any where it lasts for hours.
    pub fn busiest_start(&self) -> Timestamp {
        busiest::start(&self.rows)
    }
}

impl Files {
    fn find(path: &Path) -> Result<Self, SimulatorError> {
        let metadata = std::fs::metadata(path).map_err(|e| SimulatorError::file(path, e))?;
        if !metadata.is_dir() {
            return Ok(Self { positions: path.to_path_buf(), gtfs: None, truth: None });
        }
        let positions = first_of(path, &["positions.csv.gz", "positions.csv"])
            .ok_or_else(|| SimulatorError::NoPositions { path: path.to_path_buf() })?;
        let gtfs = first_of(path, &["gtfs.zip", "gtfs"]);
        Ok(Self { positions, gtfs, truth: first_of(path, &["truth.csv.gz", "truth.csv"]) })
    }
}

fn first_of(folder: &Path, names: &[&str]) -> Option<PathBuf> {
    names.iter().map(|name| folder.join(name)).find(|path| path.exists())
}

/// Opens a file for reading, unpacking it where its first bytes are gzip's.
pub(crate) fn open_text(path: &Path) -> Result<Box<dyn Read>, SimulatorError> {
    const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
    let file = File::open(path).map_err(|e| SimulatorError::file(path, e))?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let packed = reader.fill_buf().map_err(|e| SimulatorError::file(path, e))?.starts_with(&GZIP_MAGIC);
    Ok(if packed { Box::new(flate2::bufread::MultiGzDecoder::new(reader)) } else { Box::new(reader) })
}

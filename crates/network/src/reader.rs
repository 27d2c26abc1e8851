//! The tables of a feed, from a folder or a zip file, row by row.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use csv::StringRecord;
use serde::de::DeserializeOwned;

use crate::error::{Findings, NetworkError};

/// Longest table read. A nation's stop_times.txt has about 2 GiB; what is longer is no
/// schedule but a broken or malicious archive.
const MAX_TABLE_BYTES: u64 = 8 << 30;
/// Longest time read, `999999:59:59`: more hours overflow the reader of times.
const MAX_TIME_BYTES: usize = 12;
/// Most of a row that is quoted in a message.
const MAX_QUOTED_CHARS: usize = 120;

/// Columns that can be taken as empty where their value cannot be read: what is lost is an
/// ornament, or is worked out from what else is there.
const DISPENSABLE: &[&str] = &[
    "direction_id",
    "route_color",
    "route_text_color",
    "route_sort_order",
    "continuous_pickup",
    "continuous_drop_off",
    "location_type",
    "wheelchair_boarding",
    "wheelchair_accessible",
    "bikes_allowed",
    "cars_allowed",
    "stop_lat",
    "stop_lon",
    "pickup_type",
    "drop_off_type",
    "timepoint",
    "ticketing_type",
    "shape_dist_traveled",
    "exact_times",
    "feed_start_date",
    "feed_end_date",
];

/// A feed on disk.
pub(crate) struct Feed {
    path: PathBuf,
    archive: Option<zip::ZipArchive<BufReader<File>>>,
}

impl Feed {
    /// Opens a folder or a zip file.
    pub(crate) fn open(path: &Path) -> Result<Self, NetworkError> {
        let unreadable = |reason: String| NetworkError::Unreadable { path: path.to_owned(), reason };
        let kind = std::fs::metadata(path).map_err(|e| unreadable(e.to_string()))?;
        let archive = if kind.is_dir() {
            None
        } else {
            let file = File::open(path).map_err(|e| unreadable(e.to_string()))?;
            Some(zip::ZipArchive::new(BufReader::new(file)).map_err(|e| unreadable(e.to_string()))?)
        };
        Ok(Self { path: path.to_owned(), archive })
    }

    /// All rows of a table that the feed must have.
    pub(crate) fn required<T: DeserializeOwned>(
        &mut self,
        table: &'static str,
        findings: &mut Findings,
    ) -> Result<Vec<T>, NetworkError> {
        let mut rows = Vec::new();
        self.each(table, findings, |row| rows.push(row))?;
        Ok(rows)
    }

    /// All rows of a table that the feed may have; none where it has not.
    pub(crate) fn optional<T: DeserializeOwned>(
        &mut self,
        table: &'static str,
        findings: &mut Findings,
    ) -> Result<Vec<T>, NetworkError> {
        let mut rows = Vec::new();
        self.each_if_present(table, findings, |row| rows.push(row))?;
        Ok(rows)
    }

    /// All rows of a table without which the network is no worse; where it cannot be read,
    /// a finding says so.
    pub(crate) fn ornamental<T: DeserializeOwned>(&mut self, table: &'static str, findings: &mut Findings) -> Vec<T> {
        self.optional(table, findings).unwrap_or_else(|error| {
            findings.add(table, "unreadable", || format!("{error}; the table is left out"));
            Vec::new()
        })
    }

    /// Gives every row of a table that the feed must have.
    pub(crate) fn each<T: DeserializeOwned>(
        &mut self,
        table: &'static str,
        findings: &mut Findings,
        take: impl FnMut(T),
    ) -> Result<(), NetworkError> {
        if self.each_if_present(table, findings, take)? {
            return Ok(());
        }
        Err(NetworkError::Missing { path: self.path.clone(), table })
    }

    /// Gives every row of a table; whether there is one.
    fn each_if_present<T: DeserializeOwned>(
        &mut self,
        table: &'static str,
        findings: &mut Findings,
        take: impl FnMut(T),
    ) -> Result<bool, NetworkError> {
        let broken = |reason: String| NetworkError::Table { table, line: None, reason };
        let Some(archive) = &mut self.archive else {
            let file = match File::open(self.path.join(table)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                opened => opened.map_err(|e| broken(e.to_string()))?,
            };
            return rows(table, BufReader::new(file), findings, take).map(|()| true);
        };
        let Some(index) = entry(archive, table) else { return Ok(false) };
        let file = archive.by_index(index).map_err(|e| broken(e.to_string()))?;
        rows(table, BufReader::new(file), findings, take).map(|()| true)
    }
}

/// The entry of an archive that holds a table; of several the one nearest to the root.
fn entry(archive: &zip::ZipArchive<BufReader<File>>, table: &str) -> Option<usize> {
    let named = archive.file_names().filter(|name| name.rsplit('/').next() == Some(table));
    let nearest = named.min_by_key(|name| (name.matches('/').count(), *name))?;
    archive.index_for_name(nearest)
}

/// Gives every row of a table's text.
fn rows<T: DeserializeOwned>(
    table: &'static str,
    input: impl Read,
    findings: &mut Findings,
    mut take: impl FnMut(T),
) -> Result<(), NetworkError> {
    // With a line feed after each row, the last one too, rows can be told by their lines.
    let text = Text { input, left: MAX_TABLE_BYTES }.chain(&b"\n"[..]);
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text);
    let headers = reader.headers().map_err(|e| unreadable(table, &e))?.clone();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|e| unreadable(table, &e))? {
        if record.iter().all(str::is_empty) {
            continue;
        }
        take(row(table, &headers, &record, reader.position().line(), findings)?);
    }
    Ok(())
}

/// One row as a value; where a dispensable column stands in the way, without it.
fn row<T: DeserializeOwned>(
    table: &'static str,
    headers: &StringRecord,
    record: &StringRecord,
    next_line: u64,
    findings: &mut Findings,
) -> Result<T, NetworkError> {
    // The line on which the row begins. The record's own position does not count empty lines before it.
    let breaks: usize = record.iter().map(|value| value.matches('\n').count()).sum();
    let line = next_line.saturating_sub(1 + breaks as u64);
    let bad = |reason: String| NetworkError::Table {
        table,
        line: Some(line),
        reason: format!("{reason} (in `{}`)", quoted(record)),
    };
    let unsafe_column = headers.iter().zip(record).find(|(name, value)| !is_safe(name, value)).map(|(name, _)| name);
    let error = match unsafe_column {
        Some(name) if !DISPENSABLE.contains(&name) => return Err(bad(format!("{name} cannot be read"))),
        Some(name) => format!("{name} cannot be read"),
        None => match record.deserialize(Some(headers)) {
            Ok(row) => return Ok(row),
            Err(error) => reason(&error),
        },
    };
    let present = |name: &&str| headers.iter().zip(record).any(|(h, v)| h == *name && !v.is_empty());
    let columns: Vec<&str> = DISPENSABLE.iter().copied().filter(present).collect();
    let one_by_one = columns.chunks(1).chain([columns.as_slice()]);
    for without in one_by_one {
        let kept: StringRecord =
            headers.iter().zip(record).map(|(name, v)| if without.contains(&name) { "" } else { v }).collect();
        if headers.iter().zip(&kept).all(|(name, value)| is_safe(name, value))
            && let Ok(row) = kept.deserialize(Some(headers))
        {
            findings.add(table, "dispensable", || {
                format!(
                    "line {line}: {} cannot be read and is taken as empty (in `{}`)",
                    without.join(", "),
                    quoted(record)
                )
            });
            return Ok(row);
        }
    }
    Err(bad(error))
}

/// Whether gtfs-structures reads a value without a panic: it cuts colours by bytes and
/// multiplies hours without a check.
fn is_safe(column: &str, value: &str) -> bool {
    match column {
        "route_color" | "route_text_color" => value.is_ascii(),
        "arrival_time" | "departure_time" | "start_time" | "end_time" => value.len() <= MAX_TIME_BYTES,
        _ => true,
    }
}

fn quoted(record: &StringRecord) -> String {
    let whole = record.iter().collect::<Vec<_>>().join(",");
    let mut short: String = whole.chars().take(MAX_QUOTED_CHARS).collect();
    if short.len() < whole.len() {
        short.push('…');
    }
    short
}

/// What is wrong with a row, without the position that the message names anyway.
fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        _ => error.to_string(),
    }
}

fn unreadable(table: &'static str, error: &csv::Error) -> NetworkError {
    let line = error.position().map(csv::Position::line);
    let reason = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "its text is not UTF-8; save it as UTF-8".to_owned(),
        csv::ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    };
    NetworkError::Table { table, line, reason }
}

/// A table's bytes, with an error past a limit. Carriage returns become spaces, which are
/// trimmed: the csv reader counts lines one short where they end in both.
struct Text<R> {
    input: R,
    left: u64,
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| io::Error::other(format!("longer than {MAX_TABLE_BYTES} bytes")))?;
        for byte in buffer.iter_mut().take(count).filter(|byte| **byte == b'\r') {
            *byte = b' ';
        }
        Ok(count)
    }
}

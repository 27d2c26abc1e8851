//! Files that appear whole or not at all.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::ExportError;

/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file under a temporary name, which takes its own name when it is complete and is
/// removed when it is dropped before that.
pub(crate) struct Pending {
    name: &'static str,
    path: PathBuf,
    temporary: PathBuf,
    writer: BufWriter<File>,
    rows: u64,
    bytes: u64,
    published: bool,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its name, `stop_visits.csv`.
    pub name: &'static str,
    /// Where it is.
    pub path: PathBuf,
    /// Rows without the header.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
}

impl Pending {
    /// Begins a file of `folder` with a header row.
    pub(crate) fn create(folder: &Path, name: &'static str, columns: &[&str]) -> Result<Self, ExportError> {
        let path = folder.join(name);
        // The process id keeps two exports into one folder from writing into each other's file.
        let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
        let file = File::create(&temporary).map_err(|error| ExportError::Write { path: path.clone(), error })?;
        let writer = BufWriter::with_capacity(BUFFER_BYTES, file);
        let mut pending = Self { name, path, temporary, writer, rows: 0, bytes: 0, published: false };
        pending.append(format!("{}\n", columns.join(",")).as_bytes(), 0)?;
        Ok(pending)
    }

    /// Adds rows that are CSV already.
    pub(crate) fn append(&mut self, csv: &[u8], rows: u64) -> Result<(), ExportError> {
        self.writer.write_all(csv).map_err(|error| ExportError::Write { path: self.path.clone(), error })?;
        self.rows += rows;
        self.bytes += csv.len() as u64;
        Ok(())
    }

    /// Brings the content to the disk. The file still has its temporary name.
    pub(crate) fn complete(&mut self) -> Result<(), ExportError> {
        self.writer
            .flush()
            .and_then(|()| self.writer.get_ref().sync_all())
            .map_err(|error| ExportError::Write { path: self.path.clone(), error })
    }

    /// Gives it its own name, in place of an older file.
    pub(crate) fn publish(mut self) -> Result<Written, ExportError> {
        std::fs::rename(&self.temporary, &self.path)
            .map_err(|error| ExportError::Write { path: self.path.clone(), error })?;
        self.published = true;
        Ok(Written { name: self.name, path: self.path.clone(), rows: self.rows, bytes: self.bytes })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.published {
            // Nothing more can be done about it; the name says what it is.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let names = || {
            let entries = std::fs::read_dir(folder.path()).unwrap();
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        std::fs::write(folder.path().join("a.csv"), "old").unwrap();
        let mut given_up = Pending::create(folder.path(), "a.csv", &["x", "y"]).unwrap();
        given_up.append(b"1,2\n", 1).unwrap();
        drop(given_up);
        assert_eq!(names(), ["a.csv"]);
        assert_eq!(std::fs::read_to_string(folder.path().join("a.csv")).unwrap(), "old");

        let mut file = Pending::create(folder.path(), "a.csv", &["x", "y"]).unwrap();
        file.append(b"1,2\n", 1).unwrap();
        file.complete().unwrap();
        let written = file.publish().unwrap();
        assert_eq!((written.rows, written.bytes), (1, 8));
        assert_eq!(names(), ["a.csv"]);
        assert_eq!(std::fs::read_to_string(&written.path).unwrap(), "x,y\n1,2\n");
    }
}

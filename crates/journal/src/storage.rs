//! The tables in the redb file, and the few transactions over them.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::Arc;

use model::{Report, Timestamp};
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, Table, TableDefinition, TableError};

use crate::disk::{Disk, Faults};
use crate::error::JournalError;
use crate::group::Group;
use crate::options::{PROBE_BYTES, TRIM_GROUPS_PER_COMMIT};
use crate::{Most, Options, Position};

/// Position of a group's first report → the group.
const GROUPS: TableDefinition<u64, &[u8]> = TableDefinition::new("groups");
/// Name of a reader → the position up to which it has done its work.
const CURSORS: TableDefinition<&str, u64> = TableDefinition::new("cursors");
/// The numbers below.
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// Holds the trial write of [`Storage::probe`].
const PROBE: TableDefinition<u64, &[u8]> = TableDefinition::new("probe");

const FORMAT: &str = "format";
const HEAD: &str = "head";
const BYTES: &str = "bytes";

/// The format that this program writes.
const FORMAT_VERSION: u64 = 1;
/// The file in the data folder.
pub(crate) const FILE_NAME: &str = "journal.redb";

/// What the journal holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The oldest report kept; past the head when none is.
    pub first: u64,
    /// The newest report.
    pub head: u64,
    /// Bytes of all groups.
    pub bytes: u64,
}

/// What one commit writes.
pub(crate) struct Change<'a> {
    /// Position of the first report, their number, and the group.
    pub group: Option<(u64, u32, &'a [u8])>,
    /// All cursors, when one has changed.
    pub cursors: Option<&'a BTreeMap<String, u64>>,
    /// What may be removed.
    pub trim: Trim,
}

/// What may be removed: groups older than a limit of age, size or position, and never past
/// the floor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trim {
    /// Reports up to here may go, later ones must stay.
    pub floor: u64,
    /// Groups whose newest report was received before this instant.
    pub received_before: Timestamp,
    /// Groups while there are more bytes than this.
    pub max_bytes: u64,
    /// Groups that end before this position, by request.
    pub positions_before: u64,
}

impl Trim {
    /// Whether a group that ends at `last` goes while the journal holds `bytes`.
    fn takes(&self, last: u64, newest: Timestamp, bytes: u64) -> bool {
        last <= self.floor && (newest < self.received_before || bytes > self.max_bytes || last < self.positions_before)
    }
}

/// The open file.
pub(crate) struct Storage {
    db: Database,
    faults: Arc<Faults>,
}

impl Storage {
    /// Opens or makes the file, and tells what it holds.
    pub(crate) fn open(
        path: &Path,
        options: &Options,
        faults: Arc<Faults>,
    ) -> Result<(Self, Extent, BTreeMap<String, u64>), JournalError> {
        let file = create(path)?;
        let failed = |reason: String| JournalError::Open { path: path.into(), reason: reason.into() };
        let disk = Disk::new(file, Arc::clone(&faults)).map_err(|e| failed(e.to_string()))?;
        let db = redb::Builder::new()
            .set_cache_size(options.cache_bytes)
            .set_repair_callback(|session| {
                tracing::info!(percent = (session.progress() * 100.0).round(), "checking the journal after a crash");
            })
            .create_with_backend(disk)
            .map_err(|error| match error {
                DatabaseError::DatabaseAlreadyOpen => JournalError::InUse(path.into()),
                error => failed(error.to_string()),
            })?;
        let storage = Self { db, faults };
        let found = storage.prepare(options.numbered_after.0).map_err(|e| failed(e.to_string()))?;
        if found != FORMAT_VERSION {
            return Err(JournalError::Format { path: path.into(), found, known: FORMAT_VERSION });
        }
        let (extent, cursors) = storage.load().map_err(|e| failed(e.to_string()))?;
        Ok((storage, extent, cursors))
    }

    /// Makes the tables where they are missing; gives the file's format. Writes only where
    /// there is need, for a full disk must not keep readers out.
    fn prepare(&self, numbered_after: u64) -> Result<u64, redb::Error> {
        match self.db.begin_read()?.open_table(META) {
            Ok(meta) => {
                let format = value(&meta, FORMAT)?;
                if format != FORMAT_VERSION || value(&meta, HEAD)? >= numbered_after {
                    return Ok(format);
                }
            }
            Err(TableError::TableDoesNotExist(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let tx = self.db.begin_write()?;
        {
            let mut meta = tx.open_table(META)?;
            meta.insert(FORMAT, FORMAT_VERSION)?;
            meta.insert(HEAD, numbered_after)?;
            tx.open_table(GROUPS)?;
            tx.open_table(CURSORS)?;
        }
        tx.commit()?;
        Ok(FORMAT_VERSION)
    }

    fn load(&self) -> Result<(Extent, BTreeMap<String, u64>), redb::Error> {
        let tx = self.db.begin_read()?;
        let meta = tx.open_table(META)?;
        let head = value(&meta, HEAD)?;
        let first = tx.open_table(GROUPS)?.first()?.map_or(head + 1, |(key, _)| key.value());
        let mut cursors = BTreeMap::new();
        for entry in tx.open_table(CURSORS)?.iter()? {
            let (name, position) = entry?;
            cursors.insert(name.value().to_owned(), position.value());
        }
        Ok((Extent { first, head, bytes: value(&meta, BYTES)? }, cursors))
    }

    /// Writes a group, cursors and the removal of old groups, durably and at once.
    pub(crate) fn commit(&self, change: &Change<'_>) -> Result<Extent, redb::Error> {
        let tx = self.db.begin_write()?;
        let extent = {
            let (mut meta, mut groups) = (tx.open_table(META)?, tx.open_table(GROUPS)?);
            let (mut head, mut bytes) = (value(&meta, HEAD)?, value(&meta, BYTES)?);
            if let Some((first, count, group)) = change.group {
                groups.insert(first, group)?;
                head = first + u64::from(count) - 1;
                bytes += group.len() as u64;
            }
            bytes = remove_old(&mut groups, &change.trim, bytes)?;
            meta.insert(HEAD, head)?;
            meta.insert(BYTES, bytes)?;
            if let Some(cursors) = change.cursors {
                let mut table = tx.open_table(CURSORS)?;
                table.retain(|name, _| cursors.contains_key(name))?;
                for (name, position) in cursors {
                    table.insert(name.as_str(), position)?;
                }
            }
            let first = groups.first()?.map_or(head + 1, |(key, _)| key.value());
            Extent { first, head, bytes }
        };
        tx.commit()?;
        Ok(extent)
    }

    /// Whether there is room to write again: writes something and takes it out.
    pub(crate) fn probe(&self) -> Result<(), redb::Error> {
        let tx = self.db.begin_write()?;
        tx.open_table(PROBE)?.insert(0, vec![0xa5; PROBE_BYTES].as_slice())?;
        tx.commit()?;
        let tx = self.db.begin_write()?;
        tx.delete_table(PROBE)?;
        tx.commit()?;
        Ok(())
    }

    /// Shows the bytes of the first reports after a position, in order, none past `head`.
    pub(crate) fn visit(
        &self,
        after: u64,
        head: u64,
        most: Most,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let tx = self.db.begin_read().map_err(unreadable)?;
        let groups = tx.open_table(GROUPS).map_err(unreadable)?;
        let wanted = after.saturating_add(1);
        // The report wanted may lie in the middle of the group that starts at or before it.
        let start = groups.range(..=wanted).map_err(unreadable)?.next_back();
        let start = start.transpose().map_err(unreadable)?.map_or(wanted, |(key, _)| key.value());
        let (mut seen, mut bytes) = (0, 0);
        for entry in groups.range(start..).map_err(unreadable)? {
            let (key, group) = entry.map_err(unreadable)?;
            let first = key.value();
            let skip = usize::try_from(wanted.saturating_sub(first)).unwrap_or(usize::MAX);
            for (position, report) in (first..).zip(reports(first, group.value())?).skip(skip) {
                if position > head || seen == most.reports || bytes >= most.bytes {
                    return Ok(());
                }
                let report = report.map_err(|reason| JournalError::Damaged { position: Position(position), reason })?;
                each(position, report)?;
                (seen, bytes) = (seen + 1, bytes + report.len());
            }
        }
        Ok(())
    }

    /// The position before the first report that was received at `instant` or later.
    pub(crate) fn position_before(&self, instant: Timestamp, extent: Extent) -> Result<Position, JournalError> {
        let tx = self.db.begin_read().map_err(unreadable)?;
        let groups = tx.open_table(GROUPS).map_err(unreadable)?;
        // Positions in [low, high) are still in question; groups before low are too old.
        let (mut low, mut high) = (extent.first, extent.head + 1);
        let mut found = None;
        while low < high {
            let middle = low + (high - low) / 2;
            let entry = groups.range(..=middle).map_err(unreadable)?.next_back().transpose().map_err(unreadable)?;
            let Some((key, bytes)) = entry else { break };
            let first = key.value();
            let group = Group::parse(bytes.value()).ok_or_else(|| damaged(first, "it has no header"))?;
            if group.newest() >= instant {
                high = first;
                found = Some(first);
            } else {
                low = (first + u64::from(group.count())).max(middle + 1);
            }
        }
        let Some(first) = found else { return Ok(Position(extent.head)) };
        let Some(bytes) = groups.get(first).map_err(unreadable)? else { return Ok(Position(first - 1)) };
        for (position, report) in (first..).zip(reports(first, bytes.value())?) {
            let report = report.map_err(|reason| JournalError::Damaged { position: Position(position), reason })?;
            if decode(position, report)?.received_at >= instant {
                return Ok(Position(position - 1));
            }
        }
        Ok(Position(first - 1))
    }

    /// What has gone wrong with the file.
    pub(crate) fn faults(&self) -> &Arc<Faults> {
        &self.faults
    }
}

/// Opens the file, making it and its folder where they are missing.
fn create(path: &Path) -> Result<File, JournalError> {
    let failed = |error: std::io::Error| JournalError::Folder { path: path.into(), reason: error.to_string().into() };
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let is_new = !path.try_exists().map_err(failed)?;
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
    if is_new {
        // Or a power cut could lose the name of a file whose contents are safe.
        File::open(folder).and_then(|f| f.sync_all()).map_err(failed)?;
    }
    Ok(file)
}

fn value(meta: &impl ReadableTable<&'static str, u64>, key: &str) -> Result<u64, redb::StorageError> {
    Ok(meta.get(key)?.map_or(0, |v| v.value()))
}

/// Takes the oldest groups out as far as they may go; gives the bytes that are left.
fn remove_old(
    groups: &mut Table<'_, u64, &'static [u8]>,
    trim: &Trim,
    mut bytes: u64,
) -> Result<u64, redb::StorageError> {
    for _ in 0..TRIM_GROUPS_PER_COMMIT {
        let Some((key, group)) = groups.first()? else { break };
        let (first, length) = (key.value(), group.value().len() as u64);
        // A group without a header holds nothing that a reader could still want.
        let (count, newest) =
            Group::parse(group.value()).map_or((1, Timestamp::default()), |g| (u64::from(g.count()), g.newest()));
        drop((key, group));
        if !trim.takes((first + count).saturating_sub(1), newest, bytes) {
            break;
        }
        groups.remove(first)?;
        bytes = bytes.saturating_sub(length);
    }
    Ok(bytes)
}

fn reports(first: u64, group: &[u8]) -> Result<impl Iterator<Item = Result<&[u8], Arc<str>>> + use<'_>, JournalError> {
    let group = Group::parse(group).ok_or_else(|| damaged(first, "it has no header"))?;
    group.reports().map_err(|reason| JournalError::Damaged { position: Position(first), reason })
}

pub(crate) fn decode(position: u64, report: &[u8]) -> Result<Report, JournalError> {
    Report::decode(report).map_err(|e| damaged(position, &e.to_string()))
}

fn damaged(position: u64, reason: &str) -> JournalError {
    JournalError::Damaged { position: Position(position), reason: reason.into() }
}

fn unreadable(error: impl std::fmt::Display) -> JournalError {
    JournalError::Read(error.to_string().into())
}

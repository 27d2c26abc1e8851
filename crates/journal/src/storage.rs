//! The tables in the redb file, and the few transactions over them.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::{Report, Timestamp};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use crate::disk::{Disk, Faults};
use crate::error::JournalError;
use crate::group::{Group, seal};
use crate::trim::{Trim, remove_old};
use crate::{Most, Options, Position};

/// Position of a group's first report → the group.
const GROUPS: TableDefinition<u64, &[u8]> = TableDefinition::new("groups");
/// Name of a reader → the position up to which it has done its work.
const CURSORS: TableDefinition<&str, u64> = TableDefinition::new("cursors");
/// The numbers below.
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// A position → the last one after it that has no report.
const LOST: TableDefinition<u64, u64> = TableDefinition::new("lost");

const FORMAT: &str = "format";
const HEAD: &str = "head";
const BYTES: &str = "bytes";

/// The format that this program writes.
const FORMAT_VERSION: u64 = 2;
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

/// The open file.
pub(crate) struct Storage {
    db: Database,
    faults: Arc<Faults>,
    /// Ranges of positions without reports: after the first of each comes what follows the second.
    lost: Vec<(u64, u64)>,
    /// The last commit was not whole, and the one before it holds.
    pub(crate) fell_back: bool,
}

/// Why a file cannot be opened.
pub(crate) enum OpenError {
    /// It is not as it was written.
    Damaged(Arc<str>),
    /// Anything else.
    Other(JournalError),
}

/// An open file, and what it holds.
pub(crate) type Opened = (Storage, Extent, BTreeMap<String, u64>);

impl Storage {
    /// Opens or makes the file, and tells what it holds.
    pub(crate) fn open(path: &Path, options: &Options, faults: Arc<Faults>) -> Result<Opened, OpenError> {
        let file = create(path).map_err(OpenError::Other)?;
        let failed = |reason: String| OpenError::Other(JournalError::Open { path: path.into(), reason: reason.into() });
        let disk = Disk::open(file, Arc::clone(&faults)).map_err(|e| failed(e.to_string()))?;
        let fell_back = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&fell_back);
        let opened = guarded(|| {
            let db = redb::Builder::new()
                .set_cache_size(options.cache_bytes)
                .set_repair_callback(move |session| {
                    let percent = (session.progress() * 100.0).round();
                    tracing::info!(percent, "checking the journal after a crash");
                    // The first third is told of only where the last commit is found not to be whole.
                    noted.fetch_or(session.progress() < 0.5, Ordering::AcqRel);
                })
                .create_with_backend(disk)?;
            let fell_back = fell_back.load(Ordering::Acquire);
            let mut storage = Self { db, faults, lost: Vec::new(), fell_back };
            let format = storage.prepare(options.numbered_after.0)?;
            if format > FORMAT_VERSION {
                return Ok(Err(format));
            }
            let (extent, cursors) = storage.load()?;
            Ok(Ok((storage, extent, cursors)))
        });
        match opened {
            Ok(Ok(Ok(opened))) => Ok(opened),
            Ok(Ok(Err(found))) => {
                Err(OpenError::Other(JournalError::Format { path: path.into(), found, known: FORMAT_VERSION }))
            }
            Ok(Err(redb::Error::DatabaseAlreadyOpen)) => Err(OpenError::Other(JournalError::InUse(path.into()))),
            Ok(Err(error)) if is_damage(&error) => Err(OpenError::Damaged(error.to_string().into())),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(panic) => Err(OpenError::Damaged(panic)),
        }
    }

    /// Makes the tables where they are missing; gives the file's format. Writes only where
    /// there is need, for a full disk must not keep readers out.
    fn prepare(&self, numbered_after: u64) -> Result<u64, redb::Error> {
        match self.db.begin_read()?.open_table(META) {
            Ok(meta) => {
                let format = value(&meta, FORMAT)?;
                if format > FORMAT_VERSION || value(&meta, HEAD)? >= numbered_after {
                    return Ok(format);
                }
            }
            Err(TableError::TableDoesNotExist(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let tx = self.db.begin_write()?;
        {
            let mut meta = tx.open_table(META)?;
            let head = value(&meta, HEAD)?;
            if numbered_after > head {
                tx.open_table(LOST)?.insert(head, numbered_after)?;
            }
            meta.insert(FORMAT, FORMAT_VERSION)?;
            meta.insert(HEAD, numbered_after)?;
            tx.open_table(GROUPS)?;
            tx.open_table(CURSORS)?;
        }
        tx.commit()?;
        Ok(FORMAT_VERSION)
    }

    /// What the file holds now.
    pub(crate) fn load(&mut self) -> Result<(Extent, BTreeMap<String, u64>), redb::Error> {
        let tx = self.db.begin_read()?;
        let meta = tx.open_table(META)?;
        let head = value(&meta, HEAD)?;
        let first = tx.open_table(GROUPS)?.first()?.map_or(head + 1, |(key, _)| key.value());
        let mut cursors = BTreeMap::new();
        for entry in tx.open_table(CURSORS)?.iter()? {
            let (name, position) = entry?;
            cursors.insert(name.value().to_owned(), position.value());
        }
        self.lost.clear();
        match tx.open_table(LOST) {
            Ok(lost) => {
                for entry in lost.iter()? {
                    let (from, to) = entry?;
                    self.lost.push((from.value(), to.value()));
                }
            }
            Err(TableError::TableDoesNotExist(_)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok((Extent { first, head, bytes: value(&meta, BYTES)? }, cursors))
    }

    /// Writes a group, cursors and the removal of old groups, durably and at once. Gives what
    /// there is then, and how many reports were dropped that a reader had not read.
    pub(crate) fn commit(&self, change: &Change<'_>) -> Result<(Extent, u64), Arc<str>> {
        guarded(|| self.write(change))?.map_err(|error| error.to_string().into())
    }

    fn write(&self, change: &Change<'_>) -> Result<(Extent, u64), redb::Error> {
        let tx = self.db.begin_write()?;
        let written = {
            let (mut meta, mut groups) = (tx.open_table(META)?, tx.open_table(GROUPS)?);
            let (mut head, mut bytes) = (value(&meta, HEAD)?, value(&meta, BYTES)?);
            if let Some((first, count, group)) = change.group {
                groups.insert(first, group)?;
                head = first + u64::from(count) - 1;
                bytes += group.len() as u64;
            }
            let dropped;
            (bytes, dropped) = remove_old(&mut groups, &change.trim, head, bytes)?;
            meta.insert(FORMAT, FORMAT_VERSION)?;
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
            (Extent { first, head, bytes }, dropped)
        };
        tx.commit()?;
        Ok(written)
    }

    /// Appends groups that hold so many reports each, renumbered after the head.
    pub(crate) fn take_over(&self, groups: &mut [(u32, Vec<u8>)]) -> Result<(), redb::Error> {
        let tx = self.db.begin_write()?;
        {
            let (mut meta, mut table) = (tx.open_table(META)?, tx.open_table(GROUPS)?);
            let (mut head, mut bytes) = (value(&meta, HEAD)?, value(&meta, BYTES)?);
            for (count, group) in groups {
                seal(group, head + 1);
                table.insert(head + 1, group.as_slice())?;
                head += u64::from(*count);
                bytes += group.len() as u64;
            }
            meta.insert(HEAD, head)?;
            meta.insert(BYTES, bytes)?;
        }
        Ok(tx.commit()?)
    }

    /// Where a reader at a position goes on: past what is known to be lost.
    pub(crate) fn past_lost(&self, after: u64) -> u64 {
        self.lost.iter().filter(|(from, to)| (*from..*to).contains(&after)).map(|(_, to)| *to).max().unwrap_or(after)
    }

    /// Shows the bytes of the first reports after a position, in order, none past `upto`. What
    /// lies before damage is shown before the damage is told of.
    pub(crate) fn visit(
        &self,
        after: u64,
        upto: u64,
        most: Most,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let mut seen = 0u64;
        let visited = guarded(|| {
            self.visit_groups(after, upto, most, |position, bytes| {
                each(position, bytes)?;
                seen += 1;
                Ok(())
            })
        });
        match visited.unwrap_or_else(|panic| Err(damaged(after + 1, &panic))) {
            Err(error) if seen == 0 => Err(error),
            _ => Ok(()),
        }
    }

    fn visit_groups(
        &self,
        after: u64,
        upto: u64,
        most: Most,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let tx = self.db.begin_read().map_err(unreadable)?;
        let groups = tx.open_table(GROUPS).map_err(unreadable)?;
        let head = value(&tx.open_table(META).map_err(unreadable)?, HEAD).map_err(unreadable)?;
        let wanted = after.saturating_add(1);
        // The report wanted may lie in the middle of the group that starts at or before it.
        let start = groups.range(..=wanted).map_err(unreadable)?.next_back();
        let start = start.transpose().map_err(unreadable)?.map(|(key, _)| key.value());
        // Where the next group must start; nobody knows where that which was trimmed ends.
        let mut expected = start;
        let (mut seen, mut bytes) = (0, 0);
        for entry in groups.range(start.unwrap_or(wanted)..).map_err(unreadable)? {
            let (key, stored) = entry.map_err(unreadable)?;
            let first = key.value();
            self.check_order(expected, first)?;
            let skip = usize::try_from(wanted.saturating_sub(first)).unwrap_or(usize::MAX);
            let group = group(first, stored.value())?;
            expected = Some(first + u64::from(group.count()));
            for (position, report) in (first..).zip(reports(first, group)?).skip(skip) {
                if position > upto || seen == most.reports || bytes >= most.bytes {
                    return Ok(());
                }
                let report = report.map_err(|reason| JournalError::Damaged { position: Position(position), reason })?;
                each(position, report)?;
                (seen, bytes) = (seen + 1, bytes + report.len());
            }
        }
        self.check_order(expected, head + 1)
    }

    /// Groups follow each other without a gap, except where reports are known to be lost.
    fn check_order(&self, expected: Option<u64>, found: u64) -> Result<(), JournalError> {
        match expected {
            Some(expected) if found != expected && self.past_lost(expected.saturating_sub(1)) + 1 != found => {
                Err(damaged(expected, "reports are missing"))
            }
            _ => Ok(()),
        }
    }

    /// The position before the first report that was received at `instant` or later.
    pub(crate) fn position_before(&self, instant: Timestamp, extent: Extent) -> Result<Position, JournalError> {
        guarded(|| self.search(instant, extent)).unwrap_or_else(|panic| Err(damaged(extent.first, &panic)))
    }

    fn search(&self, instant: Timestamp, extent: Extent) -> Result<Position, JournalError> {
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
            let group = group(first, bytes.value())?;
            if group.newest() >= instant {
                high = first;
                found = Some(first);
            } else {
                low = (first + u64::from(group.count())).max(middle + 1);
            }
        }
        let Some(first) = found else { return Ok(Position(extent.head)) };
        let Some(bytes) = groups.get(first).map_err(unreadable)? else { return Ok(Position(first - 1)) };
        for (position, report) in (first..).zip(reports(first, group(first, bytes.value())?)?) {
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

fn group(first: u64, bytes: &[u8]) -> Result<Group<'_>, JournalError> {
    Group::parse(bytes).ok_or_else(|| damaged(first, "it has no header"))
}

fn reports(
    first: u64,
    group: Group<'_>,
) -> Result<impl Iterator<Item = Result<&[u8], Arc<str>>> + use<'_>, JournalError> {
    group.reports(first).map_err(|reason| JournalError::Damaged { position: Position(first), reason })
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

/// Whether an error says that the file is not as it was written.
fn is_damage(error: &redb::Error) -> bool {
    match error {
        redb::Error::Corrupted(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TypeDefinitionChanged { .. } => true,
        redb::Error::Io(error) => error.kind() == std::io::ErrorKind::UnexpectedEof,
        _ => false,
    }
}

/// Does work on the file. Where bytes that are not as they were written make redb panic, that is
/// damage like any other.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Arc<str>> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        format!("the storage gave up: {message}").into()
    })
}

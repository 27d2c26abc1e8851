//! A damaged journal: what can still be read goes into a new one.
//!
//! The storage refuses a file as a whole where one page of it is not as it was written. But a group
//! has a checksum of its own and lies in one piece, so each that is whole is found by going through
//! the file page by page: redb's [leaf pages](https://github.com/cberner/redb/blob/master/docs/design.md)
//! say where their values lie. The damaged file is kept beside the new one.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::disk::Faults;
use crate::group::{Group, HEADER_BYTES};
use crate::options::{MAX_GROUP_BYTES, SALVAGED_BYTES_PER_COMMIT};
use crate::storage::{OpenError, Opened, Storage};
use crate::{JournalError, MAX_REPORT_BYTES, Options, Position};

/// Bytes of a page; each leaf begins at a multiple of them.
const PAGE: usize = 4096;
/// First byte of a leaf page.
const LEAF: u8 = 1;
/// Type, padding and number of entries, before what says where the entries' values end.
const LEAF_HEADER: usize = 4;
/// Bytes of a number that says where a value ends, and of a key.
const END: usize = 4;
const KEY: usize = 8;
/// First bytes of every file of redb.
const MAGIC: &[u8] = b"redb";
/// Damaged files kept beside the journal.
const MAX_SET_ASIDE: u32 = 99;
/// The new journal, until it takes the place of the damaged one.
const UNFINISHED: &str = "redb.new";

/// Opens a journal; one that is damaged, or said to be, is put aside, and what could be read of it is
/// in a new one. Positions up to `head` are never used again.
pub(crate) fn open(
    path: &Path,
    options: &Options,
    faults: Arc<Faults>,
    damage: Option<Arc<str>>,
    head: u64,
) -> Result<Opened, JournalError> {
    let reason = match damage {
        Some(reason) => reason,
        None => match open_whole(path, options, &faults) {
            Ok(opened) => return Ok(opened),
            Err(OpenError::Damaged(reason)) => reason,
            Err(OpenError::Other(error)) => return Err(error),
        },
    };
    let failed = |error: &dyn std::fmt::Display| JournalError::Open {
        path: path.into(),
        reason: format!("it is damaged ({reason}), and what is in it cannot be saved: {error}").into(),
    };
    let salvage = Salvage::find(path, options.numbered_after.0).map_err(|e| failed(&e))?;
    let is_journal = !salvage.groups.is_empty() || salvage.has_magic;
    if !is_journal {
        return Err(JournalError::Open { path: path.into(), reason });
    }
    faults.clear();
    let numbered_after = Position(salvage.last.max(head).max(options.numbered_after.0));
    let reports = salvage.write(path, &Options { numbered_after, ..options.clone() }).map_err(|e| failed(&e))?;
    let aside = put_aside(path).map_err(|e| failed(&e))?;
    metrics::counter!("marshrut_journal_set_aside_total").increment(1);
    tracing::error!(
        reason = &*reason,
        damaged = %aside.display(),
        reports,
        missing = salvage.missing(options.numbered_after.0, numbered_after.0),
        "the journal was damaged; a new one has what could be read of it, check the disk and keep the damaged file \
         until the missing reports are accounted for"
    );
    Storage::open(path, options, faults).map_err(|error| match error {
        OpenError::Damaged(reason) => failed(&reason),
        OpenError::Other(error) => error,
    })
}

/// Opens a journal that is whole but perhaps for its last commit.
fn open_whole(path: &Path, options: &Options, faults: &Arc<Faults>) -> Result<Opened, OpenError> {
    let opened = Storage::open(path, options, Arc::clone(faults))?;
    if !opened.0.fell_back {
        return Ok(opened);
    }
    take_in_last_commit(path, opened).or_else(|reason| {
        tracing::warn!(reason, "the journal's last commit is not whole and nothing could be taken in of it");
        faults.clear();
        Storage::open(path, options, Arc::clone(faults))
    })
}

/// A commit that is not whole was cut short by a crash, and nobody was told of it; or it was damaged
/// later, and it was acknowledged. Nobody can tell, so what is whole of its reports is kept.
fn take_in_last_commit(path: &Path, (mut storage, extent, _): Opened) -> Result<Opened, String> {
    let salvage = Salvage::find(path, extent.head).map_err(|e| e.to_string())?;
    let reports = salvage.append_to(&storage)?;
    tracing::warn!(
        head = extent.head,
        reports,
        "the journal's last commit is not whole, as when the power was cut during it; took in what is whole of it"
    );
    let (extent, cursors) = storage.load().map_err(|e| e.to_string())?;
    Ok((storage, extent, cursors))
}

/// A group that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    first: u64,
    count: u32,
    checksum: u64,
    offset: u64,
    bytes: usize,
}

/// What can be read of a damaged file.
struct Salvage {
    file: File,
    has_magic: bool,
    /// In the order of their positions.
    groups: Vec<Found>,
    /// The last position of any group.
    last: u64,
}

impl Salvage {
    /// Goes through the file for groups that hold positions after `after`.
    fn find(path: &Path, after: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let (mut groups, mut page, mut offset) = (BTreeSet::new(), [0; PAGE], 0);
        let mut has_magic = false;
        while offset < length {
            let found = match read_page(&file, &mut page, offset) {
                Ok(page) => groups_in(&file, page, offset, length),
                Err(_) => Vec::new(), // an unreadable sector costs its page alone
            };
            has_magic |= offset == 0 && page.starts_with(MAGIC);
            // What lies in a group is no page, whatever it looks like.
            let end = found.iter().map(|group| group.offset + group.bytes as u64).max().unwrap_or(offset);
            groups.extend(found);
            offset = end.max(offset + 1).next_multiple_of(PAGE as u64);
        }
        let last = groups.iter().map(Found::last).max().unwrap_or(0);
        let mut groups: Vec<_> = groups.into_iter().filter(|group| group.last() > after).collect();
        // Pages are copied when they are changed: most groups are there more than once.
        groups.dedup_by_key(|group| (group.first, group.count, group.checksum));
        Ok(Self { file, has_magic, groups, last })
    }

    /// Writes the groups into a new file beside the damaged one; gives the number of their reports.
    fn write(&self, path: &Path, options: &Options) -> Result<u64, String> {
        let unfinished = path.with_extension(UNFINISHED);
        let _ = std::fs::remove_file(&unfinished);
        let (storage, ..) = Storage::open(&unfinished, options, Arc::default()).map_err(|error| match error {
            OpenError::Damaged(reason) => reason.to_string(),
            OpenError::Other(error) => error.to_string(),
        })?;
        self.append_to(&storage)
    }

    /// Appends the groups to an open journal; gives the number of their reports.
    fn append_to(&self, storage: &Storage) -> Result<u64, String> {
        let (mut batch, mut bytes, mut reports) = (Vec::new(), 0, 0);
        for (n, group) in self.groups.iter().enumerate() {
            let mut value = vec![0; group.bytes];
            self.file.read_exact_at(&mut value, group.offset).map_err(|e| e.to_string())?;
            batch.push((group.count, value));
            bytes += group.bytes;
            reports += u64::from(group.count);
            if bytes >= SALVAGED_BYTES_PER_COMMIT || n + 1 == self.groups.len() {
                storage.take_over(&mut batch).map_err(|e| e.to_string())?;
                batch.clear();
                bytes = 0;
            }
        }
        Ok(reports)
    }

    /// How many of the positions in `after..=upto` no group holds.
    fn missing(&self, after: u64, upto: u64) -> u64 {
        let mut reached = self.groups.first().map_or(upto, |group| after.max(group.first.saturating_sub(1)));
        let mut missing = 0;
        for group in &self.groups {
            missing += group.first.saturating_sub(reached + 1);
            reached = reached.max(group.last());
        }
        missing + upto.saturating_sub(reached)
    }
}

impl Found {
    fn last(&self) -> u64 {
        self.first.saturating_add(u64::from(self.count)).saturating_sub(1)
    }
}

/// A page, or what is left of the file.
fn read_page<'a>(file: &File, page: &'a mut [u8], offset: u64) -> io::Result<&'a [u8]> {
    let read = file.read_at(page, offset)?;
    Ok(page.get(..read).unwrap_or_default())
}

/// The whole groups of a leaf page; none where it is another page.
fn groups_in(file: &File, page: &[u8], offset: u64, length: u64) -> Vec<Found> {
    let mut found = Vec::new();
    let Some((&[LEAF, _, low, high], rest)) = page.split_first_chunk::<LEAF_HEADER>() else { return found };
    let entries = usize::from(u16::from_le_bytes([low, high]));
    let Some((ends, rest)) = rest.split_at_checked(entries * END) else { return found };
    let Some((keys, _)) = rest.split_at_checked(entries * KEY) else { return found };
    let (ends, _) = ends.as_chunks::<END>();
    let (keys, _) = keys.as_chunks::<KEY>();
    let mut start = LEAF_HEADER + entries * (END + KEY);
    for (end, key) in ends.iter().zip(keys) {
        let end = u32::from_le_bytes(*end) as usize;
        let first = u64::from_le_bytes(*key);
        let Some(bytes) = end.checked_sub(start) else { return found };
        let at = offset + start as u64;
        let fits = (HEADER_BYTES..=MAX_GROUP_BYTES + MAX_REPORT_BYTES).contains(&bytes) && at + bytes as u64 <= length;
        if fits && let Some((count, checksum)) = whole_group(file, at, bytes, first) {
            found.push(Found { first, count, checksum, offset: at, bytes });
        }
        start = end;
    }
    found
}

/// How many reports a group holds, and what tells it from others, where its checksum is right.
fn whole_group(file: &File, offset: u64, bytes: usize, first: u64) -> Option<(u32, u64)> {
    let mut value = vec![0; bytes];
    file.read_exact_at(&mut value, offset).ok()?;
    let group = Group::parse(&value)?;
    (group.count() > 0 && group.reports(first).is_ok()).then(|| (group.count(), xxh3_64(&value)))
}

/// Gives the finished journal the damaged one's name. The damaged one has another name before it
/// loses its own, so that a crash at any moment leaves it, or the new one, in place.
fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = (1..=MAX_SET_ASIDE)
        .map(|n| path.with_extension(format!("redb.damaged-{n}")))
        .find(|aside| !aside.exists())
        .ok_or_else(|| io::Error::other("there are too many damaged files beside it; move them away"))?;
    std::fs::hard_link(path, &aside)?;
    std::fs::rename(path.with_extension(UNFINISHED), path)?;
    File::open(path.parent().unwrap_or(path))?.sync_all()?;
    Ok(aside)
}

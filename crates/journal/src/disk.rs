//! The file as redb sees it, with a note of what went wrong and a copy of what may not be there.
//!
//! redb says that an operation failed, and refuses all work after it. Two things it cannot know.
//! *What* failed: want of room passes by itself, other faults have an operator look at the disk.
//! And after a failed sync, *what is on the disk*: the kernel may have given up the pages that it
//! could not write and yet show them to whoever reads, so that a second sync succeeds over
//! nothing. So all that was written since the last good sync is kept, and written once more
//! before the file is used again.

#[cfg(test)]
pub(crate) mod pretend;
mod unsynced;

use std::fs::File;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};
use rustix::fs::{Advice, fadvise};

use self::unsynced::{Change, Unsynced};
use crate::options::TRIAL_BYTES;

/// Written, synced and removed to see whether the disk takes anything.
const TRIAL_FILE: &str = "journal.trial";

/// What has gone wrong with a file since it was opened, and what it may lack.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    no_room: AtomicBool,
    other: AtomicBool,
    unsynced: Mutex<Unsynced>,
    #[cfg(test)]
    pub(crate) pretend: pretend::Pretend,
}

impl Faults {
    /// Whether an operation has failed.
    pub(crate) fn any(&self) -> bool {
        self.no_room.load(Ordering::Acquire) || self.other.load(Ordering::Acquire)
    }

    /// Only room was lacking.
    pub(crate) fn only_room_lacked(&self) -> bool {
        self.no_room.load(Ordering::Acquire) && !self.other.load(Ordering::Acquire)
    }

    /// So much was written without a sync that no copy of it was kept.
    pub(crate) fn is_beyond_repair(&self) -> bool {
        self.unsynced().is_given_up()
    }

    /// Forgets what failed, for the file opened once more.
    pub(crate) fn clear(&self) {
        self.no_room.store(false, Ordering::Release);
        self.other.store(false, Ordering::Release);
    }

    /// Whether the disk takes anything at all, which is cheaper to learn than by the journal itself.
    pub(crate) fn try_disk(&self, folder: &Path) -> io::Result<()> {
        #[cfg(test)]
        self.pretend.write(None).and_then(|()| self.pretend.sync())?;
        let path = folder.join(TRIAL_FILE);
        let tried = std::fs::write(&path, vec![0xa5; TRIAL_BYTES]).and_then(|()| File::open(&path)?.sync_data());
        let removed = std::fs::remove_file(&path);
        self.note(false, tried.and(removed))
    }

    fn unsynced(&self) -> MutexGuard<'_, Unsynced> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note<T>(&self, syncing: bool, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            let no_room = matches!(
                error.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
            );
            let flag = if no_room && !syncing { &self.no_room } else { &self.other };
            flag.store(true, Ordering::Release);
        }
        result
    }
}

/// One file on disk.
#[derive(Debug)]
pub(crate) struct Disk {
    file: FileBackend,
    faults: Arc<Faults>,
}

impl Disk {
    /// The file, with all that was written to it on the disk. What an earlier process wrote and could
    /// not sync is not taken for written: the kernel's memory of the file is given up, so far as the
    /// kernel does.
    pub(crate) fn open(file: File, faults: Arc<Faults>) -> Result<Self, DatabaseError> {
        let _ = file.sync_data();
        let _ = fadvise(&file, 0, None, Advice::DontNeed);
        let disk = Self { file: FileBackend::new(file)?, faults };
        let unsynced = std::mem::take(&mut *disk.faults.unsynced());
        if let Err(error) = disk.write_again(&unsynced) {
            *disk.faults.unsynced() = unsynced;
            return Err(error.into());
        }
        Ok(disk)
    }

    /// Brings what may be lost to the disk.
    fn write_again(&self, unsynced: &Unsynced) -> io::Result<()> {
        for change in unsynced.changes() {
            match change {
                Change::Write { offset, bytes } => self.write(*offset, bytes)?,
                Change::Length(length) => self.set_len(*length)?,
            }
        }
        if unsynced.is_empty() { Ok(()) } else { self.sync_data() }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.faults.note(false, self.file.read(offset, out))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        #[cfg(test)]
        self.faults.note(false, self.faults.pretend.write(Some(Change::Length(len))))?;
        self.faults.note(false, self.file.set_len(len))?;
        self.faults.unsynced().push(Change::Length(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        #[cfg(test)]
        self.faults.note(true, self.faults.pretend.sync())?;
        self.faults.note(true, self.file.sync_data())?;
        self.faults.unsynced().clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        self.faults.note(false, self.faults.pretend.write(Some(Change::Write { offset, bytes: data.into() })))?;
        self.faults.note(false, self.file.write(offset, data))?;
        self.faults.unsynced().push(Change::Write { offset, bytes: data.into() });
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

//! The file as redb sees it, with a note of what went wrong.
//!
//! redb says that an operation failed; whether the journal may go on afterwards depends on
//! *which*: a write refused for want of room left the file as it was, a failed sync did not
//! say what it left.

use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};

/// What has gone wrong with a file since it was opened.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    no_room: AtomicBool,
    other: AtomicBool,
    #[cfg(test)]
    pub(crate) pretend: Pretend,
}

impl Faults {
    /// Only room was lacking: once there is some, the file can be opened again and used.
    pub(crate) fn only_room_lacked(&self) -> bool {
        self.no_room.load(Ordering::Acquire) && !self.other.load(Ordering::Acquire)
    }

    /// Forgets them, for the file opened once more.
    pub(crate) fn clear(&self) {
        self.no_room.store(false, Ordering::Release);
        self.other.store(false, Ordering::Release);
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

/// Faults that a test asks for.
#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct Pretend {
    pub(crate) full: AtomicBool,
    pub(crate) sync_fails: AtomicBool,
}

/// One file on disk.
#[derive(Debug)]
pub(crate) struct Disk {
    file: FileBackend,
    faults: Arc<Faults>,
}

impl Disk {
    pub(crate) fn new(file: File, faults: Arc<Faults>) -> Result<Self, DatabaseError> {
        Ok(Self { file: FileBackend::new(file)?, faults })
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
        self.faults.note(false, self.file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        #[cfg(test)]
        if self.faults.pretend.sync_fails.load(Ordering::Acquire) {
            return self.faults.note(true, Err(io::Error::other("pretended fault")));
        }
        self.faults.note(true, self.file.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        if self.faults.pretend.full.load(Ordering::Acquire) {
            return self.faults.note(false, Err(io::ErrorKind::StorageFull.into()));
        }
        self.faults.note(false, self.file.write(offset, data))
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

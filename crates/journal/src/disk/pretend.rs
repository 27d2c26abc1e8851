//! A disk whose faults a test chooses, and whose power a test cuts.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::unsynced::Change;

/// What goes wrong, and what would be left after a power cut.
#[derive(Debug, Default)]
pub(crate) struct Pretend {
    /// Writes find no room.
    pub(crate) full: AtomicBool,
    /// Writes fail as on a file system that has been made read-only.
    pub(crate) read_only: AtomicBool,
    /// Writes fail as on a broken disk.
    pub(crate) broken: AtomicBool,
    /// Syncs fail, and what they were to write is lost while reading still shows it.
    pub(crate) sync_fails: AtomicBool,
    kernel: Mutex<Kernel>,
}

#[derive(Debug, Default)]
struct Kernel {
    on_disk: Vec<u8>,
    dirty: Vec<Change>,
}

impl Pretend {
    /// What a write meets; where it succeeds, its change waits in the kernel's memory.
    pub(crate) fn write(&self, change: Option<Change>) -> io::Result<()> {
        if self.full.load(Ordering::Acquire) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.read_only.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        if self.broken.load(Ordering::Acquire) {
            return Err(io::Error::other("pretended fault"));
        }
        self.kernel.lock().unwrap_or_else(PoisonError::into_inner).dirty.extend(change);
        Ok(())
    }

    /// What a sync meets. One that fails leaves nothing for the next one to write.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let mut kernel = self.kernel.lock().unwrap_or_else(PoisonError::into_inner);
        let dirty = std::mem::take(&mut kernel.dirty);
        if self.sync_fails.load(Ordering::Acquire) {
            return Err(io::Error::other("pretended fault"));
        }
        for change in dirty {
            match change {
                Change::Length(length) => kernel.on_disk.resize(usize::try_from(length).unwrap(), 0),
                Change::Write { offset, bytes } => {
                    let (from, to) = (usize::try_from(offset).unwrap(), usize::try_from(offset).unwrap() + bytes.len());
                    if kernel.on_disk.len() < to {
                        kernel.on_disk.resize(to, 0);
                    }
                    kernel.on_disk[from..to].copy_from_slice(&bytes);
                }
            }
        }
        Ok(())
    }

    /// What the disk holds after the power was cut.
    pub(crate) fn power_cut(&self) -> Vec<u8> {
        self.kernel.lock().unwrap_or_else(PoisonError::into_inner).on_disk.clone()
    }
}

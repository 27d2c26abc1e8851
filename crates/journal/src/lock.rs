//! A journal's folder belongs to one process.
//!
//! The storage locks its file, but lets go of it where the file is opened anew after a fault or
//! replaced after damage. The folder's lock is held all the while. The system gives it back where the
//! process ends, however it ends; the file stays, for who removed it could part two who hold it.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::JournalError;

/// Empty, and locked while a journal is open.
const LOCK_FILE: &str = "journal.lock";

/// Held while it lives.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "closing it unlocks")] File);

impl Lock {
    /// Locks a folder, which is made where it is missing; `journal` is for errors.
    pub(crate) fn take(folder: &Path, journal: &Path) -> Result<Self, JournalError> {
        let failed = |path: &Path, error: &dyn std::fmt::Display| JournalError::Folder {
            path: path.into(),
            reason: error.to_string().into(),
        };
        std::fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
        let path = folder.join(LOCK_FILE);
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|e| failed(&path, &e))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(JournalError::InUse(journal.into())),
            Err(TryLockError::Error(error)) => Err(failed(&path, &error)),
        }
    }
}

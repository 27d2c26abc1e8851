//! What the handles and the writer thread both see.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use crate::options::DROPPED_IS_NEWS_FOR;
use crate::storage::Storage;
use crate::{JournalError, Options};

/// What the handles and the writer thread both see. Only the writer replaces the storage.
pub(crate) struct Shared {
    pub path: PathBuf,
    pub options: Options,
    /// `None` once closed, and while a failed file is opened anew.
    storage: RwLock<Option<Arc<Storage>>>,
    /// Why nothing is taken, while that is so.
    failure: Mutex<Option<Arc<str>>>,
    /// What a reader found to be not as it was written, until the writer has dealt with it.
    damage: Mutex<Option<Arc<str>>>,
    /// Reports dropped unread since the start, and when it last happened.
    dropped: Mutex<Option<(u64, Instant)>>,
    cursors: Mutex<BTreeMap<String, u64>>,
    /// A cursor has moved since the last commit.
    pub cursors_moved: AtomicBool,
    /// The oldest report kept.
    pub first: AtomicU64,
}

impl Shared {
    pub(crate) fn new(
        path: PathBuf,
        options: Options,
        storage: Storage,
        first: u64,
        cursors: BTreeMap<String, u64>,
    ) -> Self {
        Self {
            path,
            options,
            storage: RwLock::new(Some(Arc::new(storage))),
            failure: Mutex::new(None),
            damage: Mutex::new(None),
            dropped: Mutex::new(None),
            cursors: Mutex::new(cursors),
            cursors_moved: AtomicBool::new(false),
            first: AtomicU64::new(first),
        }
    }

    /// The storage, for as long as one read or commit takes.
    pub(crate) fn storage(&self) -> Result<Arc<Storage>, JournalError> {
        let storage = || self.storage.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(storage) = storage() {
            return Ok(storage);
        }
        match self.failure() {
            Some(reason) => Err(JournalError::Failed(reason)),
            // The writer may have opened it between the two questions.
            None => storage().ok_or(JournalError::Closed),
        }
    }

    pub(crate) fn replace_storage(&self, storage: Option<Arc<Storage>>) -> Option<Arc<Storage>> {
        let mut slot = self.storage.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *slot, storage)
    }

    pub(crate) fn failure(&self) -> Option<Arc<str>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_failure(&self, reason: Option<Arc<str>>) {
        metrics::gauge!("marshrut_journal_failed").set(f64::from(u8::from(reason.is_some())));
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    pub(crate) fn damage(&self) -> Option<Arc<str>> {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_damage(&self, reason: Option<Arc<str>>) {
        *self.damage.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    /// Adds to what was dropped unread; gives the sum.
    pub(crate) fn add_dropped(&self, reports: u64) -> u64 {
        let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = dropped.map_or(0, |(sum, _)| sum) + reports;
        *dropped = Some((sum, Instant::now()));
        sum
    }

    /// How many reports were dropped unread, where that is news.
    pub(crate) fn dropped_lately(&self) -> Option<u64> {
        let dropped = *self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        dropped.filter(|(_, at)| at.elapsed() < DROPPED_IS_NEWS_FOR).map(|(sum, _)| sum)
    }

    pub(crate) fn cursors(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.cursors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cursors, when one has moved since this was last asked.
    pub(crate) fn moved_cursors(&self) -> Option<BTreeMap<String, u64>> {
        self.cursors_moved.swap(false, Ordering::AcqRel).then(|| self.cursors().clone())
    }

    /// The position that retention must not pass.
    pub(crate) fn floor(&self) -> u64 {
        self.cursors().values().copied().min().unwrap_or(u64::MAX)
    }
}

//! The journal as its users hold it.

mod reading;
#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use model::{MAX_REPORT_FIXES, Report};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use crate::disk::Faults;
use crate::group::Entry;
use crate::lock::Lock;
use crate::receipt::{Receipt, Waiter, writer_gone};
use crate::salvage;
use crate::shared::Shared;
use crate::storage::{Extent, FILE_NAME};
use crate::writer::{Command, Writer};
use crate::{JournalError, MAX_CURSOR_NAME_BYTES, MAX_CURSORS, MAX_REPORT_BYTES, Options, Position};

/// Memory in the queue is counted in units of this many bytes.
const PERMIT_BYTES: usize = 64;
/// What a report in the queue takes besides its bytes, about.
const ENTRY_BYTES: usize = 256;

/// A journal on local disk. Clones are handles to the same one; when the last is gone,
/// what was submitted is written and the file is closed.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    commands: Option<mpsc::Sender<Command>>,
    room: Arc<Semaphore>,
    head: watch::Receiver<Position>,
    acknowledge_after: Option<watch::Receiver<Position>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Journal {
    /// Opens the journal in a folder, making both where they are missing, and starts its
    /// writer thread. Blocks: after a crash the whole file is checked. A damaged one is put aside as
    /// `journal.redb.damaged-1` and so on, and what could be read of it is in a new one.
    pub fn open(folder: &Path, options: Options) -> Result<Self, JournalError> {
        Self::open_with(folder, options, Arc::new(Faults::default()))
    }

    pub(crate) fn open_with(folder: &Path, options: Options, faults: Arc<Faults>) -> Result<Self, JournalError> {
        let path = folder.join(FILE_NAME);
        let lock = Lock::take(folder, &path)?;
        let acknowledge_after = options.acknowledge_after.clone();
        let (storage, extent, cursors) = salvage::open(&path, &options, Arc::clone(&faults), None, 0)?;
        let Extent { first, head, bytes } = extent;
        tracing::info!(path = %path.display(), first, head, bytes, "journal open");

        let queued_bytes = options.max_queued_bytes.max(MAX_REPORT_BYTES);
        let room = Arc::new(Semaphore::new((queued_bytes / PERMIT_BYTES).min(Semaphore::MAX_PERMITS)));
        let (commands, receiver) = mpsc::channel(options.max_queued_reports.max(1));
        let (head_sender, head) = watch::channel(Position(extent.head));
        let shared = Arc::new(Shared::new(path.clone(), options, storage, first, cursors));
        let writer = Writer::new(Arc::clone(&shared), lock, faults, receiver, head_sender, extent);
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.run())
            .map_err(|error| JournalError::Folder { path, reason: error.to_string().into() })?;
        let writer = Mutex::new(Some(thread));
        let inner = Inner { shared, commands: Some(commands), room, head, acknowledge_after, writer };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Appends a report and waits until it is on stable storage.
    pub async fn append(&self, report: impl Borrow<Report>) -> Result<Position, JournalError> {
        self.submit(report.borrow()).await?.durable().await
    }

    /// Puts a report in the queue, waiting while the queue is full: whoever submits should
    /// meanwhile read no more. Reports submitted one after the other get ascending positions.
    pub fn submit(&self, report: &Report) -> impl Future<Output = Result<Receipt, JournalError>> + Send + use<'_> {
        let queued = self.entry_of(report).map(|entry| {
            let (waiter, receipt) = oneshot::channel();
            let unsent = self.try_queue(entry, waiter).err();
            // Boxed, for every session would hold the room that its longest wait takes.
            (unsent.map(|(entry, waiter)| Box::pin(self.queue(entry, waiter))), receipt)
        });
        async move {
            let (waits, receipt) = queued?;
            if let Some(waits) = waits {
                waits.await?;
            }
            Ok(Receipt::of(receipt, self.inner.acknowledge_after.clone()))
        }
    }

    /// A report as bytes, where it may be journaled. Made here, by as many threads as there are, and
    /// not by the one that writes.
    fn entry_of(&self, report: &Report) -> Result<Entry, JournalError> {
        if let Some(reason) = self.inner.shared.failure() {
            return Err(JournalError::Failed(reason));
        }
        let fixes = report.batch.fixes.len();
        if fixes > MAX_REPORT_FIXES {
            return Err(JournalError::TooMany(fixes));
        }
        let entry = Entry::of(report);
        let bytes = entry.bytes.len();
        if bytes > MAX_REPORT_BYTES {
            return Err(JournalError::TooLarge(bytes));
        }
        Ok(entry)
    }

    /// Puts a report in the queue where there is room at once, or gives it back.
    fn try_queue(&self, entry: Entry, waiter: Waiter) -> Result<(), (Entry, Waiter)> {
        let room = Arc::clone(&self.inner.room).try_acquire_many_owned(permits_of(&entry));
        let place = self.inner.commands.as_ref().and_then(|commands| commands.try_reserve().ok());
        match (room, place) {
            (Ok(room), Some(place)) => {
                place.send(Command::Append { entry, waiter, room });
                Ok(())
            }
            _ => Err((entry, waiter)),
        }
    }

    /// The same, waiting for room.
    async fn queue(&self, entry: Entry, waiter: Waiter) -> Result<(), JournalError> {
        let room = Arc::clone(&self.inner.room).acquire_many_owned(permits_of(&entry)).await;
        let room: OwnedSemaphorePermit = room.map_err(|_| JournalError::Closed)?;
        self.send(Command::Append { entry, waiter, room }).await
    }

    /// The newest report that is on stable storage.
    pub fn head(&self) -> Position {
        *self.inner.head.borrow()
    }

    /// The oldest report kept; one past the head when none is.
    pub fn first(&self) -> Position {
        Position(self.inner.shared.first.load(Ordering::Acquire))
    }

    /// Tells of every move of [`Journal::head`]; ends when the journal is closed.
    pub fn watch(&self) -> watch::Receiver<Position> {
        self.inner.head.clone()
    }

    /// Why no reports are taken at present, or that some were dropped lately, for a readiness check.
    pub fn health(&self) -> Result<(), JournalError> {
        let shared = &self.inner.shared;
        match (shared.failure(), shared.dropped_lately()) {
            (Some(reason), _) => Err(JournalError::Failed(reason)),
            (None, Some(dropped)) => Err(JournalError::Dropped(dropped)),
            (None, None) => shared.storage().map(drop),
        }
    }

    /// Where a reader has got to; [`Position::START`] for a name never set.
    pub fn cursor(&self, name: &str) -> Result<Position, JournalError> {
        check_cursor_name(name)?;
        Ok(Position(self.inner.shared.cursors().get(name).copied().unwrap_or(0)))
    }

    /// Notes that a reader has done its work up to a position, which lets retention remove
    /// what lies before. Counts at once, and is on disk with the next commit: after a crash a
    /// cursor may stand a little further back.
    pub fn set_cursor(&self, name: &str, position: Position) -> Result<(), JournalError> {
        check_cursor_name(name)?;
        let head = self.head();
        if position > head {
            return Err(JournalError::Beyond { asked: position, head });
        }
        {
            let mut cursors = self.inner.shared.cursors();
            if cursors.len() >= MAX_CURSORS && !cursors.contains_key(name) {
                return Err(JournalError::Cursor(name.to_owned()));
            }
            if cursors.insert(name.to_owned(), position.0) == Some(position.0) {
                return Ok(());
            }
        }
        self.cursors_moved();
        Ok(())
    }

    /// Forgets a reader, so that retention no longer waits for it.
    pub fn remove_cursor(&self, name: &str) -> Result<(), JournalError> {
        check_cursor_name(name)?;
        let removed = self.inner.shared.cursors().remove(name);
        if removed.is_some() {
            self.cursors_moved();
        }
        Ok(())
    }

    /// Removes whole groups of reports before a position, as far as the lowest cursor
    /// allows, and gives the oldest report then kept.
    pub async fn trim(&self, before: Position) -> Result<Position, JournalError> {
        let (waiter, done) = oneshot::channel();
        self.send(Command::Trim { before, waiter }).await?;
        done.await.unwrap_or_else(|_| Err(writer_gone()))
    }

    /// Writes what was submitted, closes the file and stops the writer. Further appends are
    /// refused.
    pub async fn close(&self) -> Result<(), JournalError> {
        let (waiter, done) = oneshot::channel();
        match self.send(Command::Close { waiter }).await {
            Ok(()) => done.await.unwrap_or(Ok(())),
            Err(_) => Ok(()), // closed before
        }
    }

    async fn send(&self, command: Command) -> Result<(), JournalError> {
        let commands = self.inner.commands.as_ref().ok_or(JournalError::Closed)?;
        let closed = || self.inner.shared.failure().map_or(JournalError::Closed, JournalError::Failed);
        commands.send(command).await.map_err(|_| closed())
    }

    fn cursors_moved(&self) {
        self.inner.shared.cursors_moved.store(true, Ordering::Release);
        self.wake();
    }

    /// Wakes the writer; when its queue is full it is awake.
    fn wake(&self) {
        if let Some(commands) = &self.inner.commands {
            let _ = commands.try_send(Command::Wake);
        }
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("path", &self.inner.shared.path).field("head", &self.head()).finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.commands = None;
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Waits for one last commit at most, so that the folder is free when this returns.
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// What a report in the queue takes of its memory.
fn permits_of(entry: &Entry) -> u32 {
    u32::try_from((entry.bytes.len() + ENTRY_BYTES).div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX)
}

fn check_cursor_name(name: &str) -> Result<(), JournalError> {
    if name.is_empty() || name.len() > MAX_CURSOR_NAME_BYTES {
        return Err(JournalError::Cursor(name.chars().take(MAX_CURSOR_NAME_BYTES).collect()));
    }
    Ok(())
}

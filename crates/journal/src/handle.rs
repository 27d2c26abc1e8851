//! The journal as its users hold it.

use std::borrow::Borrow;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use model::{MAX_REPORT_FIXES, Report, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use crate::disk::Faults;
use crate::group::Entry;
use crate::lock::Lock;
use crate::receipt::{Receipt, Waiter, writer_gone};
use crate::salvage;
use crate::shared::Shared;
use crate::storage::{Extent, FILE_NAME, decode};
use crate::writer::{Command, Writer};
use crate::{JournalError, MAX_CURSOR_NAME_BYTES, MAX_CURSORS, MAX_REPORT_BYTES, Most, Options, Position};

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

    /// The first `max_reports` reports after a position, in order and without a gap; fewer
    /// or none where there are no more. Blocks on the disk.
    ///
    /// [`Position::START`] means from the oldest report kept, wherever that is; any other
    /// position that is no longer kept is an error, so that a loss cannot go unnoticed. What was
    /// lost to damage, or dropped where [`Options::may_drop_unread`] is set, was counted and logged
    /// then, and is read past.
    ///
    /// While the journal has failed there may be nothing to read; [`Journal::watch`] tells when that
    /// is over.
    pub fn read(&self, after: Position, max_reports: usize) -> Result<Vec<(Position, Report)>, JournalError> {
        self.read_at_most(after, Most { reports: max_reports, bytes: usize::MAX })
    }

    /// The same, with a bound on bytes too: reports are of very different size.
    pub fn read_at_most(&self, after: Position, most: Most) -> Result<Vec<(Position, Report)>, JournalError> {
        let mut reports = Vec::new();
        self.visit(after, most, |position, bytes| {
            reports.push((position, decode(position.0, bytes)?));
            Ok(())
        })?;
        Ok(reports)
    }

    /// Shows the same reports as [`Report::encode`] has made them, to be handed on as they are.
    pub fn visit(
        &self,
        after: Position,
        most: Most,
        mut each: impl FnMut(Position, &[u8]) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let shared = &self.inner.shared;
        let storage = match shared.storage() {
            Ok(storage) if shared.damage().is_none() => storage,
            Ok(_) | Err(JournalError::Failed(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut after = Position(storage.past_lost(after.0));
        if shared.options.may_drop_unread {
            after = after.max(Position(self.first().0.saturating_sub(1)));
        }
        // A group can be read an instant before the head moves; nobody may be ahead of the head.
        let head = self.head();
        if after > head {
            return Err(JournalError::Beyond { asked: after, head });
        }
        let mut next = (after != Position::START).then_some(after.0 + 1);
        let mut is_trimmed = false;
        let visited = storage.visit(after.0, head.0, most, |position, bytes| {
            is_trimmed = next.is_some_and(|next| next != position);
            if is_trimmed {
                return Err(JournalError::Trimmed { asked: after, first: self.first() });
            }
            next = None;
            each(Position(position), bytes)
        });
        match visited {
            Ok(()) => {}
            Err(error) if is_trimmed => return Err(error),
            Err(_) if storage.faults().any() => return Ok(()),
            Err(error) => {
                self.damaged(&error);
                return Ok(());
            }
        }
        let first = self.first();
        // All up to the head may have been removed, so that nothing was seen.
        if next.is_some_and(|next| next < first.0) {
            return Err(JournalError::Trimmed { asked: after, first });
        }
        Ok(())
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

    /// The last position such that all up to it was received before an instant: reading
    /// after it gives what came in since. Exact while the gateway's clock does not go back; the head
    /// where the journal turns out to be damaged. Blocks on the disk.
    pub fn position_at(&self, received: Timestamp) -> Result<Position, JournalError> {
        let storage = self.inner.shared.storage()?;
        let extent = Extent { first: self.first().0, head: self.head().0, bytes: 0 };
        match storage.position_before(received, extent) {
            Err(error) if !storage.faults().any() => {
                self.damaged(&error);
                Ok(Position(extent.head))
            }
            found => found,
        }
    }

    /// Has the writer put the damaged file aside.
    fn damaged(&self, error: &JournalError) {
        self.inner.shared.set_damage(Some(error.to_string().into()));
        self.wake();
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use model::{DeviceId, FixBatch, VehicleId};

    use super::*;

    fn report(second: i64) -> Report {
        Report {
            device: DeviceId::new("1").unwrap(),
            vehicle: VehicleId::new("1").unwrap(),
            protocol: "test".into(),
            received_at: Timestamp::from_secs(second),
            batch: FixBatch::default(),
        }
    }

    /// One that has pages of its own, which no later commit writes anew.
    fn large(second: i64) -> Report {
        let mut large = report(second);
        large.batch.text = vec![7; 50_000];
        large
    }

    fn with_faults() -> (tempfile::TempDir, Journal, Arc<Faults>) {
        let folder = tempfile::tempdir().unwrap();
        let faults = Arc::new(Faults::default());
        let journal = Journal::open_with(folder.path(), Options::default(), Arc::clone(&faults)).unwrap();
        (folder, journal, faults)
    }

    async fn wait_for_recovery(journal: &Journal) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while journal.health().is_err() {
            assert!(Instant::now() < deadline, "no recovery: {:?}", journal.health());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the disk holds after a power cut at this moment.
    fn after_power_cut(faults: &Faults) -> Vec<Report> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), faults.pretend.power_cut()).unwrap();
        let journal = Journal::open(folder.path(), Options::default()).unwrap();
        assert!(!folder.path().join("journal.redb.damaged-1").exists(), "pages are missing");
        journal.read(Position::START, usize::MAX).unwrap().into_iter().map(|(_, report)| report).collect()
    }

    /// Some commits fail by a fault, which then passes.
    async fn waits_out(fault: impl Fn(&Faults) -> &std::sync::atomic::AtomicBool, advice: &str) {
        let (_folder, journal, faults) = with_faults();
        let mut acknowledged = Vec::new();
        // Leaves free pages in the file, or a failed commit would get no further than to ask for more.
        for n in 0..8 {
            journal.append(large(n)).await.unwrap();
        }
        let first = journal.trim(Position(u64::MAX)).await.unwrap();
        for round in 1..=3 {
            for n in 0..20 {
                let report = report(round * 100 + n);
                journal.append(&report).await.unwrap();
                acknowledged.push(report);
            }
            fault(&faults).store(true, Ordering::Release);
            let head = journal.head();
            for n in 50..53 {
                let error = journal.append(large(round * 100 + n)).await.unwrap_err();
                assert!(matches!(error, JournalError::Failed(_)) && error.to_string().contains(advice), "{error}");
                assert!(journal.health().is_err(), "a readiness check hears of it");
            }
            assert_eq!(journal.head(), head, "nobody is told of what is not there");
            let beside = journal.read(Position::START, 10).unwrap();
            assert!(beside.iter().all(|(_, report)| acknowledged.contains(report)), "readers are not led astray");
            fault(&faults).store(false, Ordering::Release);
            wait_for_recovery(&journal).await;
            let report = report(round * 100 + 99);
            journal.append(&report).await.unwrap();
            acknowledged.push(report);

            let on_disk = after_power_cut(&faults);
            let lost = acknowledged.iter().filter(|report| !on_disk.contains(report)).count();
            assert_eq!(lost, 0, "of {} acknowledged, round {round}", acknowledged.len());
        }
        let read = journal.read(Position::START, usize::MAX).unwrap();
        assert!(acknowledged.iter().all(|report| read.iter().filter(|(_, r)| r == report).count() == 1));
        assert!(read.iter().map(|(position, _)| position.0).eq(first.0..first.0 + read.len() as u64));
        journal.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_is_waited_out() {
        waits_out(|faults| &faults.pretend.full, "free some space").await;
    }

    #[tokio::test]
    async fn a_read_only_file_system_is_waited_out() {
        waits_out(|faults| &faults.pretend.read_only, "once that takes writes").await;
    }

    #[tokio::test]
    async fn failed_writes_are_waited_out() {
        waits_out(|faults| &faults.pretend.broken, "check its disk").await;
    }

    /// The kernel has dropped what it could not write, and shows it all the same: it must be written
    /// again, or what is acknowledged next would stand on pages that no disk holds.
    #[tokio::test]
    async fn what_a_failed_sync_lost_is_written_again() {
        waits_out(|faults| &faults.pretend.sync_fails, "check its disk").await;
    }

    #[tokio::test]
    async fn a_second_process_is_refused_also_while_the_file_is_opened_anew() {
        let (folder, journal, faults) = with_faults();
        let (path, aside) = (folder.path().join(FILE_NAME), folder.path().join("aside"));
        let second = || Journal::open(folder.path(), Options::default());
        assert!(matches!(second(), Err(JournalError::InUse(_))), "while all is well");
        journal.append(report(1)).await.unwrap();

        // The disk takes writes again, but the file cannot be opened yet: it was let go of.
        std::fs::rename(&path, &aside).unwrap();
        std::fs::create_dir(&path).unwrap();
        faults.pretend.broken.store(true, Ordering::Release);
        journal.append(report(2)).await.unwrap_err();
        faults.pretend.broken.store(false, Ordering::Release);
        let deadline = Instant::now() + Duration::from_secs(20);
        while journal.inner.shared.storage().is_ok() {
            assert!(Instant::now() < deadline, "it is not opened anew");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::fs::remove_dir(&path).unwrap();
        std::fs::rename(&aside, &path).unwrap();
        assert!(matches!(second(), Err(JournalError::InUse(_))), "while it recovers");
        wait_for_recovery(&journal).await;
        assert!(matches!(second(), Err(JournalError::InUse(_))), "once it has recovered");
        journal.append(report(3)).await.unwrap();

        journal.close().await.unwrap();
        let second = second().unwrap();
        assert!(second.read(Position::START, 10).unwrap().iter().any(|(_, read)| *read == report(3)));
    }

    #[tokio::test]
    async fn what_retention_takes_from_a_reader_is_told_and_read_past() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { max_bytes: 12_000, may_drop_unread: true, ..Options::default() };
        let journal = Journal::open(folder.path(), options).unwrap();
        journal.set_cursor("slow", Position::START).unwrap();
        for n in 1..=400 {
            journal.append(report(n)).await.unwrap();
        }
        let first = journal.first();
        assert!(first > Position(100), "{first}");
        let dropped = first.0 - 1;
        match journal.health() {
            Err(JournalError::Dropped(told)) => assert_eq!(told, dropped),
            other => panic!("{other:?}"),
        }
        let read = journal.read(Position(5), 1_000).unwrap();
        assert_eq!(read.first().unwrap().0, first, "the reader goes on with what is left");
        assert_eq!(read.last().unwrap().1, report(400));

        // Whoever keeps up loses nothing to it.
        journal.set_cursor("slow", Position(400)).unwrap();
        for n in 401..=800 {
            journal.append(report(n)).await.unwrap();
            journal.set_cursor("slow", journal.head()).unwrap();
        }
        assert!(journal.first() > Position(400));
        assert!(matches!(journal.health(), Err(JournalError::Dropped(told)) if told == dropped));
    }
}

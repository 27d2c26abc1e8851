//! The one thread that writes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

use crate::disk::Faults;
use crate::group::{Entry, GroupBuilder};
use crate::lock::Lock;
use crate::options::{MAX_GROUP_BYTES, MAX_GROUP_REPORTS, RETRY_EVERY};
use crate::salvage;
use crate::shared::Shared;
use crate::storage::{Change, Extent, guarded};
use crate::trim::Trim;
use crate::{JournalError, Position};

/// How often a failed journal answers those who wait.
const REFUSE_EVERY: Duration = Duration::from_millis(20);

/// What the handles ask of the writer.
pub(crate) enum Command {
    /// Write a report; its share of the queue's memory is given back when it is written.
    Append { entry: Entry, waiter: oneshot::Sender<Result<Position, JournalError>>, room: OwnedSemaphorePermit },
    /// Remove what lies before a position.
    Trim { before: Position, waiter: oneshot::Sender<Result<Position, JournalError>> },
    /// A cursor has moved, or a reader found damage.
    Wake,
    /// Write all that came before this, and stop.
    Close { waiter: oneshot::Sender<Result<(), JournalError>> },
}

/// One report in the group that is being gathered.
struct Waiting {
    waiter: oneshot::Sender<Result<Position, JournalError>>,
    _room: OwnedSemaphorePermit,
}

/// A trim asked for, and who waits for it.
#[derive(Default)]
struct Trimming {
    before: Position,
    waiters: Vec<oneshot::Sender<Result<Position, JournalError>>>,
}

pub(crate) struct Writer {
    shared: Arc<Shared>,
    /// The folder's, until the file is closed.
    lock: Option<Lock>,
    faults: Arc<Faults>,
    commands: mpsc::Receiver<Command>,
    head: watch::Sender<Position>,
    extent: Extent,
    group: GroupBuilder,
    waiting: Vec<Waiting>,
    trimming: Option<Trimming>,
    closing: Vec<oneshot::Sender<Result<(), JournalError>>>,
    /// Not where nobody knows any more what the file should hold.
    may_recover: bool,
    retried: Instant,
    /// When the last commit began.
    committed: Option<Instant>,
    retention_held: bool,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        lock: Lock,
        faults: Arc<Faults>,
        commands: mpsc::Receiver<Command>,
        head: watch::Sender<Position>,
        extent: Extent,
    ) -> Self {
        Self {
            shared,
            lock: Some(lock),
            faults,
            commands,
            head,
            extent,
            group: GroupBuilder::new(),
            waiting: Vec::new(),
            trimming: None,
            closing: Vec::new(),
            may_recover: true,
            retried: Instant::now(),
            committed: None,
            retention_held: false,
        }
    }

    /// Gathers, commits and answers until the handles are gone or one of them closes.
    pub(crate) fn run(mut self) {
        while self.closing.is_empty() && self.gather() {
            if let Some(damage) = self.shared.damage()
                && self.shared.failure().is_none()
            {
                self.fail(&damage, "a new one is made of what can be read");
            }
            if self.shared.failure().is_some() {
                self.refuse();
                self.recover();
            } else {
                self.commit();
            }
        }
        while self.trimming.is_some() {
            self.commit();
        }
        let result = self.shared.failure().map_or(Ok(()), |reason| Err(JournalError::Failed(reason)));
        let storage = self.shared.replace_storage(None);
        let _ = guarded(|| drop(storage)); // the file is closed before anyone hears of it
        drop(self.lock.take());
        for waiter in self.closing.drain(..) {
            let _ = waiter.send(result.clone());
        }
    }

    /// Takes what has queued up, and waits for something when there is nothing to do. False
    /// when there is nothing and nobody is left to send.
    fn gather(&mut self) -> bool {
        let has_failed = self.shared.failure().is_some();
        if has_failed {
            std::thread::sleep(REFUSE_EVERY);
        } else if self.trimming.is_none() {
            match self.commands.blocking_recv() {
                Some(command) => self.take(command),
                None => return false,
            }
            self.wait_for_company();
        }
        while self.waiting.len() < MAX_GROUP_REPORTS && self.group.len_bytes() < MAX_GROUP_BYTES {
            match self.commands.try_recv() {
                Ok(command) => self.take(command),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return !self.waiting.is_empty() || self.trimming.is_some(),
            }
        }
        true
    }

    /// Until half of the time that an answer may take has passed since the last commit began.
    fn wait_for_company(&self) {
        let since = self.committed.map_or(Duration::MAX, |at| at.elapsed());
        let left = (self.shared.options.ack_within / 2).saturating_sub(since);
        if self.closing.is_empty() && !left.is_zero() {
            std::thread::sleep(left);
        }
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Append { entry, waiter, room } => {
                self.group.push(&entry);
                self.waiting.push(Waiting { waiter, _room: room });
            }
            Command::Trim { before, waiter } => {
                let trimming = self.trimming.get_or_insert_default();
                trimming.before = trimming.before.max(before);
                trimming.waiters.push(waiter);
            }
            Command::Wake => {}
            Command::Close { waiter } => {
                // Nothing is sent after this; what was sent before is still taken.
                self.commands.close();
                self.closing.push(waiter);
                while let Ok(command) = self.commands.try_recv() {
                    self.take(command);
                }
            }
        }
    }

    /// Writes the group, then tells everyone.
    fn commit(&mut self) {
        let started = Instant::now();
        self.committed = Some(started);
        let (before, reports) = (self.extent, self.group.reports());
        match self.write(before.head + 1, reports) {
            Ok((extent, dropped)) => {
                self.extent = extent;
                self.tell_dropped(dropped);
            }
            Err(reason) => {
                self.fail(&reason, self.advice());
                self.refuse();
                return;
            }
        }
        metrics::histogram!("marshrut_journal_commit_seconds").record(started.elapsed().as_secs_f64());
        metrics::counter!("marshrut_journal_reports_total").increment(u64::from(reports));
        metrics::counter!("marshrut_journal_commits_total").increment(1);
        metrics::gauge!("marshrut_journal_bytes").set(self.extent.bytes as f64);
        metrics::gauge!("marshrut_journal_head").set(self.extent.head as f64);
        self.group.clear();
        self.show_extent();
        for (position, waiting) in (before.head + 1..).zip(self.waiting.drain(..)) {
            let _ = waiting.waiter.send(Ok(Position(position)));
        }
        // One commit removes a bounded number of groups: a trim goes on until one removes none.
        if self.extent.first == before.first {
            self.answer_trimming(&Ok(Position(self.extent.first)));
        }
    }

    fn write(&mut self, first: u64, reports: u32) -> Result<(Extent, u64), Arc<str>> {
        let storage = self.shared.storage().map_err(|e| Arc::from(e.to_string()))?;
        let trim = self.trim();
        let cursors = self.shared.moved_cursors();
        let group = (reports > 0).then(|| (first, reports, self.group.finish(first)));
        storage.commit(&Change { group, cursors: cursors.as_ref(), trim }).inspect_err(|_| {
            self.may_recover = !storage.faults().is_beyond_repair();
            self.shared.cursors_moved.fetch_or(cursors.is_some(), Ordering::AcqRel);
        })
    }

    /// Lets the handles and the readers see what is there now.
    fn show_extent(&self) {
        self.shared.first.store(self.extent.first, Ordering::Release);
        self.head.send_if_modified(|head| {
            let moved = head.0 != self.extent.head;
            head.0 = self.extent.head;
            moved
        });
    }

    fn answer_trimming(&mut self, answer: &Result<Position, JournalError>) {
        for waiter in self.trimming.take().into_iter().flat_map(|trimming| trimming.waiters) {
            let _ = waiter.send(answer.clone());
        }
    }

    /// What retention lets go with this commit. Age is counted from the newest report, not
    /// by a clock: a journal that takes nothing in forgets nothing.
    fn trim(&mut self) -> Trim {
        let options = &self.shared.options;
        let floor = self.shared.floor();
        let held = self.extent.bytes > options.max_bytes.saturating_mul(2) && floor < self.extent.head;
        if held && !self.retention_held {
            tracing::warn!(
                bytes = self.extent.bytes,
                max_bytes = options.max_bytes,
                reader_at = floor,
                head = self.extent.head,
                "the journal holds twice what it should, for its slowest reader; see why that one lags"
            );
        }
        self.retention_held = held;
        metrics::gauge!("marshrut_journal_retention_held").set(f64::from(u8::from(held)));
        Trim {
            floor,
            received_before: self.group.newest().plus_seconds(-options.retention.as_secs_f64()),
            max_bytes: options.max_bytes,
            positions_before: self.trimming.as_ref().map_or(0, |trimming| trimming.before.0),
            may_drop_unread: options.may_drop_unread,
        }
    }

    /// Says what retention took from a reader.
    fn tell_dropped(&mut self, reports: u64) {
        if reports == 0 {
            return;
        }
        let since_start = self.shared.add_dropped(reports);
        metrics::counter!("marshrut_journal_dropped_unread_total").increment(reports);
        tracing::error!(
            reports,
            since_start,
            reader_at = self.shared.floor(),
            first = self.extent.first,
            "the journal is at its limits and has dropped reports that its slowest reader had not read; see why that one lags"
        );
    }

    fn advice(&self) -> &'static str {
        match self.shared.storage() {
            _ if !self.may_recover => "check its disk and restart",
            Ok(storage) if storage.faults().only_room_lacked() => "free some space on its disk; it goes on by itself",
            // The kernel makes no file system writable again that is in use.
            _ => {
                "check its disk; it goes on by itself once that takes writes; if its file system is read-only, stop \
                 marshrut, mount that anew, and start marshrut"
            }
        }
    }

    fn fail(&mut self, reason: &str, advice: &str) {
        tracing::error!(path = %self.shared.path.display(), reason, "the journal has failed: {advice}");
        self.shared.set_failure(Some(format!("{reason}; {advice}").into()));
        self.retried = Instant::now();
    }

    /// Tells all who wait that their reports were not written.
    fn refuse(&mut self) {
        let refused = JournalError::Failed(self.shared.failure().unwrap_or_default());
        metrics::counter!("marshrut_journal_refused_total").increment(self.waiting.len() as u64);
        self.group.clear();
        for waiting in self.waiting.drain(..) {
            let _ = waiting.waiter.send(Err(refused.clone()));
        }
        self.answer_trimming(&Err(refused));
    }

    /// Once in a while tries whether the disk takes writes again.
    fn recover(&mut self) {
        if !self.may_recover || self.retried.elapsed() < RETRY_EVERY {
            return;
        }
        self.retried = Instant::now();
        match self.reopen() {
            Ok(()) => {
                tracing::info!(head = self.extent.head, "the journal takes reports again");
                self.shared.set_damage(None);
                self.shared.set_failure(None);
                // Readers that found nothing to read look again.
                self.head.send_modify(|_| {});
            }
            Err(reason) => tracing::debug!(%reason, "the journal still cannot write"),
        }
    }

    /// Opens the file anew, for redb refuses all work after an error. What was written and may not
    /// have reached the disk is written again before anything is read.
    fn reopen(&mut self) -> Result<(), String> {
        let folder = self.shared.path.parent().unwrap_or(&self.shared.path);
        self.faults.try_disk(folder).map_err(|e| e.to_string())?;
        match self.shared.replace_storage(None).map(Arc::try_unwrap) {
            Some(Err(in_use)) => {
                self.shared.replace_storage(Some(in_use));
                return Err("a reader still holds it".into());
            }
            Some(Ok(storage)) => _ = guarded(|| drop(storage)), // a damaged one may not even close
            None => {}
        }
        self.faults.clear();
        let (path, options, faults) = (&self.shared.path, &self.shared.options, Arc::clone(&self.faults));
        let opened = salvage::open(path, options, faults, self.shared.damage(), self.extent.head);
        let (storage, extent, _) = opened.map_err(|e| e.to_string())?;
        if extent.head < self.extent.head {
            self.may_recover = false;
            let lost = format!("it ends at {} where {} was acknowledged", extent.head, self.extent.head);
            self.shared.set_failure(Some(format!("{lost}; check its disk and restart").into()));
            return Err(lost);
        }
        self.shared.replace_storage(Some(Arc::new(storage)));
        // A new file knows no cursors yet.
        self.shared.cursors_moved.store(true, Ordering::Release);
        // A commit that failed half-way may be there after all: nobody was told, and nothing is lost.
        self.extent = extent;
        self.show_extent();
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.set_failure(Some("its writer has stopped; see the log and restart".into()));
        }
    }
}

//! Reading what is in the journal.

use model::{Report, Timestamp};

use super::Journal;
use crate::storage::{Extent, decode};
use crate::{JournalError, Most, Position};

impl Journal {
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
}

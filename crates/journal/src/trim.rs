//! Retention: which groups go.

use model::Timestamp;
use redb::{ReadableTable, Table};

use crate::group::Group;
use crate::options::TRIM_GROUPS_PER_COMMIT;

/// What may be removed: groups older than a limit of age, size or position, and past the floor
/// only where readers do not count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trim {
    /// Reports up to here may go, later ones must stay.
    pub floor: u64,
    /// Groups whose newest report was received before this instant.
    pub received_before: Timestamp,
    /// Groups while there are more bytes than this.
    pub max_bytes: u64,
    /// Groups that end before this position, by request.
    pub positions_before: u64,
    /// Age and size go before the floor.
    pub may_drop_unread: bool,
}

impl Trim {
    /// Whether a group that ends at `last` goes while the journal holds `bytes` up to `head`.
    fn takes(&self, last: u64, newest: Timestamp, bytes: u64, head: u64) -> bool {
        let is_read = last <= self.floor;
        let is_old = newest < self.received_before || bytes > self.max_bytes;
        (is_read && (is_old || last < self.positions_before)) || (self.may_drop_unread && is_old && last < head)
    }
}

/// Takes the oldest groups out as far as they may go; gives the bytes that are left, and how many
/// reports went that a reader had not read.
pub(crate) fn remove_old(
    groups: &mut Table<'_, u64, &'static [u8]>,
    trim: &Trim,
    head: u64,
    mut bytes: u64,
) -> Result<(u64, u64), redb::StorageError> {
    let mut dropped = 0;
    for _ in 0..TRIM_GROUPS_PER_COMMIT {
        let Some((key, group)) = groups.first()? else { break };
        let (first, length) = (key.value(), group.value().len() as u64);
        // A group without a header holds nothing that a reader could still want.
        let (count, newest) =
            Group::parse(group.value()).map_or((1, Timestamp::default()), |g| (u64::from(g.count()), g.newest()));
        drop((key, group));
        let last = (first + count).saturating_sub(1);
        if !trim.takes(last, newest, bytes, head) {
            break;
        }
        groups.remove(first)?;
        bytes = bytes.saturating_sub(length);
        dropped += last.saturating_sub(trim.floor.max(first.saturating_sub(1)));
    }
    Ok((bytes, dropped))
}

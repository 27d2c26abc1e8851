//! What was written to a file since its last good sync.

use crate::options::MAX_UNSYNCED_BYTES;

/// One change of a file.
#[derive(Debug)]
pub(crate) enum Change {
    /// Bytes at a place.
    Write {
        /// From the file's start.
        offset: u64,
        /// What lies there now.
        bytes: Box<[u8]>,
    },
    /// The file has this length now.
    Length(u64),
}

/// Changes in their order, at most [`MAX_UNSYNCED_BYTES`] of them.
#[derive(Debug, Default)]
pub(crate) struct Unsynced {
    changes: Vec<Change>,
    bytes: usize,
    given_up: bool,
}

impl Unsynced {
    pub(crate) fn push(&mut self, change: Change) {
        if let Change::Write { bytes, .. } = &change {
            self.bytes += bytes.len();
        }
        if self.bytes > MAX_UNSYNCED_BYTES {
            self.given_up = true;
            self.changes = Vec::new();
        } else {
            self.changes.push(change);
        }
    }

    /// All is on the disk.
    pub(crate) fn clear(&mut self) {
        self.changes.clear();
        self.bytes = 0;
        self.given_up = false;
    }

    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// There was more than is kept.
    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_is_given_up_until_the_next_sync() {
        let mut unsynced = Unsynced::default();
        unsynced.push(Change::Write { offset: 0, bytes: vec![0; MAX_UNSYNCED_BYTES].into() });
        assert!(!unsynced.is_given_up() && !unsynced.is_empty());
        unsynced.push(Change::Write { offset: 0, bytes: vec![0].into() });
        assert!(unsynced.is_given_up() && unsynced.is_empty());
        unsynced.clear();
        unsynced.push(Change::Length(9));
        assert!(!unsynced.is_given_up() && !unsynced.is_empty());
    }
}

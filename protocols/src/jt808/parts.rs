//! Messages in parts, put together in the order in which they come.

use super::frame::Header;
use crate::DecodeError;

/// Most parts of a message.
const MAX_PARTS: u16 = 64;
/// Longest message put together.
const MAX_BODY: usize = 64 * 1024;

/// A message of which not all parts are there.
#[derive(Debug, Default)]
pub(super) struct Parts {
    kind: u16,
    total: u16,
    /// The part that is waited for, from 1.
    next: u16,
    body: Vec<u8>,
}

impl Parts {
    /// Takes a part; gives the whole body with the last of them.
    pub fn add(
        &mut self,
        header: &Header,
        (total, number): (u16, u16),
        body: &[u8],
    ) -> Result<Option<Vec<u8>>, DecodeError> {
        if total == 0 || total > MAX_PARTS || number == 0 || number > total {
            return Err(count(MAX_PARTS.min(total.max(1)), number));
        }
        if number == 1 {
            *self = Self { kind: header.kind, total, next: 1, body: Vec::new() };
        }
        let next = self.next;
        if (header.kind, total, number) != (self.kind, self.total, next) || self.body.len() + body.len() > MAX_BODY {
            *self = Self::default();
            return Err(count(next, number));
        }
        self.body.extend_from_slice(body);
        self.next += 1;
        Ok((number == total).then(|| std::mem::take(self).body))
    }
}

fn count(stated: u16, found: u16) -> DecodeError {
    DecodeError::Count { what: "next part of the message", stated: usize::from(stated), found: usize::from(found) }
}

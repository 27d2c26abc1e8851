//! What the stream has confirmed lately, and may lose again.
//!
//! JetStream confirms a message before it is on the disk, and syncs every `sync_interval`, by default
//! two minutes. A server whose power fails may come back without its last messages, and gives
//! their numbers to the next ones. So what was confirmed lately is remembered until it must be on
//! the disk, and the journal keeps it until then.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use journal::Position;

/// How long a confirmed message may still be lost: JetStream's `sync_interval`, and a minute for the
/// sync itself. A server with a longer interval needs this to be longer.
pub(crate) const UNSYNCED: Duration = Duration::from_mins(3);
/// From one mark to the next; there are never more than [`UNSYNCED`] has of them, and two.
const STEP: Duration = Duration::from_secs(1);

/// A message of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Confirmed {
    /// The number that the stream gave it.
    pub sequence: u64,
    /// Its `Nats-Msg-Id`.
    pub id: String,
}

/// While the stream has this message, it has all reports up to a position.
#[derive(Debug)]
struct Mark {
    upto: Position,
    message: Confirmed,
    at: Instant,
}

/// What was confirmed lately.
#[derive(Debug)]
pub(crate) struct Sent {
    /// Up to here all is on the stream's disk, as far as can be known.
    synced: Position,
    /// In order, all of the same history of the stream.
    marks: VecDeque<Mark>,
}

impl Sent {
    /// Nothing yet; what lies after `synced` is going to be sent.
    pub fn after(synced: Position) -> Self {
        Self { synced, marks: VecDeque::new() }
    }

    /// All up to a position is confirmed, `messages` last.
    pub fn confirmed(&mut self, upto: Position, messages: Vec<Confirmed>, now: Instant) {
        let before = self.newest().cloned();
        // One that was sent again has the number that it had got at first.
        let Some(message) = messages.into_iter().chain(before).max_by_key(|message| message.sequence) else { return };
        let mut ages = self.marks.iter().rev().map(|mark| mark.at);
        if let (Some(last), Some(before)) = (ages.next(), ages.next())
            && last.duration_since(before) < STEP
        {
            self.marks.pop_back();
        }
        self.marks.push_back(Mark { upto, message, at: now });
        let is_synced = |mark: &Mark| now.duration_since(mark.at) >= UNSYNCED;
        while self.marks.get(1).is_some_and(is_synced) {
            self.marks.pop_front();
        }
        if let Some(mark) = self.marks.front().filter(|mark| is_synced(mark)) {
            self.synced = mark.upto;
        }
    }

    /// What the journal need not keep for the stream.
    pub fn synced(&self) -> Position {
        self.synced
    }

    /// The message that tells whether anything is lost.
    pub fn newest(&self) -> Option<&Confirmed> {
        self.marks.back().map(|mark| &mark.message)
    }

    /// The stream no longer has the newest message; gives up to where it has all, if it has the one
    /// before.
    pub fn newest_is_lost(&mut self) -> Position {
        let lost = self.marks.pop_back();
        match (self.marks.back(), lost) {
            (Some(mark), _) => mark.upto,
            // It must have been on the disk: the stream was made anew, and lacks no one knows what.
            (None, Some(mark)) if mark.upto <= self.synced => {
                self.synced = Position::START;
                Position::START
            }
            (None, _) => self.synced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(sequence: u64) -> Confirmed {
        Confirmed { sequence, id: format!("gateway-{sequence}") }
    }

    /// A position each 100 ms, with three numbers of the stream for each.
    fn sent(upto: u64, start: Instant) -> Sent {
        let mut sent = Sent::after(Position::START);
        for n in 1..=upto {
            let at = start + Duration::from_millis(100 * n);
            sent.confirmed(Position(n), vec![message(3 * n), message(3 * n - 1)], at);
        }
        sent
    }

    #[test]
    fn the_journal_keeps_what_may_not_be_on_the_streams_disk() {
        let start = Instant::now();
        assert_eq!(sent(1_000, start).synced(), Position::START);
        let later = sent(10_000, start);
        let unsynced = u64::try_from(UNSYNCED.as_millis() / 100).unwrap();
        assert!(later.synced().0 <= 10_000 - unsynced, "{}", later.synced());
        assert!(later.synced().0 > 10_000 - unsynced - 30, "{}", later.synced());
        assert!(later.marks.len() <= usize::try_from(UNSYNCED.as_secs()).unwrap() + 2, "{}", later.marks.len());
    }

    #[test]
    fn it_goes_back_to_the_last_message_that_is_left() {
        let mut sent = sent(10_000, Instant::now());
        let last_kept = 3 * 9_500;
        let mut at = Position(10_000);
        while sent.newest().unwrap().sequence > last_kept {
            at = sent.newest_is_lost();
        }
        assert!(at.0 <= 9_500 && at.0 > 9_500 - 30, "{at}: not past what is left, and not much before");
    }

    #[test]
    fn where_nothing_is_left_it_begins_where_the_disk_must_have_it_or_with_all() {
        let start = Instant::now();
        let mut young = Sent::after(Position(70));
        young.confirmed(Position(75), vec![message(9)], start);
        assert_eq!((young.newest_is_lost(), young.newest()), (Position(70), None));
        let mut old = sent(10_000, start);
        let mut at = old.synced();
        while old.newest().is_some() {
            at = old.newest_is_lost();
        }
        assert_eq!((at, old.synced()), (Position::START, Position::START));
    }

    #[test]
    fn what_was_sent_again_does_not_take_the_place_of_a_later_message() {
        let mut sent = sent(50, Instant::now());
        sent.confirmed(Position(51), vec![message(20)], Instant::now() + Duration::from_secs(9));
        assert_eq!(sent.newest(), Some(&message(150)));
    }
}

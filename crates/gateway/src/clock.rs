//! Devices whose clocks are wrong: their records are kept, and marked.

use model::{Fix, FixBatch, Known, Timestamp, Value};

/// Records from further ahead than this come from a wrong clock.
const MAX_AHEAD_S: f64 = 60.0;
/// GPS counts weeks in ten bits (IS-GPS-200, 20.3.3.3.1.1): a receiver that does not know which
/// round it is in shows dates so much too early.
const ROUND_S: f64 = 1024.0 * 7.0 * 86_400.0;
/// A record that one round makes younger than this is taken for one of such a receiver: no
/// tracker keeps records for twenty years.
const MAX_AGE_S: f64 = 366.0 * 86_400.0;

/// Sets dates that are a round of weeks too early right, and marks those records, and those from
/// ahead, with the seconds that their clock is off by. Gives how many were marked.
pub(crate) fn check(batch: &mut FixBatch, received_at: Timestamp) -> usize {
    batch.mark(Known::ClockOffsetS, |fix: &mut Fix| {
        let ahead = fix.time.seconds_since(received_at);
        if ahead > MAX_AHEAD_S {
            Some(Value::Float(ahead))
        } else if (-MAX_AHEAD_S..MAX_AGE_S).contains(&(-ahead - ROUND_S)) {
            fix.time = fix.time.plus_seconds(ROUND_S);
            Some(Value::Float(-ROUND_S))
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use model::ValueRef;

    use super::*;

    #[test]
    fn wrong_clocks_are_marked_and_rounds_of_weeks_set_right() {
        let now = Timestamp::parse("2026-01-16T12:00:00Z").unwrap();
        let times = ["2026-01-16T11:59:59Z", "2026-01-16T14:00:00Z", "2006-06-02T11:00:00Z", "2019-01-01T00:00:00Z"];
        let mut batch = FixBatch::default();
        for time in times {
            batch.push(Fix::nowhere(Timestamp::parse(time).unwrap()));
            batch.known(Known::Event, Value::Int(7));
        }
        assert_eq!(check(&mut batch, now), 2);
        let found: Vec<_> =
            batch.fixes.iter().map(|f| (f.time.to_string(), batch.get(f, Known::ClockOffsetS))).collect();
        assert_eq!(found[0], (times[0].to_owned(), None));
        assert_eq!(found[1], (times[1].to_owned(), Some(ValueRef::Float(7200.0))));
        assert_eq!(found[2], ("2026-01-16T11:00:00Z".to_owned(), Some(ValueRef::Float(-ROUND_S))));
        assert_eq!(found[3], (times[3].to_owned(), None));
        assert!(batch.fixes.iter().all(|f| batch.get(f, Known::Event) == Some(ValueRef::Int(7))));
        assert_eq!(check(&mut batch, now), 1, "a record set right is right");
    }
}

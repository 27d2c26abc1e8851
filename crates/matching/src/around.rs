//! The runs of a pattern around a time, looked up once for all vehicles that come by within the
//! next minutes.

use std::collections::HashMap;

use model::ServiceDate;
use network::{Network, PatternIdx, ServiceDay, TripInstance};

use crate::Parameters;
use crate::run::Duty;

/// Looked up at once are the runs that may be asked for in so many seconds,
const SPAN_S: f64 = 900.0;
/// and at most so many lists of them are kept.
const MOST: usize = 2048;

/// A run, and of its timetable what tells whether it may begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Near {
    pub(crate) run: TripInstance,
    pub(crate) duty: Duty,
    begins_s: f64,
    ends_s: f64,
}

/// Runs looked up lately: of which pattern, on which day, in which part of it.
#[derive(Debug, Default)]
pub(crate) struct Around(HashMap<(PatternIdx, ServiceDate, u64), Box<[Near]>>);

impl Around {
    /// The runs of a pattern that are under way at seconds of a day, will be soon or may be late still.
    pub(crate) fn runs(
        &mut self,
        (network, p): (&Network, &Parameters),
        (pattern, day, seconds): (PatternIdx, &ServiceDay, f64),
    ) -> impl Iterator<Item = &Near> {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        let from_s = (seconds / SPAN_S).floor() * SPAN_S;
        let runs = self.0.entry((pattern, day.date, from_s.to_bits())).or_insert_with(|| {
            let mut runs = Vec::new();
            network.runs_near(pattern, day, from_s, p.wait_s + SPAN_S, p.late_s, |run| {
                let (first, last) = network.span_s(run.trip);
                let at = |s: i32| f64::from(s) + f64::from(run.offset_s);
                runs.push(Near { run, duty: Duty::of(network, run), begins_s: at(first), ends_s: at(last) });
            });
            // As states lie.
            runs.sort_unstable_by_key(|near| near.run);
            runs.into_boxed_slice()
        });
        let (latest_start, earliest_end) = (seconds + p.wait_s, seconds - p.late_s);
        runs.iter().filter(move |near| near.begins_s <= latest_start && near.ends_s >= earliest_end)
    }
}

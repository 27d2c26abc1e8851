//! What was said of a vehicle's last fixes, to be said better.
//!
//! A late fix, or another trip than before, makes it due that they are matched once more, all
//! together. That costs as much as the fixes there are, so it happens seldom, by count alone:
//! late fixes wait for the vehicle's next fix in order, and for each other; and so many fixes
//! must have come since the last time that one of them costs no more than a few. A vehicle's
//! whole buffer that comes late is gone through in parts, each as long as what is kept.

use std::collections::VecDeque;

use model::{Fix, LatLon, Timestamp, VehicleId};
use network::TripInstance;

use crate::{Hindsight, Outcome, Prior, Track};

/// What is kept is matched once more after so many fixes at the earliest, as its part: each fix
/// that comes is paid for with this many matched again.
const REST: usize = 4;
/// The most that is kept, whatever is asked for: a fix's trip is known by one byte, and late
/// fixes that wait may take as much again.
const MOST: usize = 100;
/// Steps in a degree of latitude or longitude: one is a centimetre, or less.
const STEPS: f64 = 1e7;
/// Steps in a degree of heading and in a metre a second.
const HUNDREDTHS: f32 = 100.0;
/// What a tracker did not say.
const UNSAID: u16 = u16::MAX;
/// On no trip.
const NO_TRIP: u8 = u8::MAX;

/// Of a fix that was not rejected, or came late, what matching it once more asks for, and the trip
/// that was said of it. Small, as there are some dozens for each of thousands of vehicles.
#[derive(Clone, Copy, Debug)]
struct Told {
    time: Timestamp,
    /// Latitude and longitude in steps.
    place: [i32; 2],
    speed: u16,
    heading: u16,
    /// Where among the trips said.
    trip: u8,
    /// It came late, and nothing has been said of it yet.
    is_late: bool,
}

impl Told {
    fn new(fix: &Fix, position: LatLon, trip: u8, is_late: bool) -> Self {
        Self {
            time: fix.time,
            place: [position.lat(), position.lon()].map(steps),
            speed: hundredths(fix.speed_mps),
            heading: hundredths(fix.heading_deg),
            trip,
            is_late,
        }
    }

    fn fix(&self) -> Fix {
        let [lat, lon] = self.place.map(|steps| f64::from(steps) / STEPS);
        let said = |hundredths: u16| (hundredths != UNSAID).then(|| f32::from(hundredths) / HUNDREDTHS);
        Fix {
            position: LatLon::new(lat, lon),
            valid: true,
            speed_mps: said(self.speed),
            heading_deg: said(self.heading),
            ..Fix::nowhere(self.time)
        }
    }
}

fn steps(degrees: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "180 degrees fit; casts saturate")]
    let steps = (degrees * STEPS).round() as i32;
    steps
}

fn hundredths(said: Option<f32>) -> u16 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate, below what is unsaid")]
    said.map_or(UNSAID, |said| ((said * HUNDREDTHS).round() as u16).min(UNSAID - 1))
}

/// A vehicle's last fixes in the order of their time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    told: VecDeque<Told>,
    /// The trips that were said of them.
    trips: Vec<TripInstance>,
    /// Late fixes among them of which nothing has been said.
    late: u8,
    /// Another trip has been said than before.
    is_new: bool,
    /// Fixes kept since they were last matched once more, where that ever was and is not long ago.
    since: Option<u8>,
}

/// How a fix came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// After all before it.
    InOrder {
        /// The trip said of it is another one than that of the fix before.
        is_new: bool,
    },
    /// Before one that was there already.
    Late,
}

impl Recent {
    /// Keeps a fix in its place, of those in order at most `most`; tells whether it is time to
    /// correct what was said.
    pub(crate) fn keep(&mut self, fix: &Fix, trip: Option<TripInstance>, came: Came, most: usize) -> bool {
        let (most, is_late) = (most.min(MOST), came == Came::Late);
        let Some(position) = fix.position.filter(|_| most > 0) else { return false };
        let at = self.told.partition_point(|t| t.time <= fix.time);
        let is_before_all = at == 0 && !self.told.is_empty();
        let is_there = at.checked_sub(1).and_then(|at| self.told.get(at)).is_some_and(|t| t.time == fix.time);
        if is_before_all || is_there {
            return false;
        }
        // Room is made first: one more than a power of two would take twice the memory. What came late
        // pushes nothing out, and is not pushed out before something has been said of it.
        let goes = !is_late && self.told.len() >= most && self.told.front().is_some_and(|first| !first.is_late);
        if goes {
            self.told.pop_front();
        }
        let trip = trip.map_or(NO_TRIP, |trip| self.number_of(trip));
        self.told.insert(at - usize::from(goes), Told::new(fix, position, trip, is_late));
        self.late += u8::from(is_late);
        self.is_new |= came == Came::InOrder { is_new: true };
        let rest = most.div_ceil(REST);
        self.since = self.since.map(|since| since + 1).filter(|since| usize::from(*since) < rest);
        let is_due = if is_late { usize::from(self.late) >= most } else { self.is_new || self.late > 0 };
        is_due && self.since.is_none()
    }

    /// Where a trip stands among those that were said; those that are said no more are forgotten.
    fn number_of(&mut self, trip: TripInstance) -> u8 {
        let known = self.trips.iter().position(|t| *t == trip).unwrap_or_else(|| {
            let before = std::mem::take(&mut self.trips);
            for told in &mut self.told {
                let Some(said) = before.get(usize::from(told.trip)) else { continue };
                let kept = self.trips.iter().position(|t| t == said).unwrap_or_else(|| {
                    self.trips.push(*said);
                    self.trips.len() - 1
                });
                told.trip = number(kept);
            }
            self.trips.push(trip);
            self.trips.len() - 1
        });
        number(known)
    }

    /// Matches the last fixes once more, all together, and appends what is different: those that
    /// came late, and those now known to be on `run`, the trip under way.
    pub(crate) fn correct(
        &mut self,
        hindsight: &mut Hindsight,
        vehicle: &VehicleId,
        run: Option<TripInstance>,
        (priors, most): (&[Prior], usize),
        out: &mut Outcome,
    ) {
        let track = Track {
            vehicle: vehicle.clone(),
            fixes: self.told.iter().map(|told| (told.fix(), None)).collect(),
            priors: priors.to_vec(),
        };
        let again = hindsight.day(&track);
        for (at, matched) in again.fixes.into_iter().enumerate() {
            let Some(told) = self.told.get_mut(at) else { break };
            let before = self.trips.get(usize::from(told.trip)).copied();
            let is_of_run = run.is_some() && matched.trip == run && before != run;
            if matched.rejected.is_some() || !(told.is_late || is_of_run) {
                continue;
            }
            told.trip = NO_TRIP;
            let trip = matched.trip.map_or(NO_TRIP, |trip| self.number_of(trip));
            if let Some(told) = self.told.get_mut(at) {
                told.trip = trip;
            }
            out.corrections.push(matched);
        }
        self.settle(most.min(MOST));
    }

    /// Nothing is due any more, and no more is kept than there should be.
    fn settle(&mut self, most: usize) {
        self.told.iter_mut().for_each(|told| told.is_late = false);
        (self.late, self.is_new, self.since) = (0, false, Some(0));
        self.told.drain(..self.told.len().saturating_sub(most));
        self.told.shrink_to(most);
    }
}

/// A place among the trips said, which are at most one more than the fixes.
fn number(at: usize) -> u8 {
    u8::try_from(at).unwrap_or(NO_TRIP)
}

#[cfg(test)]
mod tests {
    use model::ServiceDate;
    use network::TripIdx;

    use super::*;

    const KEPT: usize = 64;
    const IN_ORDER: Came = Came::InOrder { is_new: false };

    fn fix(seconds: i64) -> Fix {
        Fix::at(Timestamp::from_secs(seconds), LatLon::new(48.85, 37.6).unwrap())
    }

    fn trip(number: u32) -> TripInstance {
        let day = ServiceDate::parse("2026-11-18").unwrap();
        TripInstance { trip: TripIdx(number), day, offset_s: 0 }
    }

    /// Keeps fixes that came so; gives how many were matched again each time that it was due.
    fn matched_again(recent: &mut Recent, came: impl Iterator<Item = (i64, Came)>) -> Vec<usize> {
        let mut again = Vec::new();
        for (seconds, came) in came {
            if recent.keep(&fix(seconds), None, came, KEPT) {
                again.push(recent.told.len());
                recent.settle(KEPT);
            }
            assert!(recent.told.len() < usize::from(NO_TRIP));
        }
        again
    }

    fn in_order(seconds: std::ops::Range<i64>) -> impl Iterator<Item = (i64, Came)> {
        seconds.map(|second| (second, IN_ORDER))
    }

    #[test]
    fn a_burst_of_late_fixes_is_matched_again_once() {
        let mut recent = Recent::default();
        assert_eq!(matched_again(&mut recent, in_order(0..100).chain(in_order(200..203))), []);
        let late = (120..160).map(|second| (second, Came::Late));
        assert_eq!(matched_again(&mut recent, late), [], "they wait for each other");
        assert_eq!(matched_again(&mut recent, in_order(203..300)), [KEPT + 40], "with the next fix in order");
        assert!(recent.told.len() == KEPT && recent.told.capacity() == KEPT, "the room is given back");
    }

    #[test]
    fn whatever_comes_costs_a_few_of_its_kind() {
        // A buffer of a gap, from its beginning, from its end, and between the fixes of the present.
        let live = || in_order(10_000..10_060);
        let late = |second| (second, Came::Late);
        let mixed = (0..1_000).flat_map(|n| [late(5_000 + n), (20_000 + n, IN_ORDER)]);
        let flapping = (0..1_000).map(|n| (20_000 + n, Came::InOrder { is_new: true }));
        let patterns: [(&str, Vec<_>); 4] = [
            ("from its beginning", (5_000..6_000).map(late).chain(in_order(20_000..20_001)).collect()),
            ("from its end", (5_000..6_000).rev().map(late).chain(in_order(20_000..20_001)).collect()),
            ("in between", mixed.collect()),
            ("trips that change with each fix", flapping.collect()),
        ];
        for (name, came) in patterns {
            let mut recent = Recent::default();
            matched_again(&mut recent, in_order(0..100).chain(live()));
            let fixes = came.len();
            let again = matched_again(&mut recent, came.into_iter());
            let all = again.iter().sum::<usize>();
            assert!(!again.is_empty() && all <= (REST + 2) * fixes, "{name}: {fixes} fixes, {all} matched again");
        }
        // What comes late all at once is gone through a little more than once.
        let mut recent = Recent::default();
        matched_again(&mut recent, in_order(0..100).chain(live()));
        let again = matched_again(&mut recent, (5_000..6_000).map(late).chain(in_order(20_000..20_001)));
        assert!(again.len() <= 1_000 / KEPT + 1, "{again:?}");
    }

    #[test]
    fn a_fix_that_is_there_or_older_than_all_is_not_kept() {
        let mut recent = Recent::default();
        matched_again(&mut recent, in_order(10..20));
        for second in [12, 19, 9] {
            assert!(!recent.keep(&fix(second), None, Came::Late, KEPT), "{second}");
        }
        assert_eq!(matched_again(&mut recent, in_order(20..40)), [], "so nothing is due");
        assert!(!recent.keep(&fix(41), None, Came::InOrder { is_new: true }, 0), "where nothing is to be kept");
    }

    #[test]
    fn what_is_kept_is_what_was_said_to_the_centimetre() {
        let at = Timestamp::from_micros(1_795_000_000_123_456);
        let given = Fix {
            speed_mps: Some(8.33),
            heading_deg: Some(359.99),
            ..Fix::at(at, LatLon::new(-33.123_456_78, 151.987_654_32).unwrap())
        };
        let kept = Told::new(&given, given.position.unwrap(), NO_TRIP, false).fix();
        assert_eq!((kept.time, kept.valid, kept.speed_mps, kept.heading_deg), (at, true, Some(8.33), Some(359.99)));
        let (a, b) = (kept.position.unwrap(), given.position.unwrap());
        assert!((a.lat() - b.lat()).abs() < 1e-7 && (a.lon() - b.lon()).abs() < 1e-7);
        let bare = Told::new(&fix(0), fix(0).position.unwrap(), NO_TRIP, false).fix();
        assert_eq!((bare.speed_mps, bare.heading_deg), (None, None));
        assert_eq!(hundredths(Some(1e9)), UNSAID - 1);
        assert!(size_of::<Told>() <= 24, "{}", size_of::<Told>());
    }

    #[test]
    fn trips_are_known_as_long_as_a_fix_is_on_them() {
        let mut recent = Recent::default();
        for second in 0..1_000 {
            let said = Some(trip(u32::try_from(second / 10).unwrap()));
            recent.keep(&fix(second), said, IN_ORDER, KEPT);
            let last = recent.told.back().unwrap();
            assert_eq!(recent.trips.get(usize::from(last.trip)).copied(), said);
        }
        assert!(recent.trips.len() <= KEPT / 10 + 2, "{}", recent.trips.len());
        let first = recent.told.front().unwrap();
        let said = u32::try_from(first.time.as_secs() / 10).unwrap();
        assert_eq!(recent.trips.get(usize::from(first.trip)).copied(), Some(trip(said)));
    }
}

//! From progress along a trip to arrivals and departures.

use model::{Timestamp, VehicleId};
use network::{Network, PatternIdx, Shape, TripInstance};

use crate::past::{Passed, Past};
use crate::qualify::Point;
use crate::{Parameters, StopVisit};

/// Past a stop by this much a vehicle has left it, metres.
const LEFT_M: f64 = 25.0;
/// Farther beside the shape a fix of the past does not belong to the trip, metres.
const BESIDE_M: f64 = 80.0;

/// A place on the trip at an instant.
#[derive(Clone, Copy, Debug)]
struct Place {
    time: Timestamp,
    dist_m: f64,
    standing: bool,
}

/// The stop at which the vehicle is.
#[derive(Clone, Copy, Debug)]
struct Open {
    index: usize,
    arrival: Timestamp,
    interpolated: bool,
    uncertainty_s: f64,
}

/// A vehicle's progress along the trip that is said of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// To look back along a trip once it is known.
    past: Past,
    run: Option<(TripInstance, PatternIdx)>,
    last: Option<Place>,
    next: usize,
    open: Option<Open>,
    /// It has left its shape and not come back yet.
    away: bool,
    /// The run before this one, the next stop there and when it was left.
    left: Option<Left>,
}

/// A run that is said no more; another fix may bring it back.
#[derive(Clone, Copy, Debug)]
struct Left {
    run: TripInstance,
    next: usize,
    at: Timestamp,
}

impl Progress {
    /// Remembers a fix, on whatever trip.
    pub(crate) fn remember(&mut self, point: Point, standing: bool) {
        self.past.push(Passed { point, standing });
    }

    /// Forgets everything but what is under way, after a gap.
    pub(crate) fn forget_past(&mut self) {
        self.past = Past::default();
    }

    /// It has left its shape: the stops up to where it comes back are not served.
    pub(crate) fn leave_shape(&mut self) {
        self.away = true;
    }

    /// The stop at which it is or which comes next, and whether it is there.
    pub(crate) fn next_stop(&self) -> (usize, bool) {
        self.open.map_or((self.next, false), |open| (open.index, true))
    }

    /// Takes the vehicle's place on its trip after a fix that was remembered, and appends the
    /// visits that it completes.
    pub(crate) fn advance(
        &mut self,
        (network, parameters, vehicle): (&Network, &Parameters, &VehicleId),
        said: Option<(TripInstance, PatternIdx, f64)>,
        out: &mut Vec<StopVisit>,
    ) {
        let context = Context { network, parameters, vehicle };
        let Some((run, pattern, dist_m)) = said else { return };
        if self.run.map(|(r, _)| r) != Some(run) {
            self.reach_the_end(&context, out);
            self.close(&context, out);
            let known = self.left.filter(|left| left.run == run);
            let left = self.run.zip(self.last).map(|((run, _), last)| Left { run, next: self.next, at: last.time });
            // Its stops up to where it was left have been told.
            let next = known.map_or(0, |known| known.next);
            let run = Some((run, pattern));
            *self = Self { past: std::mem::take(&mut self.past), run, next, left, ..Self::default() };
            for place in self.trail(&context, pattern, dist_m) {
                if known.is_none_or(|known| place.time > known.at) {
                    self.take(&context, place, out);
                }
            }
            return;
        }
        if let Some(now) = self.past.newest() {
            let place = Place { time: now.point.time, dist_m, standing: now.standing };
            self.take(&context, place, out);
        }
    }

    /// Ends the trip under way: the stop at which it is was visited.
    pub(crate) fn finish(
        &mut self,
        (network, parameters, vehicle): (&Network, &Parameters, &VehicleId),
        out: &mut Vec<StopVisit>,
    ) {
        self.close(&Context { network, parameters, vehicle }, out);
        self.run = None;
    }

    /// A trip is taken for over a little before its last stop; the fix at which the next one
    /// begins is still at that stop.
    fn reach_the_end(&mut self, context: &Context<'_>, out: &mut Vec<StopVisit>) {
        let (Some((_, pattern)), Some(last), Some(now)) = (self.run, self.last, self.past.newest()) else {
            return;
        };
        let pattern = context.network.pattern(pattern);
        let is_last = self.next + 1 >= pattern.stops.len();
        let Some(end_m) = pattern.stops.last().map(|s| s.dist_m).filter(|_| is_last) else { return };
        let mut nearest: Option<f64> = None;
        let from_m = end_m - context.parameters.end_m;
        context.network.shape(pattern.shape).local_minima(now.point.xy, from_m, end_m, BESIDE_M, |place| {
            nearest = Some(nearest.map_or(place.dist_m, |d| d.max(place.dist_m)));
        });
        if let Some(dist_m) = nearest.filter(|d| *d >= last.dist_m && *d >= end_m - context.parameters.at_stop_m) {
            self.take(context, Place { time: now.point.time, dist_m, standing: true }, out);
        }
    }

    fn close(&mut self, context: &Context<'_>, out: &mut Vec<StopVisit>) {
        if let Some(open) = self.open.take() {
            self.next = open.index + 1;
            self.emit(context, open, None, out);
        }
    }

    /// The places on the trip of the fixes remembered, back from where it is now as long as
    /// they lie along it, in order of time.
    fn trail(&self, context: &Context<'_>, pattern: PatternIdx, dist_m: f64) -> Vec<Place> {
        let shape: &Shape = context.network.shape(context.network.pattern(pattern).shape);
        let mut trail: Vec<Place> = Vec::new();
        let mut ahead = dist_m;
        let mut later: Option<Point> = None;
        for past in self.past.back_from_newest() {
            let place = match later {
                None => Some(dist_m),
                Some(after) => {
                    let reach = past.point.metres_to(&after);
                    let mut best: Option<(f64, f64)> = None;
                    shape.local_minima(past.point.xy, ahead - 3.0 * reach - 100.0, ahead + 15.0, BESIDE_M, |p| {
                        // Nearest to what was moved, then nearest to the shape.
                        let off = (ahead - p.dist_m - reach).abs() + p.cross_m;
                        if best.is_none_or(|(b, _)| off < b) {
                            best = Some((off, p.dist_m));
                        }
                    });
                    best.map(|(_, d)| d.min(ahead))
                }
            };
            let Some(place) = place else { break };
            trail.push(Place { time: past.point.time, dist_m: place, standing: past.standing });
            ahead = place;
            later = Some(past.point);
        }
        trail.reverse();
        trail
    }

    fn take(&mut self, context: &Context<'_>, place: Place, out: &mut Vec<StopVisit>) {
        let Some((_, pattern)) = self.run else { return };
        let stops = &context.network.pattern(pattern).stops;
        let Some(before) = self.last else {
            // Stops that lie behind at the first sight were not seen; the nearest may be under way.
            let at = context.parameters.at_stop_m;
            let seen = stops.partition_point(|s| s.dist_m < place.dist_m - if place.standing { at } else { LEFT_M });
            self.next = self.next.max(seen);
            self.last = Some(place);
            if stops.get(self.next).is_some_and(|s| s.dist_m <= place.dist_m + at && (place.standing || self.next == 0))
            {
                self.arrive(place, place, 0.0);
            }
            return;
        };
        let place = Place { dist_m: place.dist_m.max(before.dist_m), ..place };
        let came_back = std::mem::take(&mut self.away);
        loop {
            if let Some(open) = self.open {
                let Some(stop) = stops.get(open.index) else { break };
                let is_last = open.index + 1 == stops.len();
                if place.dist_m <= stop.dist_m + LEFT_M && !is_last {
                    break;
                }
                self.open = None;
                self.next = open.index + 1;
                let departure = crossing(before, place, stop.dist_m.max(before.dist_m)).max(open.arrival);
                self.emit(context, open, (!is_last).then_some(departure), out);
                continue;
            }
            let Some(stop) = stops.get(self.next) else { break };
            let near = place.standing && stop.dist_m - place.dist_m <= context.parameters.at_stop_m;
            if place.dist_m < stop.dist_m && !near {
                break;
            }
            if came_back && stop.dist_m > before.dist_m + LEFT_M && stop.dist_m < place.dist_m - LEFT_M {
                // Its detour has led around this stop.
                self.next += 1;
                continue;
            }
            self.arrive(before, place, stop.dist_m);
        }
        self.last = Some(place);
    }

    /// Notes the arrival at the next stop, between two places.
    fn arrive(&mut self, before: Place, place: Place, stop_m: f64) {
        let gap_s = place.time.seconds_since(before.time);
        self.open = Some(Open {
            index: self.next,
            arrival: crossing(before, place, stop_m.min(place.dist_m)),
            interpolated: gap_s > 90.0,
            uncertainty_s: gap_s / 2.0,
        });
    }

    fn emit(&self, context: &Context<'_>, open: Open, departure: Option<Timestamp>, out: &mut Vec<StopVisit>) {
        let Some((trip, pattern)) = self.run else { return };
        let stop = context.network.pattern(pattern).stops.get(open.index);
        let time = context.network.stop_times(trip.trip).get(open.index);
        let (Some(stop), Some(time)) = (stop, time) else { return };
        #[expect(clippy::cast_possible_truncation, reason = "seconds of a gap")]
        let uncertainty_s = open.uncertainty_s as f32;
        out.push(StopVisit {
            vehicle: context.vehicle.clone(),
            trip,
            stop_index: u32::try_from(open.index).unwrap_or(u32::MAX),
            stop_sequence: time.stop_sequence,
            stop: stop.stop,
            arrival: open.arrival,
            departure,
            interpolated: open.interpolated,
            uncertainty_s,
        });
    }
}

struct Context<'a> {
    network: &'a Network,
    parameters: &'a Parameters,
    vehicle: &'a VehicleId,
}

/// When a vehicle passed a distance on its way between two places, at even speed.
fn crossing(before: Place, after: Place, dist_m: f64) -> Timestamp {
    let way = after.dist_m - before.dist_m;
    let part = if way > 0.0 { ((dist_m - before.dist_m) / way).clamp(0.0, 1.0) } else { 1.0 };
    before.time.plus_seconds(part * after.time.seconds_since(before.time))
}

//! From a course to matched fixes and stop visits.

use model::Timestamp;
use network::{Network, Shape};

use crate::belief::Kind;
use crate::hindsight::Course;
use crate::hindsight::chart::Doing;
use crate::hindsight::register::Run;
use crate::hindsight::track::{Track, Usable};
use crate::hindsight::visits::{Spot, visits};
use crate::moves::narrow;
use crate::{MatchedFix, Outcome, Parameters, State};

/// Between two trips a vehicle that stays this long is in layover, wherever it waits, seconds:
/// lights and level crossings take less.
const BREAK_S: f64 = 240.0;
/// Within so many metres it stays.
const STAY_M: f64 = 60.0;

/// A vehicle that is at a terminal before and after so long without a fix has stayed there, seconds.
const STAYS_S: f64 = 300.0;

/// A trip is over when its vehicle has been at its last stop this long, seconds: everyone is off.
const ALIGHT_S: f64 = 120.0;

/// What one usable fix means.
#[derive(Clone, Copy, Debug)]
struct Meaning {
    state: State,
    /// The run that is said of it.
    run: Option<u32>,
    /// The run in whose course it is, said or not.
    duty_run: Option<u32>,
    /// The run of another vehicle along which it drives.
    beside_run: Option<u32>,
    dist_m: Option<f64>,
    cross_m: Option<f32>,
    sure: f32,
}

const SILENT: Meaning = Meaning {
    state: State::Unknown,
    run: None,
    duty_run: None,
    beside_run: None,
    dist_m: None,
    cross_m: None,
    sure: 0.0,
};

pub(crate) fn tell(network: &Network, parameters: &Parameters, track: &Track, course: &Course) -> Outcome {
    let meanings = meanings(network, parameters, course);
    let mut outcome = Outcome::default();
    let mut usable = course.qualified.usable.iter().zip(&meanings).peekable();
    let mut last: Option<Meaning> = None;
    for (index, ((fix, _), rejected)) in track.fixes.iter().zip(&course.qualified.rejected).enumerate() {
        let mut matched = MatchedFix::unmatched(&track.vehicle, fix);
        matched.rejected = *rejected;
        if let Some((own, meaning)) = usable.next_if(|(u, _)| u.fix == index) {
            write(network, parameters, course, meaning, &mut matched);
            if matched.trip.is_none() {
                // On no trip it is still on the duty that it was assigned to.
                let assigned = || track.priors.iter().filter(|p| p.holds_at(fix.time));
                matched.route = assigned().find_map(|p| p.route).or(matched.route);
                matched.block = assigned().find_map(|p| p.block).or(matched.block);
            }
            if matched.heading_deg.is_none() {
                #[expect(clippy::cast_possible_truncation, reason = "0 to 360")]
                let heading = own.heading_deg.map(|h| h as f32);
                matched.heading_deg = heading;
            }
            last = Some(*meaning);
        } else if let Some(before) = last {
            // A fix that cannot be used moves nothing; the trip it falls into is known all the same.
            let after = usable.peek().and_then(|(_, m)| m.run);
            if before.run.is_some() && (before.run == after || after.is_none()) {
                let kept = Meaning { dist_m: None, cross_m: None, ..before };
                write(network, parameters, course, &kept, &mut matched);
            }
        }
        outcome.fixes.push(matched);
    }
    for Stretch { run, unseen_s, spots } in stretches(network, parameters, course, &meanings) {
        visits(network, parameters, &track.vehicle, &run, (unseen_s, &spots), &mut outcome.visits);
    }
    outcome
}

fn write(network: &Network, p: &Parameters, course: &Course, meaning: &Meaning, matched: &mut MatchedFix) {
    matched.state = meaning.state;
    let said = meaning.run.and_then(|r| course.register.get(r));
    if let Some(run) = meaning.duty_run.and_then(|r| course.register.get(r)).or(said) {
        matched.route = Some(network.pattern(run.pattern).route);
        matched.block = network.trip(run.run.trip).block;
    } else if let Some(run) = meaning.beside_run.and_then(|r| course.register.get(r)) {
        matched.route = Some(network.pattern(run.pattern).route);
    }
    let Some(run) = said else { return };
    let pattern = network.pattern(run.pattern);
    matched.trip = Some(run.run);
    matched.pattern = Some(run.pattern);
    matched.direction = pattern.direction;
    matched.shape_dist_m = meaning.dist_m;
    matched.cross_track_m = meaning.cross_m;
    matched.confidence = meaning.sure;
    if let Some(dist_m) = meaning.dist_m {
        let mut delay = matched.time.seconds_since(run.origin) - network.schedule_time(run.run.trip, dist_m);
        if meaning.state == State::Layover && delay > -p.wait_s {
            delay = delay.max(0.0);
        }
        #[expect(clippy::cast_possible_truncation, reason = "seconds of a day; casts saturate")]
        let delay = delay.round() as i32;
        matched.delay_s = Some(delay);
        let next = pattern.stops.partition_point(|s| s.dist_m < dist_m - p.at_stop_m);
        let next = next.min(pattern.stops.len().saturating_sub(1));
        matched.next_stop = u32::try_from(next).ok();
        matched.at_stop = pattern.stops.get(next).is_some_and(|s| (s.dist_m - dist_m).abs() <= p.at_stop_m);
    }
}

/// What every usable fix means.
fn meanings(network: &Network, p: &Parameters, course: &Course) -> Vec<Meaning> {
    let keys = &course.qualified.keys;
    let usable = &course.qualified.usable;
    let mut course_doing = returning(course);
    end_trips(p, course, &mut course_doing);
    let next_runs = next_runs(course, &course_doing);
    let stays = stays(usable);
    let mut meanings = Vec::with_capacity(usable.len());
    let mut previous_run: Option<u32> = None;
    for (at, ((key, doing), sure)) in keys.iter().zip(&course_doing).zip(&course.way.sure).enumerate() {
        let end = keys.get(at + 1).map_or(usable.len(), |k| k.usable);
        let following = course_doing.get(at + 1);
        let beside = (previous_run, next_runs.get(at).copied().flatten());
        let own = usable.get(key.usable..end).unwrap_or(&[]);
        for (own, stays_s) in own.iter().zip(stays.get(key.usable..end).unwrap_or(&[])) {
            meanings.push(meaning(network, p, course, (own, *stays_s), (doing, *sure), following, beside));
        }
        if let Doing::Run { run, .. } = doing
            && course.serves(*run)
        {
            previous_run = Some(*run);
        }
    }
    meanings
}

/// For each fix, how long the vehicle stays where it has come to stand, seconds; 0 on its way.
/// Fixes of one that stands jitter.
fn stays(usable: &[Usable]) -> Vec<f64> {
    let mut all = Vec::with_capacity(usable.len());
    while let Some(first) = usable.get(all.len()) {
        let rest = usable.get(all.len()..).unwrap_or(&[]);
        let is_here = |own: &&Usable| first.standing && first.point.metres_to(&own.point) <= STAY_M;
        let here = rest.iter().take_while(is_here).count();
        let last = here.checked_sub(1).and_then(|at| rest.get(at)).unwrap_or(first);
        let long = last.point.time.seconds_since(first.point.time);
        all.resize(all.len() + here.max(1), long);
    }
    all
}

/// What was done at each key, where a vehicle that never came back to its shape had left its
/// trip when it left the shape.
fn returning(course: &Course) -> Vec<Doing> {
    let mut all = course.way.doing.clone();
    let mut later: Option<Doing> = None;
    for doing in all.iter_mut().rev() {
        let Doing::Run { run, kind: Kind::Off, .. } = *doing else {
            later = Some(*doing);
            continue;
        };
        let comes_back = match later {
            Some(Doing::Run { run: next, .. }) => next == run,
            Some(Doing::Rest { .. }) | None => false,
        };
        if !comes_back {
            *doing = Doing::Rest { duty: course.register.get(run).map_or(0, |r| r.duty) };
        }
        later = Some(*doing);
    }
    all
}

/// A vehicle that stays at its last stop is on that trip no more.
fn end_trips(p: &Parameters, course: &Course, doing: &mut [Doing]) {
    let mut arrived: Option<(u32, Timestamp)> = None;
    for (key, doing) in course.qualified.keys.iter().zip(doing) {
        let Doing::Run { run: id, dist_m, .. } = *doing else {
            arrived = None;
            continue;
        };
        let Some(run) = course.register.get(id) else { continue };
        if dist_m < run.last_m - p.standing_at_stop_m {
            arrived = None;
            continue;
        }
        match arrived.filter(|(of, _)| *of == id) {
            Some((_, at)) if key.point.time.seconds_since(at) > ALIGHT_S => *doing = Doing::Rest { duty: run.duty },
            Some(_) => {}
            None => arrived = Some((id, key.point.time)),
        }
    }
}

/// For each key, the run that comes next, and how sure that is.
fn next_runs(course: &Course, doing: &[Doing]) -> Vec<Option<(u32, f32)>> {
    let mut next = None;
    let mut all: Vec<Option<(u32, f32)>> = doing
        .iter()
        .zip(&course.way.sure)
        .rev()
        .map(|(doing, sure)| {
            if let Doing::Run { run, .. } = doing
                && course.serves(*run)
            {
                next = Some((*run, *sure));
            }
            next
        })
        .collect();
    all.reverse();
    all
}

fn meaning(
    network: &Network,
    p: &Parameters,
    course: &Course,
    (own, stays_s): (&Usable, f64),
    (doing, sure): (&Doing, f32),
    following: Option<&Doing>,
    (previous, next): (Option<u32>, Option<(u32, f32)>),
) -> Meaning {
    match *doing {
        Doing::Run { run: id, kind, dist_m, cross_m } => {
            let Some(run) = course.register.get(id) else { return SILENT };
            if !course.serves(id) {
                let state = if own.standing { State::Unknown } else { State::Deadhead };
                return Meaning { state, beside_run: Some(id), ..SILENT };
            }
            let shape = network.shape(network.pattern(run.pattern).shape);
            let (mut dist_m, mut cross_m) = (dist_m, cross_m);
            if kind == Kind::On
                && let Some(Doing::Run { run: later, kind: Kind::On, dist_m: to_m, .. }) = following
                && *later == id
            {
                (dist_m, cross_m) = between(shape, own, dist_m, *to_m, cross_m);
            }
            if kind == Kind::Off {
                // How far beside it is, of what is left of its way.
                cross_m = shape.project_window(own.point.xy, dist_m, run.last_m).map_or(cross_m, |f| narrow(f.cross_m));
            }
            let at_start = dist_m <= run.first_m + p.wait_m;
            let waits = kind == Kind::Wait || at_start && (own.standing || !departed(network, run, own.point.time));
            let state = match kind {
                Kind::Off => State::OffRoute,
                _ if waits => State::Layover,
                _ => State::InService,
            };
            Meaning {
                state,
                run: Some(id),
                duty_run: Some(id),
                dist_m: Some(dist_m),
                cross_m: Some(cross_m),
                sure,
                ..SILENT
            }
        }
        Doing::Rest { duty } => {
            let of_duty = |r: &u32| duty != 0 && course.register.get(*r).is_some_and(|r| r.duty == duty);
            if p.is_in_depot(network, own.point.xy) {
                return Meaning { state: State::Depot, ..SILENT };
            }
            let moving = if own.standing { State::Unknown } else { State::Deadhead };
            let next_of_duty = next.filter(|(run, _)| of_duty(run));
            let (Some((id, sure)), Some(_)) = (next_of_duty, previous.filter(of_duty)) else {
                // On its way to its first trip it is on no trip, but it is known for which route.
                let duty_run = next.map(|(run, _)| run).filter(|r| begins_soon(network, p, course, *r, own.point.time));
                return Meaning { state: moving, duty_run, ..SILENT };
            };
            let Some(run) = course.register.get(id) else { return SILENT };
            let start = network.shape(network.pattern(run.pattern).shape).point_at(run.first_m);
            let away = (start[0] - own.point.xy[0]).hypot(start[1] - own.point.xy[1]);
            if away <= p.layover_m {
                let dist_m = Some(run.first_m);
                return Meaning { state: State::Layover, run: Some(id), duty_run: Some(id), dist_m, sure, ..SILENT };
            }
            let state = if stays_s >= BREAK_S { State::Layover } else { State::Deadhead };
            Meaning { state, duty_run: Some(id), ..SILENT }
        }
    }
}

fn begins_soon(network: &Network, p: &Parameters, course: &Course, run: u32, at: Timestamp) -> bool {
    course.register.get(run).is_some_and(|run| {
        let departs = run.origin.plus_seconds(f64::from(network.span_s(run.run.trip).0));
        (-p.late_s..=p.wait_s).contains(&departs.seconds_since(at))
    })
}

fn departed(network: &Network, run: &Run, at: Timestamp) -> bool {
    at.seconds_since(run.origin) > f64::from(network.span_s(run.run.trip).0)
}

/// Where a fix between two that decided lies.
fn between(shape: &Shape, own: &Usable, from_m: f64, to_m: f64, cross_m: f32) -> (f64, f32) {
    let found = shape.project_window(own.point.xy, from_m.min(to_m) - 15.0, from_m.max(to_m));
    let place = found.map(|f| (f.dist_m, narrow(f.cross_m)));
    place.filter(|(_, cross)| *cross <= cross_m + 30.0).unwrap_or((from_m, cross_m))
}

/// The places of a vehicle on a run.
struct Stretch {
    run: Run,
    /// Seconds from the fix before to the first of them; 0 where nothing is known of what was before.
    unseen_s: f64,
    spots: Vec<Spot>,
}

/// The fixes on each run in order, with a few after its end.
fn stretches(network: &Network, p: &Parameters, course: &Course, meanings: &[Meaning]) -> Vec<Stretch> {
    let mut all: Vec<(u32, Vec<Spot>, usize, usize)> = Vec::new();
    let mut off = false;
    for (at, (own, meaning)) in course.qualified.usable.iter().zip(meanings).enumerate() {
        let (Some(run), Some(dist_m)) = (meaning.run, meaning.dist_m) else { continue };
        if meaning.state == State::OffRoute {
            off = true;
            continue;
        }
        let back = std::mem::take(&mut off);
        let waits = meaning.state == State::Layover;
        let spot = Spot { time: own.point.time, dist_m, standing: own.standing, waits, back };
        match all.last_mut() {
            Some((last, spots, _, until)) if *last == run => {
                spots.push(spot);
                *until = at;
            }
            _ => all.push((run, vec![spot], at, at)),
        }
    }
    all.into_iter()
        .filter_map(|(id, mut spots, from, until)| {
            let run = *course.register.get(id)?;
            came_before(p, course, &run, from, &mut spots);
            reach_the_end(network, p, course, &run, until, &mut spots);
            let first = spots.first()?.time;
            let before = course.qualified.usable.partition_point(|own| own.point.time < first);
            let before = before.checked_sub(1).and_then(|at| course.qualified.usable.get(at));
            let unseen_s = before.map(|own| first.seconds_since(own.point.time)).filter(|s| *s <= p.gap_s);
            let unseen_s = unseen_s.unwrap_or(0.0);
            Some(Stretch { run, unseen_s, spots })
        })
        .collect()
}

/// The vehicle came to its first stop when it came to the terminal, on the trip before.
fn came_before(p: &Parameters, course: &Course, run: &Run, from: usize, spots: &mut Vec<Spot>) {
    if spots.first().is_none_or(|s| s.dist_m > run.first_m + p.wait_m) {
        return;
    }
    let earlier = course.qualified.usable.get(..from).unwrap_or(&[]).iter().rev();
    let mut later = spots.first().map(|s| s.time);
    let near: Vec<Spot> = earlier
        .take_while(|own| {
            let continuous = later.is_some_and(|l| l.seconds_since(own.point.time) <= STAYS_S);
            later = Some(own.point.time);
            let away = (run.start[0] - own.point.xy[0]).hypot(run.start[1] - own.point.xy[1]);
            continuous && away <= p.wait_m
        })
        .map(|own| Spot { time: own.point.time, dist_m: run.first_m, standing: own.standing, waits: true, back: false })
        .collect();
    spots.splice(0..0, near.into_iter().rev());
}

/// The fix at which the next trip begins may still be the arrival at the last stop.
fn reach_the_end(network: &Network, p: &Parameters, course: &Course, run: &Run, until: usize, spots: &mut Vec<Spot>) {
    let shape = network.shape(network.pattern(run.pattern).shape);
    for own in course.qualified.usable.iter().skip(until + 1).take(3) {
        let Some(last) = spots.last().copied() else { return };
        if last.dist_m >= run.last_m - p.at_stop_m || last.dist_m < run.last_m - 2.0 * p.end_m {
            return;
        }
        let Some(found) = shape.project_window(own.point.xy, last.dist_m, run.last_m) else { return };
        if found.cross_m > 80.0 {
            return;
        }
        spots.push(Spot {
            time: own.point.time,
            dist_m: found.dist_m,
            standing: own.standing,
            waits: false,
            back: false,
        });
    }
}

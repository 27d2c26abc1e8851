//! A whole fleet: two vehicles do not serve one run.
//!
//! Every vehicle's most likely course is worked out alone. Where several claim the same stretch
//! of one run, the one keeps it that would lose most without it (without all of that block, where
//! the feed has blocks); for the others it costs from now on what an extra bus does, and
//! their courses are worked out again. That is Gale and Shapley's deferred acceptance
//! (1962) with courses for proposals, and does not depend on any order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use network::{Network, TripInstance};

use crate::belief::Kind;
use crate::hindsight::chart::Doing;
use crate::hindsight::{Course, Hindsight, Track};
use crate::run::Duty;
use crate::{Outcome, Parameters};

/// Most rounds of claims.
const ROUNDS: usize = 24;
/// Sharing less of a run than this is handing it over, metres.
const SHARED_M: f64 = 300.0;

/// A stretch of a run that a vehicle claims.
#[derive(Clone, Copy, Debug)]
struct Claim {
    vehicle: usize,
    run: TripInstance,
    duty: Duty,
    /// It was assigned to this vehicle beforehand.
    assigned: bool,
    from_m: f64,
    to_m: f64,
}

/// Who keeps which run.
type Holders = BTreeMap<TripInstance, usize>;

/// What a vehicle wants to keep: all its runs of a block, or one run.
type Wish = (usize, Duty, Option<TripInstance>);

/// Matches all tracks of a fleet together, on so many threads. The answer does not depend on
/// their number.
pub fn match_fleet(
    network: &Arc<Network>,
    parameters: &Parameters,
    tracks: &[Track],
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
) -> Vec<Outcome> {
    let mut courses: Vec<Course> = in_parallel(threads, tracks.len(), || {
        let mut hindsight = Hindsight::new(Arc::clone(network), parameters.clone());
        move |at: usize| {
            let track = tracks.get(at)?;
            let course = hindsight.course(track);
            progress(track.fixes.len());
            Some(course)
        }
    });
    settle(&Hindsight::new(Arc::clone(network), parameters.clone()), &mut courses, threads);
    in_parallel(threads, tracks.len(), || {
        let hindsight = Hindsight::new(Arc::clone(network), parameters.clone());
        let courses = &courses;
        move |at: usize| Some(hindsight.tell(tracks.get(at)?, courses.get(at)?))
    })
}

fn settle(hindsight: &Hindsight, courses: &mut [Course], threads: usize) {
    let mut holders = Holders::new();
    // What each vehicle would lose, as long as its course stays what it is.
    let mut needs: BTreeMap<Wish, f64> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let losers = contest(hindsight, courses, &mut holders, &mut needs, threads);
        if losers.is_empty() {
            break;
        }
        let losers: Vec<usize> = losers.into_iter().collect();
        let shared: &[Course] = courses;
        let holders = &holders;
        let solved = in_parallel(threads, losers.len(), || {
            let losers = &losers;
            move |at: usize| {
                let vehicle = *losers.get(at)?;
                let course = shared.get(vehicle)?;
                Some((vehicle, hindsight.solve(course, &|run| price(hindsight, holders, vehicle, run))))
            }
        });
        let mut changed = false;
        for (vehicle, way) in solved {
            if let Some(course) = courses.get_mut(vehicle) {
                changed |= course.way.doing != way.doing;
                needs.retain(|wish, _| wish.0 != vehicle);
                course.way = way;
            }
        }
        if !changed {
            break;
        }
    }
    give_up(&hindsight.network, courses, &holders);
}

/// What another vehicle keeps all the same is no trip of those who drive along: one of them is an
/// extra bus behind it, another one drives the same way out of service. Two buses in one interval
/// of frequencies.txt and two that the dispatcher has put on one trip are both on it.
fn give_up(network: &Network, courses: &mut [Course], holders: &Holders) {
    for claims in contested(courses) {
        let Some(kept) = claims.iter().find(|c| holders.get(&c.run) == Some(&c.vehicle)).copied() else { continue };
        if network.trip(kept.run.trip).is_floating() {
            continue;
        }
        for claim in claims.iter().filter(|c| !c.assigned && overlap(c, &kept)) {
            if let Some(course) = courses.get_mut(claim.vehicle) {
                course.given_up.insert(claim.run);
            }
        }
    }
}

/// What a run costs a vehicle.
fn price(hindsight: &Hindsight, holders: &Holders, vehicle: usize, run: TripInstance) -> f64 {
    holders.get(&run).filter(|holder| **holder != vehicle).map_or(0.0, |_| hindsight.parameters.shared_log)
}

/// Gives contested runs to those who need them most; who has lost one.
fn contest(
    hindsight: &Hindsight,
    courses: &[Course],
    holders: &mut Holders,
    needs: &mut BTreeMap<Wish, f64>,
    threads: usize,
) -> BTreeSet<usize> {
    let contested = contested(courses);
    let wanted: BTreeSet<Wish> = contested.iter().flatten().map(|c| (c.vehicle, c.duty, alone(c))).collect();
    let wanted: Vec<Wish> = wanted.into_iter().filter(|wish| !needs.contains_key(wish)).collect();
    let shared_holders = &*holders;
    needs.extend(in_parallel(threads, wanted.len(), || {
        let wanted = &wanted;
        move |at: usize| {
            let (vehicle, duty, run) = *wanted.get(at)?;
            let course = courses.get(vehicle)?;
            let without = |other: TripInstance| {
                let taken = run.map_or_else(|| course.register.duty_of(other) == Some(duty), |run| run == other);
                if taken { f64::INFINITY } else { price(hindsight, shared_holders, vehicle, other) }
            };
            Some(((vehicle, duty, run), course.way.score - hindsight.score(course, &without)))
        }
    }));
    let mut losers = BTreeSet::new();
    for claims in contested {
        let need = |c: &Claim| needs.get(&(c.vehicle, c.duty, alone(c))).copied().unwrap_or(0.0);
        let Some(winner) = claims.iter().reduce(|a, b| if need(b) > need(a) { b } else { a }) else { continue };
        if holders.insert(winner.run, winner.vehicle) != Some(winner.vehicle) {
            losers.extend(claims.iter().map(|c| c.vehicle).filter(|v| *v != winner.vehicle));
        }
    }
    losers
}

/// A run that is contested by itself, because no block ties it to others.
fn alone(claim: &Claim) -> Option<TripInstance> {
    (!matches!(claim.duty, Duty::Block(..))).then_some(claim.run)
}

/// The claims on each run of which two vehicles claim the same stretch.
fn contested(courses: &[Course]) -> Vec<Vec<Claim>> {
    let mut by_run: BTreeMap<TripInstance, Vec<Claim>> = BTreeMap::new();
    for (vehicle, course) in courses.iter().enumerate() {
        for claim in claims(vehicle, course) {
            by_run.entry(claim.run).or_default().push(claim);
        }
    }
    let any_overlap = |claims: &Vec<Claim>| {
        claims.iter().enumerate().any(|(at, a)| claims.iter().skip(at + 1).any(|b| overlap(a, b)))
    };
    by_run.into_values().filter(any_overlap).collect()
}

/// Whether two vehicles claim the same stretch.
fn overlap(a: &Claim, b: &Claim) -> bool {
    a.vehicle != b.vehicle && a.to_m.min(b.to_m) - a.from_m.max(b.from_m) > SHARED_M
}

/// The runs that a vehicle drives on, with the stretches.
fn claims(vehicle: usize, course: &Course) -> Vec<Claim> {
    let mut all: Vec<Claim> = Vec::new();
    for doing in &course.way.doing {
        let Doing::Run { run, kind: Kind::On, dist_m, .. } = *doing else { continue };
        let Some(known) = course.register.get(run) else { continue };
        match all.last_mut().filter(|c| c.run == known.run) {
            Some(claim) => claim.to_m = claim.to_m.max(dist_m),
            None => all.push(Claim {
                vehicle,
                run: known.run,
                duty: course.register.duty(known),
                assigned: known.assigned == Some(true),
                from_m: dist_m,
                to_m: dist_m,
            }),
        }
    }
    all
}

/// Does a numbered piece of work for each number below `count`, on so many threads, and gives
/// what came of it in their order.
fn in_parallel<T: Send, W: FnMut(usize) -> Option<T>>(
    threads: usize,
    count: usize,
    worker: impl Fn() -> W + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut work = worker();
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return done;
            }
            done.extend(work(at).map(|result| (at, result)));
        }
    };
    let mut done: Vec<(usize, T)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.max(1).min(count.max(1))).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            match other.join() {
                Ok(theirs) => done.extend(theirs),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

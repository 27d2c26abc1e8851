//! What matching costs: fixes a second on one core, tracked and cold, beside PostGIS and
//! beside a plain search for the nearest segment, as the network grows; and what a large fleet's do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench is run by hand: a panic is how it fails"
)]

mod city;
mod fleet;
mod memory;
mod postgis;
#[path = "../service/city.rs"]
mod service_city;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use matching::{Hindsight, Matcher, Outcome, Parameters, Track};
use model::{Fix, VehicleId};
use network::{Nearby, Network, ShapeIdx};

use city::{City, EVERY_S};

#[global_allocator]
static COUNTED: memory::Counted = memory::Counted;

/// Sizes of the network, shapes.
const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
/// Vehicles under way.
const VEHICLES: usize = 200;
/// Fixes of each.
const FIXES: usize = 100;
/// Fixes after which a vehicle counts as tracked.
const WARM: usize = 20;
/// The best turn counts, of so many at least and for so long: the machine is rarely idle.
const TURNS: usize = 5;
const TURNS_S: f64 = 1.5;

fn main() {
    println!(
        "one core; {VEHICLES} vehicles, a fix every {EVERY_S} s; millions of fixes a second unless said otherwise"
    );
    println!(
        "{:>7} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>11} {:>11}",
        "shapes",
        "near",
        "tracked",
        "cold",
        "hindsight",
        "snap",
        "search",
        "plain",
        "PostGIS",
        "PG cold",
        "network MB",
        "vehicle B"
    );
    for shapes in SIZES {
        row(shapes);
    }
    fleet::table();
}

/// The least seconds that a piece of work takes.
fn least(mut work: impl FnMut() -> f64) -> f64 {
    let begun = Instant::now();
    let (mut least, mut turns) = (f64::INFINITY, 0);
    while turns < TURNS || begun.elapsed().as_secs_f64() < TURNS_S {
        least = least.min(work());
        turns += 1;
    }
    least
}

fn row(shapes: usize) {
    let city = City::make(shapes);
    let before = memory::held();
    let network = Arc::new(city.load());
    let network_bytes = memory::held() - before;
    let fixes: Vec<Vec<Fix>> = (0..VEHICLES).map(|v| city.drive(&network, v, FIXES)).collect();
    let vehicles: Vec<VehicleId> = (0..VEHICLES).map(|v| VehicleId::new(&format!("bus-{v}")).unwrap()).collect();

    let mut vehicle_bytes = 0;
    let tracked = least(|| {
        let before = memory::held();
        let mut matcher = Matcher::new(Arc::clone(&network), Parameters::default());
        let mut outcome = Outcome::default();
        for at in 0..WARM {
            for (vehicle, fixes) in vehicles.iter().zip(&fixes) {
                matcher.advance(vehicle, &fixes[at], None, &mut outcome);
            }
        }
        let begun = Instant::now();
        for at in WARM..FIXES {
            outcome.clear();
            for (vehicle, fixes) in vehicles.iter().zip(&fixes) {
                matcher.advance(vehicle, &fixes[at], None, &mut outcome);
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        drop(outcome);
        vehicle_bytes = (memory::held() - before) / VEHICLES;
        seconds
    });
    let cold = least(|| {
        let mut matcher = Matcher::new(Arc::clone(&network), Parameters::default());
        let mut outcome = Outcome::default();
        let begun = Instant::now();
        for (vehicle, fixes) in vehicles.iter().zip(&fixes) {
            matcher.advance(vehicle, &fixes[FIXES / 2], None, &mut outcome);
        }
        begun.elapsed().as_secs_f64()
    });
    let tracks: Vec<Track> = vehicles
        .iter()
        .zip(&fixes)
        .map(|(vehicle, fixes)| Track {
            vehicle: vehicle.clone(),
            fixes: fixes.iter().map(|f| (f.clone(), None)).collect(),
            priors: Vec::new(),
        })
        .collect();
    let hindsight = least(|| {
        let mut hindsight = Hindsight::new(Arc::clone(&network), Parameters::default());
        let begun = Instant::now();
        for track in &tracks {
            black_box(hindsight.day(track));
        }
        begun.elapsed().as_secs_f64()
    });
    let points = points(&city, &network, &fixes);
    let snap = least(|| {
        let begun = Instant::now();
        for (shape, dist_m, xy) in &points {
            let shape = network.shape(*shape);
            black_box(shape.project_window(*xy, dist_m - 60.0, dist_m + 200.0));
        }
        begun.elapsed().as_secs_f64()
    });
    let mut near = Nearby::default();
    let search = least(|| {
        let begun = Instant::now();
        for (_, _, xy) in &points {
            network.candidates(*xy, 50.0, &mut near);
            black_box(near.nearest_m());
        }
        begun.elapsed().as_secs_f64()
    });
    // What a cold start has to weigh: how many shapes pass by where a vehicle is first seen.
    let shapes_near = points.iter().map(|(_, _, xy)| {
        network.candidates(*xy, Parameters::default().search_m, &mut near);
        near.by_shape().count()
    });
    let passing = shapes_near.sum::<usize>() as f64 / points.len() as f64;
    // The plain way looks at every segment, so only as many points as it gets through.
    let few = &points[..(2_000_000 / shapes / 60).clamp(5, points.len())];
    let plain = least(|| {
        let begun = Instant::now();
        for (_, _, xy) in few {
            let nearest = network.shapes().filter_map(|(i, s)| Some((i, s.project(*xy)?)));
            black_box(nearest.min_by(|a, b| a.1.cross_m.total_cmp(&b.1.cross_m)));
        }
        begun.elapsed().as_secs_f64()
    });
    let peer = postgis::rates(&network, &points);
    let rate = |count: usize, seconds: f64| format!("{:.3}", count as f64 / seconds / 1e6);
    let theirs = |r: Option<f64>| r.map_or_else(|| "absent".to_owned(), |r| format!("{:.4}", r / 1e6));
    println!(
        "{shapes:>7} {passing:>9.1} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>11.1} {vehicle_bytes:>11}",
        rate(VEHICLES * (FIXES - WARM), tracked),
        rate(VEHICLES, cold),
        rate(VEHICLES * FIXES, hindsight),
        rate(points.len(), snap),
        rate(points.len(), search),
        rate(few.len(), plain),
        theirs(peer.map(|p| p.0)),
        theirs(peer.map(|p| p.1)),
        network_bytes as f64 / 1e6,
    );
}

/// Every fix on the plane with the shape it belongs to and where on it it was before.
fn points(city: &City, network: &Network, fixes: &[Vec<Fix>]) -> Vec<(ShapeIdx, f64, [f64; 2])> {
    let mut all = Vec::new();
    for (vehicle, fixes) in fixes.iter().enumerate() {
        let shape = city.shape_of(network, vehicle);
        for (at, fix) in fixes.iter().enumerate() {
            let before_m = city.driven_m(at.saturating_sub(1));
            all.push((shape, before_m, network.plane().to_xy(fix.position.unwrap())));
        }
    }
    all
}

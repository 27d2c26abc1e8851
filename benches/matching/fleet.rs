//! A service's fleet: ten thousand vehicles in one dense city, a fix of each in turn, as they
//! come in. What a fix costs there, and how many bytes a vehicle holds.

use std::sync::Arc;

use matching::{Matcher, Outcome, Parameters};
use model::{Fix, VehicleId};

use crate::memory::held;
use crate::service_city::City;

const VEHICLES: usize = 10_000;
/// Seconds between a vehicle's fixes, and what its compass says all the time: one that is stuck
/// speaks for other lines.
const FLEETS: [(f64, Option<f32>); 4] = [(5.0, None), (30.0, None), (5.0, Some(270.0)), (30.0, Some(270.0))];
/// What a tracker with a stuck compass says of its speed, metres a second.
const STUCK_MPS: f32 = 9.5;
/// When its day is looked at: all lines are under way.
const FROM_S: f64 = 8.0 * 3600.0;
/// Fixes of each before anything is measured, and measured.
const WARM: usize = 60;
const FIXES: usize = 60;

/// Prints a row for each fleet.
pub fn table() {
    let city = City::make();
    let folder = tempfile::tempdir().unwrap();
    city.write(folder.path());
    let network = Arc::new(network::load(folder.path()).unwrap().0);
    let vehicles: Vec<VehicleId> = (0..VEHICLES).map(|v| VehicleId::new(&v.to_string()).unwrap()).collect();
    println!("\none core; {VEHICLES} vehicles of a dense city in turn; the median turn's CPU time");
    println!("{:>8} {:>8} {:>9} {:>10} {:>10}", "s a fix", "compass", "us a fix", "vehicle B", "on a trip");
    for (every_s, heading_deg) in FLEETS {
        let before = held();
        let mut matcher = Matcher::new(Arc::clone(&network), Parameters::default());
        let mut outcome = Outcome::default();
        let (mut turns, mut on_a_trip) = (Vec::new(), 0);
        for turn in 0..WARM + FIXES {
            let fix = |vehicle: usize| {
                // One after another, not all at once.
                let offset_s = every_s * vehicle as f64 / VEHICLES as f64;
                let seconds = FROM_S + turn as f64 * every_s + offset_s;
                let at = city.midnight().plus_seconds((seconds * 1e3).round() / 1e3);
                let speed_mps = heading_deg.map(|_| STUCK_MPS);
                Fix { heading_deg, speed_mps, ..Fix::at(at, city.place(vehicle, at)) }
            };
            let fixes: Vec<Fix> = (0..VEHICLES).map(fix).collect();
            outcome.clear();
            let begun = cpu_seconds();
            for (vehicle, fix) in vehicles.iter().zip(&fixes) {
                matcher.advance(vehicle, fix, None, &mut outcome);
            }
            if turn >= WARM {
                turns.push(cpu_seconds() - begun);
                on_a_trip += outcome.fixes.iter().filter(|f| f.trip.is_some()).count();
            }
        }
        drop(outcome);
        turns.sort_by(f64::total_cmp);
        let cost_us = 1e6 * turns[FIXES / 2] / VEHICLES as f64;
        let share = 100.0 * on_a_trip as f64 / (VEHICLES * FIXES) as f64;
        let compass = heading_deg.map_or_else(|| "-".to_owned(), |deg| format!("{deg}"));
        let bytes = (held() - before) / VEHICLES;
        println!("{every_s:>8} {compass:>8} {cost_us:>9.2} {bytes:>10} {share:>9.1}%");
    }
}

/// CPU time that this process's one thread has had, which the machine's other work leaves alone. It
/// is exact to some milliseconds.
fn cpu_seconds() -> f64 {
    let all = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    all.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

//! How soon it is told that a vehicle has left its way.

use matching::{Parameters, State};

use super::city::{SPEED, city, length, way};
use super::{DAY, Drive, H, HINDSIGHT, LIVE, Side, right_trip};

/// Where a vehicle leaves a street and where it comes back, metres driven, and its way.
struct Around {
    pattern: &'static str,
    departs_s: i32,
    /// What is left out of the pattern's way by x, and how far beside it the vehicle drives.
    skips: (f64, f64),
    beside_m: f64,
    /// Within so many metres it is told.
    within_m: f64,
}

/// Off its way: within three fixes or 200 m of leaving it, and back on it as soon. Where straight
/// lines between stops are all that is drawn the street may bend, and it takes 300 m.
#[test]
fn a_detour_is_told_within_three_fixes_and_the_way_back_too() {
    let drawn = Around {
        pattern: "corridor_c",
        departs_s: 8 * H + 780,
        skips: (11_000.0, 11_500.0),
        beside_m: 300.0,
        within_m: 200.0,
    };
    let straight =
        Around { pattern: "east", departs_s: 8 * H, skips: (1200.0, 1700.0), beside_m: 300.0, within_m: 300.0 };
    for around in [drawn, straight] {
        for (name, side) in [("live", LIVE), ("hindsight", HINDSIGHT)] {
            for every_s in [1.0, 5.0, 10.0, 20.0, 30.0] {
                go_around(&around, (name, side), every_s);
            }
        }
    }
}

fn go_around(around: &Around, (name, side): (&str, Side), every_s: f64) {
    let network = city();
    let (from_x, to_x) = around.skips;
    let own = way(around.pattern);
    let y = own[1][1];
    let mut around_it: Vec<[f64; 2]> = own.iter().copied().filter(|at| at[0] <= from_x).collect();
    let left_m = length(&around_it) + from_x - around_it.last().unwrap()[0];
    let beside_y = y + around.beside_m;
    around_it.extend([[from_x, y], [from_x, beside_y], [to_x, beside_y], [to_x, y]]);
    let back_m = length(&around_it);
    around_it.extend(own.iter().copied().filter(|at| at[0] > to_x));
    let end_m = length(&around_it);
    let trip = format!("{}-{}", around.pattern, around.departs_s);
    let drive = Drive::new(DAY, 6.0, every_s);
    let drives = [drive.follow(&around_it, (0.0, end_m), f64::from(around.departs_s), Some(&trip))];
    let fixes = (side.of)(&network, &Parameters::default(), &drives, &[]).remove(0).fixes;
    let driven = |at: usize| at as f64 * every_s * SPEED;
    let first = |from_m: f64| (0..fixes.len()).find(|at| driven(*at) > from_m).unwrap();
    let case = format!("{}, {name}, every {every_s} s", around.pattern);
    for (what, from_m, until_m, state) in
        [("off", left_m, back_m, State::OffRoute), ("back", back_m, end_m, State::InService)]
    {
        let from = first(from_m);
        let told = (from..fixes.len()).find(|at| fixes[*at].state == state).unwrap();
        println!("{case}: {what} after {} fixes, {:.0} m", told - from + 1, driven(told) - from_m);
        assert!(told < from + 3 || driven(told) - from_m <= around.within_m, "{case}: {what}");
        let steady = told.max(first(from_m + 100.0));
        let mut stays = (steady..fixes.len()).take_while(|at| driven(*at) < until_m - 250.0);
        assert!(stays.all(|at| fixes[at].state == state), "{case}: {what} and stays so");
    }
    // In sight of its last stop it may be said to have ended.
    let mut known = (first(back_m + 200.0)..first(end_m - 100.0)).map(|at| &fixes[at]);
    assert!(known.all(|said| right_trip(&network, said, Some(&trip))), "{case}: on its trip");
}

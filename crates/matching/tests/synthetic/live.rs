//! What is said at once, fix by fix, in the made city.

use std::sync::Arc;

use matching::{MatchedFix, Matcher, Outcome, Parameters, Prior};
use model::VehicleId;

use super::city::city;
use super::{DAY, Drive, H, HINDSIGHT, right_trip, share};

/// Each drive's fixes as they are told one by one, the vehicles' in turn.
fn told(drives: &[Drive], priors: &[Prior]) -> Vec<Outcome> {
    let mut matcher = Matcher::new(city(), Parameters::default());
    let mut outcomes = vec![Outcome::default(); drives.len()];
    let ids: Vec<VehicleId> = (0..drives.len()).map(|at| VehicleId::new(&format!("bus-{at}")).unwrap()).collect();
    matcher.inform(Arc::new(ids.iter().map(|id| (id.clone(), priors.to_vec())).collect()));
    for turn in 0..drives.iter().map(|d| d.fixes.len()).max().unwrap_or(0) {
        for ((id, drive), outcome) in ids.iter().zip(drives).zip(&mut outcomes) {
            if let Some((fix, _)) = drive.fixes.get(turn) {
                matcher.advance(id, fix, None, outcome);
            }
        }
    }
    outcomes
}

/// Of all fixes, those of which the right trip was said at once.
fn right(drive: Drive, priors: &[Prior]) -> f64 {
    let drives = [drive];
    share(HINDSIGHT, &city(), &drives, &told(&drives, priors), right_trip)
}

fn trip(said: &MatchedFix) -> Option<String> {
    said.trip.map(|run| city().trip(run.trip).id.to_string())
}

#[test]
fn a_block_is_followed_through_its_layovers() {
    let drive = Drive::new(DAY, 8.0, 15.0).trip("east", 8 * H, 60.0);
    let drive = drive.stand(f64::from(8 * H + 1200), Some("west-30000")).trip("west", 8 * H + 1200, 0.0);
    let drive = drive.stand(f64::from(8 * H + 2400), Some("east-31200")).trip("east", 8 * H + 2400, 0.0);
    let share = right(drive, &[]);
    assert!(share > 0.9, "{share}");
}

#[test]
fn two_minutes_between_fixes_are_enough() {
    for (pattern, departs) in [("lollipop", 8 * H), ("figure_eight", 8 * H), ("corridor_c", 8 * H + 780)] {
        let share = right(Drive::new(DAY, 10.0, 120.0).trip(pattern, departs, 40.0), &[]);
        assert!(share > 0.6, "{pattern}: {share}");
    }
}

#[test]
fn after_a_break_in_the_record_a_vehicle_is_still_on_its_block() {
    // Ten minutes late it drives when the next bus should: the one that is told by its timetable alone.
    let late = |drive: Drive| drive.trip("east", 8 * H + 2400, 600.0);
    let drive = Drive::new(DAY, 8.0, 15.0);
    let first = late(drive.trip("east", 8 * H, 0.0).outage(f64::from(8 * H + 700), f64::from(8 * H + 2900)));
    let known = told(&[first], &[]);
    let unknown = told(&[late(Drive::new(DAY, 8.0, 15.0))], &[]);
    assert_eq!(known[0].fixes.last().and_then(trip).as_deref(), Some("east-31200"));
    assert_eq!(unknown[0].fixes.last().and_then(trip).as_deref(), Some("east-31800"));
}

#[test]
fn a_dispatchers_word_decides_between_equal_trips_and_does_not_hold_against_the_street() {
    let network = city();
    let word = Prior { trip: network.trip_by_id("east-28800"), ..Prior::default() };
    let late = || Drive::new(DAY, 8.0, 15.0).trip("east", 8 * H, 560.0);
    let share = right(late(), &[word]);
    assert!(share > 0.9, "{share}");
    assert!(right(late(), &[]) < 0.5, "without it the next trip is likelier");
    let wrong = Prior { route: network.route_by_id("loop"), ..Prior::default() };
    let fixes = told(&[Drive::new(DAY, 8.0, 15.0).trip("east", 8 * H, 0.0)], &[wrong]).remove(0).fixes;
    assert!(fixes[30..].iter().all(|f| trip(f).as_deref() == Some("east-28800")));
}

#[test]
fn a_word_that_comes_on_the_way_counts_from_then_on() {
    let network = city();
    let drive = Drive::new(DAY, 8.0, 15.0).trip("east", 8 * H, 560.0);
    let mut matcher = Matcher::new(city(), Parameters::default());
    let id = VehicleId::new("7").unwrap();
    let mut outcome = Outcome::default();
    for (at, (fix, _)) in drive.fixes.iter().enumerate() {
        if at == 20 {
            let block = network.trip(network.trip_by_id("east-28800").unwrap()).block;
            matcher.inform(Arc::new([(id.clone(), vec![Prior { block, ..Prior::default() }])].into()));
        }
        matcher.advance(&id, fix, None, &mut outcome);
    }
    assert_eq!(trip(&outcome.fixes[19]).as_deref(), Some("east-29400"));
    assert!(outcome.fixes[20..].iter().all(|f| trip(f).as_deref() == Some("east-28800")));
}

#[test]
fn what_is_said_of_a_vehicle_does_not_depend_on_others() {
    let drives = || {
        [
            Drive::new(DAY, 8.0, 15.0).trip("east", 8 * H, 480.0),
            Drive::new(DAY, 8.0, 15.0).trip("east", 8 * H + 600, 10.0),
            Drive::new(DAY, 15.0, 30.0).trip("lollipop", 8 * H, 40.0),
        ]
    };
    let together = told(&drives(), &[]);
    for (at, drive) in drives().into_iter().enumerate() {
        let said = |fixes: &[MatchedFix]| fixes.iter().map(|f| (f.trip, f.state, f.shape_dist_m)).collect::<Vec<_>>();
        assert_eq!(said(&told(&[drive], &[])[0].fixes), said(&together[at].fixes));
    }
}

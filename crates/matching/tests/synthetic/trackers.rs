//! What trackers do to what they say: stuck compasses, errors that last.

use std::sync::Arc;

use matching::Parameters;
use model::Fix;
use network::Network;

use super::city::{city, place, xy};
use super::{DAY, Drive, H, HINDSIGHT, Noise, Row, Side, alone};

pub fn trackers(side: Side, network: &Arc<Network>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (pattern, departs, heading_deg) in
        [("loop", 8 * H, 0.0), ("west", 8 * H + 1200, 90.0), ("lollipop", 8 * H, 0.0)]
    {
        let mut drive = Drive::new(DAY, 6.0, 10.0).trip(pattern, departs, 0.0);
        for (fix, _) in &mut drive.fixes {
            (fix.speed_mps, fix.heading_deg) = (Some(8.0), Some(heading_deg));
        }
        rows.push(alone(side, network, &format!("{pattern}, compass stuck at {heading_deg}°"), drive, 0.95));
    }
    for (pattern, departs) in [("loop", 8 * H), ("lollipop", 8 * H), ("figure_eight", 8 * H), ("east", 8 * H)] {
        let drive = canyon(Drive::new(DAY, 3.0, 10.0).trip(pattern, departs, 60.0), 40.0);
        rows.push(alone(side, network, &format!("{pattern}, off by 40 m for a minute"), drive, 0.9));
    }
    rows
}

/// Between high houses a receiver is off to the same side for a minute or so.
fn canyon(mut drive: Drive, sigma_m: f64) -> Drive {
    let mut noise = Noise(0x2545_F491_4F6C_DD1D);
    let keeps = (-drive.every_s / 60.0).exp();
    let mut off = [0.0, 0.0];
    for (fix, _) in &mut drive.fixes {
        off = off.map(|off| keeps * off + (1.0 - keeps * keeps).sqrt() * sigma_m * noise.normal());
        let [x, y] = xy(fix.position.unwrap());
        *fix = Fix::at(fix.time, place([x + off[0], y + off[1]]));
    }
    drive
}

/// A vehicle that waits at its terminal is not known to have come when it was heard of first.
#[test]
fn the_first_stop_at_two_minutes_is_told_with_its_doubt() {
    let network = city();
    let drive = Drive::new(DAY, 5.0, 130.0).trip("east", 8 * H, 0.0).stand(f64::from(8 * H + 1200), Some("west-30000"));
    let drive = drive.trip("west", 8 * H + 1200, 0.0);
    let outcome = &(HINDSIGHT.of)(&network, &Parameters::default(), &[drive], &[])[0];
    let west = outcome.visits.iter().filter(|v| network.trip(v.trip.trip).id == "west-30000");
    let first = west.min_by_key(|v| v.stop_index).unwrap();
    assert_eq!(first.stop_index, 0);
    assert!(first.uncertainty_s >= 60.0, "{first:?}");
    let stood_s = first.departure.unwrap().seconds_since(first.arrival);
    assert!(stood_s > 400.0, "it came with the trip before and waited: {stood_s} s");
}

//! What trackers do to what they say: stuck compasses.

use std::sync::Arc;

use network::Network;

use super::{DAY, Drive, H, Row, Side, alone};

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
    rows
}

//! The device's side: what OsmAnd sends, a request a record with its parameters in the query.

use crate::encode::Said;
use crate::http::client::{acknowledged, get};
use crate::{Encoder, Frame, Identity};

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Text,
    most_records: 1,
    time_step_s: 1,
    login: None,
    frame,
    acknowledged: Some(acknowledged),
};

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let device = frame.device;
    let request = |fix| {
        let (said, seconds) = (Said::of(fix), fix.time.as_secs());
        let Said { valid, lat, lon, knots, heading_deg, altitude_m, satellites, hdop, .. } = said;
        get(&format!(
            "/?id={device}&timestamp={seconds}&valid={valid}&lat={lat:.7}&lon={lon:.7}&speed={knots:.2}\
             &bearing={heading_deg:.1}&altitude={altitude_m:.1}&sat={satellites}&hdop={hdop:.1}"
        ))
    };
    frame.batch.fixes.iter().flat_map(request).collect()
}

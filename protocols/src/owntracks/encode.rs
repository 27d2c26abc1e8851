//! The device's side: what the app sends in HTTP mode, a request a location.

use serde_json::json;

use crate::encode::{Said, whole, within};
use crate::http::client::{acknowledged, post};
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
    let who = match frame.device.as_str().split_once('/') {
        Some((user, device)) => format!("X-Limit-U: {user}\r\nX-Limit-D: {device}\r\n"),
        None => format!("X-Limit-D: {}\r\n", frame.device),
    };
    let request = |fix| {
        let said = Said::of(fix);
        // The app sends what it measures in whole numbers.
        let location = json!({
            "_type": "location",
            "tst": fix.time.as_secs(),
            "lat": said.lat,
            "lon": said.lon,
            "vel": whole::<u16>(said.kmh),
            "cog": within(said.heading_deg, 0u16, 360),
            "alt": said.metres(),
        });
        post("/pub", &who, &location.to_string())
    };
    frame.batch.fixes.iter().flat_map(request).collect()
}

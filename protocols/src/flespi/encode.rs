//! The other side: what a stream posts, an array of messages.

use serde_json::{Value, json};

use crate::encode::Said;
use crate::http::client::{acknowledged, post};
use crate::{Encoder, Frame, Identity};

/// Most messages of a request: about 25 KiB.
const MOST_RECORDS: usize = 100;

/// A stream with one device.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Text,
    most_records: MOST_RECORDS,
    time_step_s: 1,
    login: None,
    frame,
    acknowledged: Some(acknowledged),
};

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let message = |fix| {
        let said = Said::of(fix);
        json!({
            "ident": frame.device.as_str(),
            "timestamp": fix.time.as_micros() as f64 / 1e6,
            "position.valid": said.valid,
            "position.latitude": said.lat,
            "position.longitude": said.lon,
            "position.altitude": said.altitude_m,
            "position.speed": said.kmh,
            "position.direction": said.heading_deg,
            "position.satellites": said.satellites,
            "position.hdop": said.hdop,
        })
    };
    let messages: Vec<Value> = frame.batch.fixes.iter().map(message).collect();
    post("/", "", &Value::from(messages).to_string())
}

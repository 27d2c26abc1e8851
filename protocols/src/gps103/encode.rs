//! The device's side: a login, then `tracker` messages, one a record.

use model::{DeviceId, Fix};

use crate::attributes::clock;
use crate::encode::Said;
use crate::{Encoder, Frame, Identity, Login};

/// Most records sent at once.
const MOST_RECORDS: usize = 20;

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Imei,
    most_records: MOST_RECORDS,
    time_step_s: 1,
    login: Some(Login { bytes: login, accepted: Some(accepted) }),
    frame,
    acknowledged: None,
};

fn login(device: &DeviceId) -> Vec<u8> {
    format!("##,imei:{device},A;").into_bytes()
}

fn accepted(answer: &[u8]) -> Option<bool> {
    answer.get(..4).map(|word| word == b"LOAD")
}

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    frame.batch.fixes.iter().map(|fix| message(frame.device, fix)).collect::<String>().into_bytes()
}

/// A record of a device whose local time is UTC.
fn message(device: &DeviceId, fix: &Fix) -> String {
    let said = Said::of(fix);
    let Said { knots, heading_deg, altitude_m, .. } = said;
    let (local, utc) = (clock(fix.time, "%y%m%d%H%M%S"), clock(fix.time, "%H%M%S.000"));
    let (status, place) = (said.status(), said.place(","));
    format!(
        "imei:{device},tracker,{local},,F,{utc},{status},{place},\
         {knots:.2},{heading_deg:.2},{altitude_m:.1};"
    )
}

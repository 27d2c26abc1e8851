//! The device's side: containers of records with a place each, in the newer form.

use model::{DeviceId, Fix};

use super::{COMPACT, HEADER, confirmation, sealed};
use crate::encode::{Said, all_or_none, millionths, whole};
use crate::{Encoder, Frame, Identity};

/// Most records of a container, which ends at 1,400 bytes.
const MOST_RECORDS: usize = 40;
/// The type of records that have a place and no data.
const PLACE: u16 = 1;

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Number(u32::MAX),
    most_records: MOST_RECORDS,
    time_step_s: 1,
    login: None,
    frame,
    acknowledged: Some(acknowledged),
};

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let records: Vec<u8> = frame.batch.fixes.iter().flat_map(|fix| record(frame.number, fix)).collect();
    let len = u16::try_from(records.len()).unwrap_or(u16::MAX);
    sealed(&[&COMPACT[..], &number(frame.device), &len.to_le_bytes(), &records].concat())
}

fn number(device: &DeviceId) -> [u8; 4] {
    device.as_str().parse().unwrap_or(0u32).to_le_bytes()
}

fn record(serial: u16, fix: &Fix) -> Vec<u8> {
    let said = Said::of(fix);
    let degrees = |value| millionths(value).to_le_bytes();
    let place = [said.unix().to_le_bytes(), degrees(said.lat), degrees(said.lon)].concat();
    let motion = [
        whole::<u16>(said.kmh * 100.0).to_le_bytes(),
        said.metres().to_le_bytes(),
        whole::<u16>(said.heading_deg).to_le_bytes(),
    ];
    let head = [serial, PLACE, 0].map(u16::to_le_bytes);
    sealed(&[&head.concat()[..], &place, &motion.concat(), &[u8::from(said.valid), said.satellites, 0, 0]].concat())
}

/// A container without data, of the same number.
fn acknowledged(frame: &Frame<'_>, answer: &[u8]) -> Option<usize> {
    let container = answer.get(..HEADER)?;
    let is_mine = container == confirmation(COMPACT, number(frame.device)).as_bytes();
    Some(all_or_none(frame, is_mine))
}

//! The device's side: the login and the places of protocol 2.

use model::DeviceId;

use super::envelope::MARK;
use super::first::DEGREE;
use super::{package, second};
use crate::encode::{begins, flag, only, packed_digits, taken, whole};
use crate::{Encoder, Frame, Identity, Login};

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Imei,
    most_records: 1,
    time_step_s: 1,
    login: Some(Login { bytes: login, accepted: Some(accepted) }),
    frame,
    acknowledged: Some(|frame, answer| taken(frame, answer, &sealed(package::LOCATION, frame.number, &[]))),
};

/// Sequence number of the login.
const FIRST: u16 = 0;
/// Language, time zone, and the versions of system, application and settings.
const DEVICE: [u8; 14] = [1, 0, 3, 1, 3, 2, 0, 2, 1, 0xa0, 0, 0, 0, 0];
/// Bytes of the answer to a login: the time, the answer's version, and one of settings.
const LOGIN_ANSWER: usize = 7;

fn login(device: &DeviceId) -> Vec<u8> {
    // The IMEI's 15 digits come after a zero.
    sealed(package::LOGIN, FIRST, &[&packed_digits::<8>(device)[..], &DEVICE].concat())
}

/// The same type and sequence number, with the time.
fn accepted(answer: &[u8]) -> Option<bool> {
    let expected = sealed(package::LOGIN, FIRST, &[0; LOGIN_ANSWER]);
    let head = expected.get(..expected.len() - LOGIN_ANSWER)?;
    match begins(answer, head)? {
        true if answer.len() < expected.len() => None,
        is_ours => Some(is_ours),
    }
}

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let said = only(frame);
    let mut content = said.unix().to_be_bytes().to_vec();
    content.push(second::GPS);
    for degrees in [said.lat, said.lon] {
        content.extend_from_slice(&whole::<i32>(degrees * DEGREE).to_be_bytes());
    }
    content.extend_from_slice(&whole::<i16>(said.altitude_m).to_be_bytes());
    for value in [said.kmh, said.heading_deg] {
        content.extend_from_slice(&whole::<u16>(value).to_be_bytes());
    }
    content.push(said.satellites);
    let status = flag(second::FIXED, said.valid) | second::RECEIVING;
    content.extend_from_slice(&status.to_be_bytes());
    sealed(package::LOCATION, frame.number, &content)
}

/// A package.
fn sealed(kind: u8, sequence: u16, content: &[u8]) -> Vec<u8> {
    let size = u16::try_from(content.len() + 2).unwrap_or(u16::MAX);
    [&MARK[..], &[kind], &size.to_be_bytes(), &sequence.to_be_bytes(), content].concat()
}

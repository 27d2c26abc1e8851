//! The device's side: the header that is told the time, and packages of data packets.

use model::DeviceId;

use super::tags;
use super::{ANSWER, ANSWER_END, DATA, HEADER, PACKAGE, PACKAGE_END};
use crate::crc::sum;
use crate::encode::{Said, number, taken, whole};
use crate::units::single;
use crate::{Encoder, Frame, Identity, Login};

/// The header whose confirmation carries the time.
const VERSION: u8 = 0x23;
/// Numbers of packages go from 1 to this.
const LAST_NUMBER: u16 = 0xfb;
/// What the device packs at a time.
const MOST_RECORDS: usize = 50;

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Imei,
    most_records: MOST_RECORDS,
    time_step_s: 1,
    login: Some(Login { bytes: login, accepted: Some(accepted) }),
    frame,
    acknowledged: Some(|frame, answer| taken(frame, answer, &[ANSWER, 0, package(frame), ANSWER_END])),
};

fn login(device: &DeviceId) -> Vec<u8> {
    [&[HEADER, VERSION], &number(device).to_le_bytes()[..]].concat()
}

/// The time with its sum before it.
fn accepted(answer: &[u8]) -> Option<bool> {
    let [mark, length, number, stated, time @ .., end] = answer.first_chunk::<9>()?;
    Some([*mark, *length, *number, *end] == [ANSWER, 4, 0, ANSWER_END] && *stated == sum(time))
}

/// The number of the frame's package.
fn package(frame: &Frame<'_>) -> u8 {
    u8::try_from(frame.number % LAST_NUMBER + 1).unwrap_or(1)
}

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let mut bytes = vec![PACKAGE, package(frame)];
    for fix in &frame.batch.fixes {
        packet(&Said::of(fix), &mut bytes);
    }
    bytes.push(PACKAGE_END);
    bytes
}

fn packet(said: &Said, out: &mut Vec<u8>) {
    let satellites = if said.valid { said.by_system() } else { tags::OF_CELLS };
    let navigation = [whole(said.heading_deg / 2.0), whole(said.altitude_m / 10.0), satellites, whole(said.knots)];
    let [low, high] = whole::<u16>(said.hdop * 100.0).to_le_bytes();
    let tags = [
        (tags::LATITUDE, single(said.lat).to_le_bytes()),
        (tags::LONGITUDE, single(said.lon).to_le_bytes()),
        (tags::NAVIGATION, navigation),
        (tags::HDOP, [low, high, 0, 0]),
    ];
    let mut body = said.unix().to_le_bytes().to_vec();
    for (tag, value) in tags {
        body.push(tag);
        body.extend_from_slice(&value);
    }
    // The length does not count the time.
    let len = u16::try_from(body.len() - 4).unwrap_or(u16::MAX);
    out.push(DATA);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&body);
    out.push(sum(&body));
}

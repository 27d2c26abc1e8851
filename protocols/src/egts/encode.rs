//! The device's side: the authorisation of a terminal by its IMEI, and teledata.

use model::DeviceId;

use super::auth::{IMEI, TERM_IDENTITY};
use super::reply::{OK, RECORD_RESPONSE, RESULT_CODE, len, sealed};
use super::service::{Record, Subrecords};
use super::teledata::{EXT_POS_DATA, POS_DATA};
use super::{APPDATA, AUTH, CRC, EPOCH, Header, RESPONSE};
use crate::bytes::Bytes;
use crate::crc::crc16_ccitt_false;
use crate::encode::{Said, filled, flag, numbered, whole};
use crate::{DecodeError, Encoder, Frame, Identity, Login};

/// Records of one packet, each of which its answer names.
const MOST_RECORDS: u8 = 30;
const TELEDATA: u8 = 2;
/// The sender is on the device.
const FROM_DEVICE: u8 = 0x80;
/// The identity has an IMEI, and nothing else but a number.
const HAS_IMEI: u8 = 0x02;
/// Flags of a place.
const VALID: u8 = 1;
const THREE_DIMENSIONS: u8 = 1 << 1;
const MOVES: u8 = 1 << 4;
const SOUTH: u8 = 1 << 5;
const WEST: u8 = 1 << 6;
const HAS_ALTITUDE: u8 = 1 << 7;
/// Bits of the speed's field: its value, an altitude below the sea, the ninth bit of the course.
const SPEED: u16 = 0x3fff;
const BELOW: u16 = 1 << 14;
const COURSE_HIGH: u16 = 1 << 15;
/// Odometer; input 1; sent because it was time.
const STATE: [u8; 5] = [0, 0, 0, 1, 0];
/// Flags of what is known of a place besides: HDOP and satellites.
const PRECISION: u8 = 1 << 1 | 1 << 3;

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Imei,
    most_records: MOST_RECORDS as usize,
    time_step_s: 1,
    login: Some(Login { bytes: login, accepted: Some(accepted) }),
    frame,
    acknowledged: Some(acknowledged),
};

fn login(device: &DeviceId) -> Vec<u8> {
    // A number of zero is none.
    let identity = [&[0, 0, 0, 0, HAS_IMEI][..], &filled::<IMEI>(device)].concat();
    let mut body = Vec::new();
    record(0, AUTH, &subrecord(TERM_IDENTITY, &identity), &mut body);
    sealed(APPDATA, 0, &body)
}

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let mut body = Vec::new();
    for (number, said) in numbered(frame, MOST_RECORDS) {
        let data = [subrecord(POS_DATA, &position(&said)), subrecord(EXT_POS_DATA, &precision(&said))].concat();
        record(low(number), TELEDATA, &data, &mut body);
    }
    sealed(APPDATA, frame.number, &body)
}

/// Numbers of records begin again after 2¹⁶.
fn low(number: u32) -> u16 {
    let [_, _, high, low] = number.to_be_bytes();
    u16::from_be_bytes([high, low])
}

fn record(number: u16, service: u8, data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&len(data).to_le_bytes());
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&[FROM_DEVICE, service, service]);
    out.extend_from_slice(data);
}

fn subrecord(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind], &len(content).to_le_bytes()[..], content].concat()
}

fn position(said: &Said) -> Vec<u8> {
    let mut content = said.seconds_since(EPOCH).to_le_bytes().to_vec();
    // Parts of 90 and 180 degrees.
    for part in [said.lat / 90.0, said.lon / 180.0] {
        content.extend_from_slice(&whole::<u32>(part.abs() * f64::from(u32::MAX)).to_le_bytes());
    }
    let solution = flag(VALID | THREE_DIMENSIONS, said.valid) | flag(MOVES, said.speed_mps > 0.0);
    let side = flag(SOUTH, said.lat < 0.0) | flag(WEST, said.lon < 0.0);
    content.push(solution | side | HAS_ALTITUDE);

    let [course_high, course] = whole::<u16>(said.heading_deg).to_be_bytes();
    let mut speed = whole::<u16>(said.kmh * 10.0).min(SPEED);
    speed |= flag(BELOW, said.altitude_m < 0.0);
    speed |= flag(COURSE_HIGH, course_high > 0);
    content.extend_from_slice(&speed.to_le_bytes());
    content.push(course);
    content.extend_from_slice(&STATE);
    // Three bytes of metres.
    let [a, b, c, _] = whole::<u32>(said.altitude_m.abs()).to_le_bytes();
    content.extend_from_slice(&[a, b, c]);
    content
}

fn precision(said: &Said) -> Vec<u8> {
    let [low, high] = whole::<u16>(said.hdop * 100.0).to_le_bytes();
    vec![PRECISION, low, high, said.satellites]
}

/// Kind and body of the next packet of an answer; `None` while it is not whole.
fn next<'a>(rest: &mut Bytes<'a>) -> Result<Option<(u8, &'a [u8])>, DecodeError> {
    let Some(header) = Header::read(rest.0)? else { return Ok(None) };
    let Some(packet) = rest.take(header.len + header.data_len + CRC) else { return Ok(None) };
    let mut packet = Bytes(packet);
    let (Some(()), Some(body), Some(stated)) = (packet.skip(header.len), packet.take(header.data_len), packet.u16_le())
    else {
        return Ok(None);
    };
    let computed = crc16_ccitt_false(body);
    if stated == computed {
        Ok(Some((header.kind, body)))
    } else {
        Err(DecodeError::Crc { stated: u32::from(stated), computed: u32::from(computed) })
    }
}

/// The result comes in a packet of its own after the response.
fn accepted(answer: &[u8]) -> Option<bool> {
    let mut rest = Bytes(answer);
    loop {
        match next(&mut rest) {
            Ok(Some((APPDATA, body))) => {
                let record = Record::read(&mut Bytes(body))?;
                let (_, result) = record.subrecords().find(|(kind, _)| *kind == RESULT_CODE)?;
                return Some(result == [OK]);
            }
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(_) => return Some(false),
        }
    }
}

fn acknowledged(frame: &Frame<'_>, answer: &[u8]) -> Option<usize> {
    match next(&mut Bytes(answer)) {
        Ok(Some((RESPONSE, body))) => Some(confirmed(frame, body).unwrap_or(0)),
        Ok(None) => None,
        Ok(Some(_)) | Err(_) => Some(0),
    }
}

/// How many of the frame's records a response to its packet takes.
fn confirmed(frame: &Frame<'_>, response: &[u8]) -> Option<usize> {
    let mut rest = Bytes(response);
    if (rest.u16_le()?, rest.u8()?) != (frame.number, OK) {
        return None;
    }
    let mut taken = 0;
    while let Some(record) = Record::read(&mut rest) {
        let is_taken = |content: &[u8]| match content {
            [a, b, OK] => numbered(frame, MOST_RECORDS).any(|(number, _)| low(number).to_le_bytes() == [*a, *b]),
            _ => false,
        };
        let responses = Subrecords::of(record.data);
        taken += responses.filter(|(kind, content)| *kind == RECORD_RESPONSE && is_taken(content)).count();
    }
    Some(taken)
}

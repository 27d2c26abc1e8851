//! Short burst messages as Iridium's gateway passes them on (DirectIP): information elements,
//! of which one holds the terminal's tags. All numbers of the gateway are big-endian.

use model::{LatLon, Timestamp, Value};

use super::records::Records;
use crate::DecodeError;
use crate::bytes::Bytes;

/// Longest message. A burst carries at most 1,960 bytes.
pub(super) const MAX_MESSAGE: usize = 4096;

const HEADER: u8 = 0x01;
const PAYLOAD: u8 = 0x02;
const LOCATION: u8 = 0x03;
/// Number, length of the header element. No tag 0x1C exists that a packet could hold there.
const SIGNATURE: [u8; 3] = [HEADER, 0, 28];
/// Protocol revision and length of the message before that.
const SIGNATURE_AT: usize = 3;

/// Minutes are sent in thousandths.
const MINUTE: f64 = 60_000.0;
/// The radius within which the terminal is with 80 % is sent in kilometres.
const KILOMETRE: f64 = 1000.0;

const CUT: DecodeError = DecodeError::Format("Iridium message ends before its elements do");

/// Whether a message that begins with revision 1 is of the gateway; `None` until that is clear.
pub(super) fn begins(input: &[u8]) -> Option<bool> {
    let begun = input.get(SIGNATURE_AT..).unwrap_or_default();
    let begun = begun.get(..SIGNATURE.len()).unwrap_or(begun);
    if begun.len() == SIGNATURE.len() {
        Some(begun == SIGNATURE)
    } else {
        (!SIGNATURE.starts_with(begun)).then_some(false)
    }
}

/// Whether the whole signature is there.
pub(super) fn looks(input: &[u8]) -> bool {
    begins(input) == Some(true)
}

/// Reads the elements: the modem's IMEI, and the record of the payload with the gateway's time
/// and place where it has none of its own.
pub(super) fn read(content: &[u8]) -> Result<(&[u8], Records<'_>), DecodeError> {
    let mut rest = Bytes(content);
    let (mut header, mut payload, mut location) = (None, &b""[..], None);
    while let Some(element) = rest.u8() {
        let len = rest.u16().ok_or(CUT)?;
        let value = rest.take(usize::from(len)).ok_or(CUT)?;
        match element {
            HEADER => header = Some(value),
            PAYLOAD => payload = value,
            LOCATION => location = Some(value),
            _ => {}
        }
    }
    let (imei, time) = header.and_then(session).ok_or(DecodeError::Format("Iridium message without its header"))?;
    let mut records = Records::new(time);
    records.read(payload);
    if let Some((position, radius)) = location.and_then(place) {
        locate(position, radius, &mut records);
    }
    Ok((imei, records))
}

/// Reference of the call (4), IMEI (15), status (1), numbers of the messages (2, 2), time of the
/// session (4).
fn session(header: &[u8]) -> Option<(&[u8], Timestamp)> {
    let mut rest = Bytes(header);
    rest.skip(4)?;
    let imei = rest.take(15)?;
    rest.skip(5)?;
    Some((imei, Timestamp::from_secs(i64::from(rest.u32()?))))
}

/// Where Iridium saw the modem: flags of which bit 1 is south and bit 0 is west, degrees (1) and
/// minutes (2) of latitude and longitude, radius.
fn place(location: &[u8]) -> Option<(LatLon, f64)> {
    let mut rest = Bytes(location);
    let flags = rest.u8()?;
    let mut angle = |is_negative| {
        let value = f64::from(rest.u8()?) + f64::from(rest.u16()?) / MINUTE;
        Some(if is_negative { -value } else { value })
    };
    let position = LatLon::new(angle(flags & 2 != 0)?, angle(flags & 1 != 0)?)?;
    Some((position, f64::from(rest.u32()?) * KILOMETRE))
}

/// Gives the last record that place, which is no GNSS solution, where it has none.
fn locate(position: LatLon, radius: f64, records: &mut Records<'_>) {
    if records.batch.fixes.is_empty() {
        records.open();
        records.keep();
        records.close();
    }
    if records.batch.fixes.last().is_some_and(|fix| fix.position.is_none()) {
        records.fix(|fix| fix.position = Some(position));
        records.named("accuracy_m", Value::Float(radius));
    }
}

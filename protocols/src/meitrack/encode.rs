//! The device's side: `CCC` messages with as many records as a device sends at once, which the
//! server lets it delete.

use model::Fix;

use super::ccc::EPOCH;
use crate::crc::sum;
use crate::encode::{Said, ended_by, millionths, within};
use crate::text::{hexadecimal, whole};
use crate::{Encoder, Frame, Identity};

/// Most records of a message: it stays below the kilobyte that the longest of devices have.
const MOST_RECORDS: usize = 18;
const VERSION: u16 = 1;
/// Bytes of a record.
const RECORD: u16 = 52;
/// Mileage, run time, cell, ports, voltages and fence, of which a virtual tracker has none.
const REST: [u8; 28] = [0; 28];
/// "Track by time interval".
const EVENT: u8 = 35;

/// A device over a connection.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Imei,
    most_records: MOST_RECORDS,
    time_step_s: 1,
    login: None,
    frame,
    acknowledged: Some(acknowledged),
};

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let mut data = [VERSION.to_le_bytes(), RECORD.to_le_bytes(), [0; 2], [0; 2]].concat();
    frame.batch.fixes.iter().for_each(|fix| record(fix, &mut data));
    let command = format!(",{},CCC,", frame.device);
    // The length counts from its comma to the end of the line: `*`, two digits, `\r\n`.
    let length = command.len() + data.len() + 5;
    let mut out = format!("$${}{length}{command}", char::from(flag(frame))).into_bytes();
    out.extend_from_slice(&data);
    out.push(b'*');
    let checksum = sum(&out);
    out.extend_from_slice(format!("{checksum:02X}\r\n").as_bytes());
    out
}

/// The letter that tells messages, and their answers, apart.
fn flag(frame: &Frame<'_>) -> u8 {
    b'A' + within(f64::from(frame.number % 26), 0, 25u8)
}

fn record(fix: &Fix, out: &mut Vec<u8>) {
    let said = Said::of(fix);
    let seconds = u32::try_from(fix.time.as_secs() - EPOCH).unwrap_or(0);
    out.push(EVENT);
    out.extend_from_slice(&millionths(said.lat).to_le_bytes());
    out.extend_from_slice(&millionths(said.lon).to_le_bytes());
    out.extend_from_slice(&seconds.to_le_bytes());
    out.extend_from_slice(&[u8::from(said.valid), said.satellites, 0]);
    for value in [said.kmh, said.heading_deg, said.hdop * 10.0] {
        out.extend_from_slice(&within(value, 0, u16::MAX).to_le_bytes());
    }
    out.extend_from_slice(&said.metres().to_le_bytes());
    out.extend_from_slice(&REST);
}

/// `@@<letter><length>,<imei>,CCC,<count>*<checksum>`.
fn acknowledged(frame: &Frame<'_>, answer: &[u8]) -> Option<usize> {
    let line = ended_by(answer, b'\n')?;
    let count = || {
        let star = line.iter().position(|b| *b == b'*')?;
        let (words, checksum) = line.split_at_checked(star + 1)?;
        let stated = hexadecimal(checksum).filter(|stated| *stated == u64::from(sum(words)));
        let (head, rest) = words.split_at_checked(words.iter().position(|b| *b == b',')?)?;
        let is_mine = head.starts_with(&[b'@', b'@', flag(frame)]) && stated.is_some();
        let count = rest.strip_prefix(format!(",{},CCC,", frame.device).as_bytes())?.strip_suffix(b"*")?;
        whole(count).filter(|_| is_mine).and_then(|count| usize::try_from(count).ok())
    };
    Some(count().unwrap_or(0))
}

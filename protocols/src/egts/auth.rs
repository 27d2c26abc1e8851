//! Who sends: the authorisation service; and what they say: the command service.

use model::DeviceId;

use super::AUTH;
use super::service::Record;
use crate::bytes::Bytes;

/// Subrecords of the authorisation service.
pub(super) const TERM_IDENTITY: u8 = 1;
pub(super) const DISPATCHER_IDENTITY: u8 = 5;
pub(super) const AUTH_INFO: u8 = 7;
const TERM_IDENTITY_2: u8 = 10;
/// The only subrecord of the command service.
const COMMAND_DATA: u8 = 51;
/// Bytes of IMEI and MSISDN, IMSI, language, network.
pub(super) const IMEI: usize = 15;
const IMSI: usize = 16;
const LANGUAGE: usize = 3;
const NETWORK: usize = 3;

/// A terminal says who it is: the name that it gives, if that is one.
pub(super) struct Identity(pub Option<DeviceId>);

/// What the record says of its sender.
pub(super) fn identity(record: &Record<'_>) -> Option<Identity> {
    if record.service != AUTH {
        return None;
    }
    let is_identity = |kind: u8| kind == TERM_IDENTITY || kind == TERM_IDENTITY_2;
    let (_, content) = record.subrecords().find(|(kind, _)| is_identity(*kind))?;
    Some(Identity(terminal(content)))
}

/// The IMEI; without it the IMSI, the telephone number, or the terminal's number.
fn terminal(content: &[u8]) -> Option<DeviceId> {
    let mut rest = Bytes(content);
    let (number, flags) = (rest.u32_le()?, rest.u8()?);
    let mut field = |bit: u8, len: usize| if flags & bit == 0 { None } else { rest.take(len) };
    let _dispatcher = field(0x01, 2);
    let (imei, imsi) = (field(0x02, IMEI), field(0x04, IMSI));
    let _language = field(0x08, LANGUAGE);
    let _network = field(0x20, NETWORK);
    let _buffer = field(0x40, 2);
    let telephone = field(0x80, IMEI);
    [imei, imsi, telephone]
        .into_iter()
        .flatten()
        .find_map(digits)
        .or_else(|| (number != 0).then(|| DeviceId::new(&number.to_string()).ok()).flatten())
}

/// A name that is not all blanks or zeros.
fn digits(text: &[u8]) -> Option<DeviceId> {
    let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
    let text = std::str::from_utf8(text.get(..end)?).ok()?.trim();
    let is_name = text.bytes().all(|b| b.is_ascii_alphanumeric()) && text.bytes().any(|b| b != b'0');
    is_name.then(|| DeviceId::new(text).ok()).flatten()
}

/// The answer to a command or the words of a driver.
pub(super) fn words(record: &Record<'_>) -> Option<Box<str>> {
    let (_, content) = record.subrecords().find(|(kind, _)| *kind == COMMAND_DATA)?;
    let mut rest = Bytes(content);
    let (_kinds, _command, _source, flags) = (rest.u8()?, rest.u32_le()?, rest.u32_le()?, rest.u8()?);
    if flags & 1 != 0 {
        rest.u8()?;
    }
    if flags & 2 != 0 {
        let len = rest.u8()?;
        rest.skip(usize::from(len))?;
    }
    let text = std::str::from_utf8(rest.0).ok().filter(|text| !text.contains(char::is_control));
    Some(text.map_or_else(|| hex::encode(rest.0).into(), Into::into))
}

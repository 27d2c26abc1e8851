//! What the platform answers.

use super::auth::{AUTH_INFO, DISPATCHER_IDENTITY, identity};
use super::service::Record;
use super::{APPDATA, AUTH, HEADER, RESPONSE, VERSION};
use crate::Reply;
use crate::bytes::Bytes;
use crate::crc::{crc8_nrsc5, crc16_ccitt_false};

/// Results of processing (standard, "Codes of the results of processing").
pub(super) const OK: u8 = 0;
pub(super) const NOT_DECRYPTED: u8 = 129;
const DENIED: u8 = 130;
pub(super) const BAD_DATA: u8 = 132;
pub(super) const UNKNOWN_TYPE: u8 = 133;
pub(super) const BAD_HEADER_CHECKSUM: u8 = 137;
pub(super) const BAD_CHECKSUM: u8 = 138;
const AUTH_DENIED: u8 = 151;

/// Subrecords.
pub(super) const RECORD_RESPONSE: u8 = 0;
pub(super) const RESULT_CODE: u8 = 9;
/// The recipient is on the device.
const TO_DEVICE: u8 = 0x40;
/// Bytes that a record takes in an answer.
const ACKNOWLEDGED: usize = 6;

/// Numbers of the platform's own packets and records.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    packet: u16,
    record: u16,
}

impl Counters {
    /// The answer to a packet with these records, and that where they are not wanted.
    pub fn answers(&mut self, packet: u16, records: &[u8]) -> (Reply, Reply) {
        let mut refusing = *self;
        let refusal = refusing.answer(packet, records, DENIED, AUTH_DENIED);
        (self.answer(packet, records, OK, OK), refusal)
    }

    /// The answer to a packet of which nothing can be taken.
    pub fn result(&mut self, packet: u16, code: u8) -> Reply {
        let [low, high] = packet.to_le_bytes();
        Reply::new(&self.packet(RESPONSE, &[low, high, code]))
    }

    /// The response to the packet with one to each of its records, and the result of the
    /// authorisation where they ask for one.
    fn answer(&mut self, packet: u16, records: &[u8], code: u8, authorised: u8) -> Reply {
        let mut body = packet.to_le_bytes().to_vec();
        body.push(OK);
        let (mut rest, mut asks) = (Bytes(records), false);
        let mut pending: Option<(u8, Vec<u8>)> = None;
        while let Some(record) = Record::read(&mut rest) {
            asks |= asks_for_result(&record);
            let [low, high] = record.number.to_le_bytes();
            let response = [RECORD_RESPONSE, 3, 0, low, high, code];
            match &mut pending {
                Some((service, responses)) if *service == record.service && responses.len() < MAX_RESPONSES => {
                    responses.extend_from_slice(&response);
                }
                _ => {
                    if let Some((service, responses)) = pending.replace((record.service, response.to_vec())) {
                        self.record(service, &responses, &mut body);
                    }
                }
            }
        }
        if let Some((service, responses)) = pending {
            self.record(service, &responses, &mut body);
        }
        let mut answer = self.packet(RESPONSE, &body);
        if asks {
            let mut body = Vec::new();
            self.record(AUTH, &[RESULT_CODE, 1, 0, authorised], &mut body);
            answer.extend_from_slice(&self.packet(APPDATA, &body));
        }
        Reply::new(&answer)
    }

    fn record(&mut self, service: u8, data: &[u8], body: &mut Vec<u8>) {
        body.extend_from_slice(&len(data).to_le_bytes());
        body.extend_from_slice(&self.record.to_le_bytes());
        body.extend_from_slice(&[TO_DEVICE, service, service]);
        body.extend_from_slice(data);
        self.record = self.record.wrapping_add(1);
    }

    fn packet(&mut self, kind: u8, body: &[u8]) -> Vec<u8> {
        let packet = sealed(kind, self.packet, body);
        self.packet = self.packet.wrapping_add(1);
        packet
    }
}

/// A packet without route, with a body; the device's are the same.
pub(super) fn sealed(kind: u8, number: u16, body: &[u8]) -> Vec<u8> {
    let header = u8::try_from(HEADER).unwrap_or(u8::MAX);
    let mut packet = vec![VERSION, 0, 0, header, 0];
    packet.extend_from_slice(&len(body).to_le_bytes());
    packet.extend_from_slice(&number.to_le_bytes());
    packet.push(kind);
    packet.push(crc8_nrsc5(&packet));
    packet.extend_from_slice(body);
    packet.extend_from_slice(&crc16_ccitt_false(body).to_le_bytes());
    packet
}

/// Most bytes of responses in one record of an answer.
const MAX_RESPONSES: usize = 8192 * ACKNOWLEDGED;

pub(super) fn len(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX)
}

fn asks_for_result(record: &Record<'_>) -> bool {
    let asks = |kind: u8| kind == DISPATCHER_IDENTITY || kind == AUTH_INFO;
    record.service == AUTH && (identity(record).is_some() || record.subrecords().any(|(kind, _)| asks(kind)))
}

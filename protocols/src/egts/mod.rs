//! EGTS, the telematics protocol of ERA-GLONASS, over TCP. `NOTE.md` describes the wire format.

mod auth;
pub(crate) mod encode;
mod reply;
mod sensors;
mod service;
mod teledata;

use model::{DeviceId, FixBatch, LatLon, Timestamp};

use crate::bytes::Bytes;
use crate::crc::{crc8_nrsc5, crc16_ccitt_false};
use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};
use service::{Record, well_formed};
use teledata::Teledata;

/// Longest body of a packet, by the standard.
const MAX_DATA: usize = 65_517;
/// Longest packet: header with route, body and checksum.
pub const MAX_FRAME: usize = ROUTED + MAX_DATA + CRC;

const VERSION: u8 = 1;
/// Header without and with route.
const HEADER: usize = 11;
const ROUTED: usize = 16;
const CRC: usize = 2;
/// Types of packets.
const RESPONSE: u8 = 0;
const APPDATA: u8 = 1;
const SIGNED_APPDATA: u8 = 2;
/// Services.
const AUTH: u8 = 1;
const COMMANDS: u8 = 4;
/// 2010-01-01T00:00:00Z, from which times are counted.
const EPOCH: i64 = 1_262_304_000;

const BAD_HEADER: DecodeError = DecodeError::Framing("checksum of an EGTS header is wrong");

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Egts {
    session: Session,
    /// Since the terminal has said who it is, numbers of objects do not name devices.
    is_authorised: bool,
    /// Where a device was last, for its records of sensors alone.
    place: Option<(Option<DeviceId>, LatLon)>,
    /// What is left of a packet whose records are of several devices.
    open: Option<Open>,
    /// The device that the records of this packet have named last.
    object: Option<DeviceId>,
    counters: reply::Counters,
}

/// The rest of a packet, of which all bytes are there and verified.
#[derive(Debug)]
struct Open {
    /// Bytes of records not read.
    records: usize,
    /// Bytes after them.
    trailer: usize,
    reply: Reply,
    refusal: Reply,
    defect: Option<DecodeError>,
}

impl Decoder for Egts {
    fn decode(&mut self, input: &[u8]) -> Step {
        match self.open.take() {
            Some(open) if input.len() < open.records + open.trailer => {
                self.open = Some(open);
                Step::Need
            }
            Some(open) => self.part(input, 0, open),
            None => self.packet(input),
        }
    }

    fn identify(&mut self, device: &DeviceId) {
        self.session.identify(device);
    }

    fn now(&mut self, now: Timestamp) {
        self.session.now(now);
    }
}

/// The fields of a packet's header that matter here.
struct Header {
    len: usize,
    is_encrypted: bool,
    is_compressed: bool,
    data_len: usize,
    packet: u16,
    kind: u8,
}

impl Header {
    /// `None` while it is not all there.
    fn read(input: &[u8]) -> Result<Option<Self>, DecodeError> {
        if input.first().is_some_and(|version| *version != VERSION) {
            return Err(DecodeError::Framing("version of EGTS is not 1"));
        }
        let Some([_, _, flags, len]) = input.first_chunk::<4>() else { return Ok(None) };
        let len = usize::from(*len);
        if len != HEADER && len != ROUTED {
            return Err(DecodeError::Framing("header of EGTS is neither 11 nor 16 bytes long"));
        }
        let Some(header) = input.get(..len) else { return Ok(None) };
        let Some((stated, covered)) = header.split_last() else { return Ok(None) };
        if *stated != crc8_nrsc5(covered) {
            return Err(BAD_HEADER);
        }
        let mut rest = Bytes(covered);
        let (Some(()), Some(data_len), Some(packet), Some(kind)) =
            (rest.skip(5), rest.u16_le(), rest.u16_le(), rest.u8())
        else {
            return Ok(None);
        };
        let data_len = usize::from(data_len);
        if data_len > MAX_DATA {
            return Err(DecodeError::Length { what: "body", found: data_len, limit: MAX_DATA });
        }
        let (is_encrypted, is_compressed) = (flags & 0b1_1000 != 0, flags & 0b100 != 0);
        Ok(Some(Self { len, is_encrypted, is_compressed, data_len, packet, kind }))
    }
}

impl Egts {
    fn packet(&mut self, input: &[u8]) -> Step {
        let header = match Header::read(input) {
            Ok(Some(header)) => header,
            Ok(None) => return Step::Need,
            Err(error) => {
                let number = Bytes(input.get(7..).unwrap_or_default()).u16_le().filter(|_| error == BAD_HEADER);
                let answer = number.map(|packet| self.counters.result(packet, reply::BAD_HEADER_CHECKSUM));
                let reply = answer.unwrap_or_default();
                return self.session.failed(error).reply(reply).took(input.len().clamp(1, HEADER));
            }
        };
        let crc = if header.data_len > 0 { CRC } else { 0 };
        let total = header.len + header.data_len + crc;
        let Some(packet) = input.get(..total) else { return Step::Need };
        let mut rest = Bytes(packet);
        let (Some(()), Some(data)) = (rest.skip(header.len), rest.take(header.data_len)) else { return Step::Need };
        let stated = rest.u16_le();
        let computed = crc16_ccitt_false(data);
        if let Some(stated) = stated.filter(|stated| *stated != computed) {
            let error = DecodeError::Crc { stated: u32::from(stated), computed: u32::from(computed) };
            return self.refused(&header, error, reply::BAD_CHECKSUM).took(total);
        }
        self.verified(input, &header, data, crc)
    }

    fn verified(&mut self, input: &[u8], header: &Header, data: &[u8], crc: usize) -> Step {
        let total = header.len + header.data_len + crc;
        let skipped = match header.kind {
            RESPONSE => return self.session.said(Kind::Ignored).took(total),
            _ if header.is_encrypted => {
                let error = DecodeError::Format("packet is encrypted");
                return self.refused(header, error, reply::NOT_DECRYPTED).took(total);
            }
            _ if header.is_compressed => {
                let error = DecodeError::Format("packet is compressed");
                return self.refused(header, error, reply::BAD_DATA).took(total);
            }
            APPDATA => 0,
            // The signature goes before the records, after its length.
            SIGNED_APPDATA => match Bytes(data).u16_le() {
                Some(len) if 2 + usize::from(len) <= data.len() => 2 + usize::from(len),
                _ => {
                    let error = DecodeError::Format("signature ends after its packet");
                    return self.refused(header, error, reply::BAD_DATA).took(total);
                }
            },
            kind => {
                let error = DecodeError::Unknown { what: "type of packet", number: u32::from(kind) };
                return self.refused(header, error, reply::UNKNOWN_TYPE).took(total);
            }
        };
        let records = data.get(skipped..).unwrap_or_default();
        let len = well_formed(records);
        let defect = (len < records.len()).then_some(DecodeError::Format("record ends after its packet"));
        if let Some(error) = defect.clone().filter(|_| len == 0) {
            return self.refused(header, error, reply::BAD_DATA).took(total);
        }
        let taken = records.get(..len).unwrap_or(records);
        let (reply, refusal) = self.counters.answers(header.packet, taken);
        if taken.is_empty() {
            return self.session.said(Kind::Heartbeat).reply(reply).took(total);
        }
        self.object = None;
        let trailer = records.len() - len + crc;
        self.part(input, header.len + skipped, Open { records: len, trailer, reply, refusal, defect })
    }

    /// Takes the records of one device from `before` on, and with the last of them what the
    /// packet is owed.
    fn part(&mut self, input: &[u8], before: usize, open: Open) -> Step {
        let records = input.get(before..before + open.records).unwrap_or_default();
        let (len, message) = self.run(records, &open.refusal);
        if len < open.records {
            self.open = Some(Open { records: open.records - len, ..open });
            return message.took(before + len);
        }
        let is_failed = matches!(message.kind, Kind::Error(_));
        let reply = if is_failed { open.refusal.clone() } else { open.reply };
        let mut message = message.reply(reply).refusal(open.refusal);
        message.defect = message.defect.or(open.defect);
        message.took(before + len + open.trailer)
    }

    /// The records at the start that are of one device, and their length.
    fn run(&mut self, records: &[u8], refusal: &Reply) -> (usize, Message) {
        let mut rest = Bytes(records);
        let mut run = Run::default();
        let mut owner = None;
        while let Some(record) = Record::read(&mut Bytes(rest.0)) {
            let identity = auth::identity(&record);
            let named = self.named(&record);
            if owner.is_some() && (identity.is_some() || owner.as_ref() != Some(&named)) {
                break;
            }
            let _ = Record::read(&mut rest);
            if let Some(identity) = identity {
                return (records.len() - rest.0.len(), self.login(identity).refusal(refusal.clone()));
            }
            self.read(&record, named.as_ref(), &mut run);
            if record.object.is_some_and(|object| object != 0) {
                self.object.clone_from(&named);
            }
            owner = Some(named);
        }
        let kind = match run {
            Run { batch, .. } if !batch.fixes.is_empty() => Kind::Fixes(batch),
            Run { text: Some(_), .. } => Kind::Event,
            _ => Kind::Ignored,
        };
        let mut message = Message::new(kind, owner.flatten().as_ref());
        message.text = run.text;
        message.defect = run.defect;
        (records.len() - rest.0.len(), message)
    }

    /// Whose record it is.
    fn named(&self, record: &Record<'_>) -> Option<DeviceId> {
        if self.is_authorised {
            return self.session.device.clone();
        }
        let object = record.object.filter(|object| *object != 0);
        let named = object.and_then(|object| DeviceId::new(&object.to_string()).ok());
        named.or_else(|| self.object.clone()).or_else(|| self.session.device.clone())
    }

    fn read(&mut self, record: &Record<'_>, owner: Option<&DeviceId>, run: &mut Run) {
        match record.service {
            AUTH => {}
            COMMANDS => run.text = auth::words(record).or(run.text.take()),
            _ => {
                let fallback = self.session.clock();
                let known = self.place.as_ref().filter(|(whose, _)| whose.as_ref() == owner).map(|(_, place)| *place);
                let mut teledata = Teledata::new(&mut run.batch, record, known, fallback);
                let read = teledata.read(record.data);
                if let Some(place) = teledata.place() {
                    self.place = Some((owner.cloned(), place));
                }
                run.defect = run.defect.take().or(read.err());
                self.session.remember(&run.batch);
            }
        }
    }

    fn login(&mut self, identity: auth::Identity) -> Message {
        let Some(device) = identity.0 else {
            return self.session.failed(DecodeError::Login("the terminal gives neither IMEI nor IMSI nor number"));
        };
        self.session.device = Some(device);
        self.is_authorised = true;
        self.session.said(Kind::Login)
    }

    /// A packet of which nothing can be taken.
    fn refused(&mut self, header: &Header, error: DecodeError, code: u8) -> Message {
        let reply = if header.kind == RESPONSE { Reply::default() } else { self.counters.result(header.packet, code) };
        self.session.failed(error).reply(reply)
    }
}

/// What the records of one device say.
#[derive(Default)]
struct Run {
    batch: FixBatch,
    text: Option<Box<str>>,
    defect: Option<DecodeError>,
}

/// A header whose checksum fits.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    match Header::read(input) {
        Ok(Some(header)) if header.kind <= SIGNED_APPDATA => Likeness::Certain,
        Ok(None) => Likeness::Possible,
        _ => Likeness::No,
    }
}

//! Navtelecom: NTCB and its extension FLEX, over TCP and UDP. `NOTE.md` describes the wire
//! format.

pub(crate) mod encode;
mod extra;
mod fields;
mod ntcb;

use model::{DeviceId, FixBatch, LatLon, Timestamp};

use crate::bytes::Bytes;
use crate::crc::{crc8_nrsc5, xor};
use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};
use fields::Mask;

/// Longest message: an array of 255 records, each with all fields of FLEX 3.0.
pub const MAX_FRAME: usize = 256 * 1024;

const PREAMBLE: &[u8; 4] = b"@NTC";
/// Preamble, receiver, sender, length and the two checksums of an NTCB message.
const HEADER: usize = 16;
/// Sent alone to keep the link alive.
const PING: u8 = 0x7f;
/// The number of FLEX among the protocols that a device may ask for.
const FLEX: u8 = 0xb0;
/// Versions of FLEX are sent in tenths.
const FIRST_VERSION: u8 = 10;
const LAST_VERSION: u8 = 30;
/// Degrees are sent as ten-thousandths of a minute.
const DEGREE: f64 = 600_000.0;

const CUT: DecodeError = DecodeError::Format("message ends before its records do");
const NO_MASK: &str = "FLEX message before its fields were agreed";

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Navtelecom {
    session: Session,
    /// Which fields the records have, since the device asked for FLEX.
    mask: Option<Mask>,
}

impl Decoder for Navtelecom {
    fn decode(&mut self, input: &[u8]) -> Step {
        match input {
            [] => Step::Need,
            [PING, ..] => self.session.said(Kind::Heartbeat).took(1),
            [b'@', ..] => self.ntcb(input),
            [b'~', ..] => self.flex(input),
            _ => self.session.failed(DecodeError::Framing("no `@NTC`, `~` or ping")).took(1),
        }
    }

    fn decode_last(&mut self, input: &[u8]) -> Step {
        match (input, &self.mask) {
            // Where the bytes end is known, so one message that cannot be read costs no more.
            ([b'~', b'A' | b'T' | b'C', ..], None) if checksum_fits(input) => {
                self.session.failed(DecodeError::Format(NO_MASK)).took(input.len())
            }
            _ => self.decode(input),
        }
    }

    fn identify(&mut self, device: &DeviceId) {
        self.session.identify(device);
    }

    fn now(&mut self, now: Timestamp) {
        self.session.now(now);
    }
}

impl Navtelecom {
    /// Header, checksums and body (manual, "Transport layer of NTCB protocol").
    fn ntcb(&mut self, input: &[u8]) -> Step {
        let start = input.get(..4).unwrap_or(input);
        if !PREAMBLE.starts_with(start) {
            return self.session.failed(DecodeError::Framing("no preamble `@NTC`")).took(1);
        }
        let Some(header) = input.first_chunk::<HEADER>() else { return Step::Need };
        if xor(header) != 0 {
            return self.session.failed(DecodeError::Framing("checksum of an NTCB header is wrong")).took(HEADER);
        }
        let mut rest = Bytes(input);
        let (Some(()), Some(receiver), Some(sender), Some(len), Some(stated), Some(_)) =
            (rest.skip(4), rest.array::<4>(), rest.array::<4>(), rest.u16_le(), rest.u8(), rest.u8())
        else {
            return Step::Need;
        };
        let Some(body) = rest.take(usize::from(len)) else { return Step::Need };
        let computed = xor(body);
        let message = if stated == computed {
            self.body(body, &|answer: &[u8]| framed(sender, receiver, answer))
        } else {
            self.session.failed(DecodeError::Crc { stated: u32::from(stated), computed: u32::from(computed) })
        };
        message.took(HEADER + body.len())
    }

    fn body(&mut self, body: &[u8], framed: &dyn Fn(&[u8]) -> Reply) -> Message {
        match body {
            [] => self.session.said(Kind::Heartbeat),
            [b'*', b'>', b'S', identity @ ..] => self.login(identity, framed),
            [b'*', b'>', b'F', b'L', b'E', b'X', asked @ ..] => self.negotiate(asked, framed),
            [b'*', b'>', b'T', record @ ..] => {
                let mut rest = Bytes(record);
                let mut batch = FixBatch::default();
                match ntcb::record(&mut rest, &mut batch, self.fallback()) {
                    Ok(index) => {
                        let reply = framed(&[b"*<T", index.to_le_bytes().as_slice()].concat());
                        self.records(batch, reply)
                    }
                    Err(error) => self.session.failed(error),
                }
            }
            [b'*', b'>', b'A', count, records @ ..] => {
                let mut rest = Bytes(records);
                let mut batch = FixBatch::default();
                for _ in 0..*count {
                    if let Err(error) = ntcb::record(&mut rest, &mut batch, self.fallback()) {
                        return self.session.failed(error);
                    }
                }
                self.records(batch, framed(&[b'*', b'<', b'A', *count]))
            }
            words => match std::str::from_utf8(words) {
                Ok(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => {
                    self.session.said(Kind::Event).text(text.trim_end())
                }
                _ => self.session.said(Kind::Ignored),
            },
        }
    }

    /// `*>S:` and the IMEI.
    fn login(&mut self, identity: &[u8], framed: &dyn Fn(&[u8]) -> Reply) -> Message {
        let identity = identity.strip_prefix(b":").unwrap_or(identity).trim_ascii();
        let device = std::str::from_utf8(identity)
            .ok()
            .filter(|text| text.bytes().all(|b| b.is_ascii_alphanumeric()))
            .and_then(|text| DeviceId::new(text).ok());
        let Some(device) = device else {
            return self.session.failed(DecodeError::Login("the identity after `*>S:` is no IMEI"));
        };
        self.session.device = Some(device);
        self.session.said(Kind::Login).reply(framed(b"*<S"))
    }

    /// Protocol, its version, version of the structure, number of fields and their bit mask.
    /// A version from the future is answered with the last that is known, and the device asks
    /// again.
    fn negotiate(&mut self, asked: &[u8], framed: &dyn Fn(&[u8]) -> Reply) -> Message {
        let [protocol, version, structure, count, mask @ ..] = asked else { return self.session.failed(CUT) };
        if *protocol != FLEX {
            return self
                .session
                .failed(DecodeError::Unknown { what: "telematic protocol", number: u32::from(*protocol) });
        }
        let known = FIRST_VERSION..=LAST_VERSION;
        let mut agreed = (*version, *structure);
        if known.contains(version) && known.contains(structure) {
            let Some(mask) = Mask::read(*count, mask) else {
                return self.session.failed(DecodeError::Format("bit mask of the FLEX fields is too short or empty"));
            };
            self.mask = Some(mask);
        } else {
            agreed = (LAST_VERSION, LAST_VERSION);
        }
        let answer = [b"*<FLEX".as_slice(), &[FLEX, agreed.0, agreed.1]].concat();
        self.session.said(Kind::Heartbeat).reply(framed(&answer))
    }

    /// `~`, the type, records and a checksum (manual, "FLEX protocol").
    fn flex(&mut self, input: &[u8]) -> Step {
        let [_, kind, content @ ..] = input else { return Step::Need };
        let step = match kind {
            b'A' | b'T' | b'C' => self.plain(*kind, content),
            b'E' | b'X' => self.extra(*kind, content),
            _ => Err(DecodeError::Framing("type of a FLEX message is not known")),
        };
        let (len, mut message) = match step {
            Ok(Some((len, message))) => (len, message),
            Ok(None) => return Step::Need,
            Err(error) => return self.session.failed(error).took(2),
        };
        let (Some(covered), Some(stated)) = (input.get(..2 + len), input.get(2 + len)) else { return Step::Need };
        let computed = crc8_nrsc5(covered);
        if *stated != computed {
            message =
                self.session.failed(DecodeError::Crc { stated: u32::from(*stated), computed: u32::from(computed) });
        } else if let Kind::Fixes(batch) = &message.kind {
            self.session.remember(batch);
        }
        message.took(2 + len + 1)
    }

    /// Records of the fields agreed: an array, one out of turn, or the current state. Gives the
    /// length without type and checksum once all of it is there.
    fn plain(&self, kind: u8, content: &[u8]) -> Result<Option<(usize, Message)>, DecodeError> {
        let Some(mask) = &self.mask else { return Err(DecodeError::Framing(NO_MASK)) };
        let (head, count) = match (kind, content) {
            (b'A', [count, ..]) => (1, usize::from(*count)),
            (b'A', []) => return Ok(None),
            (b'T', _) => (4, 1),
            _ => (0, 1),
        };
        let len = head + count * mask.record_len();
        // The checksum too, before work is done.
        let (Some(content), true) = (content.get(..len), content.len() > len) else { return Ok(None) };
        let (head, mut records) = content.split_at_checked(head).ok_or(CUT)?;
        let mut batch = FixBatch { fixes: Vec::with_capacity(count), ..FixBatch::default() };
        for _ in 0..count {
            let (record, later) = records.split_at_checked(mask.record_len()).ok_or(CUT)?;
            mask.record(record, &mut batch, self.fallback()).ok_or(CUT)?;
            records = later;
        }
        Ok(Some((len, self.answered(kind, head, batch))))
    }

    /// Records of another shape, each with its length.
    fn extra(&self, kind: u8, content: &[u8]) -> Result<Option<(usize, Message)>, DecodeError> {
        let (head, count) = match (kind, content) {
            (b'E', [count, ..]) => (1, *count),
            (b'E', []) => return Ok(None),
            _ => (4, 1),
        };
        let Some((head, records)) = content.split_at_checked(head) else { return Ok(None) };
        let mut rest = Bytes(records);
        let mut batch = FixBatch::default();
        for _ in 0..count {
            match extra::record(&mut rest, &mut batch, self.fallback())? {
                Some(()) => {}
                None => return Ok(None),
            }
        }
        let len = content.len() - rest.0.len();
        Ok(Some((len, self.answered(kind, head, batch))))
    }

    /// The device's own type and count or event index, and a checksum; of the current state no
    /// more than the type.
    fn answered(&self, kind: u8, head: &[u8], batch: FixBatch) -> Message {
        let mut answer = [&[b'~', kind], head].concat();
        answer.push(crc8_nrsc5(&answer));
        self.batch(batch).reply(Reply::new(&answer))
    }

    fn records(&mut self, batch: FixBatch, reply: Reply) -> Message {
        self.session.remember(&batch);
        self.batch(batch).reply(reply)
    }

    fn batch(&self, batch: FixBatch) -> Message {
        let kind = if batch.fixes.is_empty() { Kind::Ignored } else { Kind::Fixes(batch) };
        self.session.said(kind)
    }

    fn fallback(&self) -> Timestamp {
        self.session.clock()
    }
}

/// An NTCB message to `receiver`.
fn framed(receiver: [u8; 4], sender: [u8; 4], body: &[u8]) -> Reply {
    let len = u16::try_from(body.len()).unwrap_or(u16::MAX).to_le_bytes();
    let mut message = [PREAMBLE.as_slice(), &receiver, &sender, &len, &[xor(body)]].concat();
    message.push(xor(&message));
    message.extend_from_slice(body);
    Reply::new(&message)
}

/// A place in ten-thousandths of a minute.
fn place(lat: i32, lon: i32) -> Option<LatLon> {
    LatLon::new(f64::from(lat) / DEGREE, f64::from(lon) / DEGREE).filter(|p| !p.is_null_island())
}

/// Whether all of these bytes are one FLEX message.
fn checksum_fits(input: &[u8]) -> bool {
    input.split_last().is_some_and(|(stated, covered)| *stated == crc8_nrsc5(covered))
}

/// The preamble of NTCB, or a FLEX message as one that begins a connection never does.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    match input {
        [b'~'] | [b'~', b'A' | b'T' | b'C' | b'E' | b'X', ..] => {
            if input.len() > 8 && checksum_fits(input) {
                Likeness::Likely
            } else {
                Likeness::Possible
            }
        }
        [PING] => Likeness::Possible,
        [PING, rest @ ..] => likeness(rest),
        _ => Likeness::prefix(input, PREAMBLE, Likeness::Certain),
    }
}

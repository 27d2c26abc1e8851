//! CalAmp LMU, LM Direct: over UDP, a message a datagram, or TCP. `NOTE.md` describes the wire
//! format.

pub(crate) mod encode;
mod header;
mod report;

use model::{DeviceId, FixBatch, Timestamp};

use crate::bytes::Bytes;
use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};
use header::{Header, Service};

/// Longest message: headers of at most seven options of 256 bytes, and a body of user data.
pub const MAX_FRAME: usize = 4096;

/// Longest body taken.
const MAX_BODY: usize = 2048;
/// Longest text after an ID report.
const MAX_EXTENSION: usize = 1024;

/// Results of an acknowledgement (chapter "ACK message").
const SUCCESS: u8 = 0;
const UNKNOWN_MOBILE_ID: u8 = 6;

/// Kinds of messages.
mod kind {
    pub const NULL: u8 = 0;
    pub const ACK: u8 = 1;
    pub const EVENT: u8 = 2;
    pub const ID: u8 = 3;
    pub const USER: u8 = 4;
    pub const APPLICATION: u8 = 5;
    pub const PARAMETER: u8 = 6;
    pub const UNIT_REQUEST: u8 = 7;
    pub const LOCATE: u8 = 8;
    pub const USER_ACCUMULATORS: u8 = 9;
    pub const MINI_EVENT: u8 = 10;
    pub const MINI_USER: u8 = 11;
}

/// The decoder of one connection, or of one sender's datagrams.
#[derive(Debug, Default)]
pub struct CalAmp {
    session: Session,
    /// A message ends where its datagram does.
    is_datagram: bool,
}

impl CalAmp {
    /// For datagrams.
    pub fn datagrams() -> Self {
        Self { is_datagram: true, ..Self::default() }
    }

    /// The message at the start of the input; `None` while it is not whole.
    fn message(&mut self, input: &[u8]) -> Option<(Message, usize)> {
        let failed = |error| Some((Message::new(Kind::Error(error), None), input.len()));
        if let [b' '..=b'~', ..] = input
            && !self.is_datagram
        {
            return self.extension(input);
        }
        let mut rest = Bytes(input);
        let header = match Header::read(&mut rest)? {
            Ok(header) => header,
            Err(error) => return failed(error),
        };
        if let Some(id) = header.mobile_id {
            let Some(device) = header::device(id) else {
                return failed(DecodeError::Login("the mobile id has no digits"));
            };
            self.session.device = Some(device);
        }
        let body = if self.is_datagram {
            rest.0
        } else {
            match body_len(header.kind, rest) {
                None => return None,
                Some(Ok(len)) if len <= MAX_BODY => rest.take(len)?,
                Some(Ok(found)) => return failed(DecodeError::Length { what: "body", found, limit: MAX_BODY }),
                Some(Err(error)) => return failed(error),
            }
        };
        let consumed = if self.is_datagram { input.len() } else { input.len() - rest.0.len() };
        Some((self.owed(&header, self.body(&header, body)), consumed))
    }

    /// What the body says.
    fn body(&self, header: &Header<'_>, body: &[u8]) -> Result<Message, DecodeError> {
        let message = |kind| Ok(self.session.said(kind));
        let now = self.session.clock();
        let mut batch = FixBatch::default();
        match header.kind {
            kind::NULL => message(Kind::Heartbeat),
            kind::EVENT | kind::LOCATE | kind::USER | kind::MINI_EVENT => {
                let words = report::read(header.kind, body, now, &mut batch)?;
                header.extras(&mut batch);
                let mut message = self.session.said(Kind::Fixes(batch));
                message.text = words.map(|words| String::from_utf8_lossy(words).trim().into());
                Ok(message)
            }
            kind::USER_ACCUMULATORS | kind::MINI_USER => {
                let words = report::user_data(header.kind, body).unwrap_or_default();
                let message = self.session.said(Kind::Event);
                Ok(message.text(String::from_utf8_lossy(words).trim()))
            }
            kind::ID => message(Kind::Login),
            kind::ACK | kind::APPLICATION | kind::PARAMETER | kind::UNIT_REQUEST => message(Kind::Ignored),
            other => Err(DecodeError::Unknown { what: "message type", number: u32::from(other) }),
        }
    }

    /// With the acknowledgement where one is asked for. A message that cannot be read is
    /// acknowledged too: the device would send the same again.
    fn owed(&mut self, header: &Header<'_>, message: Result<Message, DecodeError>) -> Message {
        let message = message.unwrap_or_else(|error| self.session.said(Kind::Error(error)));
        if let Kind::Fixes(batch) = &message.kind {
            self.session.remember(batch);
        }
        match header.service {
            Service::Acknowledged => {
                message.reply(header.acknowledgement(SUCCESS)).refusal(header.acknowledgement(UNKNOWN_MOBILE_ID))
            }
            Service::Unacknowledged | Service::Response => message,
        }
    }

    /// Texts with a zero byte at their end, which an ID report has after its fields without
    /// saying how many.
    fn extension(&self, input: &[u8]) -> Option<(Message, usize)> {
        let message = |kind| self.session.said(kind);
        match input.iter().take(MAX_EXTENSION).position(|b| !(b' '..=b'~').contains(b)) {
            Some(end) if input.get(end) == Some(&0) => Some((message(Kind::Ignored), end + 1)),
            None if input.len() < MAX_EXTENSION => None,
            _ => Some((message(Kind::Error(DecodeError::Framing("no LM Direct message starts so"))), input.len())),
        }
    }
}

impl Decoder for CalAmp {
    fn decode(&mut self, input: &[u8]) -> Step {
        if self.is_datagram {
            return self.decode_last(input);
        }
        match self.message(input) {
            Some((message, consumed)) if !input.is_empty() => message.took(consumed.max(1)),
            _ => Step::Need,
        }
    }

    fn identify(&mut self, device: &DeviceId) {
        self.session.identify(device);
    }

    fn decode_last(&mut self, input: &[u8]) -> Step {
        match self.message(input) {
            _ if input.is_empty() => Step::Need,
            Some((message, consumed)) => message.took(consumed.max(1)),
            None if self.is_datagram => {
                let error = DecodeError::Format("the datagram ends within the headers");
                self.session.said(Kind::Error(error)).took(input.len())
            }
            None => Step::Need,
        }
    }

    fn now(&mut self, now: Timestamp) {
        self.session.now(now);
    }
}

/// Bytes of the body that begins here; `None` while the byte that says so has not come.
fn body_len(kind: u8, body: Bytes<'_>) -> Option<Result<usize, DecodeError>> {
    /// Fields of an ID report before its texts.
    const ID: usize = 56;
    Some(Ok(match kind {
        kind::NULL => 0,
        kind::ACK => 6,
        kind::EVENT | kind::LOCATE | kind::MINI_EVENT => report::len(kind, body.0)?,
        kind::ID => ID,
        kind::USER | kind::APPLICATION | kind::USER_ACCUMULATORS | kind::MINI_USER => report::user_len(kind, body.0)?,
        kind::PARAMETER => parameters_len(body)?,
        kind::UNIT_REQUEST => 8,
        _ => return Some(Err(DecodeError::Framing("no message type of LM Direct"))),
    }))
}

/// An action, then parameters with their lengths up to the parameter 0.
fn parameters_len(mut body: Bytes<'_>) -> Option<usize> {
    let all = body.0.len();
    body.skip(1)?;
    while body.u16()? != 0 {
        let len = usize::from(body.u16()?);
        if all - body.0.len() + len > MAX_BODY {
            return Some(MAX_BODY + 1);
        }
        body.skip(len)?;
    }
    Some(all - body.0.len())
}

impl Header<'_> {
    /// The server's acknowledgement of this message.
    fn acknowledgement(&self, result: u8) -> Reply {
        let [high, low] = self.sequence.to_be_bytes();
        // Spare byte and version of the application: not used by servers.
        Reply::new(&[Service::RESPONSE, kind::ACK, high, low, self.kind, result, 0, 0, 0, 0])
    }
}

/// Options with a mobile id in digits and its type, then a service and a message type.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    let [options, rest @ ..] = input else { return Likeness::Possible };
    // Bit 7 says that there are options, bit 0 that the mobile id is one.
    if options & 0x81 != 0x81 {
        return Likeness::No;
    }
    let [len @ 1..=10, rest @ ..] = rest else {
        return if rest.is_empty() { Likeness::Possible } else { Likeness::No };
    };
    let id = rest.get(..usize::from(*len)).unwrap_or(rest);
    if !header::is_digits(id) {
        return Likeness::No;
    }
    let mut whole = Bytes(input);
    match Header::read(&mut whole) {
        None if input.len() > MAX_FRAME => Likeness::No,
        None => Likeness::Possible,
        Some(Ok(header)) if header.kind <= kind::MINI_USER => Likeness::Certain,
        Some(_) => Likeness::No,
    }
}

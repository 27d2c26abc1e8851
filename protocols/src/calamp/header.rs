//! Options and message header (chapter "Basic message structure").

use model::{DeviceId, FixBatch};

use crate::DecodeError;
use crate::bytes::Bytes;

/// Longest mobile id. An IMEI takes 8 bytes.
const MAX_MOBILE_ID: usize = 16;

/// How a message wants to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Unacknowledged,
    Acknowledged,
    Response,
}

impl Service {
    pub const ACKNOWLEDGED: u8 = 1;
    pub const RESPONSE: u8 = 2;
}

/// What comes before the body.
pub(super) struct Header<'a> {
    /// Digits in BCD, filled up with `f`.
    pub mobile_id: Option<&'a [u8]>,
    vin: Option<&'a [u8]>,
    pub service: Service,
    pub kind: u8,
    pub sequence: u16,
}

impl<'a> Header<'a> {
    /// `None` while it is not whole.
    pub fn read(rest: &mut Bytes<'a>) -> Option<Result<Self, DecodeError>> {
        let bit = |byte: u8, bit: u8| byte >> bit & 1 == 1;
        let (mut mobile_id, mut vin) = (None, None);
        let mut first = rest.u8()?;
        if bit(first, 7) {
            for option in 0..6 {
                if !bit(first, option) {
                    continue;
                }
                let len = usize::from(rest.u8()?);
                if option == 0 && len > MAX_MOBILE_ID {
                    let limit = MAX_MOBILE_ID;
                    return Some(Err(DecodeError::Length { what: "mobile id", found: len, limit }));
                }
                let field = rest.take(len)?;
                if option == 0 {
                    mobile_id = Some(field);
                }
            }
            if bit(first, 6) {
                // Bits of more options; those from the third on change the body.
                let len = usize::from(rest.u8()?);
                let more = rest.take(len)?.first().copied().unwrap_or(0);
                if more & !0b11 != 0 {
                    return Some(Err(DecodeError::Framing("the body is encrypted or compressed")));
                }
                for option in 0..2 {
                    if bit(more, option) {
                        let len = usize::from(rest.u8()?);
                        let field = rest.take(len)?;
                        vin = if option == 1 { Some(field) } else { vin };
                    }
                }
            }
            first = rest.u8()?;
        }
        let service = match first {
            0 => Service::Unacknowledged,
            Service::ACKNOWLEDGED => Service::Acknowledged,
            Service::RESPONSE => Service::Response,
            _ => return Some(Err(DecodeError::Framing("no service type of LM Direct"))),
        };
        let (kind, sequence) = (rest.u8()?, rest.u16()?);
        Some(Ok(Self { mobile_id, vin, service, kind, sequence }))
    }

    /// Adds what the options say to the fix pushed last.
    pub fn extras(&self, batch: &mut FixBatch) {
        if let Some(vin) = self.vin.and_then(|vin| std::str::from_utf8(vin).ok()).filter(|vin| !vin.is_empty()) {
            let (key, value) = (batch.name("vin"), batch.text_value(vin));
            batch.attribute(key, value);
        }
    }
}

/// Whether these are digits, with `f` only after them.
pub(super) fn is_digits(id: &[u8]) -> bool {
    let digits = || id.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits().skip_while(|digit| *digit <= 9).all(|digit| digit == 0xf)
}

/// The device whose digits these are.
pub(super) fn device(id: &[u8]) -> Option<DeviceId> {
    let mut text = [0; 2 * MAX_MOBILE_ID];
    let digits = id.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).filter(|digit| *digit != 0xf);
    let mut len = 0;
    for (place, digit) in text.iter_mut().zip(digits) {
        *place = *b"0123456789abcdef".get(usize::from(digit))?;
        len += 1;
    }
    std::str::from_utf8(text.get(..len)?).ok().and_then(|text| DeviceId::new(text).ok())
}

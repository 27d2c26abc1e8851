//! A line as a packet: its type, its body and its checksum.

use super::checksum;
use crate::DecodeError;

/// Fields of a data record before the checksum: short, extended.
pub(super) const SHORT_FIELDS: usize = 10;
pub(super) const EXTENDED_FIELDS: usize = 16;

/// What a packet is, by the letters between its two `#`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Login,
    Short,
    Extended,
    BlackBox,
    Ping,
    DriverMessage,
    Picture,
    TachographFile,
    TachographBlock,
    /// What a tracker says to something that the server sent.
    Answer,
    Unknown,
}

impl Type {
    fn of(letters: &[u8]) -> Self {
        match letters {
            b"L" => Self::Login,
            b"SD" => Self::Short,
            b"D" => Self::Extended,
            b"B" => Self::BlackBox,
            b"P" => Self::Ping,
            b"M" => Self::DriverMessage,
            b"I" => Self::Picture,
            b"IT" => Self::TachographFile,
            b"T" => Self::TachographBlock,
            b"AM" | b"QI" | b"QT" | b"US" | b"UC" => Self::Answer,
            _ => Self::Unknown,
        }
    }

    /// The answer to a packet whose checksum is wrong.
    pub fn checksum_reply(self) -> &'static str {
        match self {
            Self::Login => "#AL#10\r\n",
            Self::Short => "#ASD#13\r\n",
            Self::Extended => "#AD#16\r\n",
            Self::BlackBox => "#AB#\r\n",
            Self::DriverMessage => "#AM#01\r\n",
            Self::TachographFile => "#AIT#01\r\n",
            Self::Ping | Self::Picture | Self::TachographBlock | Self::Answer | Self::Unknown => "",
        }
    }
}

/// A line taken apart.
pub(super) struct Packet<'a> {
    /// Who sent it, where the line begins with that as datagrams do: `imei#…` or
    /// `2.0;imei#…`.
    pub sender: Option<&'a [u8]>,
    pub kind: Type,
    /// Without the checksum and the separator before it.
    pub body: &'a [u8],
    /// The body up to and with that separator, and the field after it.
    sealed: Option<(&'a [u8], &'a [u8])>,
    /// A checksum is due and there is none.
    unsealed: bool,
}

impl<'a> Packet<'a> {
    /// Splits `#type#body`, with its sender before it or not; `None` where the line has no such shape.
    pub fn split(line: &'a [u8], checksums: bool) -> Option<Self> {
        let (sender, rest) = line.split_at_checked(line.iter().position(|b| *b == b'#')?)?;
        let checksums = checksums || is_version_2(sender);
        let sender = sender.rsplit(|b| *b == b';').next().filter(|s| !s.is_empty());
        let rest = rest.strip_prefix(b"#")?;
        let letters = rest.iter().position(|b| *b == b'#')?;
        let (letters, body) = (rest.get(..letters)?, rest.get(letters + 1..)?);
        let kind = Type::of(letters);
        let body = if checksums { body } else { without_empty_end(kind, body) };
        let separator = if kind == Type::BlackBox { b'|' } else { b';' };
        let sealed = body.iter().rposition(|b| *b == separator).and_then(|at| body.split_at_checked(at + 1));
        let sealed = sealed.filter(|(content, last)| match kind {
            Type::Login => is_version_2(content) && fields(content) > 3,
            Type::Ping | Type::Answer | Type::Unknown | Type::Picture | Type::TachographBlock => false,
            Type::Short => checksums || fields(content) > SHORT_FIELDS,
            Type::Extended => checksums || fields(content) > EXTENDED_FIELDS || looks_sealed(content, last),
            Type::BlackBox => checksums || hex16(last).is_some(),
            // In 1.1 all of it is the message, whatever its end looks like.
            Type::DriverMessage => checksums,
            Type::TachographFile => true,
        });
        let due = checksums
            && matches!(
                kind,
                Type::Short | Type::Extended | Type::BlackBox | Type::DriverMessage | Type::TachographFile
            );
        let content = sealed.map_or(body, |(content, _)| content.get(..content.len() - 1).unwrap_or(content));
        Some(Self { sender, kind, body: content, sealed, unsealed: due && sealed.is_none() })
    }

    /// Whether the checksum, where there is one, is that of the body.
    pub fn verify(&self) -> Result<(), DecodeError> {
        let Some((content, last)) = self.sealed else {
            return if self.unsealed { Err(DecodeError::Field("crc16")) } else { Ok(()) };
        };
        let stated = hex16(last).ok_or(DecodeError::Field("crc16"))?;
        let computed = checksum(content);
        if stated == computed {
            Ok(())
        } else {
            Err(DecodeError::Crc { stated: u32::from(stated), computed: u32::from(computed) })
        }
    }

    /// Identity of a login, `id;password` in 1.1, `2.0;id;password` in 2.x, and whether packets
    /// will have checksums: those of a device whose login had none have none.
    pub fn identity(&self) -> (bool, &'a [u8]) {
        let mut fields = self.body.split(|b| *b == b';');
        let first = fields.next().unwrap_or_default();
        let id = if is_version_2(self.body) { fields.next().unwrap_or_default() } else { first };
        (self.sealed.is_some(), id)
    }

    /// Length of the block that follows a picture's or file's line.
    pub fn block_len(&self) -> Option<usize> {
        let field = match self.kind {
            Type::Picture => 0,
            Type::TachographBlock => 1,
            _ => return None,
        };
        self.number(field).and_then(|n| usize::try_from(n).ok())
    }

    /// A whole number among the fields.
    pub fn number(&self, field: usize) -> Option<u32> {
        std::str::from_utf8(self.body.split(|b| *b == b';').nth(field)?).ok()?.parse().ok()
    }
}

fn is_version_2(body: &[u8]) -> bool {
    body.starts_with(b"2.")
}

/// Without the separator that some devices put after the last field.
fn without_empty_end(kind: Type, body: &[u8]) -> &[u8] {
    let most = match kind {
        Type::Short => SHORT_FIELDS,
        Type::Extended => EXTENDED_FIELDS,
        _ => return body,
    };
    body.strip_suffix(b";").filter(|rest| fields(rest) == most).unwrap_or(body)
}

fn fields(body: &[u8]) -> usize {
    body.split(|b| *b == b';').count()
}

/// An extended record without parameters whose last field is a checksum: parameters have
/// colons, an iButton has no place there.
fn looks_sealed(content: &[u8], last: &[u8]) -> bool {
    fields(content) == EXTENDED_FIELDS && hex16(last).is_some()
}

/// A checksum in hex: up to four digits, `0x` before them or not.
fn hex16(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"0x").or_else(|| text.strip_prefix(b"0X")).unwrap_or(text);
    let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

//! A frame apart: dialect, device, type and content; and the frames that answer it.

use model::DeviceId;

use crate::DecodeError;
use crate::bytes::Bytes;
use crate::crc::crc16_x25;

/// Longest frame taken. The manual's are below 1,024 bytes.
pub(super) const MAX_LEN: usize = 2048;
/// Mark and length.
pub(super) const HEAD: usize = 4;
/// The device's id, filled with zeros.
pub(super) const ID: usize = 20;
/// Checksum and line end.
const TAIL: usize = 4;
/// What the shortest frame has: mark, length, id, type and tail.
pub(super) const MIN_LEN: usize = HEAD + ID + 2 + TAIL;

/// The families of devices, which give the same types different contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// "OBD Smart": `@@`, versions 3 and 4.
    Smart(u8),
    /// Cars with a petrol cut-off: `@@`, other versions.
    Control(u8),
    /// MPIP: `$$`, without a version.
    Mpip,
}

/// A whole frame whose checksum is right.
pub(super) struct Frame<'a> {
    pub dialect: Dialect,
    pub id: &'a [u8],
    pub kind: u16,
    pub content: &'a [u8],
}

impl<'a> Frame<'a> {
    /// From all of its bytes, which the length field has measured.
    pub fn open(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        const SHORT: DecodeError = DecodeError::Format("frame is too short");
        let (sealed, tail) = bytes.split_last_chunk::<TAIL>().ok_or(SHORT)?;
        let [low, high, b'\r', b'\n'] = tail else {
            return Err(DecodeError::Format("frame does not end where its length says"));
        };
        let (stated, computed) = (u16::from_le_bytes([*low, *high]), crc16_x25(sealed));
        if stated != computed {
            return Err(DecodeError::Crc { stated: stated.into(), computed: computed.into() });
        }
        let mut rest = Bytes(sealed);
        let mark = rest.u16().ok_or(SHORT)?;
        rest.skip(2).ok_or(SHORT)?;
        let dialect = match mark {
            0x4040 => match rest.u8().ok_or(SHORT)? {
                version @ (3 | 4) => Dialect::Smart(version),
                version => Dialect::Control(version),
            },
            _ => Dialect::Mpip,
        };
        let id = rest.take(ID).ok_or(SHORT)?;
        let kind = rest.u16().ok_or(SHORT)?;
        Ok(Self { dialect, id, kind, content: rest.0 })
    }

    /// Up to the first zero, without blanks.
    pub fn device(&self) -> Option<DeviceId> {
        let id = self.id.split(|b| *b == 0).next()?;
        std::str::from_utf8(id).ok().and_then(|id| DeviceId::new(id).ok())
    }

    /// A frame of the server to the same device. To devices without a version it has none
    /// either, but begins like all of the server's.
    pub fn answer(&self, kind: u16, content: &[u8]) -> Vec<u8> {
        let version = match self.dialect {
            Dialect::Smart(version) | Dialect::Control(version) => &[version][..],
            Dialect::Mpip => &[],
        };
        sealed(version, self.id, kind, content)
    }
}

/// A frame that begins with `@@`.
pub(super) fn sealed(version: &[u8], id: &[u8], kind: u16, content: &[u8]) -> Vec<u8> {
    let len = HEAD + version.len() + ID + 2 + content.len() + TAIL;
    let len = u16::try_from(len).unwrap_or(u16::MAX).to_le_bytes();
    let mut frame = [b"@@", &len[..], version, id, &kind.to_be_bytes(), content].concat();
    let crc = crc16_x25(&frame);
    frame.extend_from_slice(&crc.to_le_bytes());
    frame.extend_from_slice(b"\r\n");
    frame
}

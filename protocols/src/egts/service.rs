//! Records of the service level and their subrecords.

use crate::bytes::Bytes;

/// A service data record.
pub(super) struct Record<'a> {
    pub number: u16,
    /// The object that it is about, such as a vehicle of another server.
    pub object: Option<u32>,
    pub event: Option<u32>,
    /// Seconds since 2010.
    pub time: Option<u32>,
    /// The service that sent it.
    pub service: u8,
    pub data: &'a [u8],
}

impl<'a> Record<'a> {
    /// `None` where the bytes end before it does.
    pub fn read(rest: &mut Bytes<'a>) -> Option<Self> {
        let (len, number, flags) = (rest.u16_le()?, rest.u16_le()?, rest.u8()?);
        let mut optional = |bit: u8| if flags & bit == 0 { Some(None) } else { rest.u32_le().map(Some) };
        let (object, event, time) = (optional(1)?, optional(2)?, optional(4)?);
        let (service, _recipient) = (rest.u8()?, rest.u8()?);
        let data = rest.take(usize::from(len))?;
        Some(Self { number, object, event, time, service, data })
    }

    /// Its subrecords, up to the first that ends after it.
    pub fn subrecords(&self) -> Subrecords<'a> {
        Subrecords::of(self.data)
    }
}

/// Type and content of each subrecord.
pub(super) struct Subrecords<'a>(Bytes<'a>);

impl<'a> Iterator for Subrecords<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (kind, len) = (self.0.u8()?, self.0.u16_le()?);
        Some((kind, self.0.take(usize::from(len))?))
    }
}

impl<'a> Subrecords<'a> {
    pub fn of(data: &'a [u8]) -> Self {
        Self(Bytes(data))
    }

    /// Whether nothing is left that is no subrecord.
    pub fn is_done(&self) -> bool {
        self.0.0.is_empty()
    }
}

/// Bytes of the whole records at the start.
pub(super) fn well_formed(records: &[u8]) -> usize {
    let mut rest = Bytes(records);
    let mut len = 0;
    while Record::read(&mut rest).is_some() {
        len = records.len() - rest.0.len();
    }
    len
}

//! Records out of tags: a tag that was there already begins the next record.

use model::{AttributeKey, Fix, FixBatch, Known, Timestamp, Value};

use super::tags;
use crate::DecodeError;
use crate::bytes::Bytes;

/// What has been read of a packet.
pub(super) struct Records<'a> {
    pub batch: FixBatch,
    /// Of the first record that has it.
    pub imei: Option<&'a [u8]>,
    /// The device's answer to a command.
    pub words: Option<&'a [u8]>,
    /// What could not be read.
    pub defect: Option<DecodeError>,
    /// Of the record that is open.
    pub record: Record,
    /// The time of records without one.
    now: Timestamp,
}

/// What of a record must wait for its end.
#[derive(Default)]
pub(super) struct Record {
    /// The tags it has, a bit each.
    seen: [u64; 4],
    pub seconds: Option<i64>,
    pub millis: i64,
    /// Dilution of precision, or metres where cells are the source.
    pub precision: Option<u8>,
    pub is_of_cells: bool,
    /// It says more than who sends it and when.
    is_kept: bool,
    is_open: bool,
}

impl Record {
    fn has(&self, tag: u8) -> bool {
        self.seen.get(usize::from(tag >> 6)).is_some_and(|word| word >> (tag & 63) & 1 == 1)
    }

    fn note(&mut self, tag: u8) {
        if let Some(word) = self.seen.get_mut(usize::from(tag >> 6)) {
            *word |= 1 << (tag & 63);
        }
    }
}

impl<'a> Records<'a> {
    pub fn new(now: Timestamp) -> Self {
        let (batch, record) = (FixBatch::default(), Record::default());
        Self { batch, imei: None, words: None, defect: None, record, now }
    }

    /// The time of records without one.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Reads tags to the end of the bytes.
    pub fn read(&mut self, content: &'a [u8]) {
        let mut rest = Bytes(content);
        while let Some(tag) = rest.u8() {
            if !self.record.is_open || self.record.has(tag) {
                self.close();
                self.open();
            }
            self.record.note(tag);
            if self.tag(tag, &mut rest).is_none() {
                break;
            }
        }
        self.close();
    }

    /// Reads one tag's value into the record that is open; `None` where it is not known how
    /// to go on.
    pub fn tag(&mut self, tag: u8, rest: &mut Bytes<'a>) -> Option<()> {
        match tags::value(tag, rest) {
            Ok(value) => {
                match tag {
                    tags::IMEI => self.imei = self.imei.or(Some(value)),
                    tags::COMMAND_TEXT => self.words = Some(value),
                    _ => {}
                }
                self.record.is_kept |= !matches!(
                    tag,
                    tags::HARDWARE
                        | tags::FIRMWARE
                        | tags::IMEI
                        | tags::IDENTIFIER
                        | tags::RECORD_NUMBER
                        | tags::ARCHIVE_NUMBER
                        | tags::TIME
                        | tags::MILLISECONDS
                        | tags::COMMAND_NUMBER
                        | tags::COMMAND_TEXT
                );
                tags::read(tag, value, self);
                Some(())
            }
            Err(is_unknown) => {
                self.defect = Some(if is_unknown {
                    DecodeError::Unknown { what: "tag", number: u32::from(tag) }
                } else {
                    DecodeError::Format("packet ends before the value of its last tag does")
                });
                None
            }
        }
    }

    /// Begins a record.
    pub fn open(&mut self) {
        self.record = Record { is_open: true, ..Record::default() };
        self.batch.push(Fix::nowhere(self.now));
    }

    /// Marks the record as worth keeping whatever tags it has.
    pub fn keep(&mut self) {
        self.record.is_kept = true;
    }

    /// Ends the record that is open, and takes it away again where it says nothing.
    pub fn close(&mut self) {
        let record = std::mem::take(&mut self.record);
        if !record.is_open {
            return;
        }
        if !record.is_kept {
            if let Some(fix) = self.batch.fixes.pop() {
                self.batch.attributes.truncate(usize::try_from(fix.attributes_start).unwrap_or(usize::MAX));
            }
            return;
        }
        if let Some(precision) = record.precision {
            let precision = f64::from(precision);
            if record.is_of_cells {
                self.named("accuracy_m", Value::Float(precision * 10.0));
            } else {
                self.fix(|fix| fix.hdop = Some(crate::units::single(precision / 10.0)));
            }
        }
        if let Some(seconds) = record.seconds {
            self.fix(|fix| fix.time = Timestamp::from_millis(seconds * 1000 + record.millis));
        }
    }

    /// Changes the fix of the record that is open.
    pub fn fix(&mut self, change: impl FnOnce(&mut Fix)) {
        if let Some(fix) = self.batch.fixes.last_mut() {
            change(fix);
        }
    }

    pub fn known(&mut self, key: Known, value: Value) {
        self.batch.known(key, value);
    }

    pub fn number(&mut self, number: u32, value: Value) {
        self.batch.attribute(tags::key(number), value);
    }

    pub fn named(&mut self, name: &str, value: Value) {
        let key = self.batch.name(name);
        self.batch.attribute(key, value);
    }

    pub fn attribute(&mut self, key: AttributeKey, value: Value) {
        self.batch.attribute(key, value);
    }

    /// The driver's key; of several in a record the first.
    pub fn driver(&mut self, key: Value) {
        if self.batch.fixes.last().is_some_and(|fix| self.batch.get(fix, Known::DriverId).is_none()) {
            self.batch.known(Known::DriverId, key);
        }
    }

    /// A number as decimal text.
    pub fn decimal(&mut self, mut number: u64) -> Value {
        let mut digits = [b'0'; 20];
        let mut first = digits.len();
        for (place, digit) in digits.iter_mut().enumerate().rev() {
            *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
            first = place;
            if number == 0 {
                break;
            }
        }
        self.text(digits.get(first..).unwrap_or_default())
    }

    /// Text, without what fills it up; bytes where it is none.
    pub fn text(&mut self, text: &[u8]) -> Value {
        match std::str::from_utf8(text) {
            Ok(text) => self.batch.text_value(text.trim_matches(['\0', ' '])),
            Err(_) => self.batch.bytes_value(text),
        }
    }
}

//! What the AVL ids mean: the common names for those that matter, the number for the rest.
//!
//! Ids are those of the "AVL ID" lists of the FMB, FMC and FTC families, which the older FMx
//! lists share. An id has its common meaning only with the size that the list gives it, since
//! families use some ids for different things.

use model::{Attribute, AttributeKey, FixBatch, Known, Value};

use super::tags;
use crate::units::single;

pub(super) const IGNITION: u16 = 239;
pub(super) const MOVEMENT: u16 = 240;
pub(super) const GSM_SIGNAL: u16 = 21;
pub(super) const EXTERNAL_VOLTAGE: u16 = 66;
pub(super) const BATTERY_VOLTAGE: u16 = 67;
pub(super) const BATTERY_LEVEL: u16 = 113;
pub(super) const TOTAL_ODOMETER: u16 = 16;
/// The same of the FMx6 families, which have something else under 16.
const TOTAL_ODOMETER_X6: u16 = 216;
pub(super) const PDOP: u16 = 181;
pub(super) const HDOP: u16 = 182;
pub(super) const ALARM: u16 = 236;
pub(super) const IBUTTON: u16 = 78;
/// Cards at any reader: 1-Wire, and those of the first and the second serial port.
pub(super) const CARDS: [u16; 3] = [IBUTTON, 207, 217];
/// Doors of the CAN adapter in one number: bits 8 to 11, then bonnet and boot.
const CAN_DOORS: u16 = 90;
const CAN_DOORS_FIRST_BIT: u32 = 8;
/// Doors of the CAN adapter one by one, from the front left door.
pub(super) const DOORS: [(u16, Known); 4] =
    [(654, Known::Door1), (655, Known::Door2), (656, Known::Door3), (657, Known::Door4)];
/// Digital inputs 1 to 4, of one byte; with four bytes id 4 is a pulse counter.
pub(super) const INPUTS: [u16; 4] = [1, 2, 3, 4];
/// Digital outputs 1 to 3.
pub(super) const OUTPUTS: [u16; 3] = [179, 180, 380];
/// The first driver's tachograph card, its 16 characters in two halves: as the FMx6 families
/// read it themselves, and as the CAN adapter does.
const CARD_HALVES: [u16; 4] = [195, 196, 147, 148];

/// Volts are sent as millivolts.
pub(super) const MILLI: f64 = 1000.0;
/// Dilutions of precision are sent as tenths.
pub(super) const TENTH: f64 = 10.0;

/// What an element of one id and size means.
#[derive(Clone, Copy)]
struct Entry {
    key: AttributeKey,
    kind: Kind,
    /// Which input, output or half.
    number: u8,
}

/// How an element's value is read.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Whole,
    /// A whole number with a sign.
    Signed,
    Flag,
    Thousandths,
    Tenths,
    /// The fix has a field for it.
    Hdop,
    Input,
    Output,
    /// A card's number, zero where there is none.
    Card,
    /// Eight characters of a card's sixteen.
    CardHalf,
    Doors,
    /// Something that a dispatcher must look at, where it is not zero.
    Alarming,
    /// A number that a signed one may not hold.
    Long,
}

impl Entry {
    const fn new(id: u16, size: usize) -> Self {
        let number = AttributeKey::Number(id as u32);
        match (size, id) {
            (1, IGNITION) => Self::known(Known::Ignition, Kind::Flag),
            (1, MOVEMENT) => Self::known(Known::Movement, Kind::Flag),
            (1, 654) => Self::known(Known::Door1, Kind::Flag),
            (1, 655) => Self::known(Known::Door2, Kind::Flag),
            (1, 656) => Self::known(Known::Door3, Kind::Flag),
            (1, 657) => Self::known(Known::Door4, Kind::Flag),
            (1, GSM_SIGNAL) => Self::known(Known::GsmSignal, Kind::Whole),
            (1, BATTERY_LEVEL) => Self::known(Known::BatteryPercent, Kind::Whole),
            (4, TOTAL_ODOMETER | TOTAL_ODOMETER_X6) => Self::known(Known::OdometerM, Kind::Whole),
            (2, EXTERNAL_VOLTAGE) => Self::known(Known::ExternalVoltageV, Kind::Thousandths),
            (2, BATTERY_VOLTAGE) => Self::known(Known::BatteryVoltageV, Kind::Thousandths),
            (2, PDOP) => Self::known(Known::Pdop, Kind::Tenths),
            (2, HDOP) => Self { key: number, kind: Kind::Hdop, number: 0 },
            (1, 1) => Self { key: number, kind: Kind::Input, number: 0 },
            (1, 2) => Self { key: number, kind: Kind::Input, number: 1 },
            (1, 3) => Self { key: number, kind: Kind::Input, number: 2 },
            (1, 4) => Self { key: number, kind: Kind::Input, number: 3 },
            (1, 179) => Self { key: number, kind: Kind::Output, number: 0 },
            (1, 180) => Self { key: number, kind: Kind::Output, number: 1 },
            (1, 380) => Self { key: number, kind: Kind::Output, number: 2 },
            (2, CAN_DOORS) => Self { key: number, kind: Kind::Doors, number: 0 },
            (8, IBUTTON | 207 | 217) => Self { key: number, kind: Kind::Card, number: 0 },
            (8, 195) => Self { key: number, kind: Kind::CardHalf, number: 0 },
            (8, 196) => Self { key: number, kind: Kind::CardHalf, number: 1 },
            (8, 147) => Self { key: number, kind: Kind::CardHalf, number: 2 },
            (8, 148) => Self { key: number, kind: Kind::CardHalf, number: 3 },
            // Alarm button, towing, crash, GSM jamming, unplugged, harsh driving, GNSS jamming.
            (1, ALARM | 246 | 247 | 249 | 252 | 253 | 318) => Self { key: number, kind: Kind::Alarming, number: 0 },
            (8, _) => Self { key: number, kind: Kind::Long, number: 0 },
            _ if is_signed(id, size) => Self { key: number, kind: Kind::Signed, number: 0 },
            _ => Self { key: number, kind: Kind::Whole, number: 0 },
        }
    }

    const fn known(key: Known, kind: Kind) -> Self {
        Self { key: AttributeKey::Known(key), kind, number: 0 }
    }

    /// Whether the list knows more of it than that it is a number.
    const fn is_common(self) -> bool {
        matches!(self.key, AttributeKey::Known(_)) || !matches!(self.kind, Kind::Whole | Kind::Signed | Kind::Long)
    }
}

/// Whether the list gives an element of that size a sign.
pub(super) const fn is_signed(id: u16, size: usize) -> bool {
    match size {
        // OBD: coolant, fuel trim, timing, intake and ambient air, EGR; fuel sensors'
        // temperatures; pitch of EYE sensors.
        1 => matches!(id, 32 | 33 | 38 | 39 | 47 | 53 | 202 | 204 | 211 | 213 | 215 | 10_816..=10_819),
        // Accelerometer, Bluetooth sensors' temperatures, injection timing, engine and battery
        // temperatures, arm's slope, fuel sensors, hybrid current; EYE sensors.
        2 => matches!(id,
            17..=19 | 25..=28 | 59 | 115 | 151 | 161 | 201 | 203 | 210 | 212 | 214 | 327 | 544
            | 10_800..=10_803 | 10_832..=10_835),
        // The board's and the 1-Wire sensors' temperatures.
        4 => matches!(id, 70 | 72..=75),
        _ => false,
    }
}

/// Elements of any length that are words: VIN, bar code, trouble codes, place by ISO 6709,
/// module and driver of CAN adapters and speed limiters.
const fn is_text(id: u16) -> bool {
    matches!(id, 256 | 264 | 281 | 325 | 387 | 388 | 403..=408 | 500..=502)
}

/// The meanings of the ids of one byte, which are most, ready to be looked up.
const fn table(size: usize) -> [Entry; 256] {
    let mut table = [Entry::new(0, size); 256];
    let mut id = 0;
    while id < 256 {
        #[expect(clippy::indexing_slicing, reason = "evaluated while compiling")]
        {
            table[id as usize] = Entry::new(id, size);
        }
        id += 1;
    }
    table
}

static OF_ONE: [Entry; 256] = table(1);
static OF_TWO: [Entry; 256] = table(2);
static OF_FOUR: [Entry; 256] = table(4);
static OF_EIGHT: [Entry; 256] = table(8);

/// The meanings of the ids of one byte.
#[inline]
fn of_size(size: usize) -> &'static [Entry; 256] {
    match size {
        1 => &OF_ONE,
        2 => &OF_TWO,
        4 => &OF_FOUR,
        _ => &OF_EIGHT,
    }
}

/// What of one record's elements only together makes an attribute.
#[derive(Default)]
pub(super) struct Elements {
    /// Where it was sent.
    pub hdop: Option<f32>,
    /// Whether any of what follows was seen.
    gathered: bool,
    inputs: Bits,
    outputs: Bits,
    alarm: Option<bool>,
    doors: Option<u64>,
    has_driver: bool,
    /// As in [`CARD_HALVES`]; zero where there is no card.
    card: [u64; 4],
    beacons: usize,
    sensors: usize,
}

#[derive(Default)]
struct Bits {
    seen: bool,
    set: u8,
}

impl Bits {
    #[inline]
    fn add(&mut self, bit: u8, raw: u64) {
        self.seen = true;
        self.set |= u8::from(raw != 0) << bit;
    }
}

/// Places for attributes, of which there are enough. Filling them costs less than pushing, which
/// reads and writes the array's length for each.
pub(super) type Places<'a> = std::slice::IterMut<'a, Attribute>;

/// What a place holds before it is filled.
pub(super) const VACANT: Attribute = Attribute { key: AttributeKey::Number(0), value: Value::Int(0) };

/// Fills the next place.
#[inline]
pub(super) fn put(places: &mut Places<'_>, key: AttributeKey, value: Value) {
    if let Some(place) = places.next() {
        *place = Attribute { key, value };
    }
}

#[inline]
const fn known(key: Known, value: Value) -> Attribute {
    Attribute { key: AttributeKey::Known(key), value }
}

#[inline]
fn numbered(id: u16, value: Value) -> Attribute {
    Attribute { key: AttributeKey::Number(u32::from(id)), value }
}

/// All attributes go to [`FixBatch::attributes`] itself or to places in it, to be counted by the
/// caller.
impl Elements {
    /// Adds a group of elements, each of them an id of `ID` bytes and a value of `N`.
    #[expect(clippy::inline_always, reason = "in one function all groups share what it keeps at hand")]
    #[inline(always)]
    pub fn add_group<const ID: usize, const N: usize>(
        &mut self,
        elements: &[u8],
        places: &mut Places<'_>,
        text: &mut Vec<u8>,
    ) {
        for element in elements.chunks_exact(ID + N) {
            let Some((id, value)) = element.split_first_chunk::<ID>() else { return };
            let Some(value) = value.first_chunk::<N>() else { return };
            let (id, raw) = (short(id), whole(value));
            match of_size(N).get(usize::from(id)) {
                Some(entry) => self.put(entry, id, raw, N, places, text),
                None => {
                    if let Some(Attribute { key, value }) = self.rare(id, raw, N, text) {
                        put(places, key, value);
                    }
                }
            }
        }
    }

    /// What an element says that is not in the tables, or not known by its size.
    #[inline(never)]
    fn rare(&mut self, id: u16, raw: u64, size: usize, text: &mut Vec<u8>) -> Option<Attribute> {
        let mut place = [VACANT];
        let mut places = place.iter_mut();
        self.put(&Entry::new(id, size), id, raw, size, &mut places, text);
        let vacant = places.len();
        place.into_iter().nth(vacant)
    }

    /// Adds what an element says, or notes it. Each case adds it by itself: an attribute that comes
    /// out of all of them would be stored, loaded and stored again.
    #[expect(clippy::inline_always, reason = "a call for each element would cost more than what it does")]
    #[inline(always)]
    fn put(&mut self, entry: &Entry, id: u16, raw: u64, size: usize, places: &mut Places<'_>, text: &mut Vec<u8>) {
        // No sizes but these have such kinds; so the compiler need not look for them in others.
        match entry.kind {
            Kind::Whole if size < 8 => put(places, entry.key, Value::Int(raw.cast_signed())),
            Kind::Flag if size == 1 => put(places, entry.key, Value::Bool(raw != 0)),
            Kind::Thousandths if size == 2 => put(places, entry.key, Value::Float(small(raw) / MILLI)),
            Kind::Tenths if size == 2 => put(places, entry.key, Value::Float(small(raw) / TENTH)),
            Kind::Hdop if size == 2 => self.hdop = Some(single(small(raw) / TENTH)),
            Kind::Signed if size < 8 => {
                let unused = 64 - 8 * size;
                put(places, entry.key, Value::Int((raw << unused).cast_signed() >> unused));
            }
            _ => {
                if let Some(Attribute { key, value }) = self.seldom(*entry, id, raw, text) {
                    put(places, key, value);
                }
            }
        }
    }

    /// Elements that make another attribute than one of their own.
    #[inline(never)]
    fn seldom(&mut self, entry: Entry, id: u16, raw: u64, text: &mut Vec<u8>) -> Option<Attribute> {
        self.gathered |= entry.kind != Kind::Long;
        match entry.kind {
            Kind::Input => self.inputs.add(entry.number, raw),
            Kind::Output => self.outputs.add(entry.number, raw),
            Kind::Alarming => {
                self.alarm = Some(self.alarm == Some(true) || raw != 0);
                if id != ALARM {
                    return Some(number(id, raw, text));
                }
            }
            Kind::CardHalf => {
                if let Some(place) = self.card.get_mut(usize::from(entry.number)) {
                    *place = raw;
                }
            }
            Kind::Doors => {
                self.doors = Some(raw);
                return Some(number(id, raw, text));
            }
            Kind::Card if raw == 0 => {}
            Kind::Card if !self.has_driver => {
                self.has_driver = true;
                let start = u32::try_from(text.len()).unwrap_or(u32::MAX);
                for place in (0..16).rev() {
                    let nibble = usize::try_from(raw >> (4 * place) & 0xf).unwrap_or(0);
                    text.push(b"0123456789ABCDEF".get(nibble).copied().unwrap_or(b'0'));
                }
                return Some(known(Known::DriverId, Value::Text { start, len: 16 }));
            }
            _ => return Some(number(id, raw, text)),
        }
        None
    }

    /// Adds an element of which the size is not known, only the value: it has its common
    /// meaning where it fits the size that the list gives it.
    pub fn add_unsized(&mut self, id: u16, value: i64, batch: &mut FixBatch) {
        let sized = [1usize, 2, 4, 8].into_iter().map(|size| (Entry::new(id, size), size));
        let mut common = sized.filter(|(entry, _)| entry.is_common());
        let raw = u64::try_from(value).ok();
        match (common.find(|(_, size)| raw.is_some_and(|raw| *size == 8 || raw >> (8 * size) == 0)), raw) {
            (Some((_, size)), Some(raw)) => batch.attributes.extend(self.rare(id, raw, size, &mut batch.text)),
            _ => batch.attributes.push(numbered(id, Value::Int(value))),
        }
    }

    /// Adds an element of variable length: words as text, sensors and beacons one by one, all
    /// else as the bytes it is.
    pub fn add_variable(&mut self, id: u16, bytes: &[u8], batch: &mut FixBatch) {
        let read = match id {
            IBUTTON => words(bytes).is_some_and(|card| self.driver(card, batch)),
            385 => tags::beacons(bytes, &mut self.beacons, batch),
            548 | 10_828 | 10_829 | 10_831 | 11_317 => tags::sensors(bytes, &mut self.sensors, batch),
            id if is_text(id) => words(bytes).is_some_and(|text| {
                let value = batch.text_value(text);
                batch.attributes.push(numbered(id, value));
                true
            }),
            _ => false,
        };
        if !read {
            let value = batch.bytes_value(bytes);
            batch.attributes.push(numbered(id, value));
        }
    }

    /// Names the driver, once a record.
    pub fn driver(&mut self, card: &str, batch: &mut FixBatch) -> bool {
        // Zeros stand for no card.
        let is_first = !self.has_driver && card.bytes().any(|b| b != b'0');
        if is_first {
            let value = batch.text_value(card);
            batch.attributes.push(known(Known::DriverId, value));
            self.has_driver = true;
        }
        is_first
    }

    /// The tachograph's cards, once both halves are known.
    fn tachograph_card(&mut self, batch: &mut FixBatch) {
        let [first, second, third, fourth] = self.card;
        for (high, low, ids) in [(first, second, CARD_HALVES.first_chunk()), (third, fourth, CARD_HALVES.last_chunk())]
        {
            let Some([high_id, low_id]) = ids.copied() else { continue };
            let characters = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
            let is_read = (high, low) == (0, 0) || words(&characters).is_some_and(|card| self.driver(card, batch));
            if !is_read {
                for (id, half) in [(high_id, high), (low_id, low)].into_iter().filter(|(_, half)| *half != 0) {
                    let attribute = number(id, half, &mut batch.text);
                    batch.attributes.push(attribute);
                }
            }
        }
    }

    /// Adds what was gathered, once the record is read.
    #[inline]
    pub fn finish(&mut self, batch: &mut FixBatch) {
        if self.gathered {
            self.add_gathered(batch);
        }
    }

    #[inline(never)]
    fn add_gathered(&mut self, batch: &mut FixBatch) {
        if self.inputs.seen {
            batch.attributes.push(known(Known::Inputs, Value::Int(i64::from(self.inputs.set))));
        }
        if self.outputs.seen {
            batch.attributes.push(known(Known::Outputs, Value::Int(i64::from(self.outputs.set))));
        }
        if let Some(alarm) = self.alarm {
            batch.attributes.push(known(Known::Alarm, Value::Bool(alarm)));
        }
        if let Some(bits) = self.doors {
            for (bit, (_, door)) in (CAN_DOORS_FIRST_BIT..).zip(DOORS) {
                batch.attributes.push(known(door, Value::Bool(bits >> bit & 1 == 1)));
            }
        }
        if self.card != [0; 4] {
            self.tachograph_card(batch);
        }
    }
}

/// Two bytes as a floating-point number.
#[inline]
fn small(raw: u64) -> f64 {
    f64::from(u16::try_from(raw).unwrap_or(u16::MAX))
}

/// An element without a common name: its number, or its bytes where that does not fit.
#[inline]
fn number(id: u16, raw: u64, text: &mut Vec<u8>) -> Attribute {
    let value = if let Ok(whole) = i64::try_from(raw) {
        Value::Int(whole)
    } else {
        let start = u32::try_from(text.len()).unwrap_or(u32::MAX);
        text.extend_from_slice(&raw.to_be_bytes());
        Value::Bytes { start, len: 8 }
    };
    numbered(id, value)
}

/// A number of at most two bytes.
#[inline]
fn short<const N: usize>(bytes: &[u8; N]) -> u16 {
    let mut wide = [0; 2];
    if let Some(low) = wide.last_chunk_mut::<N>() {
        *low = *bytes;
    }
    u16::from_be_bytes(wide)
}

/// A number of at most eight bytes.
#[inline]
fn whole<const N: usize>(bytes: &[u8; N]) -> u64 {
    let mut wide = [0; 8];
    if let Some(low) = wide.last_chunk_mut::<N>() {
        *low = *bytes;
    }
    u64::from_be_bytes(wide)
}

/// Bytes that are printable words, without the blanks and zeros at their end.
fn words(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?.trim_matches(['\0', ' ']);
    (!text.is_empty() && !text.contains(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use model::{Fix, Timestamp, ValueRef};

    use super::*;

    fn record(fill: impl FnOnce(&mut Elements, &mut FixBatch)) -> FixBatch {
        let (mut elements, mut batch) = (Elements::default(), FixBatch::default());
        fill(&mut elements, &mut batch);
        elements.finish(&mut batch);
        let attributes_len = u16::try_from(batch.attributes.len()).unwrap();
        batch.fixes.push(Fix { attributes_len, ..Fix::nowhere(Timestamp::from_secs(0)) });
        batch
    }

    fn add_eights(elements: &mut Elements, bytes: &[u8], batch: &mut FixBatch) {
        let mut places = [VACANT; 2];
        let mut vacant = places.iter_mut();
        elements.add_group::<1, 8>(bytes, &mut vacant, &mut batch.text);
        let filled = 2 - vacant.len();
        batch.attributes.extend_from_slice(&places[..filled]);
    }

    #[test]
    fn a_tachograph_card_is_one_text() {
        let batch = record(|elements, batch| {
            add_eights(elements, b"\xc41234567\0\xc3UA000000", batch);
        });
        assert_eq!(batch.get(&batch.fixes[0], Known::DriverId), Some(ValueRef::Text("UA0000001234567")));
        assert_eq!(batch.attributes.len(), 1);
    }

    #[test]
    fn halves_that_are_no_card_stay_numbers() {
        let batch = record(|elements, batch| add_eights(elements, &[147, 0, 0, 0, 0, 0, 0, 1, 2], batch));
        assert_eq!(batch.attributes, [Attribute { key: AttributeKey::Number(147), value: Value::Int(258) }]);
    }

    #[test]
    fn a_second_card_does_not_take_the_place_of_the_first() {
        let batch = record(|elements, batch| {
            add_eights(elements, &[78, 0, 0, 0, 0, 0, 0, 0, 9, 207, 0, 0, 0, 0, 0, 0, 0, 8], batch);
        });
        assert_eq!(batch.get(&batch.fixes[0], Known::DriverId), Some(ValueRef::Text("0000000000000009")));
        assert_eq!(batch.attributes.len(), 2);
    }

    #[test]
    fn without_a_size_the_value_decides() {
        let batch = record(|elements, batch| {
            elements.add_unsized(239, 1, batch);
            elements.add_unsized(4, 1_000, batch); // a pulse counter
            elements.add_unsized(66, 12_500, batch);
            elements.add_unsized(72, -55, batch);
        });
        let number = |id, value| Attribute { key: AttributeKey::Number(id), value: Value::Int(value) };
        let known = |key, value| Attribute { key: AttributeKey::Known(key), value };
        let expected = [
            known(Known::Ignition, Value::Bool(true)),
            number(4, 1_000),
            known(Known::ExternalVoltageV, Value::Float(12.5)),
            number(72, -55),
        ];
        assert_eq!(batch.attributes, expected);
    }
}

//! Fixes and their attributes, laid out for many at a time.

use xxhash_rust::xxh3::Xxh3;

use crate::{LatLon, Timestamp};

/// One GNSS reading of one tracker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fix {
    /// When the receiver took it.
    pub time: Timestamp,
    /// Where; `None` where the tracker had no position to give.
    pub position: Option<LatLon>,
    /// The tracker's own word that the position is a real GNSS solution.
    pub valid: bool,
    /// Metres above sea level.
    pub altitude_m: Option<f32>,
    /// Metres per second over ground.
    pub speed_mps: Option<f32>,
    /// Degrees clockwise from true north, 0 to 360.
    pub heading_deg: Option<f32>,
    /// Satellites used.
    pub satellites: Option<u8>,
    /// Horizontal dilution of precision.
    pub hdop: Option<f32>,
    /// Where this fix's attributes begin in [`FixBatch::attributes`].
    pub attributes_start: u32,
    /// How many attributes it has.
    pub attributes_len: u16,
}

impl Fix {
    /// A valid fix with a place and a time and nothing else.
    pub const fn at(time: Timestamp, position: LatLon) -> Self {
        Self { position: Some(position), valid: true, ..Self::nowhere(time) }
    }

    /// A record without a position.
    #[inline]
    pub const fn nowhere(time: Timestamp) -> Self {
        Self {
            time,
            position: None,
            valid: false,
            altitude_m: None,
            speed_mps: None,
            heading_deg: None,
            satellites: None,
            hdop: None,
            attributes_start: 0,
            attributes_len: 0,
        }
    }
}

/// Attributes that matter to public transport: one name and unit for all makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum Known {
    /// Ignition on.
    Ignition = 1,
    /// The tracker's accelerometer or odometer says that it moves.
    Movement = 2,
    /// Doors 1 to 4 open.
    Door1 = 3,
    /// Door 2 open.
    Door2 = 4,
    /// Door 3 open.
    Door3 = 5,
    /// Door 4 open.
    Door4 = 6,
    /// Passengers who boarded, as counted by the device.
    PassengersIn = 7,
    /// Passengers who alighted, as counted by the device.
    PassengersOut = 8,
    /// Driver's or card's id. Never published.
    DriverId = 9,
    /// Metres travelled in total.
    OdometerM = 10,
    /// External supply, volts.
    ExternalVoltageV = 11,
    /// Internal battery, volts.
    BatteryVoltageV = 12,
    /// Internal battery, percent.
    BatteryPercent = 13,
    /// GSM signal, 0 to 5 bars or the protocol's own scale.
    GsmSignal = 14,
    /// The protocol's event number.
    Event = 15,
    /// Alarm or panic button.
    Alarm = 16,
    /// Digital inputs as bits.
    Inputs = 17,
    /// Digital outputs as bits.
    Outputs = 18,
    /// Sent from the tracker's buffer, not live.
    Archive = 19,
    /// The device's clock differs from the server's by more than it should, seconds.
    ClockOffsetS = 20,
    /// Position dilution of precision.
    Pdop = 21,
    /// Record priority by the protocol.
    Priority = 22,
}

impl Known {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 22] = [
        Self::Ignition,
        Self::Movement,
        Self::Door1,
        Self::Door2,
        Self::Door3,
        Self::Door4,
        Self::PassengersIn,
        Self::PassengersOut,
        Self::DriverId,
        Self::OdometerM,
        Self::ExternalVoltageV,
        Self::BatteryVoltageV,
        Self::BatteryPercent,
        Self::GsmSignal,
        Self::Event,
        Self::Alarm,
        Self::Inputs,
        Self::Outputs,
        Self::Archive,
        Self::ClockOffsetS,
        Self::Pdop,
        Self::Priority,
    ];

    /// The name it has in JSON and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ignition => "ignition",
            Self::Movement => "movement",
            Self::Door1 => "door_1",
            Self::Door2 => "door_2",
            Self::Door3 => "door_3",
            Self::Door4 => "door_4",
            Self::PassengersIn => "passengers_in",
            Self::PassengersOut => "passengers_out",
            Self::DriverId => "driver_id",
            Self::OdometerM => "odometer_m",
            Self::ExternalVoltageV => "external_voltage_v",
            Self::BatteryVoltageV => "battery_voltage_v",
            Self::BatteryPercent => "battery_percent",
            Self::GsmSignal => "gsm_signal",
            Self::Event => "event",
            Self::Alarm => "alarm",
            Self::Inputs => "inputs",
            Self::Outputs => "outputs",
            Self::Archive => "archive",
            Self::ClockOffsetS => "clock_offset_s",
            Self::Pdop => "pdop",
            Self::Priority => "priority",
        }
    }

    pub(crate) fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|k| *k as u16 == number)
    }
}

/// What an attribute is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttributeKey {
    /// One of the common names.
    Known(Known),
    /// The protocol's own number, such as a Teltonika AVL id.
    Number(u32),
    /// A name that the device sent; the bytes lie in [`FixBatch::text`].
    Name {
        /// First byte.
        start: u32,
        /// Bytes.
        len: u16,
    },
}

/// What an attribute says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A measurement.
    Float(f64),
    /// Text; the bytes lie in [`FixBatch::text`].
    Text {
        /// First byte.
        start: u32,
        /// Bytes.
        len: u16,
    },
    /// Raw bytes, which lie in [`FixBatch::text`].
    Bytes {
        /// First byte.
        start: u32,
        /// Bytes.
        len: u16,
    },
}

/// A value with its text at hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'a> {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A measurement.
    Float(f64),
    /// Text.
    Text(&'a str),
    /// Raw bytes.
    Bytes(&'a [u8]),
}

/// One attribute of one fix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attribute {
    /// What it is about.
    pub key: AttributeKey,
    /// What it says.
    pub value: Value,
}

/// Many fixes with their attributes in three flat arrays, so that a batch costs a handful
/// of allocations however many records it holds, and none once its arrays have grown.
///
/// Fill it with [`FixBatch::push`], then the attributes of that fix with
/// [`FixBatch::attribute`] and its kin, then the next fix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FixBatch {
    /// The fixes, in the order in which the device sent them.
    pub fixes: Vec<Fix>,
    /// The attributes of all of them.
    pub attributes: Vec<Attribute>,
    /// The text and bytes that keys and values refer to.
    pub text: Vec<u8>,
}

impl FixBatch {
    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.fixes.clear();
        self.attributes.clear();
        self.text.clear();
    }

    /// Adds a fix; attributes added from now on are its own.
    #[inline]
    pub fn push(&mut self, fix: Fix) {
        let start = u32::try_from(self.attributes.len()).unwrap_or(u32::MAX);
        self.fixes.push(Fix { attributes_start: start, attributes_len: 0, ..fix });
    }

    /// Adds an attribute to the fix pushed last. Past 65,535 attributes a fix, or before
    /// the first fix, it is dropped.
    #[inline]
    pub fn attribute(&mut self, key: AttributeKey, value: Value) {
        if let Some(fix) = self.fixes.last_mut()
            && let Some(len) = fix.attributes_len.checked_add(1)
        {
            fix.attributes_len = len;
            self.attributes.push(Attribute { key, value });
        }
    }

    /// Gives the fix pushed last what has been pushed to [`FixBatch::attributes`] itself since,
    /// which costs a decoder of many attributes less than [`FixBatch::attribute`] for each. Past
    /// 65,535 attributes a fix, or before the first fix, they are dropped.
    #[inline]
    pub fn adopt_attributes(&mut self) {
        let (start, most) = self.fixes.last().map_or((0, 0), |f| (f.attributes_start as usize, usize::from(u16::MAX)));
        self.attributes.truncate(start.saturating_add(most));
        let count = self.attributes.len().saturating_sub(start);
        if let Some(fix) = self.fixes.last_mut() {
            fix.attributes_len = u16::try_from(count).unwrap_or(u16::MAX);
        }
    }

    /// Adds one of the common attributes to the fix pushed last.
    #[inline]
    pub fn known(&mut self, key: Known, value: Value) {
        self.attribute(AttributeKey::Known(key), value);
    }

    /// Gives every fix for which `value` has one an attribute more, and says how many those are. `value`
    /// may also set the fix itself right.
    pub fn mark(&mut self, key: Known, mut value: impl FnMut(&mut Fix) -> Option<Value>) -> usize {
        let mut marked = 0;
        let mut with_marks = Vec::new();
        let old = std::mem::take(&mut self.attributes);
        for fix in &mut self.fixes {
            let start = fix.attributes_start as usize;
            let own = old.get(start..start + usize::from(fix.attributes_len)).unwrap_or(&[]);
            let mark = value(fix);
            if mark.is_some() && marked == 0 {
                with_marks.reserve(old.len() + 1);
                with_marks.extend_from_slice(old.get(..start).unwrap_or(&old));
            }
            marked += usize::from(mark.is_some());
            if marked > 0 {
                fix.attributes_start = u32::try_from(with_marks.len()).unwrap_or(u32::MAX);
                with_marks.extend_from_slice(own);
                if let Some((value, len)) = mark.zip(fix.attributes_len.checked_add(1)) {
                    fix.attributes_len = len;
                    with_marks.push(Attribute { key: AttributeKey::Known(key), value });
                }
            }
        }
        self.attributes = if marked > 0 { with_marks } else { old };
        marked
    }

    /// Keeps text for a key; text past 65,535 bytes is cut at a character.
    pub fn name(&mut self, name: &str) -> AttributeKey {
        let (start, len) = self.keep(cut(name).as_bytes());
        AttributeKey::Name { start, len }
    }

    /// Keeps text for a value; text past 65,535 bytes is cut at a character.
    pub fn text_value(&mut self, text: &str) -> Value {
        let (start, len) = self.keep(cut(text).as_bytes());
        Value::Text { start, len }
    }

    /// Keeps bytes for a value, the first 65,535 of them.
    pub fn bytes_value(&mut self, bytes: &[u8]) -> Value {
        let (start, len) = self.keep(bytes);
        Value::Bytes { start, len }
    }

    fn keep(&mut self, bytes: &[u8]) -> (u32, u16) {
        let start = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.text.extend_from_slice(bytes.get(..usize::from(len)).unwrap_or(bytes));
        (start, len)
    }

    /// The attributes of a fix of this batch.
    #[inline]
    pub fn attributes_of(&self, fix: &Fix) -> &[Attribute] {
        let start = fix.attributes_start as usize;
        self.attributes.get(start..start + usize::from(fix.attributes_len)).unwrap_or(&[])
    }

    /// A key's name: the common one, the protocol's number in decimal, or the device's own.
    pub fn key_name(&self, key: AttributeKey) -> std::borrow::Cow<'_, str> {
        match key {
            AttributeKey::Known(known) => known.name().into(),
            AttributeKey::Number(number) => number.to_string().into(),
            AttributeKey::Name { start, len } => String::from_utf8_lossy(self.slice(start, len)),
        }
    }

    /// A value with its text.
    #[inline]
    pub fn value(&self, value: Value) -> ValueRef<'_> {
        match value {
            Value::Bool(b) => ValueRef::Bool(b),
            Value::Int(i) => ValueRef::Int(i),
            Value::Float(f) => ValueRef::Float(f),
            Value::Text { start, len } => {
                let bytes = self.slice(start, len);
                std::str::from_utf8(bytes).map_or(ValueRef::Bytes(bytes), ValueRef::Text)
            }
            Value::Bytes { start, len } => ValueRef::Bytes(self.slice(start, len)),
        }
    }

    /// One of the common attributes of a fix, where it has it.
    pub fn get(&self, fix: &Fix, key: Known) -> Option<ValueRef<'_>> {
        self.attributes_of(fix).iter().find(|a| a.key == AttributeKey::Known(key)).map(|a| self.value(a.value))
    }

    fn slice(&self, start: u32, len: u16) -> &[u8] {
        let start = start as usize;
        self.text.get(start..start + usize::from(len)).unwrap_or(&[])
    }

    /// A number that stays the same for the same record sent again, and across versions
    /// and machines: XXH3 over everything the record says but its time, and but for what
    /// differs between a record sent live and the same one sent again from a buffer.
    pub fn content_hash(&self, fix: &Fix) -> u64 {
        let mut hash = Xxh3::new();
        let number = |hash: &mut Xxh3, v: Option<f32>| hash.update(&v.unwrap_or(f32::NAN).to_bits().to_le_bytes());
        let (lat, lon) = fix.position.map_or((f64::NAN, f64::NAN), |p| (p.lat(), p.lon()));
        hash.update(&lat.to_bits().to_le_bytes());
        hash.update(&lon.to_bits().to_le_bytes());
        hash.update(&[u8::from(fix.valid), fix.satellites.unwrap_or(u8::MAX)]);
        number(&mut hash, fix.altitude_m);
        number(&mut hash, fix.speed_mps);
        number(&mut hash, fix.heading_deg);
        number(&mut hash, fix.hdop);
        let of_delivery = |key| matches!(key, AttributeKey::Known(Known::Archive | Known::ClockOffsetS));
        for attribute in self.attributes_of(fix).iter().filter(|a| !of_delivery(a.key)) {
            hash.update(self.key_name(attribute.key).as_bytes());
            match self.value(attribute.value) {
                ValueRef::Bool(b) => hash.update(&[0, u8::from(b)]),
                ValueRef::Int(i) => hash.update(&i.to_le_bytes()),
                ValueRef::Float(f) => hash.update(&f.to_bits().to_le_bytes()),
                ValueRef::Text(t) => hash.update(t.as_bytes()),
                ValueRef::Bytes(b) => hash.update(b),
            }
        }
        hash.digest()
    }
}

/// The longest prefix of at most 65,535 bytes that ends between characters.
fn cut(text: &str) -> &str {
    let end = text.floor_char_boundary(usize::from(u16::MAX));
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_belong_to_the_fix_pushed_last() {
        let mut batch = FixBatch::default();
        batch.known(Known::Ignition, Value::Bool(true)); // before any fix: dropped
        batch.push(Fix::nowhere(Timestamp::from_secs(1)));
        batch.known(Known::Ignition, Value::Bool(false));
        batch.push(Fix::nowhere(Timestamp::from_secs(2)));
        let name = batch.name("fuel");
        let value = batch.text_value("пів бака");
        batch.attribute(name, value);

        let (first, second) = (&batch.fixes[0], &batch.fixes[1]);
        assert_eq!(batch.get(first, Known::Ignition), Some(ValueRef::Bool(false)));
        assert_eq!(batch.get(second, Known::Ignition), None);
        let fuel = batch.attributes_of(second)[0];
        assert_eq!(batch.key_name(fuel.key), "fuel");
        assert_eq!(batch.value(fuel.value), ValueRef::Text("пів бака"));
    }

    #[test]
    fn attributes_pushed_at_once_belong_to_it_too() {
        let flag = Attribute { key: AttributeKey::Number(1), value: Value::Bool(true) };
        let mut batch = FixBatch::default();
        batch.attributes.push(flag);
        batch.adopt_attributes(); // before any fix: dropped
        batch.push(Fix::nowhere(Timestamp::from_secs(1)));
        batch.known(Known::Ignition, Value::Bool(true));
        batch.attributes.extend([flag; 2]);
        batch.adopt_attributes();
        batch.push(Fix::nowhere(Timestamp::from_secs(2)));
        batch.attributes.extend(std::iter::repeat_n(flag, 70_000));
        batch.adopt_attributes();
        assert_eq!(batch.attributes_of(&batch.fixes[0]).len(), 3);
        assert_eq!(batch.attributes_of(&batch.fixes[1]).len(), 65_535);
    }

    #[test]
    fn the_content_hash_tells_records_apart_and_ignores_where_they_lie() {
        let place = LatLon::new(48.85, 37.6).unwrap();
        let mut one = FixBatch::default();
        one.push(Fix::at(Timestamp::from_secs(1), place));
        one.known(Known::Event, Value::Int(3));
        let mut two = FixBatch::default();
        two.push(Fix::nowhere(Timestamp::from_secs(0)));
        two.known(Known::Event, Value::Int(9));
        two.push(Fix::at(Timestamp::from_secs(1), place));
        two.known(Known::Event, Value::Int(3));

        assert_eq!(one.content_hash(&one.fixes[0]), two.content_hash(&two.fixes[1]));
        two.known(Known::Archive, Value::Bool(true));
        assert_eq!(one.content_hash(&one.fixes[0]), two.content_hash(&two.fixes[1]));
        assert_ne!(two.content_hash(&two.fixes[0]), two.content_hash(&two.fixes[1]));
    }
}

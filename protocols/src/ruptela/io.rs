//! What the IO ids mean: the common names for those that matter, the number for the rest.

use model::{AttributeKey, FixBatch, Known, Value};

/// The tachograph counts metres by five.
const TACHOGRAPH_METRES: u64 = 5;
/// Volts are sent as millivolts.
const MILLI: f64 = 1000.0;
/// Digital input 4, to which the ignition is wired where no other id tells of it.
const INPUT_4: u16 = 5;
const FIRST_INPUT: u16 = 2;

/// Ids whose values have a sign: temperatures, accelerometer axes, torque.
const fn is_signed(id: u16) -> bool {
    matches!(id,
        6 | 26 | 32 | 33 | 49..=51 | 56..=64 | 74..=76 | 78..=80 | 96 | 97 | 101 | 144..=149 | 184..=187 | 212
        | 229..=234 | 419 | 509..=514 | 520 | 584..=587 | 594 | 600..=604 | 611..=613)
}

/// What of one record's elements only together makes an attribute.
#[derive(Default)]
pub(super) struct Gathered {
    inputs: Option<u8>,
    ignition: Option<bool>,
    movement: Option<bool>,
    alarm: bool,
    odometer: Option<u64>,
    tachograph_odometer: Option<u64>,
    /// Cards in two halves; zero where there is none.
    can_card: [u64; 2],
    tachograph_card: [u64; 2],
    /// The reader's card.
    card: u64,
    /// A Bluetooth tag in two halves.
    tag: [u64; 2],
}

impl Gathered {
    /// Adds an element of `size` bytes to the fix pushed last.
    pub fn add(&mut self, id: u16, raw: u64, size: usize, batch: &mut FixBatch) {
        match (id, size) {
            (FIRST_INPUT..=INPUT_4, 1) => {
                let bit = u8::from(raw != 0) << (id - FIRST_INPUT);
                self.inputs = Some(self.inputs.unwrap_or(0) | bit);
            }
            (251 | 409, 1) => self.ignition = Some(self.ignition == Some(true) || raw != 0),
            (13 | 173, 1) => self.movement = Some(self.movement == Some(true) || raw != 0),
            (27, 1) => batch.known(Known::GsmSignal, int(raw)),
            (29, 2 | 4) => batch.known(Known::ExternalVoltageV, Value::Float(raw as f64 / MILLI)),
            (30, 2 | 4) => batch.known(Known::BatteryVoltageV, Value::Float(raw as f64 / MILLI)),
            (65, 4) => self.odometer = Some(raw),
            (163, 4) => self.tachograph_odometer = Some(raw),
            (34 | 171, 8) if self.card == 0 => self.card = raw,
            (126, 8) => self.can_card[0] = raw,
            (127, 8) => self.can_card[1] = raw,
            (155, 8) => self.tachograph_card[0] = raw,
            (156, 8) => self.tachograph_card[1] = raw,
            (760, 8) => self.tag[0] = raw,
            (761, 8) => self.tag[1] = raw,
            _ => {
                self.alarm |= is_alarm(id, raw);
                numbered(id, raw, size, batch);
            }
        }
    }

    /// Adds what was gathered to the fix pushed last.
    pub fn finish(self, batch: &mut FixBatch) {
        // Without another word of it the ignition is on the fourth input.
        let wired = self.inputs.map(|bits| bits >> (INPUT_4 - FIRST_INPUT) & 1 == 1);
        if let Some(ignition) = self.ignition.or(wired) {
            batch.known(Known::Ignition, Value::Bool(ignition));
        }
        if let Some(movement) = self.movement {
            batch.known(Known::Movement, Value::Bool(movement));
        }
        if let Some(bits) = self.inputs {
            batch.known(Known::Inputs, Value::Int(i64::from(bits)));
        }
        if self.alarm {
            batch.known(Known::Alarm, Value::Bool(true));
        }
        let by_tachograph = self.tachograph_odometer.map(|raw| raw * TACHOGRAPH_METRES);
        if let Some(metres) = self.odometer.or(by_tachograph) {
            batch.known(Known::OdometerM, int(metres));
        }
        if let (Some(raw), Some(_)) = (self.tachograph_odometer, self.odometer) {
            numbered(163, raw, 4, batch);
        }
        self.driver(batch);
        if self.tag != [0, 0] {
            let key = batch.name("tag_id");
            let value = batch.bytes_value(&joined(self.tag));
            batch.attribute(key, value);
        }
    }

    /// One driver: the card in the tachograph, or that of which the CAN bus tells, or that at
    /// the reader.
    fn driver(&self, batch: &mut FixBatch) {
        for halves in [self.tachograph_card, self.can_card] {
            let characters = joined(halves);
            let text = std::str::from_utf8(&characters).unwrap_or_default().trim_matches(['\0', ' ']);
            if !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
                let value = batch.text_value(text);
                return batch.known(Known::DriverId, value);
            }
        }
        if self.card != 0 {
            let digits = hex::encode_upper(self.card.to_be_bytes());
            let value = batch.text_value(&digits);
            batch.known(Known::DriverId, value);
        }
    }
}

/// GSM jamming, harsh braking and acceleration, towing, accident, tampering; the GNSS antenna's
/// state, where 0 is the alarm.
const fn is_alarm(id: u16, raw: u64) -> bool {
    match id {
        88 | 134 | 136 | 410 | 411 => raw != 0,
        415 => raw == 0,
        758 => raw == 1,
        _ => false,
    }
}

fn joined([high, low]: [u64; 2]) -> [u8; 16] {
    (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
}

fn int(raw: u64) -> Value {
    Value::Int(crate::units::int(raw))
}

/// An element under its number; eight bytes that a signed number does not hold as they are.
fn numbered(id: u16, raw: u64, size: usize, batch: &mut FixBatch) {
    let value = if is_signed(id) {
        let unused = 64 - 8 * size;
        Value::Int((raw << unused).cast_signed() >> unused)
    } else if let Ok(whole) = i64::try_from(raw) {
        Value::Int(whole)
    } else {
        batch.bytes_value(&raw.to_be_bytes())
    };
    batch.attribute(AttributeKey::Number(u32::from(id)), value);
}

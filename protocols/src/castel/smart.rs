//! The contents of "OBD Smart": what a type says, as records.

use model::{Fix, FixBatch, Known, Timestamp, Value};

use super::record::{PLACE, State, place};
use super::vehicle;
use crate::attributes::once;
use crate::bytes::Bytes;
use crate::put::Put;

/// Most places of a frame.
const MAX_PLACES: usize = 100;
/// Ignition on and off are events, not alarms.
const IGNITION_ON: u8 = 0x16;
const IGNITION_OFF: u8 = 0x17;
/// Most alarms of a frame.
const MAX_ALARMS: usize = 32;

/// An alarm: its type where it is new, what it measured and the bound it passed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Alarm {
    pub kind: u8,
    is_new: bool,
    measured: u16,
    bound: u16,
}

/// State and places, and what comes after them.
pub(super) struct Track<'a> {
    state: State,
    places: Vec<Fix>,
    rest: Bytes<'a>,
}

impl<'a> Track<'a> {
    pub fn read(mut bytes: Bytes<'a>, now: Timestamp) -> Option<Self> {
        let state = State::read(&mut bytes)?;
        let count = usize::from(bytes.u8()?);
        if count > MAX_PLACES || count * PLACE > bytes.0.len() {
            return None;
        }
        let places = (0..count).map_while(|_| place(&mut bytes, state.time(now))).collect();
        Some(Self { state, places, rest: bytes })
    }

    /// The places with the state, and with what else is known of each.
    fn batch(&self, mut more: impl FnMut(&mut FixBatch)) -> FixBatch {
        let mut batch = FixBatch::default();
        for place in &self.places {
            batch.push(*place);
            more(&mut batch);
            self.state.add(&mut batch);
        }
        batch
    }

    pub fn plain(self) -> FixBatch {
        self.batch(|_| {})
    }

    /// Whether it was sent from the device's memory comes first; the engine's revolutions at each
    /// place come last.
    pub fn gps(content: &'a [u8], now: Timestamp) -> Option<FixBatch> {
        let mut bytes = Bytes(content);
        let is_archive = bytes.u8()? != 0;
        let track = Self::read(bytes, now)?;
        let mut rest = track.rest;
        let mut left = rest.u8().unwrap_or(0);
        Some(track.batch(|batch| {
            if is_archive {
                batch.known(Known::Archive, Value::Bool(true));
            }
            if left > 0
                && let Some(rpm) = rest.u16_le()
            {
                left -= 1;
                batch.put("rpm", Value::Int(rpm.into()));
            }
        }))
    }

    /// Each place with the alarms that follow, and the alarms alone.
    pub fn with_alarms(mut self) -> (FixBatch, Vec<Alarm>) {
        let count = self.rest.u8().map_or(0, usize::from).min(MAX_ALARMS);
        let alarm = |bytes: &mut Bytes<'_>| {
            let (is_new, kind) = (bytes.u8()? != 0, bytes.u8()?);
            Some(Alarm { kind, is_new, measured: bytes.u16_le()?, bound: bytes.u16_le()? })
        };
        let all = (0..count).map_while(|_| alarm(&mut self.rest));
        let alarms: Vec<Alarm> = all.filter(|alarm| alarm.is_new).collect();
        let batch = self.batch(|batch| alarms.iter().for_each(|alarm| alarm.add(batch)));
        (batch, alarms)
    }

    /// The voltage of a fuel sensor at each place.
    pub fn with_fuel(self) -> FixBatch {
        let mut rest = self.rest;
        self.batch(|batch| {
            if let Some(raw) = rest.u16_le() {
                batch.put("adc_1", Value::Int(raw.into()));
            }
        })
    }
}

impl Alarm {
    /// Of several alarms the first has the event and its values; any makes an alarm.
    fn add(self, batch: &mut FixBatch) {
        let is_first = batch.fixes.last().is_some_and(|fix| batch.get(fix, Known::Event).is_none());
        match self.kind {
            IGNITION_ON => once(batch, Known::Ignition, Value::Bool(true)),
            IGNITION_OFF => once(batch, Known::Ignition, Value::Bool(false)),
            _ => once(batch, Known::Alarm, Value::Bool(true)),
        }
        if is_first {
            batch.known(Known::Event, Value::Int(self.kind.into()));
            batch.put("alarm_value", Value::Int(self.measured.into()));
            batch.put("alarm_bound", Value::Int(self.bound.into()));
        }
    }
}

/// Measurements at the rate that was asked for.
pub(super) fn measurements(content: &[u8], now: Timestamp) -> Option<FixBatch> {
    let mut bytes = Bytes(content);
    let mut batch = State::read(&mut bytes)?.nowhere(now);
    bytes.skip(2)?;
    vehicle::measurements(&mut bytes, true, &mut batch)?;
    Some(batch)
}

/// The values of all that was asked for, once.
pub(super) fn snapshot(content: &[u8], now: Timestamp) -> Option<FixBatch> {
    let mut bytes = Bytes(content);
    let mut batch = State::read(&mut bytes)?.nowhere(now);
    bytes.skip(1)?;
    vehicle::measurements(&mut bytes, false, &mut batch)?;
    Some(batch)
}

/// Acceleration along three axes, many times a second; kept as it is, in 1/64 g.
pub(super) fn acceleration(content: &[u8], now: Timestamp) -> Option<FixBatch> {
    let mut bytes = Bytes(content);
    let mut batch = State::read(&mut bytes)?.nowhere(now);
    bytes.skip(2)?;
    let count = usize::from(bytes.u8()?);
    let value = batch.bytes_value(bytes.take(count * 6)?);
    batch.put("acceleration", value);
    Some(batch)
}

/// Trouble codes.
pub(super) fn trouble(content: &[u8], now: Timestamp) -> Option<FixBatch> {
    let mut bytes = Bytes(content);
    let mut batch = State::read(&mut bytes)?.nowhere(now);
    vehicle::codes(&mut bytes, &mut batch)?;
    Some(batch)
}

/// The cell, where there is no place.
pub(super) fn cell(content: &[u8], now: Timestamp) -> Option<FixBatch> {
    let mut bytes = Bytes(content);
    let mut batch = State::read(&mut bytes)?.nowhere(now);
    for name in ["lac", "cell"] {
        batch.put(name, Value::Int(bytes.u16_le()?.into()));
    }
    Some(batch)
}

/// A place while asleep, after the time; or one alone, with a request for satellites' orbits.
pub(super) fn single(content: &[u8], after: usize, now: Timestamp) -> Option<FixBatch> {
    let mut bytes = Bytes(content);
    bytes.skip(after)?;
    let mut batch = FixBatch::default();
    batch.push(place(&mut bytes, now)?);
    Some(batch)
}

/// The answer to a query: settings that could not be read, and texts of those that could.
pub(super) fn answer(content: &[u8]) -> Option<String> {
    let mut bytes = Bytes(content);
    bytes.skip(4)?; // number, and which part of how many
    let failed = usize::from(bytes.u8()?);
    bytes.skip(failed * 2)?;
    let mut words = String::new();
    for _ in 0..bytes.u8()? {
        bytes.skip(2)?;
        let len = usize::from(bytes.u16_le()?);
        let value = bytes.take(len)?;
        if !words.is_empty() {
            words.push('\n');
        }
        match std::str::from_utf8(value).map(|text| text.trim_end_matches('\0')) {
            Ok(text) if !text.chars().any(char::is_control) => words.push_str(text),
            _ => words.push_str(&hex::encode(value)),
        }
    }
    Some(words)
}

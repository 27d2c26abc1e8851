//! HEX messages: masks say which fields are there, and the position is where they fit.

use ::model::{DeviceId, Fix, FixBatch, Known, LatLon, Timestamp, Value};

use crate::bytes::Bytes;
use crate::civil::utc;
use crate::units::{heading, int, kmh};
use crate::{DecodeError, Kind, Reply};

use super::attributes as add;
use super::{hex_inf, hex_track};

/// Bits of the mask of location and event reports.
const SPEED: u32 = 0;
const AZIMUTH: u32 = 1;
const ALTITUDE: u32 = 2;
const CELL: u32 = 3;
const SEND_TIME: u32 = 4;
const COUNT: u32 = 5;
const NAME: u32 = 6;
const LENGTH: u32 = 7;
const DEVICE_TYPE: u32 = 8;
const PROTOCOL: u32 = 9;
const FIRMWARE: u32 = 10;
const BATTERY: u32 = 11;
const SUPPLY: u32 = 12;
const ANALOG: [u32; 3] = [13, 14, 15];
const INPUTS: u32 = 16;
const OUTPUTS: u32 = 17;
const STATE: u32 = 18;
const SATELLITES: u32 = 19;
const MILEAGE: u32 = 20;
const TOTAL_MILEAGE: u32 = 21;
const HOURS: u32 = 22;
const TOTAL_HOURS: u32 = 23;

/// Most positions of one report.
const MAX_POSITIONS: usize = 15;
/// Most bytes between the device's state and its position.
const MAX_EVENT: usize = 64;
/// Volts are sent as millivolts.
const MILLI: f64 = 1000.0;
/// Millionths of a degree in one.
pub(super) const DEGREE: f64 = 1e6;
/// Location report of many positions in few bits.
const COMPRESSED: u8 = 100;
/// Types of location and event reports that are alarms.
const LOCATION_ALARMS: [u8; 3] = [1, 9, 10];
const EVENT_ALARMS: [u8; 9] = [1, 2, 3, 4, 6, 20, 23, 31, 33];
/// Ignition on and off, by wire and by voltage or acceleration.
const IGNITION_ON: [u8; 2] = [13, 45];
const IGNITION_OFF: [u8; 2] = [14, 46];

/// Whom a message names.
pub(super) enum Identity {
    Imei(DeviceId),
    /// Devices can be told to send their name.
    Name(DeviceId),
}

/// What a message says beside its records.
pub(super) struct Read {
    pub identity: Option<Identity>,
    pub kind: Kind,
    pub reply: Reply,
    pub text: Option<Box<str>>,
}

/// Reads a message without its line end, whose checksum is right.
pub(super) fn read(message: &[u8], now: Timestamp, batch: &mut FixBatch) -> Read {
    let (header, content) = message.split_at_checked(4).unwrap_or_default();
    let content = content.split_last_chunk::<2>().map_or(content, |(content, _)| content);
    let count = content.last_chunk::<2>().map(|c| u16::from_be_bytes(*c));
    let is_archive = matches!(header, b"+BSP" | b"+BVT" | b"+BNF" | b"+BRD");
    let mut read = Read { identity: None, kind: Kind::Ignored, reply: acknowledgement(count), text: None };
    let done = match header {
        b"+RSP" | b"+BSP" | b"+EVT" | b"+BVT" => {
            let is_event = matches!(header, b"+EVT" | b"+BVT");
            located(content, Sent { is_event, is_archive, now }, batch, &mut read)
        }
        b"+INF" | b"+BNF" => hex_inf::read(content, is_archive, now, batch, &mut read),
        b"+HBD" => heartbeat(content, count, &mut read),
        b"+ACK" => answer(content, &mut read),
        // Crash data, accessories and buses are understood and not kept.
        _ => Some(()),
    };
    if done.is_none() {
        *batch = FixBatch::default();
        read.kind = Kind::Error(DecodeError::Format("HEX message ends before its content does"));
    }
    read
}

fn acknowledgement(count: Option<u16>) -> Reply {
    count.map(|count| Reply::new(format!("+SACK:{count:04X}$").as_bytes())).unwrap_or_default()
}

/// IMEI of two digits a byte, or the first eight letters of the device's name.
pub(super) fn identity(bytes: [u8; 8], is_name: bool) -> Option<Identity> {
    if is_name {
        let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
        let name = std::str::from_utf8(bytes.get(..end)?).ok()?;
        return DeviceId::new(name).ok().map(Identity::Name);
    }
    let mut digits = [b'0'; 15];
    let (last, pairs) = bytes.split_last()?;
    for (slot, pair) in digits.chunks_exact_mut(2).zip(pairs) {
        slot.copy_from_slice(&[b'0' + pair / 10 % 10, b'0' + pair % 10]);
        if *pair > 99 {
            return None;
        }
    }
    *digits.last_mut()? = b'0' + last % 10;
    DeviceId::new(std::str::from_utf8(&digits).ok()?).ok().map(Identity::Imei)
}

/// Year in two bytes, month, day, hour, minute, second.
pub(super) fn time(bytes: [u8; 7]) -> Option<Timestamp> {
    let [high, low, month, day, hour, minute, second] = bytes;
    let year = i64::from(high) << 8 | i64::from(low);
    let is_time = (2000..2100).contains(&year) && hour < 24 && minute < 60 && second <= 60;
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    is_time.then(|| utc(year, month, day, seconds, 0)).flatten()
}

/// Mask of one byte, and what it says is there.
fn heartbeat(content: &[u8], count: Option<u16>, read: &mut Read) -> Option<()> {
    let mut rest = Bytes(content);
    let mask = rest.u8()?;
    rest.skip(usize::from(mask & 1))?;
    let kind = if mask & 2 != 0 { rest.u8()? } else { 0 };
    let protocol = if mask & 4 != 0 { rest.u16()? } else { 0 };
    rest.skip(if mask & 8 != 0 { 2 } else { 0 })?;
    if mask & 0x80 != 0 {
        read.identity = identity(rest.array()?, mask & 0x10 != 0);
    }
    read.kind = Kind::Heartbeat;
    let count = count.filter(|_| mask & 0x40 != 0);
    read.reply = count
        .map(|count| Reply::new(format!("+SACK:GTHBD,{kind:02X}{protocol:04X},{count:04X}$").as_bytes()))
        .unwrap_or_default();
    Some(())
}

/// The answer to a command: its type, and what follows the device's name in hex.
fn answer(content: &[u8], read: &mut Read) -> Option<()> {
    let mut rest = Bytes(content);
    let kind = rest.u8()?;
    let mask = rest.u8()?;
    rest.skip(usize::from(mask & 1))?;
    rest.skip(usize::from(mask >> 1 & 1) + 2 * usize::from(mask >> 2 & 1) + 2 * usize::from(mask >> 3 & 1))?;
    read.identity = identity(rest.array()?, mask & 0x10 != 0);
    read.kind = Kind::Event;
    read.text = Some(format!("+ACK {kind:02X} {}", ::hex::encode_upper(rest.0)).into());
    Some(())
}

/// How a message was sent.
#[derive(Clone, Copy)]
pub(super) struct Sent {
    is_event: bool,
    is_archive: bool,
    /// The time of positions without one.
    now: Timestamp,
}

/// The state of the device, which all records of a message share.
#[derive(Default)]
pub(super) struct Shared {
    kind: u8,
    battery: Option<u8>,
    supply: Option<u16>,
    analog: [Option<u16>; 3],
    inputs: Option<u8>,
    outputs: Option<u8>,
    state: Option<u8>,
    satellites: Option<u8>,
}

/// A location or event report.
fn located(content: &[u8], mut how: Sent, batch: &mut FixBatch, read: &mut Read) -> Option<()> {
    let mut rest = Bytes(content);
    let kind = rest.u8()?;
    let mask = rest.u32()?;
    let has = |bit: u32| mask >> bit & 1 != 0;
    let sized = |bit: u32, len: usize| if has(bit) { len } else { 0 };
    rest.skip(sized(LENGTH, 2) + sized(DEVICE_TYPE, 1) + sized(PROTOCOL, 2) + sized(FIRMWARE, 2))?;
    read.identity = identity(rest.array()?, has(NAME));
    let end = sized(SEND_TIME, 7) + sized(COUNT, 2);
    let tail = rest.0.len().checked_sub(end)?;
    let mut sent = Bytes(rest.0.get(tail..)?);
    let sent = if has(SEND_TIME) { time(sent.array()?) } else { None };
    let body = rest.0.get(..tail)?;
    how.now = sent.unwrap_or(how.now);
    if kind == COMPRESSED && !how.is_event {
        let mut rest = Bytes(body);
        let shared = shared(kind, mask, has(BATTERY), &mut rest)?;
        return hex_track::read(&shared, how, rest, batch);
    }
    // Some models leave the bit of the battery set and the battery out: where the position is
    // then, or the state, tells.
    let layouts = [(has(BATTERY), true), (false, true), (has(BATTERY), false)];
    let (shared, places) = layouts.into_iter().find_map(|(battery, is_usual)| {
        let mut rest = Bytes(body);
        let shared = shared(kind, mask, battery, &mut rest)?;
        let is_state = shared.state.is_none_or(|state| add::is_state(u64::from(state)));
        let places = find(rest.0, mask, how.is_event, is_usual).filter(|_| is_state || !is_usual)?;
        Some((shared, places))
    })?;
    positions(&shared, mask, how, places, batch)
}

impl Shared {
    /// Satellites in view; the upper half of the byte is the state of the antenna.
    pub fn satellites(&self) -> Option<u8> {
        self.satellites.map(|s| s & 0x0f)
    }
}

fn shared(kind: u8, mask: u32, battery: bool, rest: &mut Bytes<'_>) -> Option<Shared> {
    let has = |bit: u32| mask >> bit & 1 != 0;
    let mut shared = Shared { kind, ..Shared::default() };
    if battery {
        shared.battery = Some(rest.u8()?);
    }
    if has(SUPPLY) {
        shared.supply = Some(rest.u16()?);
    }
    for (slot, bit) in shared.analog.iter_mut().zip(ANALOG) {
        if has(bit) {
            *slot = Some(rest.u16()?);
        }
    }
    for (slot, bit) in [
        (&mut shared.inputs, INPUTS),
        (&mut shared.outputs, OUTPUTS),
        (&mut shared.state, STATE),
        (&mut shared.satellites, SATELLITES),
    ] {
        if has(bit) {
            *slot = Some(rest.u8()?);
        }
    }
    Some(shared)
}

/// Bytes of one position by the mask: accuracy, place and time always, the rest where it says.
fn position_len(mask: u32) -> usize {
    let sized = |bit: u32, len: usize| if mask >> bit & 1 != 0 { len } else { 0 };
    1 + 8 + 7 + sized(SPEED, 3) + sized(AZIMUTH, 2) + sized(ALTITUDE, 2) + sized(CELL, 9)
}

/// Where the number of positions and the positions are. Behind the state stand fields that
/// depend on the type: a report id and type, a phone's number, what the event is about.
fn find(body: &[u8], mask: u32, is_event: bool, is_usual: bool) -> Option<&[u8]> {
    let sized = |bit: u32, len: usize| if mask >> bit & 1 != 0 { len } else { 0 };
    let counters = sized(MILEAGE, 3) + sized(TOTAL_MILEAGE, 5) + sized(HOURS, 3) + sized(TOTAL_HOURS, 6);
    let len = position_len(mask);
    // Where all that the mask says is known, an event's fields are what is left.
    let usual = if is_event { body.len().saturating_sub(1 + len + counters) } else { 1 };
    let fits = |at: usize| {
        let (number, places) = body.get(at..)?.split_first()?;
        let number = usize::from(*number);
        let allowed = if is_event { number == 1 } else { (1..=MAX_POSITIONS).contains(&number) };
        let all = places.get(..number * len).filter(|_| allowed)?;
        all.chunks_exact(len).all(|place| is_position(place, mask)).then(|| body.get(at..))?
    };
    if is_usual { fits(usual) } else { (0..MAX_EVENT).find_map(fits) }
}

fn is_position(place: &[u8], mask: u32) -> bool {
    read_position(&mut Bytes(place), mask).is_some_and(|p| {
        p.accuracy <= 99
            && (p.time.is_some() || p.position.is_none_or(LatLon::is_null_island))
            && (p.position.is_some() || p.is_absent)
    })
}

struct Position {
    accuracy: u8,
    speed_kmh: Option<f64>,
    azimuth: Option<u16>,
    altitude: Option<i16>,
    position: Option<LatLon>,
    /// Longitude and latitude are all ones.
    is_absent: bool,
    time: Option<Timestamp>,
    cell: Option<[u16; 4]>,
}

fn read_position(rest: &mut Bytes<'_>, mask: u32) -> Option<Position> {
    let has = |bit: u32| mask >> bit & 1 != 0;
    let accuracy = rest.u8()?;
    // Whole km/h in two bytes, tenths in the third.
    let speed_kmh = if has(SPEED) { Some(f64::from(rest.u16()?) + f64::from(rest.u8()?) / 10.0) } else { None };
    let azimuth = if has(AZIMUTH) { Some(rest.u16()?) } else { None };
    let altitude = if has(ALTITUDE) { Some(rest.i16()?) } else { None };
    let (lon, lat) = (rest.i32()?, rest.i32()?);
    let time = time(rest.array()?);
    let cell = if has(CELL) {
        let cell = [rest.u16()?, rest.u16()?, rest.u16()?, rest.u16()?];
        rest.skip(1)?;
        Some(cell)
    } else {
        None
    };
    let position = LatLon::new(f64::from(lat) / DEGREE, f64::from(lon) / DEGREE);
    let is_absent = lon == -1 && lat == -1;
    Some(Position { accuracy, speed_kmh, azimuth, altitude, position, is_absent, time, cell })
}

/// The number of positions, the positions, and the counters behind them.
fn positions(shared: &Shared, mask: u32, how: Sent, places: &[u8], batch: &mut FixBatch) -> Option<()> {
    let mut rest = Bytes(places);
    for _ in 0..rest.u8()? {
        let place = read_position(&mut rest, mask)?;
        let mut fix = Fix::nowhere(place.time.unwrap_or(how.now));
        fix.position = place.position.filter(|p| !p.is_null_island() && !place.is_absent);
        fix.valid = fix.position.is_some() && place.accuracy > 0;
        fix.hdop = Some(f32::from(place.accuracy)).filter(|a| *a > 0.0);
        fix.speed_mps = place.speed_kmh.filter(|s| *s < 1000.0).map(kmh);
        fix.heading_deg = place.azimuth.and_then(|a| heading(f64::from(a)));
        fix.altitude_m = place.altitude.map(f32::from);
        fix.satellites = shared.satellites();
        batch.push(fix);
        state(shared, how, batch);
        if let Some(cell) = place.cell {
            for (name, value) in ["mcc", "mnc", "lac", "cell"].into_iter().zip(cell) {
                add::int(batch, name, Some(cell_number(name, value)));
            }
        }
    }
    counters(mask, &mut rest, batch);
    Some(())
}

/// Country and network are decimal digits in hex, as in text.
fn cell_number(name: &str, value: u16) -> i64 {
    let decimal = (0..4).rev().fold(0, |sum, digit| sum * 10 + i64::from(value >> (4 * digit) & 0xf));
    if matches!(name, "mcc" | "mnc") { decimal } else { i64::from(value) }
}

/// Mileage and hours, now and in total; what is not whole is not there.
fn counters(mask: u32, rest: &mut Bytes<'_>, batch: &mut FixBatch) {
    let has = |bit: u32| mask >> bit & 1 != 0;
    let mut read = || {
        rest.skip(if has(MILEAGE) { 3 } else { 0 })?;
        if has(TOTAL_MILEAGE) {
            let km = f64::from(rest.u32()?) + f64::from(rest.u8()?) / 10.0;
            batch.known(Known::OdometerM, Value::Int(add::metres(km)));
        }
        rest.skip(if has(HOURS) { 3 } else { 0 })?;
        if has(TOTAL_HOURS) {
            let (hours, minutes, seconds) = (rest.u32()?, rest.u8()?, rest.u8()?);
            let total = int(u64::from(hours)) * 3600 + i64::from(minutes) * 60 + i64::from(seconds);
            add::int(batch, "engine_hours_s", Some(total));
        }
        Some(())
    };
    read();
}

pub(super) fn state(shared: &Shared, how: Sent, batch: &mut FixBatch) {
    let whole = |value: u8| Value::Int(i64::from(value));
    batch.known(Known::Event, whole(shared.kind));
    if how.is_archive {
        batch.known(Known::Archive, Value::Bool(true));
    }
    let alarms: &[u8] = if how.is_event { &EVENT_ALARMS } else { &LOCATION_ALARMS };
    if alarms.contains(&shared.kind) {
        batch.known(Known::Alarm, Value::Bool(true));
    }
    if let Some(battery) = shared.battery.filter(|b| *b <= 100) {
        batch.known(Known::BatteryPercent, whole(battery));
    }
    if let Some(supply) = shared.supply {
        batch.known(Known::ExternalVoltageV, Value::Float(f64::from(supply) / MILLI));
    }
    for (name, millivolts) in ["adc_1_v", "adc_2_v", "adc_3_v"].into_iter().zip(shared.analog) {
        add::float(batch, name, millivolts.map(|mv| f64::from(mv) / MILLI));
    }
    for (key, bits) in [(Known::Inputs, shared.inputs), (Known::Outputs, shared.outputs)] {
        if let Some(bits) = bits {
            batch.known(key, whole(bits));
        }
    }
    match shared.state.map(u64::from) {
        Some(state @ (0x11..=0x22)) => add::state(batch, state),
        other => {
            add::state(batch, other.unwrap_or(0));
            if how.is_event && IGNITION_ON.contains(&shared.kind) {
                batch.known(Known::Ignition, Value::Bool(true));
            } else if how.is_event && IGNITION_OFF.contains(&shared.kind) {
                batch.known(Known::Ignition, Value::Bool(false));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_imei_has_two_digits_a_byte() {
        // The manual's own example.
        let Some(Identity::Imei(imei)) = identity([0x0d, 0x39, 0x5a, 0x18, 0x44, 0x0b, 0x16, 0], false) else {
            panic!("it is an IMEI")
        };
        assert_eq!(imei.as_str(), "135790246811220");
        let Some(Identity::Name(name)) = identity(*b"gv200\0\0\0", true) else { panic!("it is a name") };
        assert_eq!(name.as_str(), "gv200");
        assert!(identity([0xff; 8], false).is_none());
    }
}

//! The device's side: what a tracker sends, and what it reads in the answers; and commands, which
//! a server sends.

use model::{Attribute, AttributeKey, DeviceId, Fix, FixBatch, Known, ValueRef};

use super::avl::{DEGREE, GENERATION_TYPE, KMH};
use super::elements::{
    ALARM, BATTERY_LEVEL, BATTERY_VOLTAGE, DOORS, EXTERNAL_VOLTAGE, GSM_SIGNAL, HDOP, IBUTTON, IGNITION, INPUTS, MILLI,
    MOVEMENT, OUTPUTS, PDOP, TENTH, TOTAL_ODOMETER, is_signed,
};
use super::{Codec, MAX_DATA};
use crate::crc::crc16_arc;
use crate::encode::whole;
use crate::{Encoder, Identity, Login};

/// Most records in a packet: their count is one byte.
pub const MAX_RECORDS: usize = 255;

/// Most records in a packet of a virtual tracker: with a bus's elements they fit into [`MAX_DATA`].
const MOST_RECORDS: usize = 200;

/// A device over a connection, in Codec 8 Extended.
pub const ENCODER: Encoder = Encoder {
    identity: Identity::Imei,
    most_records: MOST_RECORDS,
    time_step_s: 1,
    login: Some(Login { bytes: login, accepted: Some(accepted) }),
    frame: |f| frame(f.batch),
    acknowledged: Some(|_, answer| acknowledged(answer)),
};

/// What a device sends first: its identity. At most [`super::MAX_IDENTITY`] bytes of it are
/// taken by the decoder.
pub fn login(device: &DeviceId) -> Vec<u8> {
    let identity = device.as_str().as_bytes();
    let len = u16::try_from(identity.len()).unwrap_or(u16::MAX);
    [&len.to_be_bytes()[..], identity].concat()
}

/// The answer to a login: `Some(true)` accepted, `Some(false)` refused, `None` not there yet.
pub fn accepted(answer: &[u8]) -> Option<bool> {
    answer.first().map(|b| *b == 1)
}

/// The answer to a packet: how many records the server took. `None` while it is not there yet.
pub fn acknowledged(answer: &[u8]) -> Option<usize> {
    let (count, _) = answer.split_first_chunk::<4>()?;
    usize::try_from(u32::from_be_bytes(*count)).ok()
}

/// A Codec 8 Extended packet of the batch's first fixes, as [`packet`] makes it.
pub fn frame(batch: &FixBatch) -> Vec<u8> {
    packet(Codec::Codec8Extended, batch)
}

/// A packet of the batch's first fixes: at most [`MAX_RECORDS`], and no more than fit into
/// [`MAX_DATA`]. Attributes for which there is no AVL id are left out, and, but for
/// Codec 8 Extended, those of variable length.
pub fn packet(codec: Codec, batch: &FixBatch) -> Vec<u8> {
    let mut data = vec![codec.number(), 0];
    let mut count = 0u8;
    for fix in batch.fixes.iter().take(MAX_RECORDS) {
        let before = data.len();
        record(codec, batch, fix, &mut data);
        if data.len() >= MAX_DATA {
            data.truncate(before);
            break;
        }
        count += 1;
    }
    if let Some(first) = data.get_mut(1) {
        *first = count;
    }
    data.push(count);
    seal(&data)
}

/// A data field with preamble, length and checksum.
pub fn seal(data: &[u8]) -> Vec<u8> {
    let len = u32::try_from(data.len()).unwrap_or(u32::MAX);
    [&[0; 4], &len.to_be_bytes()[..], data, &u32::from(crc16_arc(data)).to_be_bytes()].concat()
}

/// A datagram of the batch's first fixes, as [`packet`] takes them.
pub fn datagram(device: &DeviceId, packet_id: u16, avl_packet_id: u8, batch: &FixBatch) -> Vec<u8> {
    const HEADER: usize = 8;
    const CRC: usize = 4;
    let sealed = packet(Codec::Codec8Extended, batch);
    let data = sealed.get(HEADER..sealed.len() - CRC).unwrap_or_default();
    let [high, low] = packet_id.to_be_bytes();
    let content = [&[high, low, 1, avl_packet_id], &login(device)[..], data].concat();
    let len = u16::try_from(content.len()).unwrap_or(u16::MAX);
    [&len.to_be_bytes()[..], &content].concat()
}

/// How many records the server took of a datagram. `None` where this is no answer to it.
pub fn datagram_acknowledged(answer: &[u8], packet_id: u16, avl_packet_id: u8) -> Option<usize> {
    let [high, low] = packet_id.to_be_bytes();
    match answer {
        [0, 5, h, l, _, avl, count] if [*h, *l, *avl] == [high, low, avl_packet_id] => Some(usize::from(*count)),
        _ => None,
    }
}

/// A command in words, such as `getinfo`, to the device of the connection (Codec 12).
pub fn command(words: &str) -> Vec<u8> {
    gprs(0x0c, words.as_bytes())
}

/// A command to the device of this IMEI alone (Codec 14). `None` where the device is not named by
/// an IMEI of 15 digits.
pub fn command_for(device: &DeviceId, words: &str) -> Option<Vec<u8>> {
    let imei = hex::decode(format!("0{device}")).ok().filter(|bcd| bcd.len() == 8)?;
    device.as_str().bytes().all(|b| b.is_ascii_digit()).then(|| gprs(0x0e, &[&imei, words.as_bytes()].concat()))
}

/// One message of type 5, a command, in a packet.
fn gprs(codec: u8, content: &[u8]) -> Vec<u8> {
    let len = u32::try_from(content.len()).unwrap_or(u32::MAX);
    seal(&[&[codec, 1, 5], &len.to_be_bytes()[..], content, &[1]].concat())
}

fn record(codec: Codec, batch: &FixBatch, fix: &Fix, out: &mut Vec<u8>) {
    let number = |key| match batch.get(fix, key) {
        Some(ValueRef::Int(i)) => u16::try_from(i).unwrap_or(0),
        _ => 0,
    };
    let millis = u64::try_from(fix.time.as_micros() / 1000).unwrap_or(0);
    out.extend_from_slice(&millis.to_be_bytes());
    out.push(number(Known::Priority).to_be_bytes()[1]);
    let (lat, lon) = fix.position.map_or((0.0, 0.0), |p| (p.lat(), p.lon()));
    for degrees in [lon, lat] {
        out.extend_from_slice(&whole::<i32>(degrees * DEGREE).to_be_bytes());
    }
    out.extend_from_slice(&whole::<i16>(f64::from(fix.altitude_m.unwrap_or(0.0))).to_be_bytes());
    out.extend_from_slice(&whole::<u16>(f64::from(fix.heading_deg.unwrap_or(0.0))).to_be_bytes());
    out.push(if fix.valid { fix.satellites.unwrap_or(4).max(1) } else { 0 });
    out.extend_from_slice(&whole::<u16>(f64::from(fix.speed_mps.unwrap_or(0.0) * KMH)).to_be_bytes());

    let event = number(Known::Event);
    if codec == Codec::Codec8 {
        out.push(event.to_be_bytes()[1]);
    } else {
        out.extend_from_slice(&event.to_be_bytes());
    }
    if codec == Codec::Codec16 {
        out.push(generation(batch, fix));
    }
    let mut elements = gather(batch, fix);
    elements.retain(|(id, value)| {
        (codec != Codec::Codec8 || *id < 256) && (codec == Codec::Codec8Extended || value.fixed().is_some())
    });
    groups(codec, &elements, out);
}

fn generation(batch: &FixBatch, fix: &Fix) -> u8 {
    let named = |a: &&Attribute| matches!(a.key, AttributeKey::Name { .. }) && batch.key_name(a.key) == GENERATION_TYPE;
    match batch.attributes_of(fix).iter().find(named).map(|a| batch.value(a.value)) {
        Some(ValueRef::Int(i)) => u8::try_from(i).unwrap_or(0),
        _ => 0,
    }
}

/// The value of an element on the wire.
enum Wire<'a> {
    Fixed { bytes: [u8; 8], len: usize },
    Variable(&'a [u8]),
}

impl Wire<'_> {
    fn unsigned(number: u64, len: usize) -> Self {
        Self::Fixed { bytes: number.to_be_bytes(), len }
    }

    fn fixed(&self) -> Option<&[u8]> {
        match self {
            Self::Fixed { bytes, len } => bytes.get(8 - len..),
            Self::Variable(_) => None,
        }
    }
}

/// The elements of a fix by AVL id.
fn gather<'a>(batch: &'a FixBatch, fix: &Fix) -> Vec<(u16, Wire<'a>)> {
    let mut elements = Vec::new();
    if let Some(hdop) = fix.hdop {
        elements.push((HDOP, tenths(f64::from(hdop))));
    }
    for attribute in batch.attributes_of(fix) {
        let value = batch.value(attribute.value);
        match attribute.key {
            AttributeKey::Known(key) => known(key, value, &mut elements),
            AttributeKey::Number(number) => {
                if let Ok(id) = u16::try_from(number) {
                    elements.extend(numbered(id, value).map(|wire| (id, wire)));
                }
            }
            AttributeKey::Name { .. } => {}
        }
    }
    elements
}

fn known<'a>(key: Known, value: ValueRef<'a>, out: &mut Vec<(u16, Wire<'a>)>) {
    let number = match value {
        ValueRef::Bool(b) => f64::from(u8::from(b)),
        ValueRef::Int(i) => i as f64,
        ValueRef::Float(f) => f,
        ValueRef::Text(_) | ValueRef::Bytes(_) => 0.0,
    };
    let byte = || Wire::unsigned(u64::from(whole::<u8>(number)), 1);
    let millis = || Wire::unsigned(u64::from(whole::<u16>(number * MILLI)), 2);
    let bits = |ids: &'static [u16]| {
        let set = whole::<u32>(number);
        ids.iter().enumerate().map(move |(bit, id)| (*id, Wire::unsigned(u64::from(set >> bit & 1), 1)))
    };
    match key {
        Known::Ignition => out.push((IGNITION, byte())),
        Known::Movement => out.push((MOVEMENT, byte())),
        Known::Alarm => out.push((ALARM, byte())),
        Known::GsmSignal => out.push((GSM_SIGNAL, byte())),
        Known::BatteryPercent => out.push((BATTERY_LEVEL, byte())),
        Known::OdometerM => out.push((TOTAL_ODOMETER, Wire::unsigned(u64::from(whole::<u32>(number)), 4))),
        Known::ExternalVoltageV => out.push((EXTERNAL_VOLTAGE, millis())),
        Known::BatteryVoltageV => out.push((BATTERY_VOLTAGE, millis())),
        Known::Pdop => out.push((PDOP, tenths(number))),
        Known::Inputs => out.extend(bits(&INPUTS)),
        Known::Outputs => out.extend(bits(&OUTPUTS)),
        Known::Door1 | Known::Door2 | Known::Door3 | Known::Door4 => {
            out.extend(DOORS.iter().filter(|(_, door)| *door == key).map(|(id, _)| (*id, byte())));
        }
        Known::DriverId => out.extend(driver(value)),
        // No AVL id, or a field of the record itself.
        Known::PassengersIn
        | Known::PassengersOut
        | Known::Event
        | Known::Priority
        | Known::Archive
        | Known::ClockOffsetS => {}
    }
}

fn driver(card: ValueRef<'_>) -> Option<(u16, Wire<'_>)> {
    let ValueRef::Text(text) = card else { return None };
    let number = u64::from_str_radix(text, 16).ok().filter(|n| *n != 0 && format!("{n:016X}") == text);
    let wire = number.map_or(Wire::Variable(text.as_bytes()), |n| Wire::unsigned(n, 8));
    Some((IBUTTON, wire))
}

/// A number under an id of its own, in as few bytes as hold it.
fn numbered(id: u16, value: ValueRef<'_>) -> Option<Wire<'_>> {
    match value {
        ValueRef::Bool(b) => Some(Wire::unsigned(u64::from(b), 1)),
        ValueRef::Int(i) => {
            let len = [1, 2, 4].into_iter().find(|len| fits(i, *len, is_signed(id, *len))).unwrap_or(8);
            Some(Wire::Fixed { bytes: i.to_be_bytes(), len })
        }
        // Eight bytes with the highest bit set are what the decoder could not make a number of.
        ValueRef::Bytes(bytes) => match <[u8; 8]>::try_from(bytes) {
            Ok(eight) if eight.first().is_some_and(|b| *b >= 0x80) => Some(Wire::Fixed { bytes: eight, len: 8 }),
            _ => Some(Wire::Variable(bytes)),
        },
        ValueRef::Text(text) => Some(Wire::Variable(text.as_bytes())),
        ValueRef::Float(_) => None,
    }
}

fn fits(number: i64, len: usize, signed: bool) -> bool {
    let unused = 64 - 8 * len;
    if signed { number << unused >> unused == number } else { number >> (8 * len) == 0 }
}

fn tenths(value: f64) -> Wire<'static> {
    Wire::unsigned(u64::from(whole::<u16>(value * TENTH)), 2)
}

/// The total and the groups, each in the order gathered.
fn groups(codec: Codec, elements: &[(u16, Wire<'_>)], out: &mut Vec<u8>) {
    let wide = codec == Codec::Codec8Extended;
    let count = |n: usize, out: &mut Vec<u8>| {
        if wide {
            out.extend_from_slice(&u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes());
        } else {
            out.push(u8::try_from(n).unwrap_or(u8::MAX));
        }
    };
    // One-byte counts end at 255 elements; so does what is sent of them.
    let elements = if wide { elements } else { elements.get(..elements.len().min(255)).unwrap_or(elements) };
    count(elements.len(), out);
    for len in [1, 2, 4, 8] {
        let group: Vec<_> =
            elements.iter().filter_map(|(id, w)| Some((id, w.fixed()?))).filter(|(_, b)| b.len() == len).collect();
        count(group.len(), out);
        for (id, bytes) in group {
            out.extend_from_slice(id.to_be_bytes().get(usize::from(codec == Codec::Codec8)..).unwrap_or_default());
            out.extend_from_slice(bytes);
        }
    }
    if wide {
        let variable =
            || elements.iter().filter_map(|(id, w)| if let Wire::Variable(b) = w { Some((id, b)) } else { None });
        count(variable().count(), out);
        for (id, bytes) in variable() {
            out.extend_from_slice(&id.to_be_bytes());
            count(bytes.len(), out);
            out.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_those_of_the_manual() {
        assert_eq!(hex::encode(command("getinfo")), "000000000000000f0c010500000007676574696e666f0100004312");
        let device = DeviceId::new("352093081452251").unwrap();
        let sent = command_for(&device, "getver").unwrap();
        assert_eq!(hex::encode(sent), "00000000000000160e01050000000e0352093081452251676574766572010000d2c1");
        assert_eq!(command_for(&DeviceId::new("bus-7").unwrap(), "getver"), None);
    }

    #[test]
    fn a_datagram_is_answered_with_its_numbers() {
        use crate::{Decoder, Step};
        let device = DeviceId::new("352093081452251").unwrap();
        let mut batch = FixBatch::default();
        batch.push(Fix::nowhere(model::Timestamp::from_secs(1_768_602_720)));
        let sent = datagram(&device, 0xcafe, 5, &batch);
        let Step::Took { consumed, message } = super::super::udp::Datagrams::default().decode_last(&sent) else {
            panic!("a whole datagram")
        };
        assert_eq!((consumed, message.device), (sent.len(), Some(device)));
        assert_eq!(datagram_acknowledged(&message.reply, 0xcafe, 5), Some(1));
        let answer = [0, 5, 0xca, 0xfe, 1, 5, 1];
        assert_eq!(datagram_acknowledged(&answer, 0xcafe, 5), Some(1));
        assert_eq!(datagram_acknowledged(&answer, 0xcafe, 6), None);
    }
}

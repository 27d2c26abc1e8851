//! Messages that begin with date and GPS block. What follows depends on the protocol number
//! and, since makers use numbers for things of their own, on the length.

use super::modules;
use super::record::{Clock, Record, Widths, hundredths};
use crate::bytes::Bytes;
use crate::put::Put;

/// Bytes of date and GPS block.
const GPS: usize = 18;
/// IMEI in BCD.
const IMEI: usize = 8;

/// The record, and whether all of the content could be read. `None` without a GPS block.
pub(super) fn read(kind: u8, content: &[u8], clock: Clock) -> Option<(Record, bool)> {
    let mut rest = Bytes(content);
    let prefix = prefix(kind, content, clock);
    rest.skip(prefix)?;
    let mut record = Record::gps(&mut rest, clock)?;
    let after = rest.0.len();
    let whole = match kind {
        0x11 => first(&mut rest, &mut record),
        0x12 => plain(&mut rest, &mut record),
        0x22 | 0x25 if prefix > IMEI => fleet(kind, &mut rest, &mut record),
        0x22 if after == 24 || (after == 25 && has_wide_network(&rest)) => humid(&mut rest, &mut record),
        0x31 if after == 19 => asset(&mut rest, &mut record),
        0x22 | 0x25 | 0x2d | 0x31 | 0x37 => reported(kind, &mut rest, &mut record),
        0x16 | 0x26 | 0x27 | 0x32 | 0xa4 => alarm(kind, after, &mut rest, &mut record),
        0xa0 => record.cell(&mut rest, Widths::LTE).map(drop),
        0xa2 => lte_status(&mut rest, &mut record),
        0xa3 => fence(&mut rest, &mut record),
        0x17 => card(&mut rest, &mut record),
        0x1a => phone(&mut rest, &mut record),
        0x24 => powered(&mut rest, &mut record),
        0x36 => personal(&mut rest, &mut record),
        0x38 => modular(&mut rest, &mut record),
        0x61 => button(&mut rest, &mut record),
        _ => Some(()),
    };
    if whole.is_some() {
        tail(&mut rest, &mut record);
        record.batch.put_bytes("unread", rest.0);
    }
    Some((record, whole.is_some()))
}

/// Whether what begins so is a GPS block: kinds that some makers use for something else.
pub(super) fn is_gps(content: &[u8], clock: Clock) -> bool {
    content.len() >= GPS && date_at(content, 0, clock)
}

fn date_at(content: &[u8], at: usize, clock: Clock) -> bool {
    let date = content.get(at..).and_then(|rest| rest.first_chunk::<6>());
    date.is_some_and(|d| d[0] >= 8 && clock.time(*d).is_some())
}

/// Bytes before the date: some makers put the IMEI there, one of them with the source of the
/// location before it and the time of the device after it.
fn prefix(kind: u8, content: &[u8], clock: Clock) -> usize {
    match kind {
        0x61 => IMEI,
        0x12 if !date_at(content, 0, clock) && imei(content).is_some() && date_at(content, IMEI, clock) => IMEI,
        0x22 | 0x25 => {
            let has_imei = content.get(1..).and_then(imei).is_some();
            let dated = date_at(content, 1 + IMEI, clock) && date_at(content, 1 + IMEI + 6, clock);
            if has_imei && dated { 1 + IMEI + 6 } else { 0 }
        }
        _ => 0,
    }
}

/// The IMEI that a location message may carry.
pub(super) fn sender(kind: u8, content: &[u8], clock: Clock) -> Option<[u8; 15]> {
    match (kind, prefix(kind, content, clock)) {
        (_, 0) => None,
        (0x12 | 0x61, _) => imei(content),
        _ => content.get(1..).and_then(imei),
    }
}

/// The 15 digits of eight bytes in BCD, filled with a zero before them or an `f` after them.
pub(super) fn imei(bytes: &[u8]) -> Option<[u8; 15]> {
    let mut digits = [0; 16];
    hex::encode_to_slice(bytes.first_chunk::<IMEI>()?, &mut digits).ok()?;
    let digits: [u8; 15] = match digits {
        [rest @ .., b'f'] | [_, rest @ ..] => rest,
    };
    (digits.iter().all(u8::is_ascii_digit) && digits != [b'0'; 15]).then_some(digits)
}

/// What may end any location: ignition, reason and re-sending, total distance, or a card.
fn tail(rest: &mut Bytes<'_>, record: &mut Record) {
    if matches!(rest.0.len(), 3 | 7) {
        reason(rest, record);
    }
    if rest.0.len() == 4 {
        record.odometer_m = rest.u32().map(i64::from);
    }
}

/// Ignition, why it was sent, and whether it is sent again.
fn reason(rest: &mut Bytes<'_>, record: &mut Record) {
    if let Some([ignition, reason, again]) = rest.array() {
        record.ignition = Some(ignition != 0);
        record.event = Some(u16::from(reason));
        record.is_archive = again != 0;
    }
}

/// 0x11: the cell with a two-byte network and a four-byte number, or bytes of the maker's own.
fn first(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    if rest.0.len() >= 10 {
        record.cell(rest, Widths::WIDE_NETWORK)?;
        return Some(());
    }
    record.batch.put_bytes("unread", rest.0);
    rest.skip(rest.0.len())
}

/// 0x12, by the number of bytes after the cell.
fn plain(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    if rest.0.is_empty() {
        return Some(());
    }
    record.cell(rest, Widths::GSM)?;
    match rest.0.len() {
        2 => inputs(rest.u16()?, record),
        5 => voltage(rest, record)?,
        10 | 82.. => registered(rest, record)?,
        12 => {
            voltage(rest, record)?;
            record.batch.put_float("fuel_1", f64::from(rest.u16()?));
            record.batch.put_int("temperature_1_c", sign_and_magnitude(u16::from(rest.u8()?), 7));
            record.odometer_m = Some(i64::from(rest.u32()?) * 10);
        }
        _ => {}
    }
    Some(())
}

/// Benway: bits 15 ignition, 14 input, then a temperature (bit 12) or an analog input, in
/// whole units (bit 13) or tenths.
fn inputs(mask: u16, record: &mut Record) {
    let is = |bit: u16| mask >> bit & 1 != 0;
    record.ignition = Some(is(15));
    record.batch.put_bool("input_2", is(14));
    if is(12) {
        record.batch.put_int("temperature_1_c", sign_and_magnitude(mask & 0x03ff, 9));
    } else {
        let value = f64::from(mask & 0x03ff);
        record.batch.put_float("adc_1", if is(13) { value } else { value / 10.0 });
    }
}

fn sign_and_magnitude(value: u16, sign: u16) -> i32 {
    let magnitude = i32::from(value & ((1 << sign) - 1));
    if value >> sign & 1 != 0 { -magnitude } else { magnitude }
}

/// Terminal information, external voltage, signal, alarm.
fn voltage(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    record.information(rest.u8()?);
    record.external_v = Some(hundredths(rest.u16()?));
    record.gsm_signal = Some(rest.u8()?);
    record.alarm_code(u16::from(rest.u8()?));
    Some(())
}

/// Total distance, the driver's licence, an alarm, whether it was swiped, and driving time.
fn registered(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    record.odometer_m = Some(i64::from(rest.u32()?));
    let len = usize::from(rest.u8()?);
    let licence = rest.take(len)?.trim_ascii();
    match std::str::from_utf8(licence) {
        Ok(text) if !text.contains(char::is_control) => record.driver(text),
        _ => record.driver_hex(licence),
    }
    record.alarm |= rest.u8()? != 0;
    record.batch.put_int("card_status", rest.u8()?);
    if rest.0.len() == 2 {
        record.batch.put_int("driving_time", rest.u16()?);
    }
    Some(())
}

fn has_wide_network(rest: &Bytes<'_>) -> bool {
    rest.0.first().is_some_and(|high| high & 0x80 != 0)
}

/// 0x22 of makers that add distance, time on the way, temperature and humidity.
fn humid(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    record.cell(rest, Widths::WIDE_CELL)?;
    reason(rest, record);
    record.odometer_m = Some(i64::from(rest.u32()?));
    record.batch.put_int("travel_time_s", rest.u32()?);
    record.batch.put_float("temperature_1_c", f64::from(sign_and_magnitude(rest.u16()?, 15)) / 100.0);
    record.batch.put_float("humidity_1", hundredths(rest.u16()?));
    Some(())
}

/// 0x31 of asset trackers: ends with total distance and altitude.
fn asset(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    record.cell(rest, Widths::WIDE_NETWORK)?;
    reason(rest, record);
    record.odometer_m = Some(i64::from(rest.u32()?));
    altitude(rest, record)
}

fn altitude(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    let metres = rest.i16()?;
    record.fix(|fix| fix.altitude_m = Some(f32::from(metres)));
    Some(())
}

/// 0x22, 0x25, 0x2d, 0x31 and 0x37.
fn reported(kind: u8, rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    if rest.0.is_empty() {
        return Some(());
    }
    record.cell(rest, Widths::GSM)?;
    if rest.0.len() >= 3 {
        reason(rest, record);
    }
    if kind == 0x37 { modules::short(rest, record) } else { Some(()) }
}

/// The block of the cell with its length before it, which counts itself or not.
fn cell_block(kind: u8, after: usize, rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    let len = usize::from(rest.u8()?);
    let end = if matches!(kind, 0x27 | 0xa4) { 6 } else { 5 };
    if len == 0 {
        // Some leave the block out, others fill it.
        return if rest.0.len() >= end + 8 { rest.skip(rest.0.len() - end) } else { Some(()) };
    }
    let widths = match (kind, len) {
        (_, 15..) => Widths::LTE,
        (0x32, 10) if !has_wide_network(rest) => Widths::WIDE_NETWORK,
        (0x16, _) if after == 15 && !has_wide_network(rest) => Widths::WIDE_CELL,
        (0x25, _) => Widths::WIDE_CELL,
        _ => Widths::GSM,
    };
    let taken = record.cell(rest, widths)?;
    // Several cells; the first is the serving one.
    let more = len.saturating_sub(1 + taken);
    if rest.0.len() >= more + 4 {
        rest.skip(more)?;
    }
    Some(())
}

/// 0x16, 0x26, 0x27, 0x32 and 0xa4: cell, terminal information, battery, signal, alarm and
/// language, and what some add.
fn alarm(kind: u8, after: usize, rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    // One maker has no length before the cell and uses the alarm code for its own codes.
    let is_bare = kind == 0x16 && after == 13;
    if is_bare {
        record.cell(rest, Widths::GSM)?;
    } else {
        cell_block(kind, after, rest, record)?;
    }
    record.information(rest.u8()?);
    record.battery_level(rest.u8()?);
    record.gsm_signal = Some(rest.u8()?);
    let code = u16::from(rest.u8()?);
    let language = u16::from(rest.u8().unwrap_or(0));
    match kind {
        _ if is_bare => record.batch.put_int("alarm_extension", code),
        // The high half of the language is that of the code.
        0x27 | 0xa4 => {
            record.alarm_code(code | language >> 4 << 8);
            if let Some(number) = rest.u8().filter(|number| *number != 0xff) {
                record.batch.put_int("geofence", number);
            }
        }
        _ => record.alarm_code(code),
    }
    match (kind, rest.0.len()) {
        (0x32, 2) => altitude(rest, record),
        (0x16 | 0x26, 8) => {
            record.driver_hex(rest.take(8)?);
            Some(())
        }
        _ => Some(()),
    }
}

/// 0x22 and 0x25 with an IMEI: both voltages, distance and engine hours, and 0x25 the driver.
fn fleet(kind: u8, rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    cell_block(kind, 0, rest, record)?;
    record.information(rest.u8()?);
    record.external_v = Some(hundredths(rest.u16()?));
    record.battery_v = Some(f64::from(rest.u8()?) / 10.0);
    record.gsm_signal = Some(rest.u8()?);
    record.alarm_code(u16::from(rest.u8()?));
    rest.skip(1)?;
    record.odometer_m = Some(i64::from(rest.u24()?));
    record.batch.put_int("engine_hours_s", rest.u24()? * 60);
    if kind == 0x25 {
        let len = usize::from(rest.u8()?);
        if let Some((_kind, id)) = rest.take(len)?.split_first() {
            record.driver_hex(id);
        }
    }
    Some(())
}

/// 0xa2 of LTE models: status, voltage, distance, hours, terminal id and inputs.
fn lte_status(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    record.cell(rest, Widths::LTE)?;
    record.batch.put_int("network", rest.u8()?);
    record.information(rest.u8()?);
    record.external_v = Some(hundredths(rest.u16()?));
    record.battery_level(rest.u8()?);
    record.gsm_signal = Some(rest.u8()?);
    record.alarm_code(u16::from(rest.u8()?));
    rest.skip(1)?;
    record.odometer_m = Some(i64::from(rest.u32()?));
    record.batch.put_int("engine_hours_s", rest.u32()?);
    rest.skip(IMEI)?;
    record.inputs(rest.u16()?);
    Some(())
}

/// 0xa3: a fence was crossed.
fn fence(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    rest.skip(1)?;
    record.cell(rest, Widths::LTE)?;
    record.information(rest.u8()?);
    record.battery_level(rest.u8()?);
    record.gsm_signal = Some(rest.u8()?);
    record.alarm_code(u16::from(rest.u8()?));
    rest.u8();
    Some(())
}

/// 0x17 with a whole GPS block: a card, and whether it is a known one.
fn card(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    record.cell(rest, Widths::GSM)?;
    record.driver_hex(rest.take(8)?);
    record.batch.put_int("card_status", rest.u8()?);
    Some(())
}

/// 0x1a: the number of the phone that asked where the vehicle is, and the language.
fn phone(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    let number = rest.take(21)?;
    let end = number.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1);
    record.batch.put_words("phone", number.get(..end)?);
    rest.skip(2.min(rest.0.len()))
}

/// 0x24 of 46 bytes: ignition and both voltages.
fn powered(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    record.cell(rest, Widths::GSM)?;
    record.ignition = Some(rest.u8()? != 0);
    record.external_v = Some(hundredths(rest.u16()?));
    record.battery_v = Some(hundredths(rest.u16()?));
    Some(())
}

/// 0x36 with a GPS block, of personal trackers: six bytes of flags and distance, then battery
/// in percent and levels, signal, and battery in tenths of a volt.
fn personal(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    record.cell(rest, Widths::WIDE_CELL)?;
    rest.skip(6)?;
    record.battery_percent = rest.u8().filter(|percent| *percent <= 100);
    rest.skip(1)?;
    record.gsm_signal = Some(rest.u8()?);
    record.battery_v = Some(f64::from(rest.u8()?) / 10.0);
    Some(())
}

/// 0x38: how it was sent, the cell of any network, modules.
fn modular(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    record.event = Some(u16::from(rest.u8()?));
    record.is_archive = rest.u8()? != 0;
    // 0 to 2 are GSM and its like, from 3 on LTE.
    let network = rest.u8()?;
    record.batch.put_int("network", network);
    if network >= 3 {
        record.cell(rest, Widths::LTE)?;
        record.gsm_signal = u8::try_from(rest.u16()?).ok();
    } else {
        record.cell(rest, Widths::GSM)?;
        record.gsm_signal = Some(rest.u8()?);
    }
    modules::short(rest, record)
}

/// 0x61: the number of a button or card, in six bytes.
fn button(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    record.cell(rest, Widths::WIDE_CELL)?;
    let [a, b] = rest.array()?;
    let number = u64::from(u16::from_be_bytes([a, b])) << 32 | u64::from(rest.u32()?);
    record.driver_number(number);
    Some(())
}

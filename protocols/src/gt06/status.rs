//! Messages about the device itself, without a place.

use super::modules;
use super::record::{Clock, Record, Widths, hundredths};
use crate::bytes::Bytes;
use crate::put::Put;

/// GSM signals of the manual go from 0 to 4, and as modems give them to 31; 99 is not known.
const MAX_SIGNAL: u8 = 31;
const NO_SIGNAL: u8 = 99;
/// Supplies of vehicles in whole volts. Below are the codes of SOS, power cut and overspeed,
/// which must not be taken for one.
const SUPPLY_V: std::ops::RangeInclusive<u8> = 8..=36;

/// 0x13: terminal information, battery, signal, alarm and language, or what makers have made
/// of it.
pub(super) fn heartbeat(content: &[u8], clock: Clock) -> Option<Record> {
    let mut rest = Bytes(content);
    let mut record = Record::nowhere(clock.now);
    record.information(rest.u8()?);
    match content.len() {
        14 | 16 => scanner(content.len(), &mut rest, &mut record)?,
        6 => {
            record.external_v = Some(hundredths(rest.u16()?));
            record.gsm_signal = rest.u8();
            record.alarm_code(u16::from(rest.u8()?));
        }
        _ => {
            record.battery_level(rest.u8()?);
            record.gsm_signal = rest.u8();
            if let Some(pair) = rest.u16() {
                alarm_and_language(pair, &mut record);
            }
        }
    }
    Some(record)
}

/// Alarm and language, in the place of which some makers send the external voltage: in tenths
/// under a high half of ones, or, where the signal is a percentage, in whole volts.
fn alarm_and_language(pair: u16, record: &mut Record) {
    let [alarm, _language] = pair.to_be_bytes();
    if alarm & 0xf0 == 0xf0 && alarm < 0xfe {
        record.external_v = Some(f64::from(pair & 0x0fff) / 10.0);
    } else if record.gsm_signal.is_some_and(|signal| signal > MAX_SIGNAL && signal != NO_SIGNAL)
        && SUPPLY_V.contains(&alarm)
    {
        record.external_v = Some(f64::from(alarm));
    } else {
        record.alarm_code(u16::from(alarm));
    }
}

/// 0x13 of scanners and loggers: satellites and signal in bits, battery in percent, voltage,
/// working times and a temperature.
fn scanner(len: usize, rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    let signal = rest.u16()?;
    let satellites = (signal >> 10 & 0x1f) + (signal >> 5 & 0x1f);
    record.fix(|fix| fix.satellites = u8::try_from(satellites).ok());
    record.gsm_signal = u8::try_from(signal & 0x1f).ok();
    record.alarm_code(u16::from(rest.u8()?));
    rest.skip(1)?;
    record.battery_percent = rest.u8().filter(|percent| *percent <= 100);
    let mode = rest.u8()?;
    record.batch.put_int("mode", mode);
    record.external_v = Some(hundredths(rest.u16()?)).filter(|volts| *volts > 0.0);
    rest.skip(1)?;
    if len == 16 {
        record.batch.put_int("wakeups", rest.u16()?);
    }
    record.batch.put_int("working_time", rest.u16()?);
    let tenths = rest.u16()?;
    if len == 16 {
        // The highest bit says that it is above zero.
        let degrees = f64::from(tenths & 0x7fff) / 10.0;
        record.batch.put_float("temperature_1_c", if tenths & 0x8000 != 0 { degrees } else { -degrees });
    } else if mode == 4 {
        record.batch.put_float("temperature_1_c", f64::from(tenths.cast_signed()) / 10.0);
    }
    Some(())
}

/// 0x23: terminal information, battery, signal, language.
pub(super) fn short_heartbeat(content: &[u8], clock: Clock) -> Option<Record> {
    let mut rest = Bytes(content);
    let mut record = Record::nowhere(clock.now);
    let status = rest.u8()?;
    record.information(status);
    record.batch.put_bool("armed", status & 1 != 0);
    record.battery_v = rest.u16().map(hundredths);
    record.gsm_signal = rest.u8();
    Some(record)
}

/// 0x36: as 0x13, then modules.
pub(super) fn modular(content: &[u8], clock: Clock) -> Option<Record> {
    let mut rest = Bytes(content);
    let mut record = Record::nowhere(clock.now);
    record.information(rest.u8()?);
    record.battery_level(rest.u8()?);
    record.gsm_signal = Some(rest.u8()?);
    record.alarm_code(u16::from(rest.u8()?));
    rest.skip(1)?;
    modules::short(&mut rest, &mut record)?;
    Some(record)
}

/// 0xa3 without a GPS block, of personal and cargo trackers: terminal information, alarm,
/// language, battery as level and in percent, signal, and of some the steps walked.
pub(super) fn personal(content: &[u8], clock: Clock) -> Option<Record> {
    let mut rest = Bytes(content);
    let mut record = Record::nowhere(clock.now);
    record.information(rest.u8()?);
    record.alarm_code(u16::from(rest.u8()?));
    rest.skip(1)?;
    record.battery_level(rest.u8()?);
    if let Some(percent) = rest.u8().filter(|percent| *percent <= 100) {
        record.battery_percent = Some(percent);
    }
    record.gsm_signal = rest.u8();
    if rest.0.len() >= 7 {
        rest.skip(3)?;
        record.batch.put_int("steps", rest.u32()?);
    }
    Some(record)
}

/// 0x19 and 0xa5: a cell, terminal information, battery, signal, alarm and language.
pub(super) fn with_cell(kind: u8, content: &[u8], clock: Clock) -> Option<Record> {
    let mut rest = Bytes(content);
    let mut record = Record::nowhere(clock.now);
    record.cell(&mut rest, if kind == 0x19 { Widths::GSM } else { Widths::LTE })?;
    record.information(rest.u8()?);
    record.battery_level(rest.u8()?);
    record.gsm_signal = Some(rest.u8()?);
    record.alarm_code(u16::from(rest.u8()?));
    Some(record)
}

/// 0x40: a battery pack that says how it is. Capacities, health, temperature in tenths of a
/// kelvin, current, voltages in millivolts, cycles and 14 cells.
pub(super) fn battery_pack(content: &[u8], clock: Clock) -> Option<Record> {
    let mut rest = Bytes(content);
    rest.skip(8)?;
    let time = model::Timestamp::from_secs(i64::from(rest.u32()?));
    let mut record = Record::nowhere(if time.as_secs() > 0 { time } else { clock.now });
    record.batch.put_int("relative_capacity", rest.u8()?);
    record.batch.put_int("remaining_capacity", rest.u16()?);
    record.batch.put_int("absolute_capacity", rest.u8()?);
    record.batch.put_int("full_capacity", rest.u16()?);
    record.batch.put_int("battery_health", rest.u8()?);
    record.batch.put_float("battery_temperature_c", f64::from(rest.u16()?) / 10.0 - 273.1);
    record.batch.put_int("current", rest.u16()?);
    record.battery_v = Some(f64::from(rest.u16()?) / 1000.0);
    record.batch.put_int("battery_cycles", rest.u16()?);
    for cell in CELLS {
        record.batch.put_float(cell, f64::from(rest.u16()?) / 1000.0);
    }
    record.batch.put_int("charge_interval", rest.u16()?);
    record.batch.put_int("max_charge_interval", rest.u16()?);
    record.batch.put_words("barcode", rest.take(16)?.trim_ascii());
    record.batch.put_int("battery_version", rest.u16()?);
    record.batch.put_words("manufacturer", rest.take(16)?.trim_ascii());
    record.batch.put_int("battery_status", rest.u32()?);
    record.batch.put_int("controller_status", rest.u32()?);
    record.batch.put_int("controller_fault", rest.u32()?);
    Some(record)
}

const CELLS: [&str; 14] = [
    "cell_1_v",
    "cell_2_v",
    "cell_3_v",
    "cell_4_v",
    "cell_5_v",
    "cell_6_v",
    "cell_7_v",
    "cell_8_v",
    "cell_9_v",
    "cell_10_v",
    "cell_11_v",
    "cell_12_v",
    "cell_13_v",
    "cell_14_v",
];

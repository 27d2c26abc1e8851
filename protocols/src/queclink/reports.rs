//! What each type of text report says beside its position.

use model::{FixBatch, Known, Timestamp, Value};

use crate::text::{hexadecimal, number, whole};

use super::attributes as add;
use super::model::Model;
use super::report::{Report, is_digits, is_mac};
use super::{can, eri, inf, tail};

/// Most positions of one report. The manuals have up to 15.
const MAX_POSITIONS: usize = 64;
/// Where the accuracy is in reports that have no position and no cell to find it by: after
/// name, id, type and number.
const USUAL_POSITION: usize = 7;
/// Types whose positions come after their number, and a report id and type.
const NUMBERED: [&[u8]; 19] = [
    b"FRI", b"ERI", b"GEO", b"SPD", b"SOS", b"RTL", b"DOG", b"TOW", b"DIS", b"IOB", b"NMR", b"PNL", b"AIS", b"HBM",
    b"IGL", b"EPS", b"LBC", b"TRI", b"MAI",
];
/// Types that are alarms whatever they say.
const ALARMS: [&[u8]; 18] = [
    b"SOS", b"SPD", b"TOW", b"IDL", b"PNA", b"PFA", b"EPN", b"EPF", b"MPN", b"MPF", b"BPL", b"SWG", b"TMP", b"TEM",
    b"JDR", b"JDS", b"HBM", b"CRA",
];

/// What the report says in words.
pub(super) type Words = Option<Box<str>>;

/// Fills the batch with what the report says; leaves it empty where that is nothing that a
/// record could keep.
pub(super) fn read(report: &Report<'_>, now: Timestamp, batch: &mut FixBatch) -> Words {
    match report.kind {
        b"INF" if !report.version.is_empty() => inf::read(report, now, batch),
        b"INF" => {}
        b"ERI" => eri::read(report, now, batch),
        _ => return other(report, now, batch),
    }
    None
}

/// Pushes all positions, of which the first is at this index, and says what follows them.
pub(super) fn positions(report: &Report<'_>, first: usize, now: Timestamp, batch: &mut FixBatch) -> usize {
    let mut next = report.push(first, now, batch);
    while let Some(at) = report.next_position(next).filter(|_| batch.fixes.len() < MAX_POSITIONS) {
        next = report.push(at, now, batch);
    }
    next
}

/// External supply, report id and type before the number of positions.
pub(super) fn head(report: &Report<'_>, at: usize, batch: &mut FixBatch) {
    let field = |back: usize| at.checked_sub(back).filter(|i| *i > 3).map(|i| report.get(i)).unwrap_or_default();
    let (kind, before) = (field(2), field(3));
    if (4..=5).contains(&before.len()) {
        add::external(batch, before);
    }
    let (id, kind) = match kind {
        [id, kind] => (hexadecimal(&[*id]), hexadecimal(&[*kind])),
        [_] => (hexadecimal(before).filter(|_| before.len() == 1), hexadecimal(kind)),
        _ => return,
    };
    add::int(batch, "report_id", id.map(crate::units::int));
    add::int(batch, "report_type", kind.map(crate::units::int));
    match (report.kind, kind) {
        (b"NMR", Some(kind)) => batch.known(Known::Movement, Value::Bool(kind == 1)),
        // Zero stands for on.
        (b"IGL", Some(kind)) => batch.known(Known::Ignition, Value::Bool(kind == 0)),
        (b"DIS", Some(kind)) => add::flag(batch, &format!("input_{}", id.unwrap_or(0)), kind == 1),
        _ => {}
    }
}

fn other(report: &Report<'_>, now: Timestamp, batch: &mut FixBatch) -> Words {
    let is_numbered = NUMBERED.contains(&report.kind);
    let empty = || {
        let blank = report.range(USUAL_POSITION + 1, USUAL_POSITION + 7);
        (is_numbered && blank.len() == 6 && blank.iter().all(|f| f.is_empty())).then_some(USUAL_POSITION)
    };
    let lists_cells = matches!(report.kind, b"LBS" | b"GSM" | b"WIF");
    let found = || report.next_position(3).or_else(|| report.empty_position()).or_else(empty);
    let at = if lists_cells { None } else { found() };
    let Some(at) = at else {
        report.push_nowhere(now, batch);
        let before = batch.attributes.len();
        let words = special(report, None, batch);
        if batch.attributes.len() == before {
            *batch = FixBatch::default();
        }
        return words;
    };
    let next = positions(report, at, now, batch);
    if is_numbered {
        head(report, at, batch);
    }
    match report.kind {
        b"IGN" | b"IGF" | b"VGN" | b"VGF" => {
            add::int(batch, "duration_s", whole(report.get(at - 1)));
            if report.get(next).contains(&b':') {
                add::hour_meter(batch, report.get(next));
            }
            add::odometer(batch, report.get(next + 1));
        }
        b"CAN" | b"BAA" | b"BID" | b"LSW" | b"TSW" | b"DAR" | b"DAT" | b"DTT" => {}
        b"STR" | b"CTN" if report.model == Model::Gl5 => {
            add::float(batch, "temperature_1_c", number(report.get(at - 2)));
            add::battery(batch, report.get(at - 1));
        }
        b"LSA" => light(report, next, batch),
        b"OBD" => add::odometer(batch, report.get(next)),
        _ => tail::read(report, next, batch),
    }
    special(report, Some(at), batch)
}

/// What the type says by itself, or in the fields before the position at `at`.
fn special(report: &Report<'_>, at: Option<usize>, batch: &mut FixBatch) -> Words {
    if ALARMS.contains(&report.kind) {
        batch.known(Known::Alarm, Value::Bool(true));
    }
    let before = |back: usize| at.and_then(|at| at.checked_sub(back)).map_or(report.get(4), |i| report.get(i));
    match report.kind {
        b"IGN" | b"VGN" => batch.known(Known::Ignition, Value::Bool(true)),
        b"IGF" | b"VGF" => batch.known(Known::Ignition, Value::Bool(false)),
        b"STT" => add::state(batch, hexadecimal(before(1)).unwrap_or(0)),
        b"IDA" if at.is_some() => add::driver(batch, before(3)),
        b"IDA" => add::driver(batch, report.get(5)),
        b"LSW" => add::flag(batch, "input_1", before(1) == b"1"),
        b"TSW" => add::flag(batch, "input_2", before(1) == b"1"),
        b"BPL" => {
            if let Some(volts) = number(before(1)).filter(|v| (0.0..=100.0).contains(v)) {
                batch.known(Known::BatteryVoltageV, Value::Float(volts));
            }
        }
        b"TEM" => add::float(batch, "temperature_1_c", number(before(1))),
        b"JDS" | b"GSS" | b"ANT" | b"RMD" if at.is_some() => add::int(batch, "state", whole(before(1))),
        b"CAN" => can::read(report, batch),
        b"OBD" => can::obd(report, at, batch),
        b"DAR" => drowsy(report, batch),
        b"BAA" | b"BID" => accessory(report, at, batch),
        b"VER" => {
            add::text(batch, "device_type", report.get(4));
            add::text(batch, "firmware", report.get(5));
            add::text(batch, "hardware", report.get(6));
        }
        b"CID" => add::text(batch, "iccid", report.get(4)),
        b"CSQ" => {
            if let Some(signal) = whole(report.get(4)) {
                batch.known(Known::GsmSignal, Value::Int(signal));
            }
        }
        b"BAT" => supply(report, batch),
        b"GSM" => report.cell(4, batch),
        b"LBS" => {
            add::battery(batch, report.get(6));
            report.cell(12, batch);
        }
        b"WIF" => add::battery(batch, report.get(report.end.saturating_sub(1))),
        b"DAT" => return words(batch, data(report, at)),
        b"DTT" => return transparent(report, at, batch),
        _ => {}
    }
    None
}

/// External supply, its voltage, percent and voltage of the battery, whether it charges.
fn supply(report: &Report<'_>, batch: &mut FixBatch) {
    if report.get(5).len() >= 4 {
        add::external(batch, report.get(5));
    }
    add::battery(batch, report.get(6));
    if let Some(volts) = number(report.get(7)).filter(|v| (0.0..=100.0).contains(v)) {
        batch.known(Known::BatteryVoltageV, Value::Float(volts));
    }
    if let Some(charging) = whole(report.get(8)) {
        add::flag(batch, "charging", charging == 1);
    }
}

/// The camera's warning: 1 is fatigue, with its degree.
fn drowsy(report: &Report<'_>, batch: &mut FixBatch) {
    let warning = whole(report.get(4));
    add::int(batch, "warning_type", warning);
    add::int(batch, "fatigue_degree", whole(report.get(5)));
    if warning == Some(1) {
        batch.known(Known::Alarm, Value::Bool(true));
    }
}

/// Light sensor of battery trackers: error rate, level, battery, mode, movement, temperature.
fn light(report: &Report<'_>, next: usize, batch: &mut FixBatch) {
    add::int(batch, "light_level", whole(report.get(next + 1)));
    add::battery(batch, report.get(next + 2));
    tail::moves(report.get(next + 4), batch);
    add::float(batch, "temperature_1_c", number(report.get(next + 5)));
}

/// The alarm or key of a Bluetooth accessory; the mask of what it says stands before that.
fn accessory(report: &Report<'_>, at: Option<usize>, batch: &mut FixBatch) {
    let (mask_at, alarm) = if report.kind == b"BAA" { (8, report.get(7)) } else { (6, &b""[..]) };
    add::int(batch, "accessory_alarm", hexadecimal(alarm).map(crate::units::int));
    let Some(mask) = hexadecimal(report.get(mask_at)).filter(|_| report.get(mask_at).len() == 4) else { return };
    let mut rest = eri::Rest(report.range(mask_at + 1, at.unwrap_or(report.end)));
    eri::accessory("accessory", mask, &mut rest, batch);
    if report.kind == b"BID" && is_mac(report.get(mask_at + 1)) {
        add::driver(batch, report.get(mask_at + 1));
    }
}

/// What came in at the serial port: before the position, or the last field where there is none.
fn data<'a>(report: &Report<'a>, at: Option<usize>) -> &'a [u8] {
    match at {
        Some(at) => report.get(at - 1),
        None => (4..report.end).rev().map(|i| report.get(i)).find(|f| !f.is_empty()).unwrap_or_default(),
    }
}

fn words(batch: &mut FixBatch, data: &[u8]) -> Words {
    let text = String::from_utf8_lossy(data);
    add::text(batch, "data", text.as_bytes());
    (!text.is_empty()).then(|| text.into())
}

/// The same in hex. A fuel sensor's line has its level behind `COMB` and another field.
fn transparent(report: &Report<'_>, at: Option<usize>, batch: &mut FixBatch) -> Words {
    let encoded = data(report, at);
    let Ok(decoded) = hex::decode(encoded) else { return words(batch, encoded) };
    if decoded.windows(4).any(|w| w == b"COMB") {
        add::float(batch, "fuel_1", decoded.split(|b| *b == b',').nth(2).and_then(number));
    }
    words(batch, &decoded)
}

/// Whether a field is an identity: an IMEI, or the 14 or so digits of a CDMA device.
pub(super) fn is_identity(field: &[u8]) -> bool {
    is_digits(field, 15) || (10..=20).contains(&field.len()) && field.iter().all(u8::is_ascii_alphanumeric)
}

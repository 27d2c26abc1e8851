//! Sentences without a place of their own: the cells around, the state of the link, `VP1`.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::sentence::{List, battery_raw, cells, network, nowhere, word};
use super::status;
use crate::attributes::{battery_percent, speed, whole_number};
use crate::text::{day_month_year, degrees_minutes, number, whole};
use crate::units::{heading, knots, satellites};

/// Seconds of a day.
const DAY_S: i64 = 86_400;

/// `HHMMSS,mcc,mnc,delay,count`, then area, cell and signal of each, `DDMMYY,status[,battery]`.
pub(super) fn nbr(list: &List<'_>, now: Timestamp) -> Option<FixBatch> {
    let count = usize::try_from(whole(list.at(4))?).ok()?;
    let rest = list.from(5);
    let len = count.checked_mul(3).filter(|len| *len <= rest.len())?;
    let (around, after) = rest.split_at_checked(len)?;
    let [date, status, ..] = after else { return None };
    let mut batch = nowhere(date, list.at(0), now);
    network(&mut batch, list.at(1), list.at(2));
    cells(&mut batch, around.chunks(3));
    word(&mut batch, status);
    battery_percent(&mut batch, after.get(2).and_then(|f| whole(f)).and_then(status::battery));
    Some(batch)
}

/// `HHMMSS,gsm,satellites,battery,steps,turnovers,DDMMYY,status`.
pub(super) fn link(list: &List<'_>, now: Timestamp) -> Option<FixBatch> {
    (list.len() >= 7).then_some(())?;
    let mut batch = nowhere(list.at(6), list.at(0), now);
    if let Some(gsm) = whole(list.at(1)) {
        batch.known(Known::GsmSignal, Value::Int(gsm));
    }
    if let Some(fix) = batch.fixes.last_mut() {
        fix.satellites = whole(list.at(2)).and_then(|n| u64::try_from(n).ok()).map(satellites);
    }
    battery_percent(&mut batch, whole(list.at(3)));
    whole_number(&mut batch, "steps", list.at(4));
    whole_number(&mut batch, "turnovers", list.at(5));
    word(&mut batch, list.at(7));
    Some(batch)
}

/// `HHMMSS,mccmnc,count`, then area, cell, delay and signal of each,
/// `battery,restarts,X,DDMMYY,status`.
pub(super) fn v3(list: &List<'_>, now: Timestamp) -> Option<FixBatch> {
    let (mcc, mnc) = list.at(1).split_at_checked(3)?;
    let count = usize::try_from(whole(list.at(2))?).ok()?;
    let rest = list.from(3);
    let len = count.checked_mul(4).filter(|len| *len <= rest.len())?;
    let (around, after) = rest.split_at_checked(len)?;
    let [battery, _restarts, _mark, date, status, ..] = after else { return None };
    let mut batch = nowhere(date, list.at(0), now);
    network(&mut batch, mcc, mnc);
    cells(&mut batch, around.chunks(4));
    battery_raw(&mut batch, battery);
    word(&mut batch, status);
    Some(batch)
}

/// Cells as `V,mcc,mnc,area,cell,signal` with `Y` between them, or `A` and a place with a date
/// but no time.
pub(super) fn vp1(body: &[u8], list: &List<'_>, now: Timestamp) -> Option<FixBatch> {
    if list.at(0) == b"V" {
        let mut batch = FixBatch::default();
        batch.push(Fix::nowhere(now));
        network(&mut batch, list.at(1), list.at(2));
        let around = body.splitn(4, |b| *b == b',').nth(3)?;
        let around: Vec<&[u8]> = around.split(|b| *b == b'Y').collect();
        cells(&mut batch, around.chunks(1));
        return Some(batch);
    }
    let (north, east) = (list.at(2).first()?, list.at(4).first()?);
    let position = LatLon::new(degrees_minutes(list.at(1), *north)?, degrees_minutes(list.at(3), *east)?)
        .filter(|p| !p.is_null_island());
    let mut batch = FixBatch::default();
    batch.push(Fix {
        position,
        valid: position.is_some(),
        speed_mps: speed(list.at(5)).map(knots),
        heading_deg: number(list.at(6)).and_then(heading),
        ..Fix::nowhere(some_time_on(list.at(7), now))
    });
    Some(batch)
}

/// The day's midnight, or, on the day that it is, now.
fn some_time_on(date: &[u8], now: Timestamp) -> Timestamp {
    match day_month_year(date, b"000000") {
        Some(midnight) if (0..DAY_S).contains(&(now.as_secs() - midnight.as_secs())) => now,
        Some(midnight) => midnight,
        None => now,
    }
}

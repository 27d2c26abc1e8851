//! Records of a fixed layout in binary: `CCC`.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use crate::bytes::Bytes;
use crate::units::{heading, int, kmh};

use super::MAX_RECORDS;
use super::attributes as add;

/// Bytes of a record that this reads; models may have more behind them.
const RECORD: usize = 52;
/// 2000-01-01 in seconds: times count from there.
pub(super) const EPOCH: i64 = 946_684_800;
/// Millionths of a degree in one.
pub(super) const DEGREE: f64 = 1e6;

/// Pushes the records and says how many there are; `None` where the data have no such shape.
pub(super) fn read(data: &[u8], batch: &mut FixBatch) -> Option<usize> {
    let mut rest = Bytes(data);
    let _version = rest.u16_le()?;
    let len = usize::from(rest.u16_le()?);
    let _waiting = rest.u32_le()?;
    if len < RECORD {
        return None;
    }
    for record in rest.0.chunks_exact(len).take(MAX_RECORDS) {
        self::record(record, batch)?;
    }
    (!batch.fixes.is_empty()).then_some(batch.fixes.len())
}

fn record(record: &[u8], batch: &mut FixBatch) -> Option<()> {
    let mut rest = Bytes(record);
    let event = rest.u8()?;
    let (lat, lon) = (rest.i32_le()?, rest.i32_le()?);
    let time = Timestamp::from_secs(EPOCH + i64::from(rest.u32_le()?));
    let mut fix = Fix::nowhere(time);
    let position = LatLon::new(f64::from(lat) / DEGREE, f64::from(lon) / DEGREE);
    fix.position = position.filter(|p| !p.is_null_island());
    fix.valid = rest.u8()? == 1 && fix.position.is_some();
    fix.satellites = Some(rest.u8()?.min(254));
    let signal = rest.u8()?;
    fix.speed_mps = Some(f64::from(rest.u16_le()?)).filter(|s| *s < 1000.0).map(kmh);
    fix.heading_deg = heading(f64::from(rest.u16_le()?));
    fix.hdop = Some(f32::from(rest.u16_le()?) / 10.0).filter(|h| *h > 0.0 && *h < 99.0);
    fix.altitude_m = Some(f32::from(rest.i16_le()?));
    batch.push(fix);
    add::event(batch, u32::from(event));
    batch.known(Known::GsmSignal, Value::Int(i64::from(signal)));
    batch.known(Known::OdometerM, Value::Int(i64::from(rest.u32_le()?)));
    add::int(batch, "run_time_s", Some(i64::from(rest.u32_le()?)));
    let mut number = || rest.u16_le().map(i64::from);
    add::cell(batch, [number(), number(), number(), number()]);
    let ports = u64::from(rest.u16_le()?);
    add::ports(batch, ports >> 8, ports & 0xff);
    add::int(batch, "adc_1", Some(i64::from(rest.u16_le()?)));
    batch.known(Known::BatteryVoltageV, Value::Float(f64::from(rest.u16_le()?) / 100.0));
    batch.known(Known::ExternalVoltageV, Value::Float(f64::from(rest.u16_le()?) / 100.0));
    add::int(batch, "fence", Some(int(u64::from(rest.u32_le()?))).filter(|fence| *fence != 0));
    Some(())
}

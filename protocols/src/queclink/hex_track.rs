//! HEX location reports of positions a second apart: the first whole, the next as differences.

use ::model::{Fix, FixBatch, LatLon, Timestamp};

use crate::bytes::Bytes;
use crate::units::{heading, int, kmh};

use super::hex::{self, DEGREE, Sent, Shared};

/// Most positions of one report.
const MAX_POSITIONS: usize = 1024;

/// Pushes the positions behind the state of the device.
pub(super) fn read(shared: &Shared, how: Sent, mut rest: Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let (mut speed, mut azimuth, mut lat, mut lon) = (0i64, 0i64, 0i64, 0i64);
    let mut seconds: Option<i64> = None;
    for _ in 0..usize::from(rest.u16()?).min(MAX_POSITIONS) {
        seconds = seconds.map(|s| s + 1);
        match rest.0.first()? >> 6 {
            1 => {
                let bits = u64::from(rest.u24()?);
                (speed, azimuth) = (int(bits >> 9 & 0xfff), int(bits & 0x0ff));
                (lon, lat) = (i64::from(rest.i32()?), i64::from(rest.i32()?));
                if seconds.is_none() {
                    seconds = Some(i64::from(rest.u32()?));
                }
            }
            2 => {
                let [top, a, b, c, d] = rest.array()?;
                let bits = u64::from(top) << 32 | u64::from(u32::from_be_bytes([a, b, c, d]));
                speed += signed(bits >> 30, 7);
                azimuth += signed(bits >> 23, 7);
                lon += signed(bits >> 11, 12);
                lat += signed(bits, 11);
            }
            // The receiver had none, or the same again.
            _ => {
                rest.skip(1)?;
                continue;
            }
        }
        let Some(time) = seconds else { continue };
        let mut fix = Fix::nowhere(Timestamp::from_secs(time));
        fix.position = LatLon::new(lat as f64 / DEGREE, lon as f64 / DEGREE).filter(|p| !p.is_null_island());
        fix.valid = fix.position.is_some();
        fix.speed_mps = (speed >= 0).then(|| kmh(speed as f64 / 10.0));
        fix.heading_deg = heading(azimuth.rem_euclid(360) as f64);
        fix.satellites = shared.satellites();
        batch.push(fix);
        hex::state(shared, how, batch);
    }
    Some(())
}

/// The lowest bits as a number with a sign.
fn signed(bits: u64, len: u32) -> i64 {
    let value = int(bits & ((1 << len) - 1));
    if value >> (len - 1) & 1 == 1 { value - (1 << len) } else { value }
}

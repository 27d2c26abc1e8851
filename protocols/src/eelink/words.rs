//! A place in words, as the answer to an instruction has it.

use model::{Fix, FixBatch, LatLon, Timestamp};

use crate::text::{number, year_month_day};
use crate::units;

/// `Lat:N48.85,Lon:E37.62,Course:90.00,Speed:36.00km/h,DateTime:2026-01-16 19:31:05`, or with line ends between.
pub(super) fn place(text: &[u8], now: Timestamp, batch: &mut FixBatch) -> Option<()> {
    let (lat, lon) = (degrees(after(text, b"Lat:")?, b'N', b'S')?, degrees(after(text, b"Lon:")?, b'E', b'W')?);
    let position = LatLon::new(lat, lon)?;
    let time = after(text, b"DateTime:").or_else(|| after(text, b"Date Time:")).and_then(moment);
    batch.push(Fix {
        heading_deg: after(text, b"Course:").and_then(decimal).and_then(units::heading),
        speed_mps: after(text, b"Speed:").and_then(decimal).filter(|kmh| *kmh < 2000.0).map(units::kmh),
        ..Fix::at(time.unwrap_or(now), position)
    });
    Some(())
}

fn after<'a>(text: &'a [u8], label: &[u8]) -> Option<&'a [u8]> {
    let at = text.windows(label.len()).position(|window| window == label)?;
    text.get(at + label.len()..)
}

/// The number that stands at the front.
fn decimal(text: &[u8]) -> Option<f64> {
    let end = text.iter().position(|b| !b.is_ascii_digit() && *b != b'.').unwrap_or(text.len());
    number(text.get(..end)?)
}

fn degrees(text: &[u8], positive: u8, negative: u8) -> Option<f64> {
    let (side, rest) = text.split_first()?;
    let value = decimal(rest)?;
    match *side {
        side if side == positive => Some(value),
        side if side == negative => Some(-value),
        _ => None,
    }
}

/// `YYYY-MM-DD HH:MM:SS`.
fn moment(text: &[u8]) -> Option<Timestamp> {
    match text.first_chunk::<19>()? {
        [b'2', b'0', y1, y2, b'-', m1, m2, b'-', d1, d2, b' ', h1, h2, b':', n1, n2, b':', s1, s2] => {
            year_month_day(&[*y1, *y2, *m1, *m2, *d1, *d2], &[*h1, *h2, *n1, *n2, *s1, *s2])
        }
        _ => None,
    }
}

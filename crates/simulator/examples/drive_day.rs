//! Makes the positions of `replay-data/sloviansk` anew from its timetable:
//!
//! ```text
//! cargo run -p simulator --example drive_day -- replay-data/sloviansk
//! ```

use std::path::PathBuf;

use model::{LatLon, ServiceDate};
use simulator::drive::{Settings, day};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name the day's folder, which holds gtfs/")?);
    let (network, findings) = network::load(&folder.join("gtfs"))?;
    for finding in findings {
        eprintln!("{finding:?}");
    }
    let place = |lat, lon| LatLon::new(lat, lon).ok_or("no such place");
    let settings = Settings {
        day: ServiceDate::parse("2026-11-18").ok_or("no such day")?,
        seed: 1676,
        trolleybus_depot: place(48.8424, 37.5796)?,
        bus_depot: place(48.8450, 37.5988)?,
    };
    let driven = day(&network, &settings)?;
    driven.write(&network, &folder)?;
    let (fixes, visits) = (driven.fixes.len(), driven.visits.len());
    eprintln!("{fixes} fixes, {visits} stop visits, {} outages", driven.outages.len());
    Ok(())
}

//! A small city of known delays, a store with its fixes, and its data sets read back.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "a test")]
#![allow(clippy::format_push_string, reason = "a table is easier to read as it is written")]
#![allow(dead_code, reason = "each test takes the part that it needs")]

pub mod tides;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datasets::{ExportError, Request, Summary, Thresholds};
use model::{DeviceId, GatePolicy, LatLon, ServiceDate, Timestamp, VehicleId};
use network::Network;
use store::{Batch, FixRow, LiveMatch, Store};

/// A Friday.
pub const DAY: &str = "2026-01-16";
/// In no file, ever.
pub const SECRETS: [&str; 3] = ["canary-imei", "canary-driver", "canary-card"];

/// Four stops on a straight street from west to east, 1.46 km apart, five minutes from one
/// to the next; trips both ways, one of them past midnight.
pub fn network() -> Arc<Network> {
    let folder = tempfile::tempdir().unwrap();
    let mut trips = "route_id,service_id,trip_id,direction_id,block_id\n".to_owned();
    let mut times = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n".to_owned();
    for (trip, start) in [("T1", 480), ("T2", 530), ("T3", 24 * 60 + 30), ("T4", 600)] {
        let direction = u8::from(trip == "T3");
        trips += &format!("R,FR,{trip},{direction},B-{trip}\n");
        for index in 0..4 {
            let (minute, stop) = (start + 5 * index, if direction == 0 { index + 1 } else { 4 - index });
            let time = format!("{:02}:{:02}:00", minute / 60, minute % 60);
            times += &format!("{trip},{time},{time},S{stop},{}\n", 10 * (index + 1));
        }
    }
    for (name, text) in [
        ("agency.txt", "agency_id,agency_name,agency_url,agency_timezone\nA,Транс,https://example.org,Europe/Kyiv\n"),
        ("routes.txt", "route_id,agency_id,route_short_name,route_long_name,route_type\nR,A,\"1, А\",Вокзал,11\n"),
        (
            "stops.txt",
            "stop_id,stop_name,stop_lat,stop_lon\nS1,Вокзал,48.85,37.60\nS2,Ринок,48.85,37.62\nS3,Парк,48.85,37.64\n\
             S4,Завод,48.85,37.66\n",
        ),
        (
            "calendar.txt",
            "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n\
             FR,0,0,0,0,1,0,0,20260101,20261231\n",
        ),
        ("trips.txt", &trips),
        ("stop_times.txt", &times),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let (network, findings) = network::load(folder.path()).unwrap();
    assert_eq!(findings, []);
    Arc::new(network)
}

pub fn day() -> ServiceDate {
    ServiceDate::parse(DAY).unwrap()
}

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// A vehicle's fixes on a trip: it waits at the first stop, leaves each but the last so many
/// seconds behind the timetable, and comes to the last one so many seconds behind. It takes
/// 200 seconds from stop to stop, but for the last stretch, and waits for its departures.
pub fn drive(network: &Network, trip: &str, vehicle: &str, delays_s: [i32; 4]) -> Vec<FixRow> {
    let index = network.trip_by_id(trip).unwrap();
    let times = network.stop_times(index);
    let stops: Vec<LatLon> =
        network.pattern(network.trip(index).pattern).stops.iter().map(|at| network.stop(at.stop).position).collect();
    let mut fixes = Vec::new();
    let mut arrived = times[0].departure_s + delays_s[0] - 180;
    for leg in 0..4 {
        let leaves = if leg == 3 { arrived + 60 } else { times[leg].departure_s + delays_s[leg] };
        for second in (arrived..leaves).step_by(10).chain([leaves]) {
            fixes.push(row(network, vehicle, second, stops[leg], 0.0));
        }
        let Some(to) = stops.get(leg + 1) else { break };
        let arrives = if leg == 2 { times[3].arrival_s + delays_s[3] } else { leaves + 200 };
        let speed = 1463.0 / f64::from(arrives - leaves);
        for second in (leaves + 10..arrives).step_by(10) {
            let part = f64::from(second - leaves) / f64::from(arrives - leaves);
            let lon = stops[leg].lon() + part * (to.lon() - stops[leg].lon());
            fixes.push(row(network, vehicle, second, LatLon::new(to.lat(), lon).unwrap(), speed));
        }
        arrived = arrives;
    }
    fixes
}

/// One fix at so many seconds of the service day.
pub fn row(network: &Network, vehicle: &str, second: i32, position: LatLon, speed: f64) -> FixRow {
    let time = network.instant(day(), f64::from(second));
    FixRow {
        device_id: DeviceId::new(&format!("canary-imei-{vehicle}")).unwrap(),
        vehicle_id: VehicleId::new(vehicle).unwrap(),
        time,
        received_at: time.plus_seconds(1.0),
        content_hash: u64::try_from(second + 1_000_000).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15),
        protocol: "teltonika".into(),
        valid: true,
        position: Some(position),
        altitude_m: None,
        speed_mps: Some(speed as f32),
        heading_deg: None,
        satellites: Some(9),
        hdop: Some(1.5),
        attributes: r#"{"driver_id":"canary-driver","card":"canary-card"}"#.to_owned(),
        live: LiveMatch::default(),
    }
}

/// A whole day: three trips, with delays on both sides of every limit.
pub fn a_day(network: &Network) -> Vec<FixRow> {
    let mut fixes = drive(network, "T1", "бус a", [0, -61, 300, 301]);
    fixes.extend(drive(network, "T2", "b", [20, 40, 60, 120]));
    fixes.extend(drive(network, "T3", "бус a", [0, 100, 200, 400]));
    fixes
}

pub struct City {
    pub network: Arc<Network>,
    pub store: Arc<dyn Store>,
    pub folder: tempfile::TempDir,
}

impl City {
    /// A store that was given these batches one after the other.
    pub async fn of(network: Arc<Network>, batches: &[Vec<FixRow>]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = store::open(&format!("sqlite://{}/store.db", folder.path().display())).await.unwrap();
        for (upto, fixes) in (1..).zip(batches) {
            store.commit(&Batch { fixes: fixes.clone(), ..Batch::default() }, upto).await.unwrap();
        }
        Self { network, store, folder }
    }

    pub fn out(&self) -> PathBuf {
        self.folder.path().join("data/of/the/day")
    }

    pub async fn export(&self) -> Result<Summary, ExportError> {
        self.export_as(day(), &GatePolicy::Live, 0).await
    }

    pub async fn export_as(&self, day: ServiceDate, gate: &GatePolicy, threads: usize) -> Result<Summary, ExportError> {
        datasets::export(&Request {
            store: &*self.store,
            network: &self.network,
            day,
            gate,
            now: at("2026-01-16T06:40:00Z"),
            thresholds: Thresholds::default(),
            parameters: matching::Parameters::default(),
            priors: Arc::default(),
            threads,
            folder: &self.out(),
            progress: &|_| {},
        })
        .await
    }
}

/// The files of a folder by name, whole.
pub fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder).map_or(Vec::new(), |all| all.map(|e| e.unwrap().path()).collect());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    entries.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// Rows by column.
pub type Table = Vec<BTreeMap<String, String>>;

pub fn table(csv: &str) -> Table {
    csv::Reader::from_reader(csv.as_bytes()).deserialize().collect::<Result<_, _>>().unwrap()
}

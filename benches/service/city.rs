//! A made city with a timetable for a whole day, and where its vehicles are at any time of it.

use std::fmt::Write as _;
use std::path::Path;

use model::{LatLon, Timestamp};

/// Lines. Each goes there and back.
const LINES: usize = 250;
/// Timetable runs of a line that are under way at once.
const RUNS: usize = 10;
/// Corners of a line's way and metres between them.
const CORNERS: usize = 60;
const BLOCK_M: f64 = 200.0;
/// Every so many corners is a stop.
const STOP_EVERY: usize = 3;
/// Metres a second.
const SPEED: f64 = 6.0;
/// Seconds from one departure of a run to the one back, with the wait at the end.
const TURN_S: i64 = 2_400;
/// Seconds between two runs of a line.
const HEADWAY_S: i64 = TURN_S / 5;
/// Seconds between vehicles that share a run.
const FOLLOWS_S: i64 = 30;
/// The first departures, seconds of the day.
const FIRST_S: i64 = 4 * 3600;
/// No departures from here on.
const LAST_S: i64 = 23 * 3600;
const DAY: &str = "2026-01-16";

pub struct City {
    lines: Vec<Vec<[f64; 2]>>,
    midnight: Timestamp,
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

impl City {
    pub fn make() -> Self {
        let mut chance = Chance(0x1234_5678_9ABC_DEF1);
        let mut wander = || {
            let mut at = [chance.below(100) as f64 * BLOCK_M, chance.below(100) as f64 * BLOCK_M];
            let mut way = [1.0, 0.0];
            let mut line = vec![at];
            while line.len() <= CORNERS {
                if chance.below(6) == 0 {
                    way = if chance.below(2) == 0 { [-way[1], way[0]] } else { [way[1], -way[0]] };
                }
                at = [at[0] + way[0] * BLOCK_M, at[1] + way[1] * BLOCK_M];
                line.push(at);
            }
            line
        };
        let midnight = Timestamp::parse(&format!("{DAY}T00:00:00Z")).unwrap();
        Self { lines: (0..LINES).map(|_| wander()).collect(), midnight }
    }

    /// When its day begins.
    pub fn midnight(&self) -> Timestamp {
        self.midnight
    }

    /// Where a vehicle is.
    pub fn place(&self, vehicle: usize, at: Timestamp) -> LatLon {
        let (line, run, follows) = (vehicle % LINES, vehicle / LINES % RUNS, vehicle / LINES / RUNS);
        let behind_s = FIRST_S + run as i64 * HEADWAY_S + follows as i64 * FOLLOWS_S;
        let since_s = at.seconds_since(self.midnight) - behind_s as f64;
        let turn = (since_s / TURN_S as f64).floor().clamp(0.0, (turns(run) - 1) as f64);
        let along_m = ((since_s - turn * TURN_S as f64) * SPEED).clamp(0.0, CORNERS as f64 * BLOCK_M);
        let along_m = if turn as usize % 2 == 0 { along_m } else { CORNERS as f64 * BLOCK_M - along_m };
        let line = &self.lines[line];
        let (corner, part) = ((along_m / BLOCK_M) as usize, along_m / BLOCK_M % 1.0);
        let (a, b) = (line[corner.min(CORNERS)], line[(corner + 1).min(CORNERS)]);
        // Some metres beside the street, other ones each time.
        let beside = |salt: i64| ((at.as_secs() * 31 + salt * 17 + vehicle as i64 * 7) % 17 - 8) as f64;
        place([a[0] + part * (b[0] - a[0]) + beside(1), a[1] + part * (b[1] - a[1]) + beside(2)])
    }

    /// Writes its GTFS into a folder, and tells how many trips and stop times there are.
    pub fn write(&self, folder: &Path) -> (usize, usize) {
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        let mut routes = String::from("route_id,route_short_name,route_long_name,route_type\n");
        let mut stops = String::from("stop_id,stop_name,stop_lat,stop_lon\n");
        let mut shapes = String::from("shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n");
        let mut trips = String::from("route_id,service_id,trip_id,direction_id,shape_id,block_id\n");
        let mut times = String::from("trip_id,arrival_time,departure_time,stop_id,stop_sequence\n");
        let mut counts = (0, 0);
        for (route, line) in self.lines.iter().enumerate() {
            writeln!(routes, "{route},{route},,3").unwrap();
            for (direction, way) in ["there", "back"].into_iter().enumerate() {
                for step in 0..=CORNERS {
                    let at = place(line[if direction == 0 { step } else { CORNERS - step }]);
                    writeln!(shapes, "{route}-{way},{},{},{step}", at.lat(), at.lon()).unwrap();
                    if step % STOP_EVERY == 0 {
                        writeln!(stops, "{route}-{way}-{step},Stop {route} {step},{},{}", at.lat(), at.lon()).unwrap();
                    }
                }
            }
            for (run, turn) in (0..RUNS).flat_map(|run| (0..turns(run)).map(move |turn| (run, turn))) {
                let (direction, way) = if turn % 2 == 0 { (0, "there") } else { (1, "back") };
                let trip = format!("{route}-{run}-{turn}");
                writeln!(trips, "{route},daily,{trip},{direction},{route}-{way},{route}-{run}").unwrap();
                counts.0 += 1;
                for step in (0..=CORNERS).step_by(STOP_EVERY) {
                    let second = FIRST_S + run as i64 * HEADWAY_S + turn as i64 * TURN_S;
                    let second = second + (step as f64 * BLOCK_M / SPEED) as i64;
                    let text = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
                    writeln!(times, "{trip},{text},{text},{route}-{way}-{step},{step}").unwrap();
                    counts.1 += 1;
                }
            }
        }
        write("agency.txt", "agency_id,agency_name,agency_url,agency_timezone\nA,A,https://example.org,UTC\n");
        write(
            "calendar.txt",
            "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n\
             daily,1,1,1,1,1,1,1,20260101,20261231\n",
        );
        for (name, text) in [
            ("routes.txt", &routes),
            ("stops.txt", &stops),
            ("shapes.txt", &shapes),
            ("trips.txt", &trips),
            ("stop_times.txt", &times),
        ] {
            write(name, text);
        }
        counts
    }
}

/// How often a run goes there or back in a day.
fn turns(run: usize) -> usize {
    ((LAST_S - FIRST_S - run as i64 * HEADWAY_S) / TURN_S) as usize
}

fn place([x, y]: [f64; 2]) -> LatLon {
    LatLon::new(48.85 + y / 111_200.0, 37.6 + x / (111_320.0 * 48.85_f64.to_radians().cos())).unwrap()
}

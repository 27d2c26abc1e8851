//! A made city: routes that wander along a grid of streets, buses that keep to their timetable.

use std::fmt::Write;

use model::{Fix, LatLon, Timestamp};
use network::{Network, ShapeIdx};

/// Seconds between fixes.
pub const EVERY_S: f64 = 10.0;
/// Metres a second.
const SPEED: f64 = 8.0;
/// Blocks of houses, metres.
const BLOCK_M: f64 = 100.0;
/// Segments of a shape.
const SEGMENTS: usize = 120;
/// Departures of every route before and after the one driven.
const TRIPS: i32 = 4;
/// Seconds between them.
const HEADWAY_S: i32 = 900;

pub struct City {
    shapes: Vec<Vec<[f64; 2]>>,
}

struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    fn noise(&mut self) -> f64 {
        self.below(1000) as f64 / 50.0 - 10.0
    }
}

fn place([x, y]: [f64; 2]) -> LatLon {
    LatLon::new(48.85 + y / 111_200.0, 37.6 + x / (111_320.0 * 48.85_f64.to_radians().cos())).unwrap()
}

impl City {
    /// A city whose area grows with its number of shapes, as cities do: some four a square kilometre.
    pub fn make(shapes: usize) -> Self {
        let mut chance = Chance(0x1234_5678_9ABC_DEF1);
        let side = ((shapes as f64 / 4.0).sqrt() * 1000.0 / BLOCK_M).max(60.0) as u64;
        let wander = |chance: &mut Chance| {
            let mut at = [chance.below(side) as f64 * BLOCK_M, chance.below(side) as f64 * BLOCK_M];
            let mut way = [1.0, 0.0];
            let mut line = vec![at];
            while line.len() <= SEGMENTS {
                if chance.below(6) == 0 {
                    way = if chance.below(2) == 0 { [-way[1], way[0]] } else { [way[1], -way[0]] };
                }
                at = [at[0] + way[0] * BLOCK_M, at[1] + way[1] * BLOCK_M];
                line.push(at);
            }
            line
        };
        Self { shapes: (0..shapes).map(|_| wander(&mut chance)).collect() }
    }

    pub fn load(&self) -> Network {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let mut routes = String::from("route_id,route_short_name,route_long_name,route_type\n");
        let mut stops = String::from("stop_id,stop_name,stop_lat,stop_lon\n");
        let mut shapes = String::from("shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n");
        let mut trips = String::from("route_id,service_id,trip_id,shape_id,block_id\n");
        let mut times = String::from("trip_id,arrival_time,departure_time,stop_id,stop_sequence\n");
        for (route, line) in self.shapes.iter().enumerate() {
            writeln!(routes, "R{route},{route},,3").unwrap();
            for (i, point) in line.iter().enumerate() {
                let at = place(*point);
                writeln!(shapes, "H{route},{},{},{i}", at.lat(), at.lon()).unwrap();
                if i % 4 == 0 {
                    writeln!(stops, "S{route}-{i},{route} {i},{},{}", at.lat(), at.lon()).unwrap();
                }
            }
            for trip in -TRIPS..=TRIPS {
                let name = format!("T{route}-{trip}");
                writeln!(trips, "R{route},D,{name},H{route},B{route}-{trip}").unwrap();
                for i in (0..line.len()).step_by(4) {
                    let at = 12 * 3600 + trip * HEADWAY_S + (i as f64 * BLOCK_M / SPEED) as i32;
                    let text = format!("{:02}:{:02}:{:02}", at / 3600, at / 60 % 60, at % 60);
                    writeln!(times, "{name},{text},{text},S{route}-{i},{}", i + 1).unwrap();
                }
            }
        }
        write("agency.txt", "agency_id,agency_name,agency_url,agency_timezone\nA,A,https://example.org,UTC\n");
        write(
            "calendar.txt",
            "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\nD,1,1,1,1,1,1,1,20260101,20261231\n",
        );
        for (name, text) in [
            ("routes.txt", routes),
            ("stops.txt", stops),
            ("shapes.txt", shapes),
            ("trips.txt", trips),
            ("stop_times.txt", times),
        ] {
            write(name, &text);
        }
        network::load(folder.path()).unwrap().0
    }

    fn route_of(&self, vehicle: usize) -> usize {
        vehicle * 7919 % self.shapes.len()
    }

    /// Metres driven at a vehicle's so many-eth fix.
    pub fn driven_m(&self, at: usize) -> f64 {
        at as f64 * EVERY_S * SPEED
    }

    pub fn shape_of(&self, network: &Network, vehicle: usize) -> ShapeIdx {
        let route = network.route_by_id(&format!("R{}", self.route_of(vehicle))).unwrap();
        network.patterns().find(|(_, p)| p.route == route).map(|(_, p)| p.shape).unwrap()
    }

    /// A vehicle's fixes along its route.
    pub fn drive(&self, _network: &Network, vehicle: usize, count: usize) -> Vec<Fix> {
        let line = &self.shapes[self.route_of(vehicle)];
        let mut chance = Chance(vehicle as u64 + 99);
        let begins = Timestamp::parse("2026-01-16T12:00:00Z").unwrap();
        (0..count)
            .map(|at| {
                let driven = self.driven_m(at) / BLOCK_M;
                let (i, part) = ((driven as usize).min(line.len() - 2), driven.fract());
                let [a, b] = [line[i], line[i + 1]];
                let xy = [a[0] + part * (b[0] - a[0]) + chance.noise(), a[1] + part * (b[1] - a[1]) + chance.noise()];
                Fix::at(begins.plus_seconds(at as f64 * EVERY_S), place(xy))
            })
            .collect()
    }
}

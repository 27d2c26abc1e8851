//! A made city with every kind of line that is hard to match.

use std::fmt::Write;
use std::sync::Arc;

use model::LatLon;
use network::Network;

/// Where its plane begins.
const CENTRE: (f64, f64) = (48.85, 37.6);

pub fn place(xy: [f64; 2]) -> LatLon {
    place_at(CENTRE, xy)
}

/// The same in a city that lies elsewhere.
pub fn place_at((lat, lon): (f64, f64), [x, y]: [f64; 2]) -> LatLon {
    let lon_m = 111_320.0 * lat.to_radians().cos();
    let lon = (lon + x / lon_m + 540.0).rem_euclid(360.0) - 180.0;
    LatLon::new(lat + y / 111_200.0, lon).unwrap()
}

/// Where in the city a place lies.
pub fn xy(place: LatLon) -> [f64; 2] {
    let lon_m = 111_320.0 * CENTRE.0.to_radians().cos();
    [(place.lon() - CENTRE.1) * lon_m, (place.lat() - CENTRE.0) * 111_200.0]
}

/// A line of the city: its way, where it stops (metres along), and its trips.
struct Line {
    route: &'static str,
    pattern: &'static str,
    way: Vec<[f64; 2]>,
    shape: bool,
    stops: Vec<f64>,
    /// Trip, block, departure in seconds of the day.
    trips: Vec<(String, &'static str, i32)>,
}

/// Metres a second by the timetable.
pub const SPEED: f64 = 7.0;

/// The point so many metres along a way.
pub fn along(way: &[[f64; 2]], mut dist: f64) -> [f64; 2] {
    for ends in way.windows(2) {
        let [a, b] = [ends[0], ends[1]];
        let length = (b[0] - a[0]).hypot(b[1] - a[1]);
        if dist <= length {
            let t = dist / length;
            return [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];
        }
        dist -= length;
    }
    *way.last().unwrap()
}

pub fn length(way: &[[f64; 2]]) -> f64 {
    way.windows(2).map(|w| (w[1][0] - w[0][0]).hypot(w[1][1] - w[0][1])).sum()
}

/// The ways, by pattern.
pub fn way(pattern: &str) -> Vec<[f64; 2]> {
    match pattern {
        "loop" => vec![[0.0, 0.0], [1000.0, 0.0], [1000.0, 1000.0], [0.0, 1000.0], [0.0, 0.0]],
        "lollipop" => vec![
            [5000.0, 0.0],
            [6500.0, 0.0],
            [7200.0, 600.0],
            [7900.0, 0.0],
            [7200.0, -600.0],
            [6500.0, 0.0],
            [5000.0, 0.0],
        ],
        "out_and_back" => vec![[0.0, 5000.0], [2500.0, 5000.0], [0.0, 5000.0]],
        "figure_eight" => vec![
            [5000.0, 5000.0],
            [6000.0, 6000.0],
            [6800.0, 5000.0],
            [6000.0, 4000.0],
            [5000.0, 5000.0],
            [4000.0, 6000.0],
            [3200.0, 5000.0],
            [4000.0, 4000.0],
            [5000.0, 5000.0],
        ],
        "corridor_a" => vec![[10_000.0, 0.0], [13_000.0, 0.0], [14_500.0, 1500.0]],
        "corridor_b" => vec![[10_000.0, 0.0], [13_000.0, 0.0], [14_500.0, -1500.0]],
        "corridor_c" => vec![[9000.0, 1000.0], [10_000.0, 0.0], [13_000.0, 0.0], [15_500.0, 0.0]],
        "short_turn" => vec![[10_000.0, 0.0], [13_000.0, 0.0]],
        "east" | "free_east" => vec![[0.0, 10_000.0], [4000.0, 10_000.0]],
        "west" | "free_west" => vec![[4000.0, 10_000.0], [0.0, 10_000.0]],
        "drawn_straight" => vec![[10_000.0, 5000.0], [12_000.0, 5000.0], [12_000.0, 7000.0], [14_000.0, 7000.0]],
        "frequent" => vec![[10_000.0, 10_000.0], [14_000.0, 10_000.0]],
        "night" => vec![[0.0, 14_000.0], [5000.0, 14_000.0]],
        _ => panic!("{pattern}"),
    }
}

fn line(route: &'static str, pattern: &'static str, trips: &[(&'static str, i32)]) -> Line {
    let way = way(pattern);
    let end = length(&way);
    let count = (end / 450.0).round();
    let stops =
        std::iter::successors(Some(0.0), |i| (*i < count).then_some(i + 1.0)).map(|i| end * i / count).collect();
    let trips = trips.iter().map(|(block, at)| (format!("{pattern}-{at}"), *block, *at)).collect();
    Line { route, pattern, way, shape: !pattern.starts_with("drawn"), stops, trips }
}

const H: i32 = 3600;

fn lines() -> Vec<Line> {
    let every = |block: &'static str, from: i32, step: i32, count: i32| -> Vec<(&'static str, i32)> {
        (0..count).map(|i| (block, from + i * step)).collect()
    };
    vec![
        line("loop", "loop", &every("loop", 8 * H, 900, 4)),
        line("lollipop", "lollipop", &every("lollipop", 8 * H, 1500, 3)),
        line("outback", "out_and_back", &every("outback", 8 * H, 1200, 3)),
        line("eight", "figure_eight", &every("eight", 8 * H, 2400, 2)),
        line("A", "corridor_a", &[("A1", 8 * H), ("A2", 8 * H + 900), ("A3", 8 * H + 1800)]),
        line("A", "short_turn", &[("A4", 8 * H + 450), ("A5", 8 * H + 1350)]),
        line("B", "corridor_b", &[("B1", 8 * H + 60), ("B2", 8 * H + 960), ("B3", 8 * H + 1860)]),
        line("C", "corridor_c", &[("C1", 8 * H - 120), ("C2", 8 * H + 780), ("C3", 8 * H + 1680)]),
        line("E", "east", &[("E1", 8 * H), ("E2", 8 * H + 600), ("E1", 8 * H + 2400), ("E2", 8 * H + 3000)]),
        line("E", "west", &[("E1", 8 * H + 1200), ("E2", 8 * H + 1800)]),
        line("F", "free_east", &[("", 12 * H), ("", 12 * H + 1800)]),
        line("F", "free_west", &[("", 12 * H + 900), ("", 12 * H + 2700)]),
        line("D", "drawn_straight", &[("D1", 8 * H), ("D1", 9 * H)]),
        line("Q", "frequent", &[("", 6 * H)]),
        line("N", "night", &[("N1", 23 * H + 2700), ("N1", 26 * H)]),
    ]
}

fn clock(seconds: f64) -> String {
    let whole = |v: f64| format!("{:02}", v.floor());
    format!("{}:{}:{}", whole(seconds / 3600.0), whole(seconds / 60.0 % 60.0), whole(seconds % 60.0))
}

/// The city as a compiled feed. Trips are called `pattern-departure`.
pub fn city() -> Arc<Network> {
    city_at(CENTRE)
}

/// The same city elsewhere.
pub fn city_at(centre: (f64, f64)) -> Arc<Network> {
    let place = |xy| place_at(centre, xy);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let mut routes = String::from("route_id,route_short_name,route_long_name,route_type\n");
    let mut stops = String::from("stop_id,stop_name,stop_lat,stop_lon\n");
    let mut shapes = String::from("shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n");
    let mut trips = String::from("route_id,service_id,trip_id,shape_id,block_id\n");
    let mut times = String::from("trip_id,arrival_time,departure_time,stop_id,stop_sequence\n");
    let mut known = Vec::new();
    for line in lines() {
        if !known.contains(&line.route) {
            known.push(line.route);
            writeln!(routes, "{0},{0},,3", line.route).unwrap();
        }
        if line.shape {
            for (i, point) in line.way.iter().enumerate() {
                let at = place(*point);
                writeln!(shapes, "{},{},{},{i}", line.pattern, at.lat(), at.lon()).unwrap();
            }
        }
        for (i, dist) in line.stops.iter().enumerate() {
            let at = place(along(&line.way, *dist));
            writeln!(stops, "{0}-{i},{0} {i},{1},{2}", line.pattern, at.lat(), at.lon()).unwrap();
        }
        for (trip, block, departs) in &line.trips {
            let shape = if line.shape { line.pattern } else { "" };
            writeln!(trips, "{},S,{trip},{shape},{block}", line.route).unwrap();
            for (i, dist) in line.stops.iter().enumerate() {
                let text = clock(f64::from(*departs) + dist / SPEED);
                writeln!(times, "{trip},{text},{text},{}-{i},{}", line.pattern, i + 1).unwrap();
            }
        }
    }
    write("agency.txt", "agency_id,agency_name,agency_url,agency_timezone\nA,A,https://example.org,Europe/Kyiv\n");
    write(
        "calendar.txt",
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\nS,1,1,1,1,1,1,1,20260101,20261231\n",
    );
    write(
        "frequencies.txt",
        "trip_id,start_time,end_time,headway_secs,exact_times\nfrequent-21600,06:00:00,20:00:00,600,0\n",
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
    Arc::new(network::load(folder.path()).unwrap().0)
}

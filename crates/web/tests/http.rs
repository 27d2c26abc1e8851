//! What the server answers.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::io::Read as _;

use feeds::gtfs_rt::FeedMessage;
use model::GatePolicy;
use prost::Message as _;
use reqwest::Method;
use serde_json::{Value, json};
use support::city::{at, fix, on, rules, run};
use support::{Options, Site, ZIP, ids};
use web::{Check, MapSettings};

/// A bus on line 1, two minutes late, near the market; a van on no line.
async fn site() -> Site {
    let now = at(10, 5, 0);
    let mut site = Site::start(now, Options::default()).await;
    let bus = on(&site.network, "bus", now, run(&site.network, "T1", 0), (1, false, 120));
    site.publish(vec![bus, fix("van", now)], now);
    site.tick(at(10, 5, 2));
    site
}

async fn feed(site: &Site, path: &str) -> FeedMessage {
    FeedMessage::decode(site.bytes(path).await).unwrap()
}

#[tokio::test]
async fn feeds_keep_the_rules_and_say_the_same_in_json() {
    let site = site().await;
    let positions = feed(&site, "/gtfs-rt/vehicle-positions").await;
    let updates = feed(&site, "/gtfs-rt/trip-updates").await;
    assert_eq!((positions.entity.len(), updates.entity.len()), (2, 1));
    let now = u64::try_from(at(10, 5, 2).as_secs()).unwrap();
    assert_eq!(rules::broken(&site.network, &positions, &updates, now), Vec::<String>::new());
    assert_eq!(positions.header.timestamp, Some(now));
    let json = site.json("/gtfs-rt/vehicle-positions.json").await;
    assert_eq!(json["entity"][0]["vehicle"]["trip"]["tripId"], "T1");
    let json = site.json("/gtfs-rt/trip-updates.json").await;
    assert_eq!(json["entity"][0]["tripUpdate"]["stopTimeUpdate"][0]["arrival"]["delay"], 120);
    assert_eq!(site.get("/gtfs-rt/trip-updates").await.headers()["content-type"], "application/x-protobuf");
}

#[tokio::test]
async fn a_feed_changes_at_most_once_a_second_and_lives_without_changes() {
    let mut site = site().await;
    let time = async |site: &Site| feed(site, "/gtfs-rt/vehicle-positions").await.header.timestamp.unwrap();
    let first = time(&site).await;
    site.publish(vec![fix("new", at(10, 5, 2))], at(10, 5, 2).plus_seconds(0.4));
    assert_eq!(feed(&site, "/gtfs-rt/vehicle-positions").await.entity.len(), 2, "its second is told already");
    site.tick(at(10, 5, 3));
    assert_eq!(feed(&site, "/gtfs-rt/vehicle-positions").await.entity.len(), 3);
    assert_eq!(time(&site).await, first + 1);
    site.tick(at(10, 5, 18));
    assert_eq!(time(&site).await, first + 16, "readers see that it is alive");
}

#[tokio::test]
async fn a_clock_that_goes_back_stops_no_feed() {
    let mut site = site().await;
    let before = feed(&site, "/gtfs-rt/vehicle-positions").await;
    let back = at(9, 0, 0);
    site.publish(vec![fix("new", back)], back);
    site.tick(back.plus_seconds(1.0));
    let after = feed(&site, "/gtfs-rt/vehicle-positions").await;
    assert_eq!(after.entity.len(), 3, "news are told all the same");
    assert_eq!(after.header.timestamp, before.header.timestamp, "its time never goes back");
}

#[tokio::test]
async fn who_has_a_version_is_not_sent_it_again() {
    let mut site = site().await;
    for path in [
        "/gtfs-rt/vehicle-positions",
        "/gtfs-rt/trip-updates.json",
        "/gtfs/gtfs.zip",
        "/api/v1/vehicles",
        "/api/v1/routes",
        "/api/v1/stops",
    ] {
        let first = site.get(path).await;
        let etag = first.headers()["etag"].clone();
        let again = site.request(Method::GET, path).header("if-none-match", &etag).send().await.unwrap();
        assert_eq!(again.status(), 304, "{path}");
        assert_eq!(again.headers()["etag"], etag, "{path}");
        assert!(again.bytes().await.unwrap().is_empty(), "{path}");
        if let Some(modified) = first.headers().get("last-modified") {
            let again = site.request(Method::GET, path).header("if-modified-since", modified).send().await.unwrap();
            assert_eq!(again.status(), 304, "{path}");
        }
    }
    let etag = site.get("/api/v1/vehicles").await.headers()["etag"].clone();
    site.publish(vec![fix("van", at(10, 5, 2))], at(10, 5, 2).plus_seconds(0.3));
    let changed = site.request(Method::GET, "/api/v1/vehicles").header("if-none-match", etag).send().await.unwrap();
    assert_eq!(changed.status(), 200);
}

#[tokio::test]
async fn compression_changes_the_bytes_and_not_what_they_say() {
    let site = site().await;
    let get = async |path: &str, encoding: &str| {
        site.request(Method::GET, path).header("accept-encoding", encoding).send().await.unwrap()
    };
    for path in ["/gtfs-rt/vehicle-positions", "/gtfs-rt/trip-updates.json", "/api/v1/vehicles", "/api/v1/routes"] {
        let answer = get(path, "gzip, br").await;
        assert_eq!(answer.headers()["content-encoding"], "gzip", "{path}");
        assert_eq!(answer.headers().get_all("vary").iter().filter(|v| *v == "accept-encoding").count(), 1, "{path}");
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&*answer.bytes().await.unwrap()).read_to_end(&mut plain).unwrap();
        assert_eq!(plain, site.bytes(path).await, "{path}");
        assert!(get(path, "identity").await.headers().get("content-encoding").is_none(), "{path}");
    }
    assert_eq!(get("/openapi.json", "br").await.headers()["content-encoding"], "br");
    let zip = get("/gtfs/gtfs.zip", "gzip, br").await;
    assert!(zip.headers().get("content-encoding").is_none());
    assert_eq!(zip.bytes().await.unwrap(), ZIP);
}

#[tokio::test]
async fn the_timetable_and_what_is_on_it() {
    let site = site().await;
    let routes = site.json("/api/v1/routes").await;
    assert_eq!(routes.as_array().unwrap().len(), 4);
    let r = routes.as_array().unwrap().iter().find(|r| r["id"] == "R").unwrap();
    assert_eq!((&r["short_name"], &r["type"], &r["color"]), (&json!("1"), &json!(11), &json!("1A73E8")));
    assert_eq!(r["shapes"][0]["points"].as_array().unwrap().len(), 5);

    let route = site.json("/api/v1/routes/R").await;
    assert_eq!(route["shapes"], r["shapes"]);
    assert_eq!(ids(&route), ["bus"]);
    let stops: Vec<_> = route["patterns"][0]["stops"].as_array().unwrap().iter().map(|s| &s["name"]).collect();
    assert_eq!(stops, ["Вокзал", "Ринок", "Центр"]);

    let stops = site.json("/api/v1/stops").await;
    let market = stops.as_array().unwrap().iter().find(|s| s["id"] == "S2").unwrap();
    assert_eq!(market["routes"], json!(["E", "F", "L", "R"]));
    assert_eq!(ids(&site.json("/api/v1/vehicles").await), ["bus", "van"]);
    for path in ["/api/v1/routes/none", "/api/v1/stops/none"] {
        let answer = site.get(path).await;
        assert_eq!(answer.status(), 404);
        let says: Value = answer.json().await.unwrap();
        assert!(says["error"].as_str().unwrap().contains("`none`"), "{says}");
    }
}

#[tokio::test]
async fn departures_are_those_of_the_timetable_with_the_delays_of_the_feed() {
    let mut site = site().await;
    let of_t1 = |answer: &Value| answer["departures"].as_array().unwrap().iter().find(|d| d["trip"] == "T1").cloned();
    let answer = site.json("/api/v1/stops/S2").await;
    // Two minutes late, and the timetable waits five at this stop.
    assert_eq!(
        of_t1(&answer).unwrap(),
        json!({
            "route": "R", "line": "1", "color": "1A73E8", "headsign": "Центр", "trip": "T1",
            "scheduled": "2026-01-16T08:15:00Z", "expected": "2026-01-16T08:15:00Z", "delay": 0, "vehicle": "bus",
        })
    );
    // The loop has no vehicle: its timetable stands. T1 ends at S3, where nothing leaves.
    let loops: Vec<_> = answer["departures"].as_array().unwrap().iter().filter(|d| d["route"] == "L").collect();
    assert_eq!(loops.len(), 0, "the loop left the market at 10:05:00: {answer}");
    assert_eq!(site.json("/api/v1/stops/S3").await["departures"], json!([]));
    // Of a frequency, every run of the next 90 minutes; it ends at the market.
    let station = site.json("/api/v1/stops/S1").await;
    let starts = |answer: &Value| answer["departures"].as_array().unwrap().iter().filter(|d| d["route"] == "E").count();
    assert_eq!((starts(&station), starts(&answer)), (9, 0));
    // Once the bus has passed the market, its departure from there is over.
    let bus = on(&site.network, "bus", at(10, 14, 0), run(&site.network, "T1", 0), (2, false, -120));
    site.publish(vec![bus], at(10, 14, 0));
    assert_eq!(of_t1(&site.json("/api/v1/stops/S2").await), None);
}

#[tokio::test]
async fn the_page_is_told_what_it_needs() {
    let map = MapSettings {
        name: "Слов'янськ".to_owned(),
        style: "https://{s}.tiles.example/{z}/{x}/{y}.png".to_owned(),
        ..MapSettings::default()
    };
    let policy = GatePolicy::Delayed { minutes: 5, reason: "Воєнний стан".to_owned() };
    let site = Site::start(at(10, 0, 0), Options { policy, map, ..Options::default() }).await;
    let answer = site.json("/api/v1/map").await;
    assert_eq!(answer["name"], "Слов'янськ");
    assert_eq!(answer["bounds"], json!([37.6, 48.85, 37.62, 48.86]));
    assert_eq!((&answer["now"], &answer["demo"]), (&json!("2026-01-16T08:00:00Z"), &Value::Null));
    assert_eq!(answer["gate"], json!({ "mode": "delayed", "minutes": 5, "reason": "Воєнний стан" }));
    let page = site.get("/").await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("img-src 'self' data: blob: https://*.tiles.example"), "{policy}");
    assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe-eval"), "{policy}");
    // Whether the page was built or not, there is one.
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
}

#[tokio::test]
async fn anyone_may_read_and_nobody_may_write() {
    let site = site().await;
    let get = site.request(Method::GET, "/api/v1/vehicles").header("origin", "https://other.example").send().await;
    let get = get.unwrap();
    assert_eq!(get.headers()["access-control-allow-origin"], "*");
    assert_eq!(get.headers()["x-content-type-options"], "nosniff");
    let post = site.request(Method::POST, "/api/v1/vehicles").send().await.unwrap();
    assert_eq!(post.status(), 405);
    assert_eq!(post.headers()["allow"], "GET,HEAD");
    assert!(post.json::<Value>().await.unwrap()["error"].as_str().unwrap().contains("GET"));
    let none = site.get("/api/v2/vehicles").await;
    assert_eq!(none.status(), 404);
    assert!(none.json::<Value>().await.unwrap()["error"].as_str().unwrap().contains("/openapi.json"));
    for path in ["/gtfs-rt/vehicle-positions", "/gtfs/gtfs.zip", "/api/v1/vehicles", "/live/events"] {
        let head = site.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(head.status(), 200, "{path}");
        assert!(head.bytes().await.unwrap().is_empty(), "{path}");
    }
    let outside = site.get("/assets/..%2f..%2fCargo.toml").await;
    assert_eq!(outside.status(), 404, "no file but the page's own");
}

#[tokio::test]
async fn readiness_names_what_is_wrong() {
    let site = Site::start(at(10, 0, 0), Options::default()).await;
    assert_eq!(site.json("/readyz").await, json!({ "live": "ok" }));
    let store = Check::new("store", || async { Err("the database does not answer; start it".to_owned()) });
    let journal = Check::new("journal", || async { Ok(()) });
    let site = Site::start(at(10, 0, 0), Options { checks: vec![journal, store], ..Options::default() }).await;
    let answer = site.get("/readyz").await;
    assert_eq!(answer.status(), 503);
    assert_eq!(
        answer.json::<Value>().await.unwrap(),
        json!({ "journal": "ok", "store": "the database does not answer; start it", "live": "ok" })
    );
    assert_eq!(site.bytes("/healthz").await, "ok\n", "alive all the same");
    assert_eq!(site.get("/metrics").await.status(), 200);
}

#[tokio::test]
async fn everything_that_is_described_is_there() {
    let site = site().await;
    let openapi = site.json("/openapi.json").await;
    for (path, item) in openapi["paths"].as_object().unwrap() {
        let path = path.replace("routes/{id}", "routes/R").replace("stops/{id}", "stops/S2");
        let answer = site.get(&path).await;
        assert_eq!(answer.status(), 200, "{path}");
        let kind = answer.headers()["content-type"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let described = item["get"]["responses"]["200"]["content"].as_object().unwrap();
        assert!(described.contains_key(&kind), "{path} answers {kind}");
    }
}

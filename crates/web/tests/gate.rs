//! A canary in every output: none of them goes round the gate.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use model::{GatePolicy, Timestamp};
use support::city::{at, on, run};
use support::{Options, Site, corrected, ids};

const CANARY: &str = "canary-4711";

fn off() -> GatePolicy {
    GatePolicy::Off { reason: "Повітряна тривога".to_owned() }
}

fn delayed(minutes: u32) -> GatePolicy {
    GatePolicy::Delayed { minutes, reason: "Воєнний стан".to_owned() }
}

/// Every path that the API's own description names, with ids that exist.
async fn paths(site: &Site) -> Vec<String> {
    let openapi = site.json("/openapi.json").await;
    let all = openapi["paths"].as_object().unwrap().keys();
    let paths: Vec<_> = all
        .filter(|path| *path != "/live/events")
        .map(|path| path.replace("routes/{id}", "routes/R").replace("stops/{id}", "stops/S2"))
        .chain(["/".to_owned()])
        .collect();
    assert!(paths.len() > 12 && !paths.iter().any(|p| p.contains('{')), "{paths:?}");
    paths
}

/// The outputs in which the canary is seen.
async fn seen_in(site: &Site) -> Vec<String> {
    let mut seen = Vec::new();
    for path in paths(site).await {
        let body = site.get(&path).await.bytes().await.unwrap();
        if body.windows(CANARY.len()).any(|w| w == CANARY.as_bytes()) {
            seen.push(path);
        }
    }
    for query in ["", "?route=R", "?bbox=37,48,38,49"] {
        let (name, snapshot) = site.listen(query).await.next().await.unwrap();
        assert_eq!(name, "snapshot");
        if ids(&snapshot).contains(&CANARY) {
            seen.push(format!("/live/events{query}"));
        }
    }
    seen.sort();
    seen
}

const ALL: [&str; 10] = [
    "/api/v1/routes/R",
    "/api/v1/stops/S2",
    "/api/v1/vehicles",
    "/gtfs-rt/trip-updates",
    "/gtfs-rt/trip-updates.json",
    "/gtfs-rt/vehicle-positions",
    "/gtfs-rt/vehicle-positions.json",
    "/live/events",
    "/live/events?bbox=37,48,38,49",
    "/live/events?route=R",
];

async fn site(policy: GatePolicy, now: Timestamp) -> Site {
    let mut site = Site::start(now, Options { policy, ..Options::default() }).await;
    let canary = on(&site.network, CANARY, now, run(&site.network, "T1", 0), (1, false, 60));
    site.publish(vec![canary], now);
    site.tick(now.plus_seconds(2.0));
    site
}

#[tokio::test]
async fn live_lets_the_canary_out_everywhere() {
    let site = site(GatePolicy::Live, at(10, 5, 0)).await;
    assert_eq!(seen_in(&site).await, ALL);
}

#[tokio::test]
async fn off_lets_it_out_nowhere_and_says_why() {
    let mut site = site(off(), at(10, 5, 0)).await;
    site.tick(at(11, 0, 0));
    assert!(seen_in(&site).await.is_empty());
    for path in ["/api/v1/vehicles", "/api/v1/map", "/api/v1/routes/R", "/api/v1/stops/S2"] {
        assert_eq!(site.json(path).await["gate"]["reason"], "Повітряна тривога", "{path}");
    }
}

#[tokio::test]
async fn delayed_lets_it_out_when_the_time_has_come() {
    let mut site = site(delayed(3), at(10, 5, 0)).await;
    assert!(seen_in(&site).await.is_empty());
    site.tick(at(10, 7, 59));
    assert!(seen_in(&site).await.is_empty());
    site.tick(at(10, 8, 0));
    assert_eq!(seen_in(&site).await, ALL);
    assert_eq!(site.json("/api/v1/vehicles").await["gate"]["minutes"], 3);
}

#[tokio::test]
async fn a_switch_takes_back_what_was_public_at_once() {
    let now = at(10, 5, 0);
    for policy in [off(), delayed(3)] {
        let mut site = site(GatePolicy::Live, now).await;
        assert_eq!(seen_in(&site).await, ALL);
        let feed = site.get("/gtfs-rt/vehicle-positions").await;
        let (etag, modified) = (feed.headers()["etag"].clone(), feed.headers()["last-modified"].clone());
        // Within the very second in which the feeds were made, and before any tick.
        site.publisher.set_policy(policy, now.plus_seconds(2.0));
        assert!(seen_in(&site).await.is_empty());
        for (name, value) in [("if-none-match", etag), ("if-modified-since", modified)] {
            let again = site.request(reqwest::Method::GET, "/gtfs-rt/vehicle-positions").header(name, value);
            assert_eq!(again.send().await.unwrap().status(), 200, "whoever has the old feed gets the new one");
        }
    }
}

#[tokio::test]
async fn listeners_are_told_of_a_switch_and_begin_anew() {
    let now = at(10, 5, 0);
    let mut site = site(GatePolicy::Live, now).await;
    let mut clients = [site.listen("").await, site.listen("?route=R").await];
    for client in &mut clients {
        assert_eq!(ids(&client.next().await.unwrap().1), [CANARY]);
    }
    site.publisher.set_policy(off(), now.plus_seconds(3.0));
    for client in &mut clients {
        let (name, gate) = client.next().await.unwrap();
        assert_eq!((name.as_str(), gate["mode"].as_str()), ("gate", Some("off")));
        assert_eq!(gate["reason"], "Повітряна тривога");
        let (name, snapshot) = client.next().await.unwrap();
        assert_eq!(name, "snapshot");
        assert!(ids(&snapshot).is_empty());
        assert_eq!(snapshot["gate"], gate);
    }
    // Opened again: what was taken meanwhile stays unseen, what comes now is seen.
    let hidden = on(&site.network, CANARY, at(10, 6, 0), run(&site.network, "T1", 0), (1, false, 60));
    site.publish(vec![hidden], at(10, 6, 0));
    site.publisher.set_policy(GatePolicy::Live, at(10, 7, 0));
    for client in &mut clients {
        assert_eq!(client.next().await.unwrap().1["mode"], "live");
        assert!(ids(&client.next().await.unwrap().1).is_empty());
    }
    let bus = on(&site.network, "bus", at(10, 7, 1), run(&site.network, "T1", 0), (1, false, 60));
    site.publish(vec![bus], at(10, 7, 1));
    for client in &mut clients {
        assert_eq!(ids(&client.next().await.unwrap().1), ["bus"]);
    }
}

#[tokio::test]
async fn a_correction_is_heard_when_its_fix_may_be_seen() {
    let now = at(10, 5, 0);
    let network = Site::start(now, Options::default()).await.network;
    let bus = |vehicle: &str, time| on(&network, vehicle, time, run(&network, "T1", 0), (1, false, 60));
    for query in ["", "?route=R"] {
        let mut site = Site::start(now, Options { policy: delayed(3), ..Options::default() }).await;
        let mut client = site.listen(query).await;
        client.next().await.unwrap();
        site.publisher.apply(vec![bus(CANARY, now), bus("early", at(10, 1, 0))], now);
        site.publisher.correct(vec![bus(CANARY, now), bus("early", at(10, 1, 0))], now);
        site.tick(now);
        let (name, update) = client.next().await.unwrap();
        assert_eq!((name.as_str(), ids(&update)), ("update", vec!["early"]), "the fix comes before its correction");
        let (name, event) = client.next().await.unwrap();
        assert_eq!((name.as_str(), corrected(&event)), ("correction", vec!["early"]));
        site.tick(at(10, 7, 59));
        site.tick(at(10, 8, 0));
        assert_eq!(ids(&client.next().await.unwrap().1), [CANARY]);
        assert_eq!(corrected(&client.next().await.unwrap().1), [CANARY]);

        // Closed: what was held is gone, and nothing is taken; nor does anything wait for the gate to open.
        let late = at(10, 9, 0);
        site.publisher.correct(vec![bus(CANARY, late)], late);
        site.publisher.set_policy(off(), late);
        site.publisher.correct(vec![bus(CANARY, late)], late);
        site.tick(at(10, 30, 0));
        site.publisher.set_policy(GatePolicy::Live, at(10, 31, 0));
        site.publisher.correct(vec![bus("open", at(10, 30, 0))], at(10, 31, 0));
        site.tick(at(10, 31, 0));
        loop {
            let text = client.next_text().await.unwrap();
            assert!(!text.contains(CANARY) || text.contains("\"gone\""), "{text}");
            if text.starts_with("event: correction") {
                assert!(text.contains("\"open\""), "{text}");
                break;
            }
        }
    }
}

/// On one thread the server does not run until the test waits: the update lies in the
/// listener's queue when the gate is closed.
#[tokio::test(flavor = "current_thread")]
async fn what_waits_for_a_slow_listener_is_taken_back_too() {
    for policy in [off(), delayed(3)] {
        let now = at(10, 5, 0);
        let mut site = Site::start(now, Options::default()).await;
        let mut clients = [site.listen("").await, site.listen("?bbox=37,48,38,49").await];
        for client in &mut clients {
            assert_eq!(client.next().await.unwrap().0, "snapshot");
        }
        let canary = on(&site.network, CANARY, now, run(&site.network, "T1", 0), (1, false, 60));
        site.publisher.correct(vec![canary.clone()], now);
        site.publish(vec![canary], now);
        site.publisher.set_policy(policy, now);
        for client in &mut clients {
            let text = client.next_text().await.unwrap();
            assert!(text.starts_with("event: gate"), "{text}");
            assert!(ids(&client.next().await.unwrap().1).is_empty());
        }
    }
}

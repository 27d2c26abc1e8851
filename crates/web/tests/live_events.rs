//! What a client of live events hears.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use support::city::{at, fix, on, run};
use support::{Options, PATIENCE, Site, corrected, ids};

#[tokio::test]
async fn a_snapshot_then_what_changes_then_who_leaves() {
    let now = at(10, 5, 0);
    let mut site = Site::start(now, Options::default()).await;
    site.publish(vec![fix("a", now), fix("b", now)], now);
    let mut client = site.listen("").await;
    let (name, snapshot) = client.next().await.unwrap();
    assert_eq!((name.as_str(), ids(&snapshot)), ("snapshot", vec!["a", "b"]));
    assert_eq!(snapshot, site.json("/api/v1/vehicles").await, "the API says the same");

    let later = at(10, 5, 10);
    site.publish(vec![fix("b", later), fix("c", later)], later);
    let (name, update) = client.next().await.unwrap();
    assert_eq!((name.as_str(), ids(&update)), ("update", vec!["b", "c"]));
    assert_eq!(update["time"], "2026-01-16T08:05:10Z");
    assert!(update["version"].as_u64() > snapshot["version"].as_u64());

    // Nothing happened: nothing is said. Then `a` has been silent for too long.
    site.tick(at(10, 5, 20));
    site.publish(vec![fix("c", at(10, 15, 5))], at(10, 15, 5));
    let (_, update) = client.next().await.unwrap();
    assert_eq!((ids(&update), &update["gone"]), (vec!["c"], &serde_json::json!(["a"])));
}

#[tokio::test]
async fn filters_follow_vehicles_in_and_out() {
    let now = at(10, 5, 0);
    let mut site = Site::start(now, Options::default()).await;
    let network = site.network.clone();
    let bus = |route_trip: &str, seconds: f64| {
        on(&network, "bus", now.plus_seconds(seconds), run(&network, route_trip, 0), (1, false, 0))
    };
    let mut on_r = site.listen("?route=R").await;
    let mut on_both = site.listen("?route=R&route=L").await;
    // East of the bus's place on T1, which is a little west of S2 (37.61).
    let mut outside = site.listen("?bbox=37.615,48,38,49").await;
    for client in [&mut on_r, &mut on_both, &mut outside] {
        assert!(ids(&client.next().await.unwrap().1).is_empty());
    }
    site.publish(vec![bus("T1", 1.0), fix("van", now.plus_seconds(1.0))], now.plus_seconds(1.0));
    assert_eq!(ids(&on_r.next().await.unwrap().1), ["bus"]);
    assert_eq!(ids(&on_both.next().await.unwrap().1), ["bus"]);

    // It goes over to the loop: gone for the one, changed for the other.
    site.publish(vec![bus("T3", 2.0)], now.plus_seconds(2.0));
    let (_, update) = on_r.next().await.unwrap();
    assert_eq!((ids(&update), &update["gone"]), (vec![], &serde_json::json!(["bus"])));
    assert_eq!(on_both.next().await.unwrap().1["vehicles"][0]["route"], "L");

    let mut east = fix("van", now.plus_seconds(3.0));
    east.position = model::LatLon::new(48.85, 37.7);
    site.publish(vec![east], now.plus_seconds(3.0));
    assert_eq!(ids(&outside.next().await.unwrap().1), ["van"], "nothing was said of what happened elsewhere");
}

#[tokio::test]
async fn what_is_said_anew_is_an_event_of_its_own_and_moves_nothing() {
    let now = at(10, 5, 0);
    let mut site = Site::start(now, Options::default()).await;
    let network = site.network.clone();
    let mut clients = [site.listen("").await, site.listen("?route=R").await];
    // East of the bus's place on T1.
    let mut elsewhere = site.listen("?bbox=37.615,48,38,49").await;
    for client in clients.iter_mut().chain([&mut elsewhere]) {
        client.next().await.unwrap();
    }
    let bus = |seconds: f64| on(&network, "bus", now.plus_seconds(seconds), run(&network, "T1", 0), (1, false, 120));
    site.publish(vec![bus(0.0)], now);
    let before = site.json("/api/v1/vehicles").await;
    let earlier = bus(-30.0);
    let dist = (earlier.shape_dist_m.unwrap() * 10.0).round() / 10.0;
    site.publisher.correct(vec![earlier, fix("van", now.plus_seconds(-40.0))], now);
    site.tick(now.plus_seconds(1.0));
    let on_trip = serde_json::json!({
        "id": "bus", "time": "2026-01-16T08:04:30Z", "state": "in_service",
        "route": "R", "line": "1", "direction": 0, "trip": "T1", "delay": 120, "dist": dist,
    });
    let on_none = serde_json::json!({ "id": "van", "time": "2026-01-16T08:04:20Z", "state": "deadhead" });
    for (client, expected) in clients.iter_mut().zip([vec![on_trip.clone(), on_none], vec![on_trip]]) {
        assert_eq!(client.next().await.unwrap().0, "update");
        let (name, event) = client.next().await.unwrap();
        assert_eq!((name.as_str(), &event["corrections"]), ("correction", &serde_json::Value::from(expected)));
        assert_eq!(event["version"], before["version"], "it is no change");
    }
    let after = site.json("/api/v1/vehicles").await;
    assert_eq!((&after["vehicles"], &after["version"]), (&before["vehicles"], &before["version"]));

    // Who asked for others hears nothing; many of them are told at once, in several events.
    let many = (0..3000).map(|n| bus(f64::from(n) / 100.0 - 60.0)).collect();
    site.publisher.correct(many, now);
    site.publish(vec![fix("van", now.plus_seconds(2.0))], now.plus_seconds(2.0));
    let mut heard = 0;
    while heard < 3000 {
        let (name, event) = clients[0].next().await.unwrap();
        heard += if name == "correction" { corrected(&event).len() } else { 0 };
    }
    assert_eq!(heard, 3000);
    let mut east = fix("van", now.plus_seconds(3.0));
    east.position = model::LatLon::new(48.85, 37.7);
    site.publish(vec![east], now.plus_seconds(3.0));
    assert_eq!(elsewhere.next().await.unwrap().0, "update", "nothing was said of what happened elsewhere");
}

#[tokio::test]
async fn a_filter_that_is_not_understood_is_refused() {
    let site = Site::start(at(10, 0, 0), Options::default()).await;
    for (query, says) in [("?route=nowhere", "/api/v1/routes"), ("?bbox=1,2,3", "bbox"), ("?line=1", "route and bbox")]
    {
        let answer = site.get(&format!("/live/events{query}")).await;
        assert_eq!(answer.status(), 400, "{query}");
        assert!(answer.text().await.unwrap().contains(says), "{query}");
    }
    let many = "route=R&".repeat(101);
    assert_eq!(site.get(&format!("/live/events?{many}")).await.status(), 400);
}

#[tokio::test]
async fn all_who_want_everything_get_the_same_bytes() {
    let now = at(10, 5, 0);
    let mut site = Site::start(now, Options::default()).await;
    site.publish(vec![fix("a", now)], now);
    let (mut one, mut other) = (site.listen("").await, site.listen("").await);
    assert_eq!(one.next_text().await, other.next_text().await);
    site.publish(vec![fix("a", now.plus_seconds(1.0))], now.plus_seconds(1.0));
    assert_eq!(one.next_text().await, other.next_text().await);
}

/// On one thread the server does not run until the test waits, so the client falls behind.
#[tokio::test(flavor = "current_thread")]
async fn a_client_that_falls_behind_begins_anew() {
    let now = at(10, 5, 0);
    let mut site = Site::start(now, Options::default()).await;
    let mut client = site.listen("").await;
    client.next().await.unwrap();
    for i in 1..=1000 {
        let then = now.plus_seconds(f64::from(i) / 10.0);
        site.publish(vec![fix("a", then)], then);
    }
    let (name, snapshot) = client.next().await.unwrap();
    assert_eq!(name, "snapshot");
    assert_eq!(snapshot["vehicles"][0]["time"], "2026-01-16T08:06:40Z", "it is the newest state");
    // Updates that the snapshot already tells are not sent again.
    site.publish(vec![fix("b", now.plus_seconds(101.0))], now.plus_seconds(101.0));
    assert_eq!(ids(&client.next().await.unwrap().1), ["b"]);
}

#[tokio::test]
async fn clients_are_bounded_and_leave_room_when_they_go() {
    let options = Options { max_live_clients: Some(1), ..Options::default() };
    let site = Site::start(at(10, 0, 0), options).await;
    let mut first = site.listen("").await;
    first.next().await.unwrap();
    let full = site.get("/live/events").await;
    assert_eq!(full.status(), 503);
    assert_eq!(full.headers()["retry-after"], "30");
    assert!(full.text().await.unwrap().contains("/api/v1/vehicles"));
    drop(first);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while site.get("/live/events").await.status() != 200 {
        assert!(tokio::time::Instant::now() < deadline, "a client that left kept its place");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stop_ends_the_stream() {
    let site = Site::start(at(10, 0, 0), Options::default()).await;
    let mut client = site.listen("").await;
    client.next().await.unwrap();
    site.stop.cancel();
    assert_eq!(client.next_text().await, None);
}

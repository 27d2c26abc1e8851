//! What moves a vehicle, and when it leaves.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use feeds::{LiveState, live_json};
use matching::Rejection;
use model::{GatePolicy, LatLon};
use serde_json::{Value, json};
use support::{at, city, fix, on, run, seen};

#[test]
fn late_and_rejected_fixes_move_nothing() {
    let mut state = LiveState::default();
    let now = at(10, 0, 0);
    let mut jump = fix("a", now);
    jump.rejected = Some(Rejection::Jump);
    jump.position = LatLon::new(10.0, 10.0);
    let mut nowhere = fix("b", now);
    nowhere.position = None;
    state.apply(&[fix("a", at(9, 59, 0)), fix("a", at(9, 58, 0)), jump, nowhere, fix("c", at(9, 40, 0))], now);
    let snapshot = state.snapshot(&GatePolicy::Live, now);
    assert_eq!(snapshot.vehicles.len(), 1, "{snapshot:?}");
    assert_eq!(snapshot.vehicles[0].time, at(9, 59, 0));
    assert_eq!(snapshot.vehicles[0].position, LatLon::new(48.85, 37.605).unwrap());
}

#[test]
fn a_silent_vehicle_leaves_once() {
    let mut state = LiveState::default();
    state.apply(&[fix("a", at(10, 0, 0))], at(10, 0, 0));
    assert_eq!(state.take_changes().changed.len(), 1);
    state.expire(at(10, 10, 0));
    assert!(state.take_changes().is_empty(), "ten minutes are not too long");
    state.expire(at(10, 10, 1));
    let changes = state.take_changes();
    assert_eq!((changes.changed.len(), changes.gone.len()), (0, 1));
    state.expire(at(10, 20, 0));
    assert!(state.take_changes().is_empty());
    // It comes back: a change, and not gone.
    state.apply(&[fix("a", at(10, 21, 0))], at(10, 21, 0));
    let changes = state.take_changes();
    assert_eq!((changes.changed.len(), changes.gone.len()), (1, 0));
}

#[test]
fn versions_rise_and_time_never_falls() {
    let mut state = LiveState::default();
    let first = state.snapshot(&GatePolicy::Live, at(10, 0, 0));
    let back = state.snapshot(&GatePolicy::Live, at(9, 0, 0));
    assert_eq!((back.time, back.version), (first.time, first.version));
    let off = state.snapshot(&GatePolicy::Off { reason: String::new() }, at(10, 0, 1));
    assert!(off.version > first.version, "the gate is part of what is seen");
    state.apply(&[fix("a", at(10, 0, 2))], at(10, 0, 2));
    state.take_changes();
    assert!(state.snapshot(&off.gate, at(10, 0, 2)).version > off.version);
}

#[test]
fn a_vehicle_says_what_is_known_and_nothing_else() {
    let city = city();
    let now = at(10, 12, 0);
    let fixes = [on(&city, "trolley 7", now, run(&city, "T1", 0), (1, true, 120)), fix("van", at(10, 11, 30))];
    let text = live_json::snapshot(&city, &seen(&fixes, now), |_| true).unwrap();
    let snapshot: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        snapshot,
        json!({
            "time": "2026-01-16T08:12:00Z",
            "version": 1,
            "gate": { "mode": "live" },
            "vehicles": [
                {
                    "id": "trolley 7", "label": "trolley 7", "lat": 48.85, "lon": 37.61,
                    "time": "2026-01-16T08:12:00Z", "state": "in_service", "heading": 90.0, "speed": 7.5,
                    "route": "R", "line": "1", "color": "1A73E8", "direction": 0, "trip": "T1",
                    "pattern": city.patterns().find(|(_, p)| p.direction == Some(0)).unwrap().1.id.as_str(),
                    "headsign": "Центр", "delay": 120, "stop": "S2", "stop_name": "Ринок", "stop_sequence": 5,
                    "status": "at_stop",
                    "dist": snapshot["vehicles"][0]["dist"].as_f64().unwrap(),
                },
                {
                    "id": "van", "label": "van", "lat": 48.85, "lon": 37.605,
                    "time": "2026-01-16T08:11:30Z", "state": "deadhead", "heading": 90.0, "speed": 7.5,
                },
            ],
        })
    );
}

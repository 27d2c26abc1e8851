//! Frames that real trackers sent, where they are at hand: what is read in them beside what
//! another server reads.
//!
//! `recorded.jsonl` in a protocol's folder says where the manual has it otherwise (`test`,
//! `seq`, `why`, and `source` or `kind` (of expectation) where several frames have that number) and under
//! which name and scale we keep what the other server calls `key` (`key`, `ours`, `scale`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "helpers of tests: a panic is how they fail"
)]

mod common;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use model::{DeviceId, Fix, FixBatch, Timestamp};
use protocols::{Decoder, Kind, Message, Protocol, Step};
use serde_json::Value;

/// The other server's names and ours, and what one of theirs is in ours.
const NAMES: &[(&str, &str, f64)] = &[
    ("ignition", "ignition", 1.0),
    ("motion", "movement", 1.0),
    ("batteryLevel", "battery_percent", 1.0),
    ("battery", "battery_voltage_v", 1.0),
    ("power", "external_voltage_v", 1.0),
    ("odometer", "odometer_m", 1.0),
    ("rssi", "gsm_signal", 1.0),
    ("driverUniqueId", "driver_id", 1.0),
    ("event", "event", 1.0),
    ("input", "inputs", 1.0),
    ("output", "outputs", 1.0),
    ("door", "door_1", 1.0),
    ("archive", "archive", 1.0),
    ("hdop", "hdop", 1.0),
    ("altitude", "altitude_m", 1.0),
    ("course", "heading_deg", 1.0),
    ("sat", "satellites", 1.0),
];
/// Right protocol for at least this share of the connections that `auto` hears begin.
const RECOGNISED: f64 = 0.99;

/// What a frame's line says.
struct Recorded {
    frame: Value,
    bytes: Vec<u8>,
}

fn recorded(protocol: &Protocol) -> Vec<Recorded> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/frames"));
    let path = folder.join(protocol.name).with_extension("jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there", path.display());
        return Vec::new();
    };
    let read = |line: &str| {
        let frame: Value = serde_json::from_str(line).unwrap();
        let text = || frame["frame"].as_str().unwrap();
        let bytes = match frame["encoding"].as_str().unwrap() {
            "hex" => hex::decode(text()).unwrap(),
            "http" => request(&frame),
            _ => text().as_bytes().to_vec(),
        };
        Recorded { frame, bytes }
    };
    text.lines().map(read).collect()
}

/// The request as a phone or another server sends it.
fn request(frame: &Value) -> Vec<u8> {
    let (method, url) = (frame["method"].as_str().unwrap_or("POST"), frame["url"].as_str().unwrap_or("/"));
    let body = match &frame["body"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        body if body["encoding"] == "text" => body["frame"].as_str().unwrap().to_owned(),
        json => json.to_string(),
    };
    let path = url.find("://").map_or(url, |at| url[at + 3..].find('/').map_or("/", |slash| &url[at + 3 + slash..]));
    let kind = if body.starts_with(['{', '[']) { "application/json" } else { "application/x-www-form-urlencoded" };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: city\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// What the protocol's folder says of differences and names.
fn explained(protocol: &Protocol) -> Vec<Value> {
    let text = std::fs::read_to_string(common::file(protocol.name, "recorded.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn session(decoder: &mut dyn Decoder) {
    decoder.identify(&DeviceId::new("123456789012345").unwrap());
    decoder.now(Timestamp::parse("2026-01-16T12:00:00Z").unwrap());
}

fn read(decoder: &mut dyn Decoder, bytes: &[u8]) -> (Vec<Message>, Vec<usize>) {
    let (mut rest, mut messages, mut lengths) = (bytes, Vec::new(), Vec::new());
    while let Step::Took { consumed, message } = decoder.decode_last(rest) {
        rest = &rest[consumed..];
        messages.push(message);
        lengths.push(consumed);
    }
    (messages, lengths)
}

/// What is wrong with a frame, if anything.
fn judge(recorded: &Recorded, messages: &[Message], lengths: &[usize], explained: &[Value]) -> Result<(), String> {
    let (frame, expect) = (&recorded.frame, &recorded.frame["expect"]);
    let batches: Vec<&FixBatch> =
        messages.iter().filter_map(|m| if let Kind::Fixes(b) = &m.kind { Some(b) } else { None }).collect();
    let fixes: Vec<&Fix> = batches.iter().flat_map(|b| &b.fixes).collect();
    let all = || messages.iter().map(|m| protocols::json::message(1, m).to_string()).collect::<Vec<_>>().join(" ");
    let is_event = messages.iter().any(|m| m.kind == Kind::Event);
    match expect["kind"].as_str().unwrap() {
        "frame" => {
            // What comes before the frame and is none is an error of its own; of a line the other
            // server leaves the end behind.
            let errors = messages.iter().take_while(|m| matches!(m.kind, Kind::Error(_))).count();
            let taken = |at: usize| {
                let start: usize = lengths.iter().take(at).sum();
                hex::encode(&recorded.bytes[start..start + lengths.get(at).copied().unwrap_or(0)])
            };
            let without = |text: &str, end: &str| text.strip_suffix(end).unwrap_or(text).to_owned();
            let expected = expect["frame"].as_str().unwrap();
            let first = taken(0);
            let is_same = [first.clone(), taken(errors)]
                .iter()
                .any(|taken| taken == expected || without(&without(taken, "0a"), "0d") == expected);
            is_same.then_some(()).ok_or(format!("took {first}"))
        }
        // Also a frame of which nothing can be read: an error is no fix.
        "null" => fixes.is_empty().then_some(()).ok_or_else(all),
        "notnull" => messages.iter().any(|m| !matches!(m.kind, Kind::Error(_))).then_some(()).ok_or_else(all),
        "attributes" => (is_event || !fixes.is_empty()).then_some(()).ok_or_else(all),
        "position" | "positions" => position(&fixes, expect, frame["checkLocation"] != false).map_err(|e| e + &all()),
        "attribute" => {
            let (key, value) = (expect["key"].as_str().unwrap(), &expect["value"]);
            let words = messages.iter().find_map(|m| m.text.as_deref());
            if key == "result" {
                return (words == value.as_str()).then_some(()).ok_or_else(all);
            }
            // A value of the other server's own class has no form here.
            let opaque = value.is_object();
            let (batch, fix) = batches.iter().find_map(|b| b.fixes.first().map(|f| (b, f))).ok_or_else(all)?;
            let fix = protocols::json::fix(batch, fix);
            (opaque || attribute(&fix, key, value, explained)).then_some(()).ok_or_else(all)
        }
        kind => panic!("expectation `{kind}` is not known"),
    }
}

fn position(fixes: &[&Fix], expect: &Value, located: bool) -> Result<(), String> {
    let first = fixes.first().ok_or("no fix: ")?;
    let nowhere = fixes.iter().filter(|f| f.position.is_none()).count();
    if located && nowhere > 0 {
        return Err(format!("{nowhere} of {} without position: ", fixes.len()));
    }
    let close = |key: &str, ours: Option<f64>| {
        expect[key].as_f64().is_none_or(|theirs| ours.is_some_and(|o| (o - theirs).abs() < 1e-5))
    };
    let time = expect["time"].as_str().map(|t| Timestamp::parse(&format!("{}Z", t.replace(' ', "T"))).unwrap());
    let same = close("lat", first.position.map(model::LatLon::lat))
        && close("lon", first.position.map(model::LatLon::lon))
        && time.is_none_or(|t| t.as_secs() == first.time.as_secs())
        && expect["valid"].as_bool().is_none_or(|v| v == first.valid);
    same.then_some(()).ok_or_else(|| "another value: ".to_owned())
}

/// Whether the fix has the value: under the name that is ours for the key, or, where there is no
/// such name, under any.
fn attribute(fix: &Value, key: &str, value: &Value, explained: &[Value]) -> bool {
    let none = serde_json::Map::new();
    let attributes = fix["attributes"].as_object().unwrap_or(&none);
    if key == "alarm" {
        return attributes.get("alarm") == Some(&Value::Bool(!value.is_null()));
    }
    let own = explained.iter().find(|line| line["key"] == key);
    let named = match own {
        Some(line) => Some((line["ours"].as_str().unwrap(), line["scale"].as_f64().unwrap_or(1.0))),
        None => NAMES.iter().find(|(theirs, ..)| *theirs == key).map(|(_, ours, scale)| (*ours, *scale)),
    };
    match named {
        Some((name, scale)) => {
            let ours = attributes.get(name).or_else(|| fix.get(name));
            ours.is_some_and(|ours| equal(value, ours, scale)) || (value.is_null() && ours.is_none())
        }
        None => attributes.values().any(|ours| equal(value, ours, 1.0)),
    }
}

fn equal(theirs: &Value, ours: &Value, scale: f64) -> bool {
    match (theirs.as_f64(), ours.as_f64()) {
        (Some(theirs), Some(ours)) => (theirs * scale - ours).abs() <= 1e-6 * ours.abs().max(1.0),
        _ => {
            theirs == ours || theirs.as_str().is_some_and(|t| ours.as_str().is_some_and(|o| t.eq_ignore_ascii_case(o)))
        }
    }
}

/// Set `MARSHRUT_TEST_PROTOCOL` to run one protocol's frames.
#[test]
fn every_frame_says_what_another_server_reads_in_it_or_the_manual_has_it_otherwise() {
    let only = std::env::var("MARSHRUT_TEST_PROTOCOL").ok();
    let (mut count, mut different, mut unexplained) = (0, 0, Vec::new());
    for protocol in protocols::REGISTRY.iter().filter(|p| only.as_ref().is_none_or(|name| name == p.name)) {
        let explained = explained(protocol);
        let mut decoders: HashMap<String, Box<dyn Decoder>> = HashMap::new();
        let frames = recorded(protocol);
        for recorded in &frames {
            let (test, seq) = (recorded.frame["test"].as_str().unwrap(), recorded.frame["seq"].as_u64().unwrap());
            let key = format!("{} {test}", recorded.frame["source"]);
            let decoder = decoders.entry(key).or_insert_with(|| {
                let mut decoder = (protocol.decoder)();
                session(decoder.as_mut());
                decoder
            });
            let (mut messages, mut lengths) = read(decoder.as_mut(), &recorded.bytes);
            let mut verdict = judge(recorded, &messages, &lengths, &explained);
            // The source does not say whether a frame is a datagram.
            if let (Err(_), Some(datagrams)) = (&verdict, protocol.datagrams) {
                let mut decoder = datagrams();
                session(decoder.as_mut());
                (messages, lengths) = read(decoder.as_mut(), &recorded.bytes);
                verdict = verdict.or(judge(recorded, &messages, &lengths, &explained));
            }
            // Several sources of one protocol may have tests of the same name, and one frame two expectations.
            let same = |l: &Value, key: &str, found: &Value| l[key].is_null() || l[key] == *found;
            let difference = explained.iter().find(|l| {
                (l["test"] == test && l["seq"] == seq)
                    && same(l, "source", &recorded.frame["source"])
                    && same(l, "kind", &recorded.frame["expect"]["kind"])
            });
            count += 1;
            let name = protocol.name;
            match (verdict, difference) {
                (Ok(()), None) => {}
                (Err(_), Some(line)) => {
                    different += 1;
                    println!("differs: {name} {test} {seq}: {}", line["why"].as_str().unwrap());
                }
                (Err(what), None) => {
                    let mut what = what;
                    what.truncate(what.floor_char_boundary(1500));
                    unexplained.push(format!("{name} {test} {seq}: expected {}, got {what}", recorded.frame["expect"]));
                }
                (Ok(()), Some(_)) => unexplained.push(format!("{name} {test} {seq}: listed as different, and is not")),
            }
        }
    }
    println!("{count} frames, {different} differ by the manual, {} unexplained", unexplained.len());
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
}

/// Binary frames are whole; of lines the ends may be cut off.
#[test]
fn recorded_frames_say_the_same_byte_by_byte() {
    for protocol in protocols::REGISTRY {
        for recorded in recorded(protocol).iter().filter(|r| r.frame["encoding"] == "hex") {
            let feed = |sizes| {
                let mut decoder = (protocol.decoder)();
                session(decoder.as_mut());
                common::feed(decoder.as_mut(), &recorded.bytes, sizes)
            };
            assert_eq!(feed(&[1]), feed(&[usize::MAX]), "{} {}", protocol.name, recorded.frame);
        }
    }
}

/// What `auto` takes a connection for that begins with these bytes, or consists of them.
fn recognised(bytes: &[u8]) -> Option<&'static str> {
    let mut auto = (protocols::AUTO.decoder)();
    session(auto.as_mut());
    if auto.decode(bytes) == Step::Need {
        auto.decode_last(bytes);
    }
    auto.protocol()
}

/// Counts what `auto` says to frames, and fails where it is wrong too often.
fn auto(what: &str, frames: impl Iterator<Item = (&'static str, Recorded)>) {
    let (mut count, mut wrong) = (0, Vec::new());
    for (name, recorded) in frames.filter(|(_, r)| !r.bytes.is_empty()) {
        count += 1;
        let found = recognised(&recorded.bytes);
        if found != Some(name) {
            wrong.push(format!("{name} taken for {found:?}: {}", recorded.frame));
        }
    }
    println!("auto: {} of {count} {what} recognised", count - wrong.len());
    assert!((count - wrong.len()) as f64 >= RECOGNISED * count as f64, "{}", wrong.join("\n"));
}

fn of_all() -> impl Iterator<Item = (&'static str, Recorded)> {
    protocols::REGISTRY.iter().flat_map(|p| recorded(p).into_iter().map(|r| (p.name, r)))
}

#[test]
fn auto_recognises_how_a_connection_begins() {
    let mut seen = HashSet::new();
    let first = |(_, r): &(&str, Recorded)| seen.insert(format!("{} {}", r.frame["source"], r.frame["test"]));
    auto("connections", of_all().filter(first));
}

/// Also those that never begin a connection.
#[test]
fn auto_recognises_frames_that_stand_alone() {
    auto("frames", of_all());
}

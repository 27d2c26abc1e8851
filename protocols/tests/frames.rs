//! Each protocol's own frames: what the manual's examples and our encoders' output mean.
//!
//! A line of `frames.jsonl` is one connection: `note`, the bytes as `frame` (hex) or `text`,
//! and under `messages` what `marshrut decode` is to print of them, without the frame number.
//! With `"transport":"udp"` it is a datagram; `device` and `now` are what is known beforehand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "helpers of tests: a panic is how they fail"
)]

mod common;

use serde_json::Value;

#[test]
fn every_protocol_reads_its_own_frames() {
    for protocol in protocols::REGISTRY {
        for frame in common::own_frames(protocol.name) {
            let (messages, left) = frame.decode(protocol);
            let found: Vec<Value> = messages
                .iter()
                .map(|message| {
                    let mut json = protocols::json::message(0, message);
                    json.as_object_mut().unwrap().remove("frame");
                    json
                })
                .collect();
            assert_eq!(Value::from(found), frame.messages, "{}", frame.note);
            assert_eq!(left, 0, "{}: bytes left over", frame.note);
        }
    }
}

#[test]
fn every_protocol_has_frames_and_a_note() {
    for protocol in protocols::REGISTRY {
        assert!(common::own_frames(protocol.name).len() >= 3, "{} has hardly a frame", protocol.name);
        let note = std::fs::read_to_string(common::file(protocol.name, "NOTE.md")).unwrap();
        assert!(note.contains("Source:"), "{} does not say which manual it is taken from", protocol.name);
    }
}

/// `payload` and the `topic` that names a device go in; `device` and `fixes`, or the reason of
/// the error, come out.
#[test]
fn json_payload() {
    for (number, line) in include_str!("../src/json_payload/frames.jsonl").lines().enumerate() {
        let frame: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("line {}: {e}", number + 1));
        let topic = frame["topic"].as_str().map(|id| model::DeviceId::new(id).unwrap());
        let payload = match &frame["payload"] {
            Value::String(text) => text.clone(),
            json => json.to_string(),
        };
        let note = &frame["note"];
        match protocols::json_payload::decode(topic.as_ref(), payload.as_bytes()) {
            Ok((device, batch)) => {
                assert_eq!(device.as_str(), frame["device"], "{note}");
                let fixes: Vec<Value> = batch.fixes.iter().map(|f| protocols::json::fix(&batch, f)).collect();
                assert_eq!(Value::from(fixes), frame["fixes"], "{note}");
            }
            Err(error) => assert_eq!(error.to_string(), frame["error"], "{note}"),
        }
    }
}

/// The same for the other formats: `topic`, the `device` that it names and, of a mapping, `fields` beside.
#[test]
fn payloads() {
    let names = protocols::PAYLOADS.iter().map(|format| format.name).chain([protocols::payload::MAPPED]);
    for name in names.filter(|name| *name != "json") {
        // What a make sends in JSON lies with what it sends otherwise.
        let path = common::file(name.strip_suffix("-json").unwrap_or(name), "payloads.jsonl");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for (number, line) in text.lines().enumerate() {
            let place = format!("{}, line {}", path.display(), number + 1);
            let line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{place}: {e}"));
            let fields =
                line["fields"].as_object().into_iter().flatten().map(|(k, v)| (k.as_str(), v.as_str().unwrap()));
            let format = protocols::payload::Payload::new(name, fields).unwrap_or_else(|e| panic!("{place}: {e}"));
            let device = line["device"].as_str().map(|id| model::DeviceId::new(id).unwrap());
            let payload = line["payload"].to_string();
            match format.decode(line["topic"].as_str().unwrap(), device.as_ref(), payload.as_bytes()) {
                Ok(reports) => {
                    let report = |(device, batch): &(model::DeviceId, model::FixBatch)| {
                        let fixes: Vec<Value> = batch.fixes.iter().map(|f| protocols::json::fix(batch, f)).collect();
                        serde_json::json!({ "device": device.as_str(), "fixes": fixes })
                    };
                    assert_eq!(reports.iter().map(report).collect::<Value>(), line["reports"], "{place}");
                }
                Err(error) => assert_eq!(error.to_string(), line["error"], "{place}"),
            }
        }
    }
}

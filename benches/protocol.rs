//! Every protocol on the frames of its own folder.

use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;

use model::{DeviceId, Timestamp};
use protocols::{Decoder, Kind, Protocol, Step};
use serde_json::Value;

/// Frames of one protocol, each with the decoder that reads it.
struct Traffic {
    frames: Vec<(Box<dyn Decoder>, Vec<u8>)>,
    records: usize,
    bytes: usize,
}

/// Prints what a record of each protocol costs.
pub fn table() {
    let mut traffic: Vec<(&Protocol, Traffic)> = protocols::REGISTRY.iter().map(|p| (p, of(p))).collect();
    traffic.retain(|(_, t)| t.records > 0);
    let sizes: Vec<_> = traffic.iter().map(|(p, t)| (p.name, t.records, t.bytes)).collect();
    let mut runs: Vec<_> = traffic.iter_mut().map(|(_, t)| move || pass(&mut t.frames)).collect();
    let mut subjects: Vec<&mut dyn FnMut()> = runs.iter_mut().map(|r| r as &mut dyn FnMut()).collect();
    let costs = crate::medians(&mut subjects);

    let mut table = format!("{:<20} {:>10} {:>14} {:>8}\n", "protocol", "ns/record", "records/s", "GB/s");
    for ((name, records, bytes), nanoseconds) in sizes.into_iter().zip(costs) {
        let each = nanoseconds / records as f64;
        writeln!(table, "{name:<20} {each:>10.1} {:>14.0} {:>8.3}", 1e9 / each, bytes as f64 / nanoseconds).unwrap();
    }
    println!("{table}");
}

/// The frames that hold records and nothing unreadable.
fn of(protocol: &Protocol) -> Traffic {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../protocols/src"));
    let path = folder.join(protocol.name.replace('-', "_")).join("frames.jsonl");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut traffic = Traffic { frames: Vec::new(), records: 0, bytes: 0 };
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let bytes = match line["frame"].as_str() {
            Some(hex) => hex::decode(hex).unwrap(),
            None => line["text"].as_str().unwrap().into(),
        };
        let mut decoder = decoder(protocol, &line);
        if let Some(records) = records(decoder.as_mut(), &bytes).filter(|n| *n > 0) {
            traffic.records += records;
            traffic.bytes += bytes.len();
            traffic.frames.push((decoder, bytes));
        }
    }
    traffic
}

fn decoder(protocol: &Protocol, line: &Value) -> Box<dyn Decoder> {
    let make = if line["transport"] == "udp" { protocol.datagrams.unwrap() } else { protocol.decoder };
    let mut decoder = make();
    decoder.now(Timestamp::parse(line["now"].as_str().unwrap_or("2026-01-16T12:00:00Z")).unwrap());
    decoder.identify(&DeviceId::new(line["device"].as_str().unwrap_or("352093081452251")).unwrap());
    decoder
}

/// How many records a frame holds; `None` where some of it is not readable.
fn records(decoder: &mut dyn Decoder, mut rest: &[u8]) -> Option<usize> {
    let mut records = 0;
    while let Step::Took { consumed, message } = decoder.decode(rest) {
        rest = &rest[consumed..];
        match message.kind {
            Kind::Fixes(batch) => records += batch.fixes.len(),
            Kind::Error(_) => return None,
            _ => {}
        }
    }
    rest.is_empty().then_some(records)
}

fn pass(frames: &mut [(Box<dyn Decoder>, Vec<u8>)]) {
    for (decoder, bytes) in frames {
        let mut rest = &bytes[..];
        while let Step::Took { consumed, message } = decoder.decode(black_box(rest)) {
            black_box(message);
            rest = &rest[consumed..];
        }
    }
}

//! What holds for whatever a tracker sends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "helpers of tests: a panic is how they fail"
)]

mod common;

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use protocols::teltonika::{self, Codec};
use protocols::wialon_ips::{self, encode::Version};
use protocols::{Kind, Likeness, Message, Step};
use serde_json::Value as Json;

fn names() -> Vec<&'static str> {
    protocols::REGISTRY.iter().map(|p| p.name).collect()
}

/// The frames of the protocol's folder that come over connections, as bytes.
fn own_frames(protocol: &str) -> Vec<Vec<u8>> {
    common::own_frames(protocol).into_iter().filter(|f| !f.is_datagram).map(|f| f.bytes).collect()
}

/// Several connections' worth of frames of one protocol, some of them damaged.
fn traffic() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    proptest::sample::select(names()).prop_flat_map(|name| {
        let frames = vec(proptest::sample::select(own_frames(name)), 1..5);
        let damage = vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 0..4);
        (Just(name), frames, damage).prop_map(|(name, frames, damage)| {
            let mut bytes = frames.concat();
            for (at, byte, kind) in damage {
                let at = at.index(bytes.len().max(1));
                match kind {
                    0 if at < bytes.len() => bytes[at] = byte,
                    1 => bytes.insert(at.min(bytes.len()), byte),
                    2 if at < bytes.len() => drop(bytes.remove(at)),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            (name, bytes)
        })
    })
}

fn instant() -> impl Strategy<Value = i64> {
    946_684_800_000..4_102_444_800_000_i64
}

fn place() -> impl Strategy<Value = (i32, i32)> {
    (-900_000_000..=900_000_000, -1_800_000_000..=1_800_000_000)
}

/// A batch whose values Teltonika's fields hold exactly.
fn teltonika_batch() -> impl Strategy<Value = FixBatch> {
    let known = vec((0..14usize, any::<u16>()), 0..8);
    let numbered = vec((1000..2000u32, -5..i64::from(u32::MAX) * 4), 0..6);
    let motion = (any::<i16>(), 0..=360u16, 1..=30u8, 0..=300u16, 0..=500u16);
    let record = (instant(), place(), motion, 0..4u8, known, numbered, vec(any::<u8>(), 0..40));
    vec(record, 1..30).prop_map(|records| {
        let mut batch = FixBatch::default();
        for (millis, (lat, lon), (altitude, heading, satellites, kmh, hdop), priority, known, numbered, raw) in records
        {
            batch.push(Fix {
                altitude_m: Some(f32::from(altitude)),
                speed_mps: Some(f32::from(kmh) / 3.6),
                heading_deg: Some(f32::from(heading)),
                satellites: Some(satellites),
                hdop: Some((f64::from(hdop) / 10.0) as f32),
                ..Fix::at(
                    Timestamp::from_millis(millis),
                    LatLon::new(f64::from(lat) / 1e7, f64::from(lon) / 1e7).unwrap(),
                )
            });
            if priority > 0 {
                batch.known(Known::Priority, Value::Int(i64::from(priority)));
            }
            let mut seen = Vec::new();
            for (which, number) in known {
                if !seen.contains(&which) {
                    seen.push(which);
                    teltonika_attribute(which, number, &mut batch);
                }
            }
            let mut ids = Vec::new();
            for (id, number) in numbered {
                if !ids.contains(&id) && number >= 0 {
                    ids.push(id);
                    batch.attribute(model::AttributeKey::Number(id), Value::Int(number));
                }
            }
            let value = batch.bytes_value(&raw);
            batch.attribute(model::AttributeKey::Number(3000), value);
        }
        batch
    })
}

fn teltonika_attribute(which: usize, number: u16, batch: &mut FixBatch) {
    let (flag, byte) = (Value::Bool(number % 2 == 1), Value::Int(i64::from(number % 256)));
    match which {
        0 => batch.known(Known::Ignition, flag),
        1 => batch.known(Known::Movement, flag),
        2 => batch.known(Known::Alarm, flag),
        3 => batch.known(Known::GsmSignal, byte),
        4 => batch.known(Known::BatteryPercent, byte),
        5 => batch.known(Known::OdometerM, Value::Int(i64::from(number) * 65_537)),
        6 => batch.known(Known::ExternalVoltageV, Value::Float(f64::from(number) / 1000.0)),
        7 => batch.known(Known::BatteryVoltageV, Value::Float(f64::from(number) / 1000.0)),
        8 => batch.known(Known::Pdop, Value::Float(f64::from(number) / 10.0)),
        9 => batch.known(Known::Inputs, Value::Int(i64::from(number % 16))),
        10 => batch.known(Known::Outputs, Value::Int(i64::from(number % 8))),
        11 => batch.known(Known::Event, Value::Int(i64::from(number % 255 + 1))),
        12 => batch.known(Known::Door3, flag),
        _ => {
            let card = batch.text_value(&format!("{:016X}", u64::from(number) + 1));
            batch.known(Known::DriverId, card);
        }
    }
}

/// What a batch says, whatever the order of its attributes.
fn said(batch: &FixBatch) -> Vec<Json> {
    batch.fixes.iter().map(|fix| protocols::json::fix(batch, fix)).collect()
}

/// The one message that the bytes hold.
fn one(protocol: &str, bytes: &[u8]) -> Message {
    let Step::Took { consumed, message } = common::decoder(protocol).decode(bytes) else {
        panic!("{protocol} wants more than {} bytes", bytes.len())
    };
    assert_eq!(consumed, bytes.len());
    message
}

fn batch_of(message: &Message) -> &FixBatch {
    let Kind::Fixes(batch) = &message.kind else { panic!("{message:?}") };
    batch
}

proptest! {
    #[test]
    fn what_a_teltonika_sends_is_read(batch in teltonika_batch()) {
        let message = one("teltonika", &teltonika::encode::frame(&batch));
        prop_assert_eq!(said(batch_of(&message)), said(&batch));
        prop_assert_eq!(teltonika::encode::acknowledged(&message.reply), Some(batch.fixes.len()));
    }

    #[test]
    fn commands_are_read_as_their_words(words in "[a-z0-9:; ]{0,60}[a-z]", imei in 100_000_000_000_000u64..=999_999_999_999_999) {
        let device = model::DeviceId::new(&imei.to_string()).unwrap();
        let sealed = [teltonika::encode::command(&words), teltonika::encode::command_for(&device, &words).unwrap()];
        for bytes in sealed {
            let message = one("teltonika", &bytes);
            prop_assert_eq!(message.text.as_deref(), Some(words.as_str()));
        }
    }

    #[test]
    fn older_codecs_carry_what_they_can(batch in teltonika_batch(), sixteen in any::<bool>()) {
        let codec = if sixteen { Codec::Codec16 } else { Codec::Codec8 };
        let message = one("teltonika", &teltonika::encode::packet(codec, &batch));
        let (found, sent) = (batch_of(&message), &batch);
        prop_assert_eq!(found.fixes.len(), sent.fixes.len());
        for (found_fix, sent_fix) in found.fixes.iter().zip(&sent.fixes) {
            prop_assert_eq!(found_fix.position, sent_fix.position);
            prop_assert_eq!(found_fix.time, sent_fix.time);
            for key in [Known::Ignition, Known::Event, Known::ExternalVoltageV, Known::Inputs, Known::OdometerM] {
                prop_assert_eq!(found.get(found_fix, key), sent.get(sent_fix, key));
            }
        }
    }

    #[test]
    fn what_a_wialon_sends_is_read(
        records in vec((instant(), place(), 0..=400_000u32, 0..=360_000u32, -400_000..9_000_000i32, 3..=40u8, 0..5000u16, any::<i32>()), 1..20),
        second in any::<bool>(),
    ) {
        let mut batch = FixBatch::default();
        for (millis, (lat, lon), speed, heading, altitude, satellites, hdop, number) in records {
            batch.push(Fix {
                altitude_m: Some((f64::from(altitude) / 1e3) as f32),
                speed_mps: Some((f64::from(speed) / 1e3 / 3.6) as f32),
                heading_deg: Some((f64::from(heading) / 1e3) as f32),
                satellites: Some(satellites),
                hdop: Some((f64::from(hdop) / 100.0) as f32),
                ..Fix::at(Timestamp::from_millis(millis), LatLon::new(f64::from(lat) / 1e7, f64::from(lon) / 1e7).unwrap())
            });
            batch.known(Known::Inputs, Value::Int(i64::from(number & 0xff)));
            batch.known(Known::Ignition, Value::Bool(number > 0));
            batch.known(Known::OdometerM, Value::Int(i64::from(number)));
            batch.known(Known::BatteryVoltageV, Value::Float(f64::from(number) / 7.0));
            let card = batch.text_value("AB45DF01145");
            batch.known(Known::DriverId, card);
            let (key, value) = (batch.name("Назва"), batch.text_value("автобус 12"));
            batch.attribute(key, value);
        }
        let version = if second { Version::V2 } else { Version::V1 };
        let message = one("wialon-ips", &wialon_ips::encode::data_as(version, &batch));
        prop_assert_eq!(wialon_ips::encode::acknowledged(&message.reply), Some(batch.fixes.len()));
        let found = batch_of(&message);
        prop_assert_eq!(found.fixes.len(), batch.fixes.len());
        for (found_fix, sent_fix) in found.fixes.iter().zip(&batch.fixes) {
            let (there, here) = (found_fix.position.unwrap(), sent_fix.position.unwrap());
            prop_assert!((there.lat() - here.lat()).abs() < 2e-8 && (there.lon() - here.lon()).abs() < 2e-8);
            let near = |a: Option<f32>, b: Option<f32>| (a.unwrap() - b.unwrap()).abs() <= b.unwrap().abs() * 1e-6 + 1e-3;
            prop_assert!(near(found_fix.speed_mps, sent_fix.speed_mps));
            prop_assert!(near(found_fix.heading_deg, sent_fix.heading_deg));
            prop_assert!(near(found_fix.altitude_m, sent_fix.altitude_m));
            let place = |fix: &Fix| Fix { position: None, speed_mps: None, heading_deg: None, altitude_m: None, attributes_start: 0, ..*fix };
            prop_assert_eq!(place(found_fix), place(sent_fix));
            let attributes = |batch: &FixBatch, fix: &Fix| protocols::json::fix(batch, fix)["attributes"].clone();
            prop_assert_eq!(attributes(found, found_fix), attributes(&batch, sent_fix));
        }
    }

}

/// Every protocol gets its share of cases, so that a new one is tested as much as the first.
fn cases() -> ProptestConfig {
    ProptestConfig::with_cases(64 * u32::try_from(protocols::REGISTRY.len()).unwrap())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn however_the_bytes_arrive_they_say_the_same((name, bytes) in traffic(), sizes in vec(1..40usize, 1..6)) {
        let whole = common::decode(name, &bytes);
        prop_assert_eq!(&common::feed(common::decoder(name).as_mut(), &bytes, &[1]), &whole);
        prop_assert_eq!(&common::feed(common::decoder(name).as_mut(), &bytes, &sizes), &whole);
    }

    #[test]
    fn cut_at_any_byte_they_say_the_same((name, bytes) in traffic()) {
        let whole = common::decode(name, &bytes);
        for cut in 1..bytes.len() {
            prop_assert_eq!(&common::feed(common::decoder(name).as_mut(), &bytes, &[cut, usize::MAX]), &whole);
        }
    }

    #[test]
    fn a_protocol_that_is_ruled_out_stays_so((name, bytes) in traffic()) {
        for protocol in protocols::REGISTRY {
            let mut ruled_out = false;
            for end in 0..=bytes.len().min(64) {
                let likeness = (protocol.likeness)(&bytes[..end]);
                prop_assert!(!ruled_out || likeness == Likeness::No, "{} comes back at byte {end} of {name}", protocol.name);
                ruled_out = likeness == Likeness::No;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn no_input_stops_or_swells_a_decoder((name, bytes) in traffic(), identified in any::<bool>()) {
        survive(name, &bytes, identified);
    }

    #[test]
    fn noise_does_not_either(noise in vec(any::<u8>(), 0..600), identified in any::<bool>()) {
        for name in names() {
            survive(name, &noise, identified);
        }
    }

    #[test]
    fn a_sealed_frame_may_hold_anything(mut data in vec(any::<u8>(), 3..300), codec in 0..7usize) {
        data[0] = [0x08, 0x8e, 0x10, 0x07, 0x0c, 0x0d, 0x0e][codec];
        data[1] %= 4;
        survive("teltonika", &teltonika::encode::seal(&data), true);
    }

    #[test]
    fn a_full_buffer_makes_progress(start in vec(any::<u8>(), 0..24), fill in any::<u8>()) {
        for protocol in protocols::REGISTRY {
            let mut bytes = start.clone();
            bytes.resize(protocol.max_frame, fill);
            prop_assert!((protocol.decoder)().decode(&bytes) != Step::Need, "{} asks for more", protocol.name);
        }
    }

    #[test]
    fn any_payload_is_read_or_refused(payload in "\\PC{0,200}", keys in vec("(lat|lon|time|id|records|valid|x|_type|tst|tid|ident|timestamp|position.latitude|VP|oper|veh)", 0..8), values in vec("(1|-200|1e300|null|true|\\[\\]|\\{\\}|\"x\"|\"2026-01-16T12:00:00Z\")", 8)) {
        let pairs: Vec<String> = keys.iter().zip(values).map(|(k, v)| format!("\"{k}\":{v}")).collect();
        let object = format!("{{{}}}", pairs.join(","));
        let fields = [("time", "time"), ("device", "id"), ("lat", "lat"), ("lon", "lon"), ("valid", "valid"), ("ignition", "x.0")];
        let mapped = protocols::payload::Payload::new(protocols::payload::MAPPED, fields).unwrap();
        for text in [&payload, &object, &format!("[{object}]"), &format!("{{\"VP\":{object}}}")] {
            for format in protocols::PAYLOADS {
                let _ = (format.decode)("owntracks/city/7", None, text.as_bytes());
            }
            let _ = mapped.decode("", None, text.as_bytes());
        }
    }
}

fn survive(name: &str, bytes: &[u8], identified: bool) {
    common::survive::survive(protocols::by_name(name).unwrap(), bytes, identified);
}

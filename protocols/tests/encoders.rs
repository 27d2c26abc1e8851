//! What a virtual tracker of any protocol says is what the decoder reads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic is how they fail"
)]

mod common;

use model::{DeviceId, Fix, FixBatch, LatLon, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use protocols::{AUTO, Encoder, Frame, Identity, Kind, Message, Protocol, REGISTRY, Step};

/// A hundredth of a minute of arc in ten: finer than any receiver, as coarse as any protocol.
const PLACE_DEG: f64 = 2e-5;
/// One knot, the coarsest unit of speed, rounded either way.
const SPEED_MPS: f32 = 0.53;
/// The coarsest unit of heading, rounded either way.
const HEADING_DEG: f32 = 2.1;
const ALTITUDE_M: f32 = 5.1;
/// Arnavi sends tens of metres in one byte.
const ARNAVI_HIGHEST_M: f32 = 2550.0;
/// BCE counts steps of two seconds in 28 bits, which the server completes by its own clock: what it is sent is of the day.
const BCE_STEP_S: i64 = 2;
const DAY_S: i64 = 86_400;
/// Frames of one connection.
const FRAMES: usize = 4;
/// Most records of a frame, where the protocol allows more.
const RECORDS: usize = 25;

fn with_encoder() -> Vec<(&'static Protocol, Encoder)> {
    REGISTRY.iter().filter_map(|p| Some((p, p.encoder?))).collect()
}

fn device(identity: Identity, number: u64) -> DeviceId {
    let text = match identity {
        Identity::Imei => format!("35{:013}", number % 10_000_000_000_000),
        Identity::Digits(digits) => {
            let first = 10u64.pow(u32::from(digits) - 1);
            (first + number % (9 * first)).to_string()
        }
        Identity::Number(most) => (1 + number % u64::from(most)).to_string(),
        Identity::Text => format!("bus-{number}_x"),
    };
    DeviceId::new(&text).unwrap()
}

fn record() -> impl Strategy<Value = Fix> {
    // From 2015 to 2035, in whole seconds: what every protocol can say.
    let instant = 1_420_070_400..2_051_222_400i64;
    let place =
        (-89.9..89.9f64, -179.9..179.9f64).prop_filter("0,0 is no place", |(lat, lon)| lat.abs() + lon.abs() > 0.1);
    let motion = (0.0..50.0f32, 0.0..359.9f32, 0.0..3000.0f32, 4..=20u8);
    (instant, place, motion).prop_map(|(second, (lat, lon), (speed, heading, altitude, satellites))| Fix {
        speed_mps: Some(speed),
        heading_deg: Some(heading),
        altitude_m: Some(altitude),
        satellites: Some(satellites),
        hdop: Some(0.9),
        ..Fix::at(Timestamp::from_secs(second), LatLon::new(lat, lon).unwrap())
    })
}

/// A connection: who, and what its frames hold, cut to what the protocol allows.
fn connection() -> impl Strategy<Value = (&'static Protocol, DeviceId, Vec<FixBatch>)> {
    (0..with_encoder().len(), any::<u64>(), vec(vec(record(), 1..=RECORDS), 1..=FRAMES)).prop_map(
        |(at, number, frames)| {
            let (protocol, encoder) = with_encoder()[at];
            let batches = frames.into_iter().map(|records| {
                let mut batch = FixBatch::default();
                records.into_iter().take(encoder.most_records).for_each(|fix| batch.push(fix));
                sayable(protocol.name, &mut batch.fixes);
                batch
            });
            (protocol, device(encoder.identity, number), batches.collect())
        },
    )
}

/// Changes what the wire format of that protocol cannot say.
fn sayable(name: &str, fixes: &mut [Fix]) {
    let last = fixes.last().unwrap().time.as_secs();
    for fix in fixes {
        match name {
            "arnavi" => fix.altitude_m = fix.altitude_m.map(|metres| metres.min(ARNAVI_HIGHEST_M)),
            "bce" => {
                let of_the_day = last - (last - fix.time.as_secs()) % DAY_S;
                fix.time = Timestamp::from_secs(of_the_day - of_the_day % BCE_STEP_S);
            }
            _ => {}
        }
    }
}

/// All messages that the bytes hold, and nothing left over.
fn messages(decoder: &mut dyn protocols::Decoder, mut bytes: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let Step::Took { consumed, message } = decoder.decode(bytes) else {
            panic!("{} bytes are no message: {}", bytes.len(), bytes.escape_ascii())
        };
        bytes = &bytes[consumed..];
        messages.push(message);
    }
    messages
}

fn near(name: &str, sent: &Fix, found: &Fix) {
    assert!(found.valid && found.time == sent.time, "{name}: {sent:?} was read as {found:?}");
    let (here, there) = (sent.position.unwrap(), found.position.unwrap());
    let apart = (here.lat() - there.lat()).abs().max((here.lon() - there.lon()).abs());
    assert!(apart < PLACE_DEG, "{name}: {sent:?} was read as {found:?}");
    let differs = |a: Option<f32>, b: Option<f32>| a.zip(b).map_or(0.0, |(a, b)| (a - b).abs());
    let turn = differs(sent.heading_deg, found.heading_deg);
    assert!(turn.min(360.0 - turn) < HEADING_DEG, "{name}: {sent:?} was read as {found:?}");
    assert!(differs(sent.speed_mps, found.speed_mps) < SPEED_MPS, "{name}: {sent:?} was read as {found:?}");
    assert!(differs(sent.altitude_m, found.altitude_m) < ALTITUDE_M, "{name}: {sent:?} was read as {found:?}");
}

/// Reads a frame and checks what it says; gives the answer owed for it and the refusal.
fn read(decoder: &mut dyn protocols::Decoder, name: &str, frame: &Frame<'_>, bytes: &[u8]) -> [Vec<u8>; 2] {
    // Records that leave the date to the server are of today.
    decoder.now(frame.batch.fixes.last().unwrap().time);
    let read = messages(decoder, bytes);
    let mut found = Vec::new();
    for message in &read {
        assert!(message.defect.is_none() && !matches!(message.kind, Kind::Error(_)), "{name}: {message:?}");
        if let Kind::Fixes(batch) = &message.kind {
            assert_eq!(message.device.as_ref(), Some(frame.device), "{name}");
            found.extend_from_slice(&batch.fixes);
        }
    }
    assert_eq!(found.len(), frame.batch.fixes.len(), "{name}: {read:?}");
    for (sent, found) in frame.batch.fixes.iter().zip(&found) {
        near(name, sent, found);
    }
    [read.iter().flat_map(|m| m.reply.to_vec()).collect(), read.iter().flat_map(|m| m.refusal.to_vec()).collect()]
}

/// Plays a connection through a decoder, and reads its answers as the device does.
fn play(decoder: &mut dyn protocols::Decoder, protocol: &Protocol, device: &DeviceId, batches: &[FixBatch]) {
    let (name, encoder) = (protocol.name, protocol.encoder.unwrap());
    if let Some(login) = encoder.login {
        let said = messages(decoder, &(login.bytes)(device));
        // BCE's handshake names nobody: each of its frames does.
        let is_named = |m: &Message| m.device.as_ref() == Some(device) || name == "bce";
        assert!(said.iter().all(is_named), "{name}: {said:?}");
        let answer: Vec<u8> = said.iter().flat_map(|m| m.reply.to_vec()).collect();
        match login.accepted {
            Some(accepted) => complete(name, &answer, accepted, true),
            None => assert!(answer.is_empty(), "{name}: an answer to the login that the device does not read"),
        }
    }
    for (number, batch) in (0..).zip(batches) {
        let frame = Frame { device, number, batch };
        let bytes = (encoder.frame)(&frame);
        assert!(bytes.len() <= protocol.max_frame * batch.fixes.len(), "{name}: {} bytes", bytes.len());
        let [answer, refusal] = read(decoder, name, &frame, &bytes);
        match encoder.acknowledged {
            Some(acknowledged) => {
                complete(name, &answer, |a| acknowledged(&frame, a), batch.fixes.len());
                assert_ne!(
                    acknowledged(&frame, &refusal),
                    Some(batch.fixes.len()),
                    "{name}: a refusal counts as an answer"
                );
            }
            None => assert!(answer.is_empty(), "{name}: an answer that the device does not read"),
        }
    }
}

/// The whole answer means what it should, and no part of it means anything.
fn complete<T: PartialEq + std::fmt::Debug>(
    name: &str,
    answer: &[u8],
    meaning: impl Fn(&[u8]) -> Option<T>,
    wanted: T,
) {
    for end in 0..answer.len() {
        assert_eq!(meaning(&answer[..end]), None, "{name}: {} of {}", end, answer.escape_ascii());
    }
    assert_eq!(meaning(answer), Some(wanted), "{name}: {}", answer.escape_ascii());
}

/// Some for each protocol; `PROPTEST_CASES` sets another number, for all of them together.
fn cases() -> ProptestConfig {
    ProptestConfig::with_cases(64 * u32::try_from(REGISTRY.len()).unwrap())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_a_virtual_tracker_sends_is_read_and_answered((protocol, device, batches) in connection()) {
        play((protocol.decoder)().as_mut(), protocol, &device, &batches);
    }

    #[test]
    fn it_is_recognised_on_the_port_for_all((protocol, device, batches) in connection()) {
        play((AUTO.decoder)().as_mut(), protocol, &device, &batches);
    }
}

/// A server that does not speak the protocol must not pass for one that has taken the records.
#[test]
fn no_other_answer_acknowledges() {
    let mut batch = FixBatch::default();
    batch.push(Fix::at(Timestamp::from_secs(1_700_000_000), LatLon::new(48.85, 37.6).unwrap()));
    for (protocol, encoder) in with_encoder() {
        let (device, Some(acknowledged)) = (device(encoder.identity, 7), encoder.acknowledged) else { continue };
        let frame = Frame { device: &device, number: 0, batch: &batch };
        for answer in
            [&b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"[..], b"SSH-2.0-OpenSSH_9.2\r\n", &[0xff; 64]]
        {
            let taken = acknowledged(&frame, answer);
            assert!(
                taken.is_none_or(|n| n == 0 || n > 1),
                "{}: {} took {taken:?}",
                protocol.name,
                answer.escape_ascii()
            );
        }
    }
}

/// Before its receiver has found the first satellites a tracker is nowhere: nobody must see it at 0, 0.
#[test]
fn a_tracker_without_a_place_is_shown_nowhere() {
    let time = Timestamp::from_secs(1_700_000_000);
    let mut batch = FixBatch::default();
    batch.push(Fix { position: None, valid: false, ..Fix::at(time, LatLon::new(0.0, 0.0).unwrap()) });
    for (protocol, encoder) in with_encoder() {
        let device = device(encoder.identity, 7);
        let mut decoder = (protocol.decoder)();
        decoder.now(time);
        let mut bytes = encoder.login.map(|login| (login.bytes)(&device)).unwrap_or_default();
        bytes.extend((encoder.frame)(&Frame { device: &device, number: 0, batch: &batch }));
        for message in messages(decoder.as_mut(), &bytes) {
            assert!(!matches!(message.kind, Kind::Error(_)), "{}: {message:?}", protocol.name);
            if let Kind::Fixes(found) = message.kind {
                let is_nowhere = found.fixes.iter().all(|fix| fix.position.is_none() && !fix.valid);
                assert!(is_nowhere, "{}: {found:?}", protocol.name);
            }
        }
    }
}

//! What every decoder must do with whatever it is given.

use model::DeviceId;
use protocols::{Decoder, Kind, Message, Protocol, Step};

/// Bytes kept of a frame's text, and attributes, may be this many times its bytes: short codes
/// have longer names.
const MOST_TIMES: usize = 16;
/// And so many more, for the shortest frames.
const MOST_MORE: usize = 512;

/// Decodes all of the input as a stream, as what ends a stream and as a datagram, and checks that the
/// decoder makes progress, asks for no more than its bound, and that what comes out is in
/// proportion and can be printed.
pub fn survive(protocol: &Protocol, input: &[u8], identified: bool) {
    let identify = |mut decoder: Box<dyn Decoder>| {
        if identified {
            decoder.identify(&DeviceId::new("352093081452251").expect("an IMEI is an id"));
        }
        decoder
    };
    let mut decoder = identify((protocol.decoder)());
    let mut rest = input;
    while let Step::Took { consumed, message } = decoder.decode(rest) {
        rest = check(rest, consumed, &message);
    }
    assert!(rest.len() < protocol.max_frame, "{} asks for more than its bound", protocol.name);
    last(decoder.as_mut(), rest);
    if let Some(datagrams) = protocol.datagrams {
        last(identify(datagrams()).as_mut(), input);
    }
}

fn last(decoder: &mut dyn Decoder, mut rest: &[u8]) {
    while let Step::Took { consumed, message } = decoder.decode_last(rest) {
        rest = check(rest, consumed, &message);
    }
}

fn check<'a>(rest: &'a [u8], consumed: usize, message: &Message) -> &'a [u8] {
    assert!(consumed >= 1 && consumed <= rest.len(), "consumed {consumed} of {}", rest.len());
    // Some messages are taken in parts, of which the first may hold most of the bytes.
    let bound = MOST_TIMES * rest.len() + MOST_MORE;
    if let Kind::Fixes(batch) = &message.kind {
        assert!(batch.fixes.len() <= rest.len());
        assert!(batch.attributes.len() <= bound && batch.text.len() <= bound);
        for fix in &batch.fixes {
            assert!(!fix.valid || fix.position.is_some());
            assert!(fix.heading_deg.is_none_or(|h| (0.0..=360.0).contains(&h)));
            assert!(fix.speed_mps.is_none_or(f32::is_finite) && fix.altitude_m.is_none_or(f32::is_finite));
        }
    }
    assert!(message.reply.len() <= bound && message.refusal.len() <= bound);
    // Printing costs more than all decoding, so it is tried on a part of the messages.
    if rest.len().is_multiple_of(8) {
        protocols::json::message(1, message);
    }
    &rest[consumed..]
}

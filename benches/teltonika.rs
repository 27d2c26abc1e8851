//! Teltonika's Codec 8 Extended beside the crate `nom-teltonika`, on the same frames: both check
//! the checksum, and of both every coordinate and every element is read and summed.

use std::hint::black_box;

use model::{DeviceId, Value};
use nom_teltonika::decoder::take_frame;
use nom_teltonika::protocol::{FrameView, IoValue, IoValueView};
use protocols::teltonika::Codec;
use protocols::{Decoder, Kind, Step};

use crate::bus::bus;

/// Prints what a record costs both, in short and in long messages. `nom-teltonika` takes no
/// message of Codec 8 or 8 Extended that is longer than 1,280 bytes, which 20 records of Codec 8
/// Extended with ten elements are: 11 fit, and 20 where ids have one byte or in Codec 16.
pub fn comparison() {
    println!(
        "{:<34} {:>9} {:>9} {:>9} {:>7} {:>7}",
        "Teltonika, ns/record", "marshrut", "views", "owned", "views/", "owned/"
    );
    let cases = [
        (Codec::Codec8Extended, 1, 12),
        (Codec::Codec8Extended, 1, 17),
        (Codec::Codec8Extended, 1, 39),
        (Codec::Codec8Extended, 11, 17),
        (Codec::Codec8, 20, 12),
        (Codec::Codec16, 20, 17),
    ];
    for (codec, records, elements) in cases {
        let frame = protocols::teltonika::encode::packet(codec, &bus(records, elements));
        let mut decoder = (protocols::by_name("teltonika").unwrap().decoder)();
        decoder.identify(&DeviceId::new("352093081452251").unwrap());
        assert_eq!(ours(decoder.as_mut(), &frame).0, views(&frame).0);
        assert_eq!(views(&frame), owned(&frame));
        let costs = crate::medians(&mut [
            &mut || {
                black_box(ours(decoder.as_mut(), black_box(&frame)));
            },
            &mut || {
                black_box(views(black_box(&frame)));
            },
            &mut || {
                black_box(owned(black_box(&frame)));
            },
        ]);
        let [us, view, own] = [costs[0], costs[1], costs[2]].map(|ns| ns / f64::from(records));
        let what = format!("{codec:?}, {records} of {elements}, {} bytes", frame.len());
        println!("{what:<34} {us:>9.1} {view:>9.1} {own:>9.1} {:>7.2} {:>7.2}", view / us, own / us);
    }
}

/// Sums of the coordinates and of the elements.
type Sums = (f64, u64);

fn ours(decoder: &mut dyn Decoder, frame: &[u8]) -> Sums {
    let step = decoder.decode(frame);
    let Step::Took { message, .. } = &step else { panic!("whole") };
    let Kind::Fixes(batch) = &message.kind else { panic!("records") };
    let (mut place, mut elements) = (0.0, 0);
    for fix in &batch.fixes {
        place += fix.position.map_or(0.0, |p| p.lat() + p.lon());
        elements += fix.hdop.map_or(0, |h| u64::from(h.to_bits()));
        for attribute in batch.attributes_of(fix) {
            elements += match attribute.value {
                Value::Bool(b) => u64::from(b),
                Value::Int(i) => i.cast_unsigned(),
                Value::Float(f) => f.to_bits() >> 32,
                Value::Text { len, .. } | Value::Bytes { len, .. } => u64::from(len),
            };
        }
    }
    (place, elements)
}

fn views(frame: &[u8]) -> Sums {
    let Ok(FrameView::Avl(packet)) = take_frame(&mut &*frame) else { panic!("whole") };
    let (mut place, mut elements) = (0.0, 0);
    for record in packet.records() {
        place += record.gps().latitude_degrees() + record.gps().longitude_degrees();
        for element in record.io_elements() {
            elements += u64::from(u16::from(element.id()))
                + match element.value() {
                    IoValueView::U8(v) => u64::from(v),
                    IoValueView::U16(v) => u64::from(v),
                    IoValueView::U32(v) => u64::from(v),
                    IoValueView::U64(v) => v,
                    IoValueView::Bytes(bytes) => bytes.len() as u64,
                };
        }
    }
    (place, elements)
}

fn owned(frame: &[u8]) -> Sums {
    let Ok(FrameView::Avl(packet)) = take_frame(&mut &*frame) else { panic!("whole") };
    let (mut place, mut elements) = (0.0, 0);
    for record in packet.evaluate().records() {
        place += record.gps().latitude_degrees() + record.gps().longitude_degrees();
        for element in record.io_elements() {
            elements += u64::from(u16::from(element.id()))
                + match element.value() {
                    IoValue::U8(v) => u64::from(*v),
                    IoValue::U16(v) => u64::from(*v),
                    IoValue::U32(v) => u64::from(*v),
                    IoValue::U64(v) => *v,
                    IoValue::Bytes(bytes) => bytes.len() as u64,
                };
        }
    }
    (place, elements)
}

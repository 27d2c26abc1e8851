//! Bad input is answered, bounded, counted and kept; good input before it is not lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::time::{Duration, Instant};

use common::counters::{count, install};
use common::{acknowledged, batch, limited, read_line, read_to_end, seconds, start};
use gateway::{Limits, Settings};
use protocols::teltonika;
use tokio::io::AsyncWriteExt;

mod common;

const IMEI: &str = "352093081452251";

#[tokio::test]
async fn a_wrong_checksum_takes_nothing_and_the_connection_goes_on() {
    install();
    let mut running = start(Settings::default()).await;
    let mut tracker = running.teltonika(IMEI).await;
    let good = teltonika::encode::frame(&batch(1, 2));
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    tracker.write_all(&bad).await.unwrap();
    assert_eq!(acknowledged(&mut tracker).await, 0);
    tracker.write_all(&good).await.unwrap();
    assert_eq!(acknowledged(&mut tracker).await, 2);
    assert_eq!(running.reports().len(), 1);
    assert!(count("marshrut_gateway_errors_total{protocol=teltonika,reason=crc}") >= 1);

    let kept = running.quarantined().await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["reason"], "crc");
    assert_eq!(kept[0]["device"], IMEI);
    assert_eq!(kept[0]["hex"], hex::encode(&bad), "an operator can decode it again");
    assert!(kept[0]["peer"].as_str().unwrap().starts_with("127.0.0.1:"));
}

#[tokio::test]
async fn an_oversized_length_closes_at_once_and_what_came_before_is_acknowledged() {
    install();
    let mut running = start(Settings::default()).await;
    let mut tracker = running.teltonika(IMEI).await;
    let mut bytes = teltonika::encode::frame(&batch(1, 2));
    bytes.extend([0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x8e]);
    tracker.write_all(&bytes).await.unwrap();
    assert_eq!(read_to_end(&mut tracker).await, [0, 0, 0, 2]);
    assert_eq!(running.reports().len(), 1);
    assert!(count("marshrut_gateway_errors_total{protocol=teltonika,reason=length}") >= 1);
    assert_eq!(running.quarantined().await[0]["reason"], "length");
}

#[tokio::test]
async fn garbage_ends_in_a_closed_connection_however_long_it_goes_on() {
    let limits = Limits { max_errors_in_a_row: 5, ..Limits::default() };
    let mut running = start(limited(limits)).await;
    for protocol in ["teltonika", "wialon-ips"] {
        let mut tracker = running.connect(protocol).await;
        let started = Instant::now();
        // A web scanner, then noise with line ends in it, until the gateway has had enough.
        let mut sent = tracker.write_all(b"GET / HTTP/1.1\r\nHost: example\r\n\r\n").await;
        let noise: Vec<u8> = (0..4096u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        while sent.is_ok() && started.elapsed() < common::PATIENCE {
            sent = tracker.write_all(&noise).await;
        }
        assert!(sent.is_err(), "{protocol}: still listening to garbage");
    }
    let kept = running.quarantined().await;
    assert!(kept.iter().any(|k| k["protocol"] == "teltonika"));
    assert!(kept.iter().any(|k| k["protocol"] == "wialon-ips"));
    assert!(kept.len() <= 10);
}

#[tokio::test]
async fn half_a_frame_then_silence_is_cut_off_in_time() {
    install();
    let limits = Limits { frame_timeout: Duration::from_millis(200), ..Limits::default() };
    let mut running = start(limited(limits)).await;
    let mut tracker = running.teltonika(IMEI).await;
    let frame = teltonika::encode::frame(&batch(1, 2));
    tracker.write_all(&frame).await.unwrap();
    tracker.write_all(&frame[..frame.len() / 2]).await.unwrap();
    assert_eq!(read_to_end(&mut tracker).await, [0, 0, 0, 2], "the whole one is acknowledged");
    assert!(count("marshrut_gateway_closed_total{protocol=teltonika,reason=frame_timeout}") >= 1);
    let kept = running.quarantined().await;
    assert_eq!(kept[0]["reason"], "incomplete");
    assert_eq!(kept[0]["hex"], hex::encode(&frame[..frame.len() / 2]));
}

#[tokio::test]
async fn a_byte_now_and_then_does_not_keep_a_connection() {
    let limits = Limits { frame_timeout: Duration::from_millis(300), ..Limits::default() };
    let running = start(limited(limits)).await;
    let mut tracker = running.teltonika(IMEI).await;
    let frame = teltonika::encode::frame(&batch(1, 20));
    let started = Instant::now();
    let mut cut_off = false;
    for byte in frame {
        // The pace of a slow-loris, not a wait for anything.
        tokio::time::sleep(Duration::from_millis(50)).await;
        if tracker.write_all(&[byte]).await.is_err() {
            cut_off = true;
            break;
        }
    }
    assert!(cut_off, "kept for {:?}", started.elapsed());
    assert!(running.reports().is_empty());
}

#[tokio::test]
async fn silence_is_cut_off_before_and_after_the_login() {
    let limits =
        Limits { login_timeout: Duration::from_secs(1), idle_timeout: Duration::from_secs(3), ..Limits::default() };
    let running = start(limited(limits)).await;
    let mut silent = running.connect("teltonika").await;
    let mut pinging = running.connect("teltonika").await;
    pinging.write_all(&[0xff; 3]).await.unwrap(); // signs of life are no name
    let mut known = running.teltonika(IMEI).await;
    let started = Instant::now();
    assert_eq!(read_to_end(&mut silent).await, b"");
    assert_eq!(read_to_end(&mut pinging).await, b"");
    assert_eq!(read_to_end(&mut known).await, b"");
    assert!(started.elapsed() >= Duration::from_secs(2), "who has a name has longer");
}

#[tokio::test]
async fn one_unreadable_record_among_good_ones_is_kept_and_the_good_ones_are_stored() {
    let mut running = start(Settings::default()).await;
    let mut tracker = running.wialon("bus-7").await;
    let good = "160126;193100;4851.0000;N;03736.0000;E;10;90;100;9";
    let body = format!("{good}|rubbish|{good}|");
    let line = format!("#B#{body}{:04X}\r\n", crc16(body.as_bytes()));
    tracker.write_all(line.as_bytes()).await.unwrap();
    assert_eq!(read_line(&mut tracker).await, "#AB#2");
    assert_eq!(running.reports().iter().map(|r| seconds(r).count()).sum::<usize>(), 2);
    let kept = running.quarantined().await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["hex"], hex::encode(line.as_bytes()));
}

#[tokio::test]
async fn a_wrong_clock_does_not_cost_the_fix() {
    install();
    let running = start(Settings::default()).await;
    let mut tracker = running.teltonika(IMEI).await;
    let ahead = common::now().as_secs() + 86_400 * 365;
    tracker.write_all(&teltonika::encode::frame(&batch(ahead, 2))).await.unwrap();
    assert_eq!(acknowledged(&mut tracker).await, 2);
    assert_eq!(running.reports()[0].batch.fixes[0].time.as_secs(), ahead, "kept as it is");
    assert!(count("marshrut_gateway_clock_wrong_total{protocol=teltonika}") >= 2);
}

/// CRC-16/ARC, as the tracker would compute it.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xa001 } else { crc >> 1 })
    })
}

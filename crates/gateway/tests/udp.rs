//! Datagrams: answered when durable, in sessions of their own, and never more than they should be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use common::{KEY, limited, receive, start, start_with};
use gateway::{Limits, Registry, Settings};
use journal::Options;

mod common;

/// One record of the device, as it goes in a datagram.
fn record(device: &str, second: u32) -> String {
    format!("{device}#SD#160126;1931{second:02};4851.0000;N;03736.0000;E;40;180;100;9\r\n")
}

#[tokio::test]
async fn a_record_is_in_the_journal_when_it_is_answered() {
    let running = start(Settings::default()).await;
    for port in ["wialon-ips", "auto"] {
        let socket = running.datagrams(port).await;
        socket.send(record("352093081452251", 5).as_bytes()).await.unwrap();
        assert_eq!(receive(&socket).await, "#ASD#1\r\n");
        let report = running.reports().pop().unwrap();
        assert_eq!((report.device.as_str(), report.protocol.as_str()), ("352093081452251", "wialon-ips"));
        assert_eq!(report.batch.fixes.len(), 1);
    }
}

#[tokio::test]
async fn two_devices_behind_one_port_keep_their_own_records_and_a_moved_one_goes_on() {
    let running = start(Settings::default()).await;
    let (first, second) = (running.datagrams("wialon-ips").await, running.datagrams("wialon-ips").await);
    for (socket, device) in [(&first, "1"), (&second, "2"), (&second, "1"), (&first, "2")] {
        socket.send(record(device, 1).as_bytes()).await.unwrap();
        assert_eq!(receive(socket).await, "#ASD#1\r\n");
    }
    let devices: Vec<_> = running.reports().iter().map(|r| r.device.as_str().to_owned()).collect();
    assert_eq!(devices, ["1", "2", "1", "2"]);
}

#[tokio::test]
async fn a_stranger_is_never_answered_with_more_than_it_sent() {
    let running = start(Settings::default()).await;
    let socket = running.datagrams("wialon-ips").await;
    // Three bytes that want seven in answer, from nobody known.
    socket.send(b"#P#").await.unwrap();
    socket.send(record("7", 1).as_bytes()).await.unwrap();
    assert_eq!(receive(&socket).await, "#ASD#1\r\n", "the ping went unanswered");
    // Now that the device is known, it is owed the whole answer.
    socket.send(b"#P#").await.unwrap();
    assert_eq!(receive(&socket).await, "#AP#\r\n");
}

#[tokio::test]
async fn a_device_that_is_not_wanted_is_not_journaled() {
    let registry = Registry::parse("devices.csv", "device_id,vehicle_id\n1,12\n", true, KEY).unwrap();
    let running = start_with(Settings::default(), registry, Options::default()).await;
    let socket = running.datagrams("wialon-ips").await;
    socket.send(record("2", 1).as_bytes()).await.unwrap();
    socket.send(record("1", 1).as_bytes()).await.unwrap();
    assert_eq!(receive(&socket).await, "#ASD#1\r\n");
    let reports = running.reports();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].vehicle.as_str(), "12");
}

#[tokio::test]
async fn strangers_do_not_push_known_devices_out() {
    let running = start(limited(Limits { max_datagram_sessions: 3, ..Limits::default() })).await;
    let known = running.datagrams("wialon-ips").await;
    known.send(record("1", 1).as_bytes()).await.unwrap();
    assert_eq!(receive(&known).await, "#ASD#1\r\n");
    for _ in 0..20 {
        let stranger = running.datagrams("wialon-ips").await;
        stranger.send(b"#P#\r\n and more than the answer has").await.unwrap();
    }
    // Its session is still there: only to a known address the answer is longer than the question.
    let (ping, answer) = (b"#P#", "#AP#\r\n");
    known.send(ping).await.unwrap();
    assert_eq!(receive(&known).await, answer);
}

#[tokio::test]
async fn a_crowd_at_one_address_pushes_out_its_own_and_nobody_else() {
    let running = start(limited(Limits { max_per_address: 3, max_datagram_sessions: 8, ..Limits::default() })).await;
    let other = running.datagrams_from([127, 0, 0, 8], "wialon-ips").await;
    other.send(record("1", 1).as_bytes()).await.unwrap();
    assert_eq!(receive(&other).await, "#ASD#1\r\n");
    let mut crowd = Vec::new();
    for n in 0..20 {
        let one = running.datagrams_from([127, 0, 0, 7], "wialon-ips").await;
        one.send(record(&format!("crowd-{n}"), 1).as_bytes()).await.unwrap();
        assert_eq!(receive(&one).await, "#ASD#1\r\n", "a new one is heard");
        crowd.push(one);
    }
    // Only where there is a session the answer is longer than the question.
    let (ping, answer) = (b"#P#", "#AP#\r\n");
    for remembered in crowd[17..].iter().chain([&other]) {
        remembered.send(ping).await.unwrap();
        assert_eq!(receive(remembered).await, answer);
    }
    // Datagrams to one port are answered in their order: what is answered first tells.
    let forgotten = &crowd[16];
    forgotten.send(ping).await.unwrap();
    forgotten.send(record("crowd-16", 2).as_bytes()).await.unwrap();
    assert_eq!(receive(forgotten).await, "#ASD#1\r\n", "the fourth from the end is forgotten");
}

#[tokio::test]
async fn nonsense_is_kept_for_an_operator_and_harms_nobody() {
    let mut running = start(Settings::default()).await;
    let socket = running.datagrams("wialon-ips").await;
    socket.send(&[0xff; 1400]).await.unwrap();
    socket.send(b"").await.unwrap();
    socket.send(record("1", 1).as_bytes()).await.unwrap();
    assert_eq!(receive(&socket).await, "#ASD#1\r\n");
    let kept = running.quarantined().await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["length"], 1400);
}

#[tokio::test]
async fn any_protocol_is_spoken_at_one_tcp_port() {
    let running = start(Settings::default()).await;
    let imei = common::device("352093081452251");
    let mut stream = running.connect("auto").await;
    let frames =
        [protocols::teltonika::encode::login(&imei), protocols::teltonika::encode::frame(&common::batch(1, 2))];
    tokio::io::AsyncWriteExt::write_all(&mut stream, &frames.concat()).await.unwrap();
    assert_eq!(common::read(&mut stream, 5).await, [1, 0, 0, 0, 2]);
    assert_eq!(running.reports()[0].protocol.as_str(), "teltonika");
    let mut stream = running.connect("auto").await;
    let lines = format!("#L#{};NA\r\n{}", imei.as_str(), record("", 1));
    tokio::io::AsyncWriteExt::write_all(&mut stream, lines.as_bytes()).await.unwrap();
    assert_eq!(common::read_line(&mut stream).await, "#AL#1");
    assert_eq!(common::read_line(&mut stream).await, "#ASD#1");
    assert_eq!(running.reports()[1].protocol.as_str(), "wialon-ips");
}

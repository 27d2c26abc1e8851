//! Trackers over real sockets: what they are told is what the journal has.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::time::Duration;

use common::{
    KEY, acknowledged, batch, device, limited, now, read, read_line, read_to_end, seconds, start, start_with,
};
use gateway::{Limits, Registry, Settings};
use journal::{Options, Position};
use protocols::{teltonika, wialon_ips};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

mod common;

const IMEI: &str = "352093081452251";

#[tokio::test]
async fn fixes_of_both_protocols_are_in_the_journal_when_they_are_acknowledged() {
    let list = format!("device_id,vehicle_id\n{IMEI},12\n");
    let registry = Registry::parse("devices.csv", &list, false, KEY).unwrap();
    let running = start_with(Settings::default(), registry, Options::default()).await;

    let mut tracker = running.teltonika(IMEI).await;
    tracker.write_all(&teltonika::encode::frame(&batch(100, 3))).await.unwrap();
    assert_eq!(acknowledged(&mut tracker).await, 3);
    assert!(running.journal.head() >= Position(1));
    let reports = running.reports();
    assert_eq!(reports.len(), 1);
    assert_eq!((reports[0].device.as_str(), reports[0].vehicle.as_str()), (IMEI, "12"));
    assert_eq!((reports[0].protocol.as_str(), reports[0].received_at), ("teltonika", now()));
    assert_eq!(seconds(&reports[0]).collect::<Vec<_>>(), [100, 101, 102]);

    let today = now().as_secs(); // the protocol writes years with two digits
    let mut tracker = running.wialon("bus-7").await;
    tracker.write_all(&wialon_ips::encode::data(&batch(today, 1))).await.unwrap();
    assert_eq!(read_line(&mut tracker).await, "#AD#1");
    tracker.write_all(&wialon_ips::encode::data(&batch(today + 1, 4))).await.unwrap();
    assert_eq!(read_line(&mut tracker).await, "#AB#4");
    let reports = running.reports();
    assert_eq!(reports[1].vehicle, KEY.vehicle(&device("bus-7")), "an unknown device has a pseudonym");
    assert_eq!(seconds(&reports[2]).collect::<Vec<_>>(), [1, 2, 3, 4].map(|n| today + n));
}

#[tokio::test]
async fn a_request_with_records_of_several_devices_is_answered_once_all_are_in_the_journal() {
    let list = "device_id,vehicle_id\na,1\nb,2\n";
    let registry = Registry::parse("devices.csv", list, true, KEY).unwrap();
    let running = start_with(Settings::default(), registry, Options::default()).await;
    let request = |body: &str| format!("POST / HTTP/1.1\r\nHost: c\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut stream = running.connect("flespi").await;
    let two = r#"[{"ident":"a","timestamp":10},{"ident":"b","timestamp":11},{"ident":"a","timestamp":12}]"#;
    stream.write_all(request(two).as_bytes()).await.unwrap();
    assert_eq!(read(&mut stream, 38).await, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let of = |report: &model::Report| (report.device.to_string(), seconds(report).collect::<Vec<_>>());
    let kept: Vec<_> = running.reports().iter().map(of).collect();
    assert_eq!(kept, [("a".to_owned(), vec![10, 12]), ("b".to_owned(), vec![11])]);

    let stranger = r#"[{"ident":"b","timestamp":13},{"ident":"stranger","timestamp":14}]"#;
    stream.write_all(request(stranger).as_bytes()).await.unwrap();
    let answer = String::from_utf8(read_to_end(&mut stream).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.matches("HTTP/1.1").count() == 1, "{answer}");
}

#[tokio::test]
async fn frames_sent_together_are_answered_in_their_order() {
    let limits = Limits { max_in_flight: 3, ..Limits::default() };
    let options = Options { max_queued_reports: 2, ..Options::default() };
    let running = start_with(limited(limits), Registry::open(KEY), options).await;
    let mut tracker = running.connect("teltonika").await;
    // All at once, the login too: far more than may be in flight, or than the queue holds.
    let mut bytes = teltonika::encode::login(&device(IMEI));
    let sizes: Vec<i64> = (0..200).map(|n| 1 + n * 7 % 5).collect();
    for (n, size) in (0..).zip(&sizes) {
        bytes.extend(teltonika::encode::frame(&batch(n * 100, *size)));
        bytes.push(0xff); // a ping between them, which is owed nothing
    }
    let (mut reader, mut writer) = tracker.split();
    let answers = async {
        let mut answers = vec![0; 1 + 4 * sizes.len()];
        tokio::io::AsyncReadExt::read_exact(&mut reader, &mut answers).await.unwrap();
        answers
    };
    let (written, answers) = tokio::join!(writer.write_all(&bytes), answers);
    written.unwrap();
    assert_eq!(answers[0], 1);
    let taken: Vec<i64> =
        answers[1..].chunks(4).map(|a| i64::try_from(teltonika::encode::acknowledged(a).unwrap()).unwrap()).collect();
    assert_eq!(taken, sizes);
    let firsts: Vec<_> = running.reports().iter().map(|r| seconds(r).next().unwrap()).collect();
    assert!(firsts.into_iter().eq((0..200).map(|n| n * 100)));
}

#[tokio::test]
async fn a_message_may_come_byte_by_byte() {
    let running = start(Settings::default()).await;
    let mut tracker = running.connect("teltonika").await;
    tracker.set_nodelay(true).unwrap();
    for byte in teltonika::encode::login(&device(IMEI)).into_iter().chain(teltonika::encode::frame(&batch(1, 2))) {
        tracker.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(read(&mut tracker, 1).await, [1]);
    assert_eq!(acknowledged(&mut tracker).await, 2);
}

#[tokio::test]
async fn without_the_journal_nothing_is_acknowledged() {
    let running = start(Settings::default()).await;
    let mut tracker = running.teltonika(IMEI).await;
    running.journal.close().await.unwrap();
    tracker.write_all(&teltonika::encode::frame(&batch(1, 2))).await.unwrap();
    assert_eq!(read_to_end(&mut tracker).await, b"", "no reply, and the connection is closed");
}

#[tokio::test]
async fn a_device_that_is_not_listed_is_refused_until_it_is() {
    common::counters::install();
    let strict = |list: &str| Registry::parse("devices.csv", list, true, KEY).unwrap();
    let running = start_with(Settings::default(), strict("device_id,vehicle_id\n1,1\n"), Options::default()).await;
    let mut tracker = running.connect("teltonika").await;
    tracker.write_all(&teltonika::encode::login(&device(IMEI))).await.unwrap();
    tracker.write_all(&teltonika::encode::frame(&batch(1, 2))).await.unwrap();
    assert_eq!(read_to_end(&mut tracker).await, [0]);
    let mut tracker = running.connect("wialon-ips").await;
    tracker.write_all(&wialon_ips::encode::login(&device(IMEI))).await.unwrap();
    assert_eq!(read_to_end(&mut tracker).await, b"#AL#0\r\n");
    assert!(running.reports().is_empty());
    assert!(common::counters::count("marshrut_gateway_refused_total{protocol=teltonika,reason=not_listed}") >= 1);

    running.registry.store(Arc::new(strict(&format!("device_id,vehicle_id\n{IMEI},12\n"))));
    let mut tracker = running.teltonika(IMEI).await;
    tracker.write_all(&teltonika::encode::frame(&batch(1, 2))).await.unwrap();
    assert_eq!(acknowledged(&mut tracker).await, 2);
    // Taken off the list while connected: the next message is refused.
    running.registry.store(Arc::new(strict("device_id,vehicle_id\n1,1\n")));
    tracker.write_all(&teltonika::encode::frame(&batch(1, 2))).await.unwrap();
    assert_eq!(read_to_end(&mut tracker).await, [0, 0, 0, 0]);
    assert_eq!(running.reports().len(), 1);
}

#[tokio::test]
async fn records_of_nobody_are_not_acknowledged() {
    let running = start(Settings::default()).await;
    let mut tracker = running.connect("teltonika").await;
    tracker.write_all(&teltonika::encode::frame(&batch(1, 2))).await.unwrap();
    assert_eq!(read_to_end(&mut tracker).await, [0, 0, 0, 0]);
    let mut tracker = running.connect("wialon-ips").await;
    tracker.write_all(&wialon_ips::encode::data_as(wialon_ips::encode::Version::V1, &batch(1, 1))).await.unwrap();
    assert_eq!(read_to_end(&mut tracker).await, b"");
    assert!(running.reports().is_empty());
}

#[tokio::test]
async fn draining_answers_all_that_was_read() {
    let limits = Limits { max_in_flight: 2, ..Limits::default() };
    let mut running = start(limited(limits)).await;
    let mut trackers = Vec::new();
    for n in 0..50i64 {
        let mut tracker = running.teltonika(&format!("35209308145{n:04}")).await;
        for frame in 0..20 {
            tracker.write_all(&teltonika::encode::frame(&batch(n * 1_000 + frame, 1))).await.unwrap();
        }
        trackers.push(tracker);
    }
    let address = running.address("teltonika");
    running.stop().await;
    assert!(TcpStream::connect(address).await.is_err(), "nothing listens any more");
    let mut answered = 0;
    for (n, tracker) in (0..).zip(&mut trackers) {
        let replies = read_to_end(tracker).await;
        assert_eq!(replies.len() % 4, 0);
        let stored: Vec<i64> = running
            .reports()
            .iter()
            .flat_map(|r| seconds(r).collect::<Vec<_>>())
            .filter(|second| second / 1_000 == n)
            .collect();
        assert!(stored.len() >= replies.len() / 4, "acknowledged is stored");
        assert!(stored.into_iter().eq((0..).map(|f| n * 1_000 + f).take(replies.len() / 4)), "stored is acknowledged");
        answered += replies.len() / 4;
    }
    println!("{answered} of 1000 frames had been read and were answered");
    running.journal.close().await.unwrap();
}

#[tokio::test]
async fn a_second_connection_of_a_device_replaces_the_first_and_nothing_is_lost() {
    common::counters::install();
    let running = start(Settings::default()).await;
    let mut first = running.teltonika(IMEI).await;
    for frame in 0..20 {
        first.write_all(&teltonika::encode::frame(&batch(100 * frame, 2))).await.unwrap();
    }
    let mut other = running.teltonika("352093081452269").await;
    let mut second = running.teltonika(IMEI).await;
    // What the first has read is journaled and answered; then it is closed.
    let answers = read_to_end(&mut first).await;
    assert!(answers.chunks(4).all(|answer| answer == [0, 0, 0, 2]), "{answers:?}");
    second.write_all(&teltonika::encode::frame(&batch(9_000, 1))).await.unwrap();
    assert_eq!(acknowledged(&mut second).await, 1);
    other.write_all(&teltonika::encode::frame(&batch(9_001, 1))).await.unwrap();
    assert_eq!(acknowledged(&mut other).await, 1, "other devices keep theirs");
    let firsts = |reports: Vec<model::Report>| reports.iter().map(|r| seconds(r).next().unwrap()).collect::<Vec<_>>();
    let journaled = firsts(running.reports());
    assert!(journaled.iter().filter(|second| **second < 9_000).count() >= answers.len() / 4);
    drop(first);
    let replaced = || common::counters::count("marshrut_gateway_closed_total{protocol=teltonika,reason=replaced}");
    common::eventually("the first one is counted", || replaced() >= 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_quick_connections_lose_nothing() {
    let running = Arc::new(start(Settings::default()).await);
    let tasks: Vec<_> = (0..2_000i64)
        .map(|n| {
            let running = Arc::clone(&running);
            tokio::spawn(async move {
                let mut tracker = running.teltonika(&format!("35209308{n:07}")).await;
                tracker.write_all(&teltonika::encode::frame(&batch(n, 1))).await.unwrap();
                acknowledged(&mut tracker).await
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 1);
    }
    let mut stored: Vec<_> = running.reports().iter().flat_map(|r| seconds(r).collect::<Vec<_>>()).collect();
    stored.sort_unstable();
    assert!(stored.into_iter().eq(0..2_000));
}

#[tokio::test]
async fn connections_past_the_limit_are_closed_and_their_places_given_back() {
    let limits = Limits { max_connections: 2, ..Limits::default() };
    let running = start(limited(limits)).await;
    let first = running.teltonika("1").await;
    let _second = running.wialon("2").await;
    let mut third = running.connect("teltonika").await;
    assert_eq!(read_to_end(&mut third).await, b"");
    drop(first);
    let deadline = std::time::Instant::now() + common::PATIENCE;
    loop {
        let mut tracker = running.connect("teltonika").await;
        let login = teltonika::encode::login(&device("3"));
        let mut answer = [0];
        if tracker.write_all(&login).await.is_ok()
            && tokio::io::AsyncReadExt::read_exact(&mut tracker, &mut answer).await.is_ok()
        {
            assert_eq!(answer, [1]);
            break;
        }
        assert!(std::time::Instant::now() < deadline, "the place is not given back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_cannot_be_bound_or_is_unknown_is_named() {
    let running = start(Settings::default()).await;
    let serve = |protocol: &str, address| {
        let settings = Settings {
            listeners: vec![gateway::Listener { protocol: protocol.into(), address }],
            ..Settings::default()
        };
        let (registry, journal) = (Arc::clone(&running.registry), running.journal.clone());
        async move {
            let clock = model::Clock::new(now);
            gateway::serve(settings, registry, journal, clock, running_token()).await.unwrap_err().to_string()
        }
    };
    let taken = running.address("teltonika");
    let error = serve("teltonika", taken).await;
    assert!(error.contains(&taken.to_string()) && error.contains("another port"), "{error}");
    let error = serve("telltonika", taken).await;
    assert!(error.contains("`telltonika` is not known; use one of: ") && error.contains(" teltonika,"), "{error}");
}

fn running_token() -> tokio_util::sync::CancellationToken {
    tokio_util::sync::CancellationToken::new()
}

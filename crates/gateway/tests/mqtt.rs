//! A real Mosquitto between publisher and gateway: what the broker is told is what the
//! journal has. Skipped where Mosquitto is not installed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test")]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use common::{KEY, PATIENCE, eventually, now, seconds};
use gateway::{Gateway, MqttSource, MqttTls, QuarantineSettings, Registry, Settings};
use journal::{Journal, Options, Position};
use model::Clock;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS, Transport};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio_util::sync::CancellationToken;

mod common;

const MOSQUITTO: &str = "/usr/sbin/mosquitto";

/// A broker on a port of its own, stopped when dropped.
struct Broker {
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Broker {
    /// `None` where it is not installed.
    fn start(extra: &str) -> Option<Self> {
        if !Path::new(MOSQUITTO).exists() {
            println!("skipped: {MOSQUITTO} is not installed");
            return None;
        }
        let port = free_port();
        let folder = tempfile::tempdir().unwrap();
        let process = Self::spawn(folder.path(), port, extra);
        Some(Self { process, port, folder })
    }

    fn spawn(folder: &Path, port: u16, extra: &str) -> Child {
        let config = folder.join("mosquitto.conf");
        let user = if std::env::var("USER").is_ok_and(|u| u != "root") { "" } else { "user root\n" };
        let text = format!(
            "listener {port} 127.0.0.1\n{user}persistence true\npersistence_location {}/\nautosave_interval 1\n{extra}\n",
            folder.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut process =
            Command::new(MOSQUITTO).arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).is_err() {
            assert!(Instant::now() < deadline && process.try_wait().unwrap().is_none(), "Mosquitto does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        process
    }

    /// Stops it as an administrator would, so that it saves its sessions, and starts it again.
    fn restart(&mut self, extra: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").arg(id).status().unwrap().success());
        self.process.wait().unwrap();
        self.process = Self::spawn(self.folder.path(), self.port, extra);
    }

    fn source(&self) -> MqttSource {
        let source = MqttSource::new("127.0.0.1", self.port, "trackers/+/fix");
        MqttSource { max_backoff: Duration::from_millis(500), ..source }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port of its own that stays free while the broker restarts: below those that the system
/// gives to outgoing connections, and no two the same in this process.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 12_000 + u16::try_from(std::process::id() % 1_000).unwrap() * 20;
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

struct Subscriber {
    journal: Journal,
    gateway: Gateway,
    shutdown: CancellationToken,
}

impl Subscriber {
    async fn start(folder: &Path, source: MqttSource, registry: Registry) -> Self {
        let journal = Journal::open(&folder.join("journal"), Options::default()).unwrap();
        let shutdown = CancellationToken::new();
        let quarantine = Some(QuarantineSettings::in_folder(folder.join("quarantine")));
        let settings = Settings { mqtt: vec![source], quarantine, ..Settings::default() };
        let registry = Arc::new(ArcSwap::from_pointee(registry));
        let gateway =
            gateway::serve(settings, registry, journal.clone(), Clock::new(now), shutdown.clone()).await.unwrap();
        Self { journal, gateway, shutdown }
    }

    /// Device and seconds of what the journal has.
    fn journaled(&self) -> Vec<(String, i64)> {
        let read = self.journal.read(Position::START, usize::MAX).unwrap();
        read.iter().flat_map(|(_, r)| seconds(r).map(|s| (r.device.to_string(), s)).collect::<Vec<_>>()).collect()
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.gateway.stopped().await;
        let _ = self.journal.close().await;
    }
}

/// Publishes at QoS 1 and waits until the broker has taken everything.
async fn publish(options: MqttOptions, messages: &[(&str, String)]) {
    let (client, mut events) = AsyncClient::new(options, messages.len().max(1));
    for (topic, payload) in messages {
        client.publish(*topic, QoS::AtLeastOnce, false, payload.as_str()).await.unwrap();
    }
    let mut taken = 0;
    while taken < messages.len() {
        let event = tokio::time::timeout(PATIENCE, events.poll()).await.unwrap().unwrap();
        taken += usize::from(matches!(event, Event::Incoming(Packet::PubAck(_))));
    }
}

fn publisher(broker: &Broker) -> MqttOptions {
    MqttOptions::new("publisher", "127.0.0.1", broker.port)
}

/// A publisher's own way to trust a certificate.
fn trusting(certificate: &str) -> Transport {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Transport::tls_with_config(config.with_root_certificates(roots).with_no_client_auth().into())
}

fn fix(second: i64) -> String {
    format!(r#"{{"time":{second},"lat":48.85,"lon":37.6,"speed_kmh":30}}"#)
}

/// Until the broker knows the subscription: what is published before is not kept for it.
async fn subscribed(broker: &Broker, subscriber: &Subscriber) {
    let probe = [("trackers/probe/fix", fix(1))];
    let deadline = Instant::now() + PATIENCE;
    while subscriber.journaled().is_empty() {
        assert!(Instant::now() < deadline, "the gateway does not subscribe");
        publish(MqttOptions::new("probe", "127.0.0.1", broker.port), &probe).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn without_probe(mut journaled: Vec<(String, i64)>) -> Vec<(String, i64)> {
    journaled.retain(|(device, _)| device != "probe");
    journaled
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_journaled_and_bad_ones_do_not_stop_the_rest() {
    let Some(broker) = Broker::start("allow_anonymous true") else { return };
    let folder = tempfile::tempdir().unwrap();
    let list = "device_id,vehicle_id\nprobe,p\nbus-7,12\n";
    let registry = Registry::parse("devices.csv", list, true, KEY).unwrap();
    let subscriber = Subscriber::start(folder.path(), broker.source(), registry).await;
    subscribed(&broker, &subscriber).await;

    let messages = [
        ("trackers/bus-7/fix", fix(10)),
        ("trackers/bus-7/fix", "no JSON".to_owned()),
        ("trackers/stranger/fix", fix(11)),
        ("trackers/bus-7/fix", format!("[{},{}]", fix(12), fix(13))),
    ];
    publish(publisher(&broker), &messages).await;
    let expected = [10, 12, 13].map(|second| ("bus-7".to_owned(), second));
    eventually("all good messages are journaled", || without_probe(subscriber.journaled()) == expected).await;
    let report = &subscriber.journal.read(Position::START, usize::MAX).unwrap().pop().unwrap().1;
    assert_eq!((report.vehicle.as_str(), report.protocol.as_str()), ("12", "mqtt"));
    subscriber.stop().await;

    let kept = common::quarantined(folder.path());
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0]["reason"].as_str(), kept[0]["topic"].as_str()), (Some("format"), Some("trackers/bus-7/fix")));

    // Everything was acknowledged: a second gateway with the same name gets nothing.
    let again = tempfile::tempdir().unwrap();
    let subscriber = Subscriber::start(again.path(), broker.source(), Registry::open(KEY)).await;
    publish(publisher(&broker), &[("trackers/bus-7/fix", fix(14))]).await;
    eventually("the new one comes", || !without_probe(subscriber.journaled()).is_empty()).await;
    assert_eq!(without_probe(subscriber.journaled()), [("bus-7".to_owned(), 14)]);
    subscriber.stop().await;
}

/// Messages in one format, and the devices and seconds that the journal is to have of them.
struct Case<'a> {
    fields: &'a [(&'a str, &'a str)],
    topic: &'a str,
    messages: &'a [(&'a str, &'a str)],
    expected: &'a [(&'a str, i64)],
    /// Why the quarantine is to have the first ones that it has.
    refused: &'a [&'a str],
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_of_every_format_are_read() {
    let Some(broker) = Broker::start("allow_anonymous true") else { return };
    let phone = r#"{"_type":"location","lat":48.85,"lon":37.6,"tst":10,"tid":"7"}"#;
    let card = r#"{"_type":"card","name":"Bus"}"#;
    let channel = r#"[{"ident":"a","timestamp":10},{"ident":"stranger","timestamp":11},{"ident":"b","timestamp":12},{"ident":"a","timestamp":13}]"#;
    let vehicle = r#"{"VP":{"oper":22,"veh":817,"tst":"1970-01-01T00:00:10Z","lat":60.17,"long":24.93,"loc":"GPS"}}"#;
    let mapped = r#"{"unit":"m","t":10,"gps":{"y":48.85,"x":37.6}}"#;
    let journeys = "/hfp/v2/journey/ongoing/vp/bus/0018/00817/2550/1/Station/14:21/1442116/4/60;24/19/73/51";
    let owntracks = Case {
        fields: &[],
        topic: "owntracks/+/+",
        messages: &[("owntracks/city/bus", card), ("owntracks/city/bus", phone)],
        expected: &[("city/bus", 10)],
        refused: &[],
    };
    let flespi = Case {
        topic: "flespi/message/+",
        messages: &[("flespi/message/1", channel)],
        expected: &[("a", 10), ("a", 13), ("b", 12)],
        ..owntracks
    };
    let hfp =
        Case { topic: "/hfp/v2/journey/#", messages: &[(journeys, vehicle)], expected: &[("18/817", 10)], ..owntracks };
    let mapped = Case {
        fields: &[("device", "unit"), ("time", "t"), ("lat", "gps.y"), ("lon", "gps.x")],
        topic: "any/+",
        messages: &[("any/1", "{}"), ("any/1", mapped)],
        expected: &[("m", 10)],
        refused: &["field"],
    };
    let cases = [("owntracks", owntracks), ("flespi", flespi), ("hfp", hfp), ("mapped", mapped)];
    let list = "device_id,vehicle_id\ncity/bus,1\na,2\nb,3\n18/817,4\nm,5\n";
    for (name, Case { fields, topic, messages, expected, refused }) in cases {
        let folder = tempfile::tempdir().unwrap();
        let source = MqttSource {
            client_id: format!("gateway-{name}"),
            topics: vec![topic.to_owned()],
            device_in_topic: false,
            format: protocols::payload::Payload::new(name, fields.iter().copied()).unwrap(),
            ..broker.source()
        };
        let registry = Registry::parse("devices.csv", list, true, KEY).unwrap();
        let subscriber = Subscriber::start(folder.path(), source, registry).await;
        let messages: Vec<_> = messages.iter().map(|(topic, payload)| (*topic, (*payload).to_owned())).collect();
        let expected: Vec<_> = expected.iter().map(|(device, second)| ((*device).to_owned(), *second)).collect();
        let deadline = Instant::now() + PATIENCE;
        // The broker may learn of the subscription between two of the messages, so each round
        // publishes all of them, until every one has had its effect.
        loop {
            let kept = common::quarantined(folder.path());
            let reasons: Vec<_> =
                kept.iter().take(refused.len()).map(|line| line["reason"].as_str().unwrap()).collect();
            if subscriber.journaled().starts_with(&expected) && reasons == refused {
                break;
            }
            assert!(Instant::now() < deadline, "{name}: {:?}, refused {kept:?}", subscriber.journaled());
            publish(publisher(&broker), &messages).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        subscriber.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_journal_did_not_take_the_broker_sends_again() {
    let Some(broker) = Broker::start("allow_anonymous true") else { return };
    let folder = tempfile::tempdir().unwrap();
    let subscriber = Subscriber::start(folder.path(), broker.source(), Registry::open(KEY)).await;
    subscribed(&broker, &subscriber).await;
    subscriber.journal.close().await.unwrap(); // from now on it takes nothing
    // Read now: a further probe may have come in until then.
    let (journal, journaled) = (subscriber.journal.clone(), subscriber.journal.head());
    let messages: Vec<_> = (10..40).map(|second| ("trackers/bus-7/fix", fix(second))).collect();
    publish(publisher(&broker), &messages).await;
    subscriber.stop().await;
    assert_eq!(journal.head(), journaled);
    drop(journal);

    let subscriber = Subscriber::start(folder.path(), broker.source(), Registry::open(KEY)).await;
    eventually("all are sent again", || without_probe(subscriber.journaled()).len() >= messages.len()).await;
    let seconds: Vec<_> = without_probe(subscriber.journaled()).into_iter().map(|(_, second)| second).collect();
    assert!(seconds.into_iter().eq(10..40));
    subscriber.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_broker_loses_nothing() {
    let anonymous = "allow_anonymous true";
    let Some(mut broker) = Broker::start(anonymous) else { return };
    let folder = tempfile::tempdir().unwrap();
    let subscriber = Subscriber::start(folder.path(), broker.source(), Registry::open(KEY)).await;
    subscribed(&broker, &subscriber).await;
    for round in 0..3 {
        let messages: Vec<_> = (0..200).map(|n| ("trackers/bus-7/fix", fix(1_000 * round + n))).collect();
        publish(publisher(&broker), &messages).await;
        broker.restart(anonymous); // while messages are on their way
    }
    let expected: Vec<i64> = (0..3).flat_map(|round| (0..200).map(move |n| 1_000 * round + n)).collect();
    eventually("every message is journaled", || {
        let mut seconds: Vec<_> = without_probe(subscriber.journaled()).into_iter().map(|(_, s)| s).collect();
        seconds.sort_unstable();
        seconds.dedup(); // a message that was not acknowledged in time comes twice
        seconds == expected
    })
    .await;
    subscriber.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_may_be_encrypted_and_needs_the_right_password() {
    let certificates = tempfile::tempdir().unwrap();
    let at = |name: &str| certificates.path().join(name).display().to_string();
    let (key, certificate, passwords) = (at("key.pem"), at("cert.pem"), at("passwords"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
            &key,
            "-out",
            &certificate,
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .stderr(Stdio::null())
        .status();
    let hashed = Command::new("mosquitto_passwd").args(["-b", "-c", &passwords, "city", "right"]).status();
    if !made.is_ok_and(|s| s.success()) || !hashed.is_ok_and(|s| s.success()) {
        println!("skipped: openssl or mosquitto_passwd is not installed");
        return;
    }
    let extra = format!("certfile {certificate}\nkeyfile {key}\nallow_anonymous false\npassword_file {passwords}");
    let Some(broker) = Broker::start(&extra) else { return };
    let tls = Some(MqttTls { ca_file: Some(certificate.clone().into()) });
    let source = MqttSource { host: "localhost".into(), tls, username: Some("city".into()), ..broker.source() };
    let source = |password: &str| MqttSource { password: Some(password.into()), ..source.clone() };

    let folder = tempfile::tempdir().unwrap();
    let subscriber = Subscriber::start(folder.path(), source("right"), Registry::open(KEY)).await;
    let mut options = MqttOptions::new("publisher", "localhost", broker.port);
    options.set_credentials("city", "right").set_transport(trusting(&certificate));
    let deadline = Instant::now() + PATIENCE;
    while subscriber.journaled().is_empty() {
        assert!(Instant::now() < deadline, "nothing comes through the encrypted connection");
        publish(options.clone(), &[("trackers/bus-7/fix", fix(10))]).await;
    }
    assert_eq!(subscriber.journaled()[0], ("bus-7".to_owned(), 10));
    subscriber.stop().await;

    // A wrong password or a broker of another authority is no reason to fall over.
    let other = tempfile::tempdir().unwrap();
    let subscriber = Subscriber::start(other.path(), source("wrong"), Registry::open(KEY)).await;
    common::counters::install();
    let disconnects = || common::counters::count("marshrut_gateway_mqtt_disconnects_total{}");
    let before = disconnects();
    eventually("it tries again", || disconnects() >= before + 2).await;
    assert_eq!(subscriber.journaled(), []);
    subscriber.stop().await;
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    let refused = |source: MqttSource| {
        let settings = Settings { mqtt: vec![source], ..Settings::default() };
        let registry = Arc::new(ArcSwap::from_pointee(Registry::open(KEY)));
        let journal = journal.clone();
        async move {
            let clock = Clock::new(now);
            gateway::serve(settings, registry, journal, clock, CancellationToken::new()).await.unwrap_err().to_string()
        }
    };
    let source = MqttSource::new("broker.example", 1883, "trackers/+/fix");
    let error = refused(MqttSource { client_id: String::new(), ..source.clone() }).await;
    assert!(error.contains("broker.example:1883") && error.contains("client id"), "{error}");
    let error = refused(MqttSource { topics: vec!["trackers/#".into()], ..source.clone() }).await;
    assert!(error.contains("device_in_topic"), "{error}");
    let missing = Some(MqttTls { ca_file: Some("/no/such/ca.pem".into()) });
    let error = refused(MqttSource { tls: missing, password: Some("hunter2".into()), ..source }).await;
    assert!(error.contains("/no/such/ca.pem"), "{error}");
    let shown = format!("{:?}", MqttSource { password: Some("hunter2".into()), ..MqttSource::new("b", 1, "t") });
    assert!(!shown.contains("hunter2"), "{shown}");
}

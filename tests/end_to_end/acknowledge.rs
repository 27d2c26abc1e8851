//! `nats.ack = "stream"`: a tracker hears that its records are safe once NATS has them too.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use model::{AttributeKey, DeviceId, Fix, FixBatch, LatLon, Timestamp, Value};
use protocols::teltonika::{Codec, encode};

use super::support::day::gtfs;
use super::support::nats::Nats;
use super::support::postgis::Postgis;
use super::support::service::{Http, Setup};
use super::support::{stored, wait_until};

const DEVICE: &str = "352093081452251";
const PATIENCE: Duration = Duration::from_mins(2);
/// Long beside the milliseconds that an answer takes when there is one.
const SILENCE: Duration = Duration::from_secs(3);

/// A tracker that is logged in, and what it has sent.
struct Tracker {
    stream: TcpStream,
    begins: Timestamp,
    sent: BTreeSet<(String, String)>,
}

impl Tracker {
    fn connect(setup: &Setup) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", setup.teltonika)).unwrap();
        stream.write_all(&encode::login(&DeviceId::new(DEVICE).unwrap())).unwrap();
        let mut answer = [0];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [1], "the login is taken");
        let now = Timestamp::from(jiff::Timestamp::now());
        Self { stream, begins: Timestamp::from_secs(now.as_secs() - 600), sent: BTreeSet::new() }
    }

    /// Sends so many records of a dozen elements each.
    fn send(&mut self, records: u8) {
        let mut batch = FixBatch::default();
        for n in 0..records {
            let at = self.begins.plus_seconds(self.sent.len() as f64);
            batch.push(Fix::at(at, LatLon::new(48.85 + f64::from(n) * 1e-4, 37.6).unwrap()));
            (300..312).for_each(|id| batch.attribute(AttributeKey::Number(id), Value::Int(i64::from(id) * 70_000)));
            self.sent.insert((DEVICE.to_owned(), at.to_string()));
        }
        self.stream.write_all(&encode::packet(Codec::Codec8Extended, &batch)).unwrap();
    }

    /// How many records are acknowledged; `None` where nothing comes for so long.
    fn acknowledged(&mut self, within: Duration) -> Option<u32> {
        self.stream.set_read_timeout(Some(within)).unwrap();
        let mut answer = [0; 4];
        match self.stream.read_exact(&mut answer) {
            Ok(()) => Some(u32::from_be_bytes(answer)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("the gateway has hung up: {error}"),
        }
    }
}

/// A gateway that waits for the stream, and a worker.
fn setups(folder: &Path, nats: &Nats, store: &str) -> [Setup; 2] {
    let devices = folder.join("devices.csv");
    std::fs::write(&devices, format!("device_id,vehicle_id\n{DEVICE},bus-1\n")).unwrap();
    let extra = format!("[nats]\nurl = {:?}\nack = \"stream\"\n", nats.url());
    ["gateway", "worker"].map(|name| {
        let folder = folder.join(name);
        std::fs::create_dir(&folder).unwrap();
        Setup::new(&folder, &gtfs(), &devices, store, &extra)
    })
}

fn wait_for_rows(store: &str, sent: &BTreeSet<(String, String)>) {
    wait_until("all rows", PATIENCE, || stored(store).into_iter().collect::<BTreeSet<_>>() == *sent);
    assert_eq!(stored(store).len(), sent.len(), "each once");
}

#[test]
fn without_nats_nothing_is_acknowledged_and_with_it_back_all_is() {
    let Some(mut nats) = Nats::start(1) else { return };
    let Some(postgis) = Postgis::start() else { return };
    let (store, folder) = (postgis.database(), tempfile::tempdir().unwrap());
    let [gateway, worker] = setups(folder.path(), &nats, &store);
    let _services = [gateway.serve("gateway", &[]), worker.serve("worker", &[])];
    let http = Http::new();
    let mut tracker = Tracker::connect(&gateway);
    tracker.send(2);
    assert_eq!(tracker.acknowledged(PATIENCE), Some(2));

    nats.kill(0);
    tracker.send(3);
    wait_until("the gateway's own disk to have it", PATIENCE, || http.metric(&gateway, "marshrut_journal_head") >= 2.0);
    assert_eq!(tracker.acknowledged(SILENCE), None, "acknowledged without NATS");

    nats.restart(0);
    assert_eq!(tracker.acknowledged(PATIENCE), Some(3));
    tracker.send(4);
    assert_eq!(tracker.acknowledged(PATIENCE), Some(4));
    wait_for_rows(&store, &tracker.sent);
}

#[test]
fn a_report_larger_than_nats_takes_goes_in_parts() {
    let Some(nats) = Nats::start_with(1, "max_payload: 4096") else { return };
    let Some(postgis) = Postgis::start() else { return };
    let (store, folder) = (postgis.database(), tempfile::tempdir().unwrap());
    let [gateway, worker] = setups(folder.path(), &nats, &store);
    let _services = [gateway.serve("gateway", &[]), worker.serve("worker", &[])];
    let mut tracker = Tracker::connect(&gateway);
    for records in [1, 120, 1] {
        tracker.send(records);
        assert_eq!(tracker.acknowledged(PATIENCE), Some(records.into()));
    }
    wait_for_rows(&store, &tracker.sent);
}

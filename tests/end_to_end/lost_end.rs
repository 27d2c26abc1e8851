//! NATS loses the end of its stream, as a power cut takes what it has confirmed and not yet synced,
//! and gives the same numbers to what comes next.

use std::collections::BTreeSet;
use std::time::Duration;

use super::support::day::gtfs;
use super::support::nats::{Disk, Nats};
use super::support::postgis::Postgis;
use super::support::service::{Http, Service, Setup};
use super::support::trackers::Trackers;
use super::support::{compare, stored, wait_until};

const TRACKERS: usize = 8;
/// Acknowledged from one step to the next: some seconds' worth.
const STEP: usize = 400;
const PATIENCE: Duration = Duration::from_mins(2);
/// How far the stream has the journal.
const POSITION: &str = "marshrut_pipeline_position{stage=\"stream\"}";

/// A gateway, a worker and trackers that send.
struct City {
    nats: Nats,
    store: String,
    gateway: Setup,
    worker: Setup,
    http: Http,
    trackers: Option<Trackers>,
    /// How far the stream had the journal, by what its gateway was told, when that was started.
    began: f64,
    forwarding: Option<Service>,
    working: Option<Service>,
    _kept: (Postgis, tempfile::TempDir),
}

impl City {
    fn start() -> Option<Self> {
        let nats = Nats::start(1)?;
        let postgis = Postgis::start()?;
        let (store, folder) = (postgis.database(), tempfile::tempdir().unwrap());
        let devices = folder.path().join("devices.csv");
        let list: Vec<_> = (0..TRACKERS).map(|n| format!("35209308{n:07},bus-{n}")).collect();
        std::fs::write(&devices, format!("device_id,vehicle_id\n{}\n", list.join("\n"))).unwrap();
        let extra = format!("[nats]\nurl = {:?}\n", nats.url());
        let [gateway, worker] = ["gateway", "worker"].map(|name| {
            let folder = folder.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            Setup::new(&folder, &gtfs(), &devices, &store, &extra)
        });
        let (forwarding, working) = (Some(gateway.serve("gateway", &[])), Some(worker.serve("worker", &[])));
        let trackers = Some(Trackers::start(gateway.teltonika, TRACKERS));
        let (http, began) = (Http::new(), 0.0);
        let kept = (postgis, folder);
        Some(Self { nats, store, gateway, worker, http, trackers, began, forwarding, working, _kept: kept })
    }

    /// A figure of the gateway.
    fn metric(&self, name: &str) -> f64 {
        self.http.metric(&self.gateway, name)
    }

    fn acknowledge_more(&self) {
        self.trackers.as_ref().unwrap().wait_for(STEP);
    }

    /// Waits until much more is acknowledged, and in the stream.
    fn forward_more(&self) {
        self.acknowledge_more();
        self.wait_for_forwarder();
    }

    fn wait_for_forwarder(&self) {
        let head = self.metric("marshrut_journal_head");
        wait_until("the forwarder", PATIENCE, || self.metric(POSITION) >= head);
    }

    /// Waits until much more is acknowledged, and in the store.
    fn store_more(&self) {
        let before = stored(&self.store).len();
        self.acknowledge_more();
        wait_until("rows", PATIENCE, || stored(&self.store).len() >= before + STEP);
    }

    /// The stream's disk as it is after some time; the store then gets more, which that disk lacks.
    fn disk(&mut self) -> Disk {
        self.store_more();
        self.nats.kill(0);
        let disk = self.nats.disk(0);
        self.nats.restart(0);
        self.store_more();
        disk
    }

    /// All that was acknowledged is in the store, once, though the stream had lost some of it.
    fn finish(mut self, what: &str) {
        let acknowledged = self.trackers.take().unwrap().stop();
        self.wait_for_forwarder();
        let again = self.metric("marshrut_stream_forwarded_reports_total") + self.began - self.metric(POSITION);
        let kept = || stored(&self.store).into_iter().collect::<BTreeSet<_>>();
        let deadline = std::time::Instant::now() + PATIENCE;
        while !acknowledged.is_subset(&kept()) && std::time::Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(100));
        }
        println!("{what}: {again} reports of up to three sent again");
        assert!(again > 0.0, "nothing was lost, or nobody noticed");
        compare(what, &acknowledged, &self.store);
        for setup in [&self.gateway, &self.worker] {
            assert!(!std::fs::read_to_string(setup.folder.join("log")).unwrap().contains("panicked"));
        }
    }
}

#[test]
fn a_worker_under_way_and_its_gateway_make_good_what_nats_has_lost() {
    let Some(mut city) = City::start() else { return };
    let disk = city.disk();

    city.nats.kill(0);
    city.nats.lose_since(0, &disk);
    city.forward_more();
    city.finish("worker under way");
}

#[test]
fn a_worker_that_comes_when_the_numbers_are_given_again_makes_good_what_nats_has_lost() {
    let Some(mut city) = City::start() else { return };
    let disk = city.disk();
    city.working.take().unwrap().kill();
    city.forward_more();

    city.nats.kill(0);
    city.nats.lose_since(0, &disk);
    (0..3).for_each(|_| city.forward_more());
    city.working = Some(city.worker.serve("worker", &[]));
    city.finish("worker away");
}

#[test]
fn one_power_cut_takes_the_gateway_the_worker_and_the_end_of_nats() {
    let Some(mut city) = City::start() else { return };
    let disk = city.disk();
    city.working.take().unwrap().kill();
    city.forward_more();

    city.nats.kill(0);
    city.began = city.metric(POSITION);
    city.forwarding.take().unwrap().kill();
    city.nats.lose_since(0, &disk);
    city.forwarding = Some(city.gateway.serve("gateway", &[]));
    (0..3).for_each(|_| city.forward_more());
    city.working = Some(city.worker.serve("worker", &[]));
    city.finish("gateway too");
}

#[test]
fn a_server_that_comes_back_with_an_empty_disk_is_sent_all() {
    let Some(mut city) = City::start() else { return };
    city.store_more();
    city.working.take().unwrap().kill();
    city.forward_more();

    city.nats.kill(0);
    city.nats.lose_all(0);
    city.forward_more();
    city.working = Some(city.worker.serve("worker", &[]));
    city.finish("an empty disk");
}

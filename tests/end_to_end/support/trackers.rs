//! Trackers that keep what is not acknowledged and send it again, as real ones do.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use model::{DeviceId, Fix, FixBatch, LatLon, Timestamp};
use protocols::teltonika::encode;

use super::wait_until;

/// How long a tracker waits for an answer before it connects anew.
const PATIENCE: Duration = Duration::from_secs(5);
/// From one attempt to the next, and from one frame to the next.
const PACE: Duration = Duration::from_millis(20);

/// Device and time of a record.
pub type Record = (String, String);

/// A fleet under way.
pub struct Trackers {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<BTreeSet<Record>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Trackers {
    /// So many trackers, each of which sends record after record to a port for Teltonika.
    pub fn start(port: u16, trackers: usize) -> Self {
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let yesterday = i64::try_from(now).unwrap() - 86_400;
        let threads = (0..trackers)
            .map(|n| {
                let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
                std::thread::spawn(move || run(port, &format!("35209308{n:07}"), yesterday, &stop, &acknowledged))
            })
            .collect();
        Self { stop, acknowledged, threads }
    }

    /// How many records have been acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Waits until so many more have been.
    pub fn wait_for(&self, more: usize) {
        let wanted = self.acknowledged() + more;
        wait_until("acknowledgements", Duration::from_mins(3), || self.acknowledged() >= wanted);
    }

    /// Ends the fleet; gives what was acknowledged.
    pub fn stop(self) -> BTreeSet<Record> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        std::mem::take(&mut *self.acknowledged.lock().unwrap())
    }
}

/// One tracker's connection, logged in.
pub struct Tracker(TcpStream);

impl Tracker {
    /// Connects and says who it is; `None` where that is not answered.
    pub fn connect(port: u16, imei: &str) -> Option<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&encode::login(&DeviceId::new(imei).unwrap())).ok()?;
        let mut answer = [0];
        stream.read_exact(&mut answer).ok()?;
        (answer == [1]).then_some(Self(stream))
    }

    /// Sends records; how many are acknowledged, `None` where nobody answers.
    pub fn send(&mut self, batch: &FixBatch) -> Option<usize> {
        self.0.write_all(&encode::frame(batch)).ok()?;
        let mut answer = [0; 4];
        self.0.read_exact(&mut answer).ok()?;
        encode::acknowledged(&answer)
    }
}

/// Records a second apart, at so many steps of some metres from a place.
pub fn records(first: i64, count: i64, steps: f64) -> FixBatch {
    let mut batch = FixBatch::default();
    for second in first..first + count {
        let place = LatLon::new(48.853 + steps * 1e-4, 37.606).unwrap();
        batch.push(Fix { satellites: Some(9), ..Fix::at(Timestamp::from_secs(second), place) });
    }
    batch
}

fn run(port: u16, imei: &str, first: i64, stop: &AtomicBool, acknowledged: &Mutex<BTreeSet<Record>>) {
    const RECORDS: i64 = 3;
    let mut tracker = None;
    let mut at = first;
    while !stop.load(Ordering::Relaxed) {
        let batch = records(at, RECORDS, 0.0);
        tracker = tracker.take().or_else(|| Tracker::connect(port, imei));
        let answer = tracker.as_mut().and_then(|tracker: &mut Tracker| tracker.send(&batch));
        if answer == usize::try_from(RECORDS).ok() {
            let sent = batch.fixes.iter().map(|fix| (imei.to_owned(), fix.time.to_string()));
            acknowledged.lock().unwrap().extend(sent);
            at += RECORDS;
        } else {
            tracker = None;
        }
        std::thread::sleep(PACE);
    }
}

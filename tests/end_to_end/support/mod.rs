//! Starting and stopping the real program, for all tests of this binary.

pub mod day;
pub mod events;
pub mod nats;
#[path = "../../../crates/store/tests/support/mod.rs"]
pub mod postgis;
pub mod service;
pub mod trackers;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The program as it was built with these tests.
pub const MARSHRUT: &str = env!("CARGO_BIN_EXE_marshrut");

/// The checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file beside the checkout that only some machines have; says so where it is missing.
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = root().join("../shared").join(name);
    if !path.exists() {
        println!("skipped: {} is not at hand", path.display());
        return None;
    }
    Some(path)
}

/// Asks again and again until it holds; fails with what was waited for after `limit`.
pub fn wait_until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < deadline, "waited {limit:?} for: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A port that was free a moment ago, each time another one. It lies below those that the system
/// gives to clients, of which one could take it while its server is away.
pub fn free_port() -> u16 {
    const PORTS: std::ops::Range<u32> = 10_000..32_000;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    loop {
        // Tests of other processes begin elsewhere.
        let n = std::process::id().wrapping_mul(101).wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(PORTS.start + n % (PORTS.end - PORTS.start)).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The device and time of every fix in a store, in its order.
pub fn stored(url: &str) -> Vec<(String, String)> {
    fixes(url).iter().map(|row| (row.device_id.to_string(), row.time.to_string())).collect()
}

/// Every fix in a store, in its order.
pub fn fixes(url: &str) -> Vec<store::FixRow> {
    const PAGE: usize = 10_000;
    let everything = (model::Timestamp::from_secs(0), model::Timestamp::from_secs(4_000_000_000));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = store::open(url).await.unwrap();
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let page = store.fixes_of(everything.0, everything.1, after.as_ref(), PAGE).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.key());
            all.extend(page);
        }
        store.close().await;
        all
    })
}

/// What was acknowledged is stored, and nothing is stored twice.
pub fn compare(what: &str, acknowledged: &BTreeSet<(String, String)>, url: &str) {
    let rows = stored(url);
    let kept: BTreeSet<_> = rows.iter().cloned().collect();
    let lost = acknowledged.difference(&kept).count();
    println!(
        "{what}: {} acknowledged, {} stored, {} twice, {lost} lost",
        acknowledged.len(),
        kept.len(),
        rows.len() - kept.len()
    );
    assert_eq!(lost, 0, "acknowledged but not stored");
    assert_eq!(rows.len(), kept.len(), "stored twice");
}

/// The stop visits of a service day in a store, in its order.
pub fn visits(url: &str, day: &str) -> Vec<store::VisitRow> {
    const PAGE: usize = 100_000;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = store::open(url).await.unwrap();
        let visits = store.visits_of(model::ServiceDate::parse(day).unwrap(), None, PAGE).await.unwrap();
        store.close().await;
        visits
    })
}

/// Device and time of every fix in a replay's list of what was acknowledged.
pub fn acknowledged_in(list: &Path) -> BTreeSet<(String, String)> {
    let reader = csv::ReaderBuilder::new().has_headers(false).from_path(list).unwrap();
    let records = reader.into_records().map(Result::unwrap);
    records.map(|r| (r[0].to_owned(), model::Timestamp::parse(&r[1]).unwrap().to_string())).collect()
}

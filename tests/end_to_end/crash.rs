//! `kill -9` at random moments: nothing acknowledged is lost, nothing is stored twice.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::support::day::{Window, gtfs, positions, write_devices};
use super::support::postgis::Postgis;
use super::support::service::Setup;
use super::support::{acknowledged_in, stored, wait_until};

/// Half a day in half a minute, to outlast twenty kills.
const DAY: Window = Window { from: "2026-11-18T03:00:00Z", until: "2026-11-18T15:00:00Z", speed: "1400" };

/// So many kills, or as many as `MARSHRUT_TEST_KILLS` says, and the day at a pace that outlasts them.
fn kills(usual: u32) -> (u32, Window) {
    let wanted = std::env::var("MARSHRUT_TEST_KILLS").ok().and_then(|n| n.parse().ok());
    let kills = wanted.unwrap_or(usual);
    (kills, Window { speed: (1400 * 20 / kills.max(20)).to_string().leak(), ..DAY })
}

/// Moments that differ from run to run; the seed is printed, and `MARSHRUT_TEST_SEED` sets it.
struct Moments(u64);

impl Moments {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
        let seed = std::env::var("MARSHRUT_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(u64::from(now));
        println!("MARSHRUT_TEST_SEED={seed}");
        Self(seed)
    }

    /// A duration from nothing to `longest` (SplitMix64).
    fn next(&mut self, longest: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        longest.mul_f64((z >> 11) as f64 / (1u64 << 53) as f64)
    }
}

/// Kills the service `kills` times while the day is played, and plays it to its end.
fn survive(folder: &Path, store: &str, (kills, day): (u32, Window)) {
    let devices = folder.join("devices.csv");
    write_devices(&positions(), &devices);
    let setup = Setup::new(folder, &gtfs(), &devices, store, &day.clock());
    let list = folder.join("acknowledged.csv");
    let mut moments = Moments::new();
    let mut service = setup.start();
    let said = File::create(folder.join("replay.log")).unwrap();
    let mut replay = day.command(&setup, Some(&list)).stdout(said.try_clone().unwrap()).stderr(said).spawn().unwrap();
    let mut under_way = 0;
    for _ in 0..kills {
        // The moment itself is what is random here; nothing is waited for.
        std::thread::sleep(moments.next(Duration::from_millis(700)));
        under_way += u32::from(replay.try_wait().unwrap().is_none());
        service.kill();
        service = setup.start();
    }
    let mut status = None;
    wait_until("the replay to end", Duration::from_mins(10), || {
        status = replay.try_wait().unwrap();
        status.is_some()
    });
    let said = std::fs::read_to_string(folder.join("replay.log")).unwrap();
    assert!(status.unwrap().success(), "not everything was acknowledged in the end: {said}");
    assert!(service.stop().success());

    let acknowledged = acknowledged_in(&list);
    let url = if store.is_empty() { setup.sqlite() } else { store.to_owned() };
    let rows = stored(&url);
    let kept: BTreeSet<_> = rows.iter().cloned().collect();
    println!(
        "{kills} kills, {under_way} of them with the replay under way: {} acknowledged, {} stored, {} twice, {} lost",
        acknowledged.len(),
        kept.len(),
        rows.len() - kept.len(),
        acknowledged.difference(&kept).count()
    );
    assert!(under_way * 2 >= kills, "most kills met the replay");
    assert_eq!(acknowledged.difference(&kept).next(), None, "acknowledged but not stored");
    assert_eq!(rows.len(), kept.len(), "stored twice");
    assert_eq!(kept, day.sent(&devices), "the whole day, and nothing else");
    assert!(!std::fs::read_to_string(folder.join("log")).unwrap().contains("panicked"));
}

#[test]
fn killed_at_twenty_moments_over_sqlite() {
    survive(tempfile::tempdir().unwrap().path(), "", kills(20));
}

#[test]
fn killed_at_five_moments_over_postgis() {
    let Some(server) = Postgis::start() else { return };
    survive(tempfile::tempdir().unwrap().path(), &server.database(), kills(5));
}

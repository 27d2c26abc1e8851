//! What surrounds the service fails while trackers send: a full disk, a database that is killed, a
//! damaged file, a clock set back. What was acknowledged is stored, once.

mod failing_disk;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::support::day::gtfs;
use super::support::postgis::Postgis;
use super::support::service::{Http, Service, Setup};
use super::support::trackers::{Record, Tracker, Trackers, records};
use super::support::{MARSHRUT, compare, stored, wait_until};

const SOON: Duration = Duration::from_mins(2);
const TRACKERS: usize = 12;

/// A service that lets anybody in.
fn service(folder: &Path, store: &str) -> (Setup, Service) {
    let devices = folder.join("devices.csv");
    std::fs::write(&devices, "device_id,vehicle_id\n").unwrap();
    let setup = Setup::new(folder, &gtfs(), &devices, store, "");
    let service = start(&setup);
    (setup, service)
}

fn start(setup: &Setup) -> Service {
    setup.start_with(&[("MARSHRUT_DATA_ALLOW_LIST", "false")])
}

/// A tracker that has logged in; one that comes too early comes again.
fn connect(setup: &Setup, imei: &str) -> Tracker {
    let mut tracker = None;
    wait_until("a login to be answered", SOON, || {
        tracker = Tracker::connect(setup.teltonika, imei);
        tracker.is_some()
    });
    tracker.unwrap()
}

/// Why the service is not ready; `None` when it is.
fn unready(http: &Http, setup: &Setup) -> Option<String> {
    let (status, body) = http.get(&setup.url("/readyz"))?;
    (status != 200).then(|| String::from_utf8_lossy(&body).into_owned())
}

/// A small tmpfs over a folder, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: &Path, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let size = format!("size={megabytes}m");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).stderr(Stdio::null()).status();
        if !mounted.is_ok_and(|status| status.success()) {
            println!("skipped: no right to mount a tmpfs");
            return None;
        }
        Some(Self(path.to_owned()))
    }

    /// Takes all the room that there is.
    fn fill(&self) -> PathBuf {
        let filler = self.0.join("filler");
        let mut file = File::options().create(true).append(true).open(&filler).unwrap();
        for piece in [1 << 20, 4096, 1] {
            while file.write_all(&vec![1; piece]).is_ok() {}
        }
        filler
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["--lazy"]).arg(&self.0).status();
    }
}

/// Until the service says that it is not ready; why.
fn wait_for_trouble(http: &Http, setup: &Setup) -> String {
    let mut why = String::new();
    wait_until("the service to say that it is not ready", SOON, || {
        why = unready(http, setup).unwrap_or_default();
        !why.is_empty()
    });
    why
}

/// Nothing is acknowledged for a while, and the service does not call itself ready.
fn acknowledges_nothing(fleet: &Trackers, http: &Http, setup: &Setup) {
    // What was answered before may still be on its way.
    wait_until("answers under way to arrive", SOON, || {
        let before = fleet.acknowledged();
        std::thread::sleep(Duration::from_millis(200));
        fleet.acknowledged() == before
    });
    let (before, since) = (fleet.acknowledged(), Instant::now());
    while since.elapsed() < Duration::from_secs(3) {
        assert_eq!(fleet.acknowledged(), before, "acknowledged without a disk");
        assert!(unready(http, setup).is_some(), "ready without a disk");
    }
    println!("{before} acknowledged until the disk took no more, none for {:?}", since.elapsed());
}

#[test]
fn a_full_disk_acknowledges_nothing_and_is_waited_out() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&folder.path().join("data"), 48) else { return };
    let url = format!("sqlite://{}", folder.path().join("marshrut.db").display());
    let (setup, running) = service(folder.path(), &url);
    let (http, fleet) = (Http::new(), Trackers::start(setup.teltonika, TRACKERS));
    for _ in 1..=2 {
        fleet.wait_for(300);
        let filler = disk.fill();
        let why = wait_for_trouble(&http, &setup);
        assert!(why.contains("free some space on its disk"), "{why}");
        acknowledges_nothing(&fleet, &http, &setup);
        std::fs::remove_file(filler).unwrap();
        wait_until("the service to be ready again", SOON, || unready(&http, &setup).is_none());
    }
    fleet.wait_for(300);
    let acknowledged = fleet.stop();
    assert!(!running.log().contains("panicked"));
    assert!(running.stop().success());
    compare("full disk", &acknowledged, &url);
}

/// The PostgreSQL server of a test, started again after it was killed.
struct Again(Child);

impl Again {
    fn start(bin: &str, data: &str, port: u16) -> Self {
        let folder = Path::new(data).parent().unwrap();
        let deadline = Instant::now() + SOON;
        loop {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(format!("{bin}/postgres"));
            let mut child = command
                .args(["-D", data, "-k"])
                .arg(folder)
                .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // It ends at once while processes of the killed one are still there.
            while child.try_wait().unwrap().is_none() {
                if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Self(child);
                }
                assert!(Instant::now() < deadline, "PostgreSQL does not start again");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = Command::new("kill").arg("-QUIT").arg(self.0.id().to_string()).status();
            let _ = self.0.wait();
        }
    }
}

#[test]
fn a_database_killed_under_load_costs_nothing() {
    let Some(server) = Postgis::start() else { return };
    if server.port == 0 || !Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n") {
        println!("skipped: only a PostgreSQL server of its own may be killed, and that as root");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let url = server.database();
    let (setup, running) = service(folder.path(), &url);
    let bin = server.psql("", "SELECT setting FROM pg_config WHERE name = 'BINDIR'");
    let (http, fleet) = (Http::new(), Trackers::start(setup.teltonika, TRACKERS));
    let mut again: Option<Again> = None;
    for round in 1..=3 {
        fleet.wait_for(300);
        let lock = server.psql("", "SELECT pg_read_file('postmaster.pid')");
        let (pid, data) = (lock.lines().next().unwrap(), lock.lines().nth(1).unwrap());
        assert!(Command::new("kill").args(["-KILL", pid]).status().unwrap().success());
        if let Some(mut killed) = again.take() {
            killed.0.wait().unwrap();
        }
        wait_until("the service to miss its database", SOON, || {
            unready(&http, &setup).is_some_and(|why| why.contains("store"))
        });
        let before = fleet.acknowledged();
        fleet.wait_for(300);
        println!("round {round}: {} acknowledged without a database", fleet.acknowledged() - before);
        again = Some(Again::start(&bin, data, server.port));
        wait_until("the service to have its database again", SOON, || unready(&http, &setup).is_none());
    }
    fleet.wait_for(300);
    let acknowledged = fleet.stop();
    assert!(!running.log().contains("panicked"));
    assert!(running.stop().success());
    compare("killed database", &acknowledged, &url);
    drop(again);
}

#[test]
fn a_store_that_was_away_for_long_is_brought_up_to_date() {
    // More than waits for it in memory, so that the rest comes from the journal.
    const FRAMES: i64 = 250;
    const RECORDS: i64 = 200;
    let Some(server) = Postgis::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let url = server.database();
    let (setup, running) = service(folder.path(), &url);
    let http = Http::new();
    server.psql(&url, "ALTER TABLE marshrut.fixes RENAME TO elsewhere");
    let mut acknowledged = BTreeSet::new();
    for n in 0..4 {
        let imei = format!("35209308{n:07}");
        let mut tracker = connect(&setup, &imei);
        for frame in 0..FRAMES {
            let batch = records(1_795_000_000 + frame * RECORDS, RECORDS, 0.0);
            assert_eq!(tracker.send(&batch), usize::try_from(RECORDS).ok(), "acknowledged without a store");
            acknowledged.extend(batch.fixes.iter().map(|fix| (imei.clone(), fix.time.to_string())));
        }
    }
    server.psql(&url, "ALTER TABLE marshrut.elsewhere RENAME TO fixes");
    wait_until("the store to be brought up to date from the journal", SOON, || {
        http.metric(&setup, "marshrut_store_catch_ups_total") >= 1.0
    });
    // What comes while it catches up, and after.
    let fleet = Trackers::start(setup.teltonika, TRACKERS);
    fleet.wait_for(1_000);
    acknowledged.extend(fleet.stop());
    assert!(running.stop().success());
    compare("store away for long", &acknowledged, &url);
}

#[test]
fn a_damaged_journal_is_put_aside_and_the_service_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (setup, running) = service(folder.path(), "");
    let fleet = Trackers::start(setup.teltonika, TRACKERS);
    fleet.wait_for(1_000);
    running.kill();
    let before: BTreeSet<_> = stored(&setup.sqlite()).into_iter().collect();

    // One bit in a hundred places, as a failing disk might.
    let journal = folder.path().join("data/journal/journal.redb");
    let mut bytes = std::fs::read(&journal).unwrap();
    let length = bytes.len();
    for n in 0..100 {
        bytes[8192 + n * (length - 8192) / 100] ^= 4;
    }
    std::fs::write(&journal, bytes).unwrap();

    let running = start(&setup);
    fleet.wait_for(300);
    let acknowledged = fleet.stop();
    let log = running.log();
    assert!(log.contains("the journal was damaged") && log.contains("journal.redb.damaged-1"), "{log}");
    assert!(folder.path().join("data/journal/journal.redb.damaged-1").exists());
    assert!(running.stop().success());
    let rows = stored(&setup.sqlite());
    let kept: BTreeSet<_> = rows.iter().cloned().collect();
    let lost = acknowledged.difference(&kept).count();
    println!(
        "damaged journal: {} acknowledged, {} stored, {} of them before the damage, {lost} lost with it",
        acknowledged.len(),
        kept.len(),
        before.len()
    );
    assert_eq!(rows.len(), kept.len(), "stored twice");
    assert!(before.is_subset(&kept));
    // The store is at most a moment behind; of that moment some pages are hit.
    assert!(lost < 200, "{lost} lost");
}

#[test]
fn a_clock_set_back_loses_and_doubles_nothing() {
    const IMEI: &str = "352093081452251";
    let folder = tempfile::tempdir().unwrap();
    let (setup, mut running) = service(folder.path(), "");
    let noon = 1_795_000_000;
    // Runs, is set back by two minutes and by a day, and each time lives through some seconds again,
    // elsewhere; then sends it all once more, and once more after the service was killed.
    let runs = [(noon, 0.0), (noon - 120, 1.0), (noon - 86_400, 2.0), (noon - 60, 3.0)];
    let mut sent: BTreeMap<Record, usize> = BTreeMap::new();
    for attempt in 0..3 {
        let mut tracker = connect(&setup, IMEI);
        for (first, steps) in runs {
            for part in 0..10 {
                let batch = records(first + part * 20, 20, steps);
                assert_eq!(tracker.send(&batch), Some(20));
                if attempt == 0 {
                    for fix in &batch.fixes {
                        *sent.entry((IMEI.to_owned(), fix.time.to_string())).or_default() += 1;
                    }
                }
            }
        }
        if attempt == 1 {
            running.kill();
            running = start(&setup);
        }
    }
    assert!(running.stop().success());
    let mut kept: BTreeMap<Record, usize> = BTreeMap::new();
    for row in stored(&setup.sqlite()) {
        *kept.entry(row).or_default() += 1;
    }
    println!(
        "clock set back: {} records at {} instants acknowledged three times, {} stored",
        sent.values().sum::<usize>(),
        sent.len(),
        kept.values().sum::<usize>()
    );
    assert!(sent.values().any(|times| *times > 1), "some instants are lived through twice");
    assert_eq!(kept, sent, "each record once");
}

#[test]
fn a_limit_of_open_files_that_is_too_small_is_said_with_what_to_set() {
    let folder = tempfile::tempdir().unwrap();
    let (setup, running) = service(folder.path(), "");
    assert!(running.stop().success());
    let limited = "ulimit -n 512 && exec \"$0\" \"$@\"";
    let check = Command::new("sh").args(["-c", limited, MARSHRUT, "check", "--config"]).arg(setup.config()).output();
    let said = String::from_utf8(check.unwrap().stdout).unwrap();
    assert!(said.contains("may open 512 files") && said.contains("LimitNOFILE=132096"), "{said}");
}

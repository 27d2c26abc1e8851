//! The program under test: a release build that serves in a process of its own.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use model::Timestamp;

/// Another build of the program, in the place of the workspace's own.
const PROGRAM: &str = "MARSHRUT_BENCH_PROGRAM";
/// How long it may take to start.
const START: Duration = Duration::from_mins(5);

pub struct Program {
    child: Child,
    pub trackers: SocketAddr,
    pub web: SocketAddr,
}

/// The program, where it has been built.
pub fn built() -> Option<PathBuf> {
    let usual = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/marshrut"));
    let path = std::env::var_os(PROGRAM).map_or_else(usual, PathBuf::from);
    if !path.exists() {
        println!("skipped: {} is not there; cargo build --release --package marshrut", path.display());
        return None;
    }
    Some(path)
}

impl Program {
    /// Starts it on a GTFS folder and a list of devices, and waits until it is ready.
    pub fn start(program: &Path, folder: &Path, store: &str, begins: Timestamp, real: Timestamp, speed: f64) -> Self {
        let free = || {
            SocketAddr::from(([127, 0, 0, 1], TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()))
        };
        let (trackers, web) = (free(), free());
        let mut config = String::new();
        let at = |name: &str| folder.join(name).display().to_string();
        writeln!(
            config,
            "[data]\nfolder = {:?}\ngtfs = {:?}\ndevices = {:?}\n[gateway.listen]\nteltonika = \"{trackers}\"\n\
             [store]\nurl = {store:?}\n[web]\nlisten = \"{web}\"\n[journal]\nmax_gigabytes = 1\n\
             [replay]\nstart = \"{begins}\"\nreal_start = \"{real}\"\nspeed = {speed:?}\n[log]\nlevel = \"warn\"",
            at("data"),
            at("gtfs"),
            at("devices.csv")
        )
        .unwrap();
        let file = folder.join("marshrut.toml");
        std::fs::write(&file, config).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        // It takes each variable that begins with its name for a setting.
        let child = Command::new(program)
            .env_clear()
            .args(["serve", "--config"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut program = Self { child, trackers, web };
        let deadline = Instant::now() + START;
        while program.get("/readyz").is_none_or(|answer| !answer.starts_with("HTTP/1.0 200")) {
            let ended = program.child.try_wait().unwrap().is_some();
            let said = || std::fs::read_to_string(folder.join("log")).unwrap();
            assert!(!ended && Instant::now() < deadline, "not ready: {}", said());
            std::thread::sleep(Duration::from_millis(100));
        }
        program
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.web).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: bench\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// One of its measurements, 0 where it has none of it yet.
    pub fn metrics(&self, names: [&str; 4]) -> [f64; 4] {
        let text = self.get("/metrics").unwrap_or_default();
        names.map(|name| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value.and_then(|value| value.parse().ok()).unwrap_or(0.0)
        })
    }

    /// Memory that it holds now, MiB.
    pub fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap();
        status.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 4096.0 / f64::from(1 << 20)
    }

    /// Tells it to stop and waits until it has brought the store up to date.
    pub fn stop(mut self) {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(self.child.wait().unwrap().success(), "it ends well");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

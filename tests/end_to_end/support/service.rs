//! `marshrut serve` in a folder of its own.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::{MARSHRUT, free_port, wait_until};

/// How a service is set up. Ports are chosen once, so that it can be started again.
pub struct Setup {
    /// Configuration, data and log.
    pub folder: PathBuf,
    /// Where trackers connect, by protocol.
    pub teltonika: u16,
    /// The other protocol's port.
    pub wialon: u16,
    /// Where the page is.
    pub web: u16,
    lines: String,
}

impl Setup {
    /// A service for `gtfs` that knows `devices`, in `folder`; `store` empty means SQLite.
    /// `extra` is further TOML, sections and all.
    pub fn new(folder: &Path, gtfs: &Path, devices: &Path, store: &str, extra: &str) -> Self {
        let [teltonika, wialon, web] = [free_port(), free_port(), free_port()];
        let mut lines = String::new();
        let quoted = |path: &Path| format!("'{}'", path.display());
        let (data, gtfs, devices) = (quoted(&folder.join("data")), quoted(gtfs), quoted(devices));
        writeln!(
            lines,
            "[data]\nfolder = {data}\ngtfs = {gtfs}\ndevices = {devices}\nallow_list = true\n\
             [gateway.listen]\nteltonika = \"127.0.0.1:{teltonika}\"\nwialon-ips = \"127.0.0.1:{wialon}\"\n\
             [store]\nurl = {store:?}\n[web]\nlisten = \"127.0.0.1:{web}\"\n{extra}"
        )
        .unwrap();
        let setup = Self { folder: folder.to_owned(), teltonika, wialon, web, lines };
        std::fs::write(setup.config(), &setup.lines).unwrap();
        setup
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.join("marshrut.toml")
    }

    /// The embedded store's address.
    pub fn sqlite(&self) -> String {
        format!("sqlite://{}", self.folder.join("data/marshrut.db").display())
    }

    /// Writes the configuration anew with further TOML after it.
    pub fn rewrite(&self, extra: &str) {
        std::fs::write(self.config(), format!("{}\n{extra}", self.lines)).unwrap();
    }

    /// Starts it and waits until it is ready.
    pub fn start(&self) -> Service {
        self.start_with(&[])
    }

    /// The same with settings by environment variable.
    pub fn start_with(&self, variables: &[(&str, &str)]) -> Service {
        self.serve("all", variables)
    }

    /// Starts one part of the service.
    pub fn serve(&self, role: &str, variables: &[(&str, &str)]) -> Service {
        let mut service = self.spawn(role, variables);
        let address = self.url("/readyz");
        let client = Http::new();
        wait_until("the service to be ready", Duration::from_mins(2), || {
            if let Some(status) = service.child.try_wait().unwrap() {
                panic!("the service ended at its start ({status}): {}", service.log());
            }
            get_status(&client, &address) == Some(200)
        });
        service
    }

    /// The same without waiting.
    pub fn spawn(&self, role: &str, variables: &[(&str, &str)]) -> Service {
        let log = File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        let child = Command::new(MARSHRUT)
            .args(["serve", "--role", role, "--config"])
            .arg(self.config())
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Service { child, log: self.folder.join("log") }
    }

    /// The address of a path of the page's server.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.web)
    }

    /// The arguments that send a replay here.
    pub fn targets(&self) -> [String; 4] {
        let to = |protocol: &str, port: u16| format!("{protocol}=127.0.0.1:{port}");
        ["--to".into(), to("teltonika", self.teltonika), "--to".into(), to("wialon-ips", self.wialon)]
    }
}

/// A running service; killed when it is dropped.
pub struct Service {
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to its log.
    pub fn log(&self) -> String {
        let mut text = String::new();
        File::open(&self.log).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// Sends a signal, `TERM` or `HUP`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status().unwrap();
        assert!(status.success());
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        let mut status = None;
        wait_until("the service to stop", Duration::from_mins(2), || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Kills it without a word, as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A small runtime with an HTTP client, for tests that are not asynchronous.
pub struct Http {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

impl Http {
    /// A client that gives up after a minute. It keeps no connection, which would outlive the service.
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client =
            reqwest::Client::builder().timeout(Duration::from_mins(1)).pool_max_idle_per_host(0).build().unwrap();
        Self { runtime, client }
    }

    /// Status and body, or `None` where nobody answers.
    pub fn get(&self, url: &str) -> Option<(u16, Vec<u8>)> {
        self.runtime.block_on(async {
            let answer = self.client.get(url).send().await.ok()?;
            Some((answer.status().as_u16(), answer.bytes().await.ok()?.to_vec()))
        })
    }

    /// A figure of a service; 0 where it has none yet.
    pub fn metric(&self, setup: &Setup, name: &str) -> f64 {
        let (_, text) = self.get(&setup.url("/metrics")).unwrap();
        let text = String::from_utf8(text).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or(0.0)
    }

    /// The body as JSON; fails where there is none.
    pub fn json(&self, url: &str) -> serde_json::Value {
        let (status, body) = self.get(url).unwrap_or_else(|| panic!("nobody answers at {url}"));
        assert_eq!(status, 200, "{url}");
        serde_json::from_slice(&body).unwrap()
    }
}

fn get_status(http: &Http, url: &str) -> Option<u16> {
    http.get(url).map(|(status, _)| status)
}

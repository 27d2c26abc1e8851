//! Real NATS servers with JetStream, alone or as a cluster.

use std::fmt::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{free_port, wait_until};

const NATS: &str = "/usr/sbin/nats-server";

/// Servers on free ports with their data in a folder; stopped when dropped.
pub struct Nats {
    servers: Vec<Server>,
    settings: String,
    folder: tempfile::TempDir,
}

struct Server {
    port: u16,
    cluster: u16,
    process: Option<Child>,
}

impl Nats {
    /// `None`, and a line that says so, where it is not installed.
    pub fn start(count: usize) -> Option<Self> {
        Self::start_with(count, "")
    }

    /// The same with further settings.
    pub fn start_with(count: usize, settings: &str) -> Option<Self> {
        if !Path::new(NATS).exists() {
            println!("skipped: {NATS} is not installed");
            return None;
        }
        let servers =
            (0..count).map(|_| Server { port: free_port(), cluster: free_port(), process: None }).collect::<Vec<_>>();
        let mut nats = Self { servers, settings: settings.to_owned(), folder: tempfile::tempdir().unwrap() };
        (0..count).for_each(|index| nats.restart(index));
        Some(nats)
    }

    /// What clients are given.
    pub fn url(&self) -> String {
        let urls: Vec<_> = self.servers.iter().map(|s| format!("nats://127.0.0.1:{}", s.port)).collect();
        urls.join(",")
    }

    /// Kills one as a power cut would.
    pub fn kill(&mut self, index: usize) {
        if let Some(mut process) = self.servers[index].process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts one, on the port and with the data that it had.
    pub fn restart(&mut self, index: usize) {
        let folder = self.folder.path().join(index.to_string());
        let mut text = String::new();
        let (port, cluster) = (self.servers[index].port, self.servers[index].cluster);
        writeln!(text, "server_name: n{index}\nlisten: \"127.0.0.1:{port}\"").unwrap();
        writeln!(text, "jetstream {{ store_dir: \"{}\" }}\n{}", folder.display(), self.settings).unwrap();
        if self.servers.len() > 1 {
            let routes: Vec<_> =
                self.servers.iter().map(|s| format!("\"nats-route://127.0.0.1:{}\"", s.cluster)).collect();
            let routes = routes.join(", ");
            writeln!(text, "cluster {{ name: test, listen: \"127.0.0.1:{cluster}\", routes: [{routes}] }}").unwrap();
        }
        let config = self.folder.path().join(format!("{index}.conf"));
        std::fs::write(&config, text).unwrap();
        let process = Command::new(NATS).arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.servers[index].process = Some(process.unwrap());
        wait_until("NATS to listen", Duration::from_mins(1), || TcpStream::connect(("127.0.0.1", port)).is_ok());
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        (0..self.servers.len()).for_each(|index| self.kill(index));
    }
}

//! Real NATS servers with JetStream, alone or as a cluster.

use std::fmt::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
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

/// What a server had on its disk.
pub struct Disk(tempfile::TempDir);

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

    /// Gives a killed one a new disk.
    pub fn lose_all(&mut self, index: usize) {
        self.lose_since(index, &Disk(tempfile::tempdir().unwrap()));
    }

    /// What a killed one has on its disk. What is taken later may be lost by a power cut, for
    /// JetStream answers before its sync: [`Nats::lose_since`] does that.
    pub fn disk(&self, index: usize) -> Disk {
        assert!(self.servers[index].process.is_none(), "it writes");
        let copy = tempfile::tempdir().unwrap();
        copy_all(&self.data(index), copy.path());
        Disk(copy)
    }

    /// Gives a killed one back the disk that it had, and starts it.
    pub fn lose_since(&mut self, index: usize, disk: &Disk) {
        assert!(self.servers[index].process.is_none(), "it writes");
        std::fs::remove_dir_all(self.data(index)).unwrap();
        copy_all(disk.0.path(), &self.data(index));
        self.restart(index);
    }

    fn data(&self, index: usize) -> PathBuf {
        self.folder.path().join(index.to_string())
    }

    /// Starts one, on the port and with the data that it had.
    pub fn restart(&mut self, index: usize) {
        let folder = self.data(index);
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

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        (0..self.servers.len()).for_each(|index| self.kill(index));
    }
}

//! This program started again as a server or a part of the fleet, and told what to do by lines.

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::Duration;

use gateway::OpenFiles;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::load::LOGIN;
use crate::server::Server;
use crate::{fleet, number, this_program};

/// What a child is, and what it needs to know.
const ROLE: &str = "MARSHRUT_BENCH_ROLE";
/// Connections that the kernel holds until they are accepted, as many as the gateway asks for.
const BACKLOG: u32 = 4096;

/// A child of this process; it ends with its standard input.
pub struct Child {
    process: std::process::Child,
    said: Lines<BufReader<ChildStdout>>,
    /// Where it listens, where it does.
    pub address: SocketAddr,
}

impl Child {
    /// A server that listens on a free port: `sink` or `gateway`.
    pub fn server(role: &str, folder: &Path) -> Self {
        let mut child = Self::start(&[role, folder.to_str().unwrap()]);
        child.address = child.wait_for("listening").parse().unwrap();
        child
    }

    /// So many trackers for a server, which send now and then where they have a period.
    pub fn fleet(to: SocketAddr, first: usize, trackers: usize, period: Option<Duration>) -> Self {
        let period = period.map_or(0, |period| period.as_secs());
        let mut child = Self::start(&["fleet", &format!("{to} {first} {trackers} {period}")]);
        child.wait_for("ready");
        child
    }

    fn start(role: &[&str]) -> Self {
        let mut process = Command::new(this_program())
            .env(ROLE, role.join(" "))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, said, address: SocketAddr::from(([0, 0, 0, 0], 0)) }
    }

    /// Tells it to begin.
    pub fn go(&mut self) {
        writeln!(self.process.stdin.as_mut().unwrap()).unwrap();
    }

    /// Waits for a line that begins so, and gives the rest of it.
    pub fn wait_for(&mut self, word: &str) -> String {
        let rest = self.said.by_ref().map(Result::unwrap).find_map(|line| line.strip_prefix(word).map(str::to_owned));
        rest.expect("the child lives").trim().to_owned()
    }

    /// Its memory that is there, in bytes.
    pub fn resident(&mut self) -> usize {
        number(&format!("/proc/{}/status", self.process.id()), "VmRSS:", 0) * 1024
    }

    /// Ends it.
    pub fn end(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

/// Does a child's work, where this process is one.
pub fn run_if_asked() -> bool {
    let Ok(role) = std::env::var(ROLE) else { return false };
    OpenFiles::raise();
    match role.split_once(' ').unwrap() {
        ("gateway", folder) => {
            let server = Server::gateway(&PathBuf::from(folder));
            println!("listening {}", server.address);
            wait();
        }
        ("sink", _) => sink(),
        (_, words) => fleet(words),
    }
    true
}

/// Waits for a line, or the end of them.
fn wait() {
    std::io::stdin().lines().next();
}

/// Answers each login and holds its connection.
fn sink() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        socket.listen(BACKLOG).unwrap()
    });
    println!("listening {}", listener.local_addr().unwrap());
    runtime.spawn(accept(listener));
    wait();
}

async fn accept(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(hold(stream));
    }
}

async fn hold(mut stream: TcpStream) {
    let mut login = [0; LOGIN];
    if stream.read_exact(&mut login).await.is_ok() && stream.write_all(&[1]).await.is_ok() {
        let _ = stream.read(&mut login).await;
    }
}

/// Plays the trackers that the words tell of.
fn fleet(words: &str) {
    let mut words = words.split(' ');
    let mut next = || words.next().unwrap();
    let to = next().parse().unwrap();
    let [first, trackers, period] = [next(), next(), next()].map(|number| number.parse().unwrap());
    println!("ready");
    wait();
    fleet::run(to, first, trackers, Duration::from_secs(period as u64), wait);
}

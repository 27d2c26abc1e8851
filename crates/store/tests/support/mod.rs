//! A PostgreSQL server of the test's own, with PostGIS.
//!
//! Needs nothing but the standard library, so that another crate's tests can take it in
//! by `#[path]`. The server lives in a temporary folder, listens on loopback only, and is
//! stopped with its folder removed when the value is dropped and also when the process
//! ends in any other way: a shell beside it waits for the end of its standard input.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test")]
#![allow(dead_code, reason = "each test takes the part that it needs")]

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long the server may take to start.
const START: Duration = Duration::from_mins(1);
/// How often another port is tried when somebody else was quicker to take it.
const ATTEMPTS: u32 = 5;
/// Superuser of the throw-away server.
pub const USER: &str = "marshrut";
/// Its password.
pub const PASSWORD: &str = "p@ss:word/1";
/// The same as a URL wants it.
const PASSWORD_IN_URL: &str = "p%40ss%3Aword%2F1";

/// A running server, or one that somebody else runs.
pub struct Postgis {
    base: String,
    server: Option<Child>,
    pub port: u16,
    bin: Option<PathBuf>,
    databases: AtomicU32,
}

impl Postgis {
    /// The server that `MARSHRUT_TEST_POSTGIS_URL` names, or one of our own; `None`, with a
    /// word why, where there is neither. A crash of the server is no concern of tests, so ours
    /// syncs nothing.
    pub fn start() -> Option<Self> {
        Self::start_with(&["fsync=off", "full_page_writes=off"])
    }

    /// The same with other settings of one's own.
    pub fn start_with(settings: &[&str]) -> Option<Self> {
        if let Ok(url) = std::env::var("MARSHRUT_TEST_POSTGIS_URL") {
            return Some(Self { base: url, server: None, port: 0, bin: None, databases: AtomicU32::new(0) });
        }
        let Some(bin) = newest_bin() else {
            println!("skipped: no PostgreSQL under /usr/lib/postgresql (apt-get install postgresql-15-postgis-3)");
            return None;
        };
        for _ in 0..ATTEMPTS {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(server) = launch(&bin, port, settings) {
                let base = format!("postgres://{USER}:{PASSWORD_IN_URL}@127.0.0.1:{port}/postgres");
                return Some(Self { base, server: Some(server), port, bin: Some(bin), databases: AtomicU32::new(0) });
            }
        }
        panic!("no PostgreSQL could be started in {ATTEMPTS} attempts");
    }

    /// The URL of a new, empty database.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("marshrut_test_{}_{number}", std::process::id());
        self.psql("", &format!("CREATE DATABASE {name}"));
        self.url_of(&name)
    }

    /// The URL of a database by name.
    pub fn url_of(&self, name: &str) -> String {
        let (start, query) = self.base.split_once('?').map_or((self.base.as_str(), None), |(s, q)| (s, Some(q)));
        let (server, _) = start.rsplit_once('/').unwrap();
        query.map_or_else(|| format!("{server}/{name}"), |query| format!("{server}/{name}?{query}"))
    }

    /// Runs SQL in a database (the maintenance one where `url` is empty) and gives its
    /// unadorned output.
    pub fn psql(&self, url: &str, sql: &str) -> String {
        let url = if url.is_empty() { &self.base } else { url };
        let psql = self.bin.as_ref().map_or_else(|| PathBuf::from("psql"), |bin| bin.join("psql"));
        let output =
            Command::new(psql).args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, url]).output();
        checked("psql", &output.unwrap())
    }
}

impl Drop for Postgis {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            drop(server.stdin.take());
            let _ = server.wait();
        }
    }
}

fn newest_bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest =
        versions.flatten().map(|e| e.path()).filter(|p| p.join("bin/initdb").exists()).max_by_key(|p| number(p))?;
    Some(newest.join("bin"))
}

/// PostgreSQL refuses to run as root, so root hands it to the user of Debian's package.
fn command(program: &str) -> Command {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.starts_with(b"0\n"));
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", program]);
    command
}

/// Makes a cluster in a folder of its own, starts it, and stays beside it.
const SCRIPT: &str = r#"
set -e
bin=$1 port=$2 user=$3
shift 3
umask 077
cd /tmp
folder=$(mktemp -d "${TMPDIR:-/tmp}/marshrut-postgis-XXXXXX")
server=
trap 'test -z "$server" || { kill -QUIT "$server" 2>/dev/null; wait "$server" || true; }; rm -rf "$folder"' EXIT
IFS= read -r password
printf '%s\n' "$password" > "$folder/password"
"$bin/initdb" -D "$folder/data" -N -U "$user" -E UTF8 --locale=C.UTF-8 -A scram-sha-256 \
    --pwfile="$folder/password" > "$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
"$bin/postgres" -D "$folder/data" -k "$folder" -p "$port" -c listen_addresses=127.0.0.1 "$@" \
    >> "$folder/log" 2>&1 < /dev/null &
server=$!
echo started
cat > /dev/null
"#;

fn launch(bin: &Path, port: u16, settings: &[&str]) -> Option<Child> {
    use std::io::Write as _;
    let mut child = command("sh")
        .args(["-c", SCRIPT, "sh", bin.to_str().unwrap(), &port.to_string(), USER])
        .args(settings.iter().flat_map(|setting| ["-c", setting]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh and, for root, setpriv are installed");
    writeln!(child.stdin.as_mut().unwrap(), "{PASSWORD}").unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "started\n", "initdb failed; its words are above");
    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        let ready = Command::new(bin.join("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
            .status()
            .is_ok_and(|status| status.success());
        if ready && TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some(child);
        }
    }
    drop(child.stdin.take());
    let _ = child.wait();
    None
}

fn checked(what: &str, output: &Output) -> String {
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

//! Nonsense: each kind ends in one clear message or counter, and good fixes are kept.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use super::support::day::{Window, gtfs, marshrut, positions, text, write_devices};
use super::support::service::{Http, Setup};
use super::support::{stored, wait_until};

const HALF_HOUR: Window = Window { from: "2026-11-18T05:00:00Z", until: "2026-11-18T05:30:00Z", speed: "max" };
const SOON: Duration = Duration::from_mins(1);

/// Sends bytes and reads what comes back until the other side closes.
fn send(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // A reset counts as closed too.
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// The sum of a metric's lines that hold all of `labels`.
fn metric(http: &Http, setup: &Setup, name: &str, labels: &[&str]) -> f64 {
    let (_, text) = http.get(&setup.url("/metrics")).unwrap();
    String::from_utf8_lossy(&text)
        .lines()
        .filter(|line| line.starts_with(name) && labels.iter().all(|l| line.contains(l)))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

fn login(imei: &str) -> Vec<u8> {
    let mut bytes = vec![0, u8::try_from(imei.len()).unwrap()];
    bytes.extend(imei.as_bytes());
    bytes
}

#[test]
fn nonsense_from_trackers_is_counted_kept_and_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let devices = folder.path().join("devices.csv");
    write_devices(&positions(), &devices);
    let listed = std::fs::read_to_string(&devices).unwrap();
    let imei = listed.lines().filter_map(|l| l.split(',').next()).find(|d| d.len() == 15).unwrap().to_owned();
    let setup = Setup::new(folder.path(), &gtfs(), &devices, "", &HALF_HOUR.clock());
    let service =
        setup.start_with(&[("MARSHRUT_GATEWAY_LOGIN_TIMEOUT_S", "1"), ("MARSHRUT_GATEWAY_IDLE_TIMEOUT_S", "2")]);
    let http = Http::new();
    let before = Window { until: "2026-11-18T05:15:00Z", ..HALF_HOUR };
    before.replay(&setup, None);

    // Garbage, an oversized length, a wrong CRC, an unknown tracker, half a frame then silence.
    send(setup.teltonika, &[0xde, 0xad, 0xbe, 0xef].repeat(64));
    send(setup.wialon, b"GET / HTTP/1.1\r\n\r\n");
    let oversized = [login(&imei), vec![0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff], vec![8; 64]].concat();
    assert_eq!(send(setup.teltonika, &oversized), [1], "the login is answered, the frame is not");
    let wrong_crc = [login(&imei), hex::decode("000000000000000c080100000000000000000001deadbeef").unwrap()].concat();
    send(setup.teltonika, &wrong_crc);
    assert_eq!(send(setup.teltonika, &login("356307042441013")), [0], "an unlisted tracker is refused");
    let half = [login(&imei), vec![0, 0, 0, 0, 0, 0, 0, 60, 8, 1]].concat();
    assert_eq!(send(setup.teltonika, &half), [1], "half a frame is waited for, then closed");

    let errors = |reason: &str| metric(&http, &setup, "marshrut_gateway_errors_total", &[reason]);
    wait_until("errors by reason", SOON, || errors("teltonika") >= 3.0 && errors("wialon-ips") >= 1.0);
    assert!(metric(&http, &setup, "marshrut_gateway_refused_total", &["not_listed"]) >= 1.0);
    wait_until("the frames in quarantine", SOON, || {
        let files = std::fs::read_dir(folder.path().join("data/quarantine")).map(|d| d.flatten().collect::<Vec<_>>());
        files.is_ok_and(|f| f.iter().any(|f| std::fs::read_to_string(f.path()).is_ok_and(|t| t.contains("deadbeef"))))
    });
    let log = service.log();
    assert!(log.contains("356307042441013"), "the refused tracker is named for whoever should list it: {log}");
    assert!(!log.contains("panicked"), "{log}");

    let after = Window { from: before.until, ..HALF_HOUR };
    after.replay(&setup, None);
    assert!(service.stop().success());
    let kept: std::collections::BTreeSet<_> = stored(&setup.sqlite()).into_iter().collect();
    assert_eq!(kept, HALF_HOUR.sent(&devices));
}

fn fails(run: &Output, code: i32, says: &[&str]) {
    let said = String::from_utf8_lossy(&run.stderr);
    let said = format!("{said}{}", String::from_utf8_lossy(&run.stdout));
    assert_eq!(run.status.code(), Some(code), "{said}");
    for part in says {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
}

#[test]
fn nonsense_on_the_command_line_and_in_files_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let file = write("a-file", "no folder");
    let broken = write("broken.zip", "this is no zip");
    let serve = |config: &Path| marshrut(&["serve", "--config", text(config)]);
    let gtfs = gtfs();

    fails(&marshrut(&["export", "--date", "2026-02-30", "--out", "x"]), 2, &["2026-02-30"]);
    fails(&marshrut(&["telepathy"]), 2, &["telepathy"]);
    fails(&serve(Path::new("/nowhere/marshrut.toml")), 1, &["/nowhere/marshrut.toml", "--config"]);
    fails(&serve(&write("1.toml", "[web]\nlissen = \"x\"")), 1, &["web.lissen", "web.listen"]);
    fails(&serve(&write("2.toml", &format!("[data]\ngtfs = '{}'", broken.display()))), 1, &["broken.zip"]);
    let under_a_file = format!("[data]\ngtfs = '{}'\nfolder = '{}/data'", gtfs.display(), file.display());
    fails(&serve(&write("3.toml", &under_a_file)), 1, &["a-file/data", "data.folder"]);
    let unreachable = format!(
        "[data]\ngtfs = '{}'\nfolder = '{}'\n[store]\nurl = 'postgres://u:secret@127.0.0.1:1/db'\n[web]\nlisten = '127.0.0.1:0'",
        gtfs.display(),
        folder.path().join("d").display()
    );
    let run = serve(&write("4.toml", &unreachable));
    fails(&run, 1, &["127.0.0.1:1"]);
    assert!(!String::from_utf8_lossy(&run.stderr).contains("secret"), "no password in a message");
    let out = folder.path().join("m.csv");
    fails(
        &marshrut(&["match", "--gtfs", text(&broken), "--positions", text(&positions()), "--out", text(&out)]),
        1,
        &["broken.zip"],
    );
    fails(
        &marshrut(&["match", "--gtfs", text(&gtfs), "--positions", text(&file), "--out", text(&out)]),
        1,
        &["a-file"],
    );
    fails(
        &marshrut(&["check", "--config", text(&write("5.toml", &format!("[data]\ngtfs = '{}'", broken.display())))]),
        1,
        &["broken.zip"],
    );
}

#[test]
fn a_port_or_a_folder_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let devices = folder.path().join("devices.csv");
    write_devices(&positions(), &devices);
    let setup = Setup::new(folder.path(), &gtfs(), &devices, "", &HALF_HOUR.clock());
    let service = setup.start();
    fails(&marshrut(&["serve", "--config", text(&setup.config())]), 1, &[&setup.web.to_string(), "web.listen"]);
    let second = Setup::new(folder.path(), &gtfs(), &devices, "", &HALF_HOUR.clock());
    fails(&marshrut(&["serve", "--config", text(&second.config())]), 1, &["journal"]);
    assert!(service.stop().success());
}

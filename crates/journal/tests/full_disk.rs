//! A disk that is really full: a small tmpfs. Skipped where this user may not mount one.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and speaks by printing")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{number, report_of};
use journal::{Journal, JournalError, Options, Position};

mod common;

/// A mounted tmpfs, unmounted when dropped.
struct SmallDisk {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl SmallDisk {
    fn mount(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let size = format!("size={megabytes}m");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).stderr(Stdio::null()).status();
        if !mounted.is_ok_and(|status| status.success()) {
            println!("skipped: no right to mount a tmpfs");
            return None;
        }
        Some(Self { path, _folder: folder })
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.path).status();
    }
}

fn options() -> Options {
    Options { retention: Duration::MAX, ..Options::default() }
}

async fn fill(journal: &Journal, next: &mut u64) -> (Vec<u64>, JournalError) {
    let mut acknowledged = Vec::new();
    loop {
        let report = report_of(*next, 500);
        match journal.append(report).await {
            Ok(_) => acknowledged.push(*next),
            Err(error) => return (acknowledged, error),
        }
        *next += 1;
        assert!(*next < 10_000, "the disk does not fill");
    }
}

fn stored(journal: &Journal) -> Vec<u64> {
    journal.read(Position::START, usize::MAX).unwrap().iter().map(|(_, report)| number(report)).collect()
}

fn write_filler(path: &Path) {
    std::fs::write(path, vec![1; 8 << 20]).unwrap();
}

#[tokio::test]
async fn a_full_disk_is_waited_out_without_a_restart() {
    let Some(disk) = SmallDisk::mount(24) else { return };
    let filler = disk.path.join("filler");
    write_filler(&filler);
    let journal = Journal::open(&disk.path.join("journal"), options()).unwrap();
    let mut next = 1;
    let (mut acknowledged, error) = fill(&journal, &mut next).await;
    println!("{} acknowledged, then: {error}", acknowledged.len());
    assert!(acknowledged.len() > 10);
    assert!(error.to_string().contains("free some space"), "{error}");
    assert!(journal.health().is_err());

    std::fs::remove_file(&filler).unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while journal.health().is_err() {
        assert!(Instant::now() < deadline, "no recovery: {:?}", journal.health());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    next += 1;
    let (more, _) = fill(&journal, &mut next).await;
    assert!(more.len() > 10, "there was room for more than {}", more.len());
    acknowledged.extend(more);

    // Whatever was refused may be there or not; what was acknowledged is, also for the next start.
    drop(journal);
    let room = Instant::now() + Duration::from_mins(1);
    let journal = loop {
        match Journal::open(&disk.path.join("journal"), options()) {
            Ok(journal) => break journal,
            Err(error) => assert!(Instant::now() < room, "a full disk keeps readers out: {error}"),
        }
    };
    let stored = stored(&journal);
    assert!(acknowledged.iter().all(|number| stored.binary_search(number).is_ok()));
}

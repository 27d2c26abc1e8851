//! A disk that fails in earnest: the kernel gives up what it could not write, or the file system turns
//! itself read-only. Skipped where this user may not mount.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::support::day::text;
use super::super::support::service::{Http, Setup};
use super::super::support::trackers::Trackers;
use super::super::support::wait_until;
use super::{SOON, SmallDisk, TRACKERS, acknowledges_nothing, compare, service, start, unready, wait_for_trouble};

/// Megabytes of the file system.
const LARGE: u32 = 256;

/// An ext4 on a loop device over a sparse file, which lies in a tmpfs with less room than the file
/// system believes to have: it takes writes and cannot bring them to its disk. Undone when dropped.
struct FailingDisk {
    data: PathBuf,
    device: Option<String>,
    /// Let go of last.
    backing: SmallDisk,
}

fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let ran = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    ran.status.success().then(|| String::from_utf8_lossy(&ran.stdout).trim().to_owned())
}

impl FailingDisk {
    /// Mounts it at `data`, made with these options of `mkfs.ext4`.
    fn mount(folder: &Path, data: &Path, features: &[&str]) -> Option<Self> {
        let backing = SmallDisk::mount(&folder.join("backing"), 48)?;
        let mut disk = Self { data: data.to_owned(), device: None, backing };
        std::fs::create_dir_all(data).unwrap();
        let made = disk.make(features);
        if made.is_none() {
            println!("skipped: no loop device, no right to mount it or no mkfs.ext4");
        }
        made.map(|()| disk)
    }

    fn make(&mut self, features: &[&str]) -> Option<()> {
        let image = self.backing.0.join("image");
        File::create(&image).unwrap().set_len(u64::from(LARGE) << 20).unwrap();
        run("mkfs.ext4", &[&["-q", "-F", "-m", "0"], features, &[text(&image)]].concat())?;
        self.device = Some(run("losetup", &["--find", "--show", text(&image)])?);
        self.mount_again()
    }

    fn mount_again(&self) -> Option<()> {
        run("mount", &["-o", "errors=remount-ro", self.device.as_deref()?, text(&self.data)]).map(drop)
    }

    /// From now on nothing new fits on the disk under the file system.
    fn fail(&self) {
        self.backing.fill();
    }

    /// The disk takes writes again.
    fn mend(&self, megabytes: u32) {
        run("mount", &["-o", &format!("remount,size={megabytes}m"), text(&self.backing.0)]).unwrap();
    }

    fn is_read_only(&self) -> bool {
        let probe = File::create(self.data.join("probe"));
        probe.is_err_and(|error| error.kind() == ErrorKind::ReadOnlyFilesystem)
    }
}

impl Drop for FailingDisk {
    fn drop(&mut self) {
        run("umount", &["--lazy", text(&self.data)]);
        if let Some(device) = &self.device {
            run("losetup", &["--detach", device]);
        }
    }
}

/// Until the service says that its journal's disk fails.
fn wait_for_failure(http: &Http, setup: &Setup) {
    let why = wait_for_trouble(http, setup);
    println!("{why}");
    assert!(why.contains("journal") && why.contains("check its disk"), "{why}");
}

#[test]
fn writes_that_the_disk_loses_acknowledge_nothing_and_are_waited_out() {
    let folder = tempfile::tempdir().unwrap();
    // Without a journal of its own the file system stays writable, whatever the disk says.
    let disk = FailingDisk::mount(folder.path(), &folder.path().join("data"), &["-O", "^has_journal"]);
    let Some(disk) = disk else { return };
    let url = format!("sqlite://{}", folder.path().join("marshrut.db").display());
    let (setup, running) = service(folder.path(), &url);
    let (http, fleet) = (Http::new(), Trackers::start(setup.teltonika, TRACKERS));
    for room in [96, 192] {
        fleet.wait_for(300);
        disk.fail();
        wait_for_failure(&http, &setup);
        acknowledges_nothing(&fleet, &http, &setup);
        assert!(!disk.is_read_only());
        disk.mend(room);
        wait_until("the service to be ready again", SOON, || unready(&http, &setup).is_none());
    }
    fleet.wait_for(300);
    let acknowledged = fleet.stop();
    assert!(!running.log().contains("panicked"));
    assert!(running.stop().success());
    compare("lost writes", &acknowledged, &url);
}

/// Such a file system can only be mounted anew, for which whoever uses it has to let go of it.
#[test]
fn a_file_system_that_turns_itself_read_only_acknowledges_nothing_until_it_is_mounted_anew() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = FailingDisk::mount(folder.path(), &folder.path().join("data"), &[]) else { return };
    let url = format!("sqlite://{}", folder.path().join("marshrut.db").display());
    let (setup, running) = service(folder.path(), &url);
    let (http, fleet) = (Http::new(), Trackers::start(setup.teltonika, TRACKERS));
    fleet.wait_for(300);
    disk.fail();
    wait_for_failure(&http, &setup);
    wait_until("the file system to turn itself read-only", SOON, || disk.is_read_only());
    disk.mend(LARGE * 2);
    acknowledges_nothing(&fleet, &http, &setup);
    let refused = run("mount", &["-o", "remount,rw", text(&disk.data)]).is_none();
    println!("made writable while it is in use: {}", if refused { "refused by the system" } else { "done" });
    if refused {
        assert!(disk.is_read_only());
        assert!(!running.log().contains("panicked"));
        running.kill();
        run("umount", &[text(&disk.data)]).expect("nobody uses it any more");
        disk.mount_again().unwrap();
    }
    let running = start(&setup);
    fleet.wait_for(300);
    let acknowledged = fleet.stop();
    assert!(running.stop().success());
    compare("read-only file system", &acknowledged, &url);
}

//! Undecodable frames, kept for an operator to look at and decode again.
//!
//! One JSON object a line in `quarantine.jsonl`; a full file becomes `quarantine.1.jsonl`,
//! that one `quarantine.2.jsonl`, and the last is removed. Writing never holds up a session:
//! what the writer cannot take at once is counted and dropped.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread::JoinHandle;

use model::{DeviceId, Timestamp};
use protocols::DecodeError;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::QuarantineSettings;
use crate::throttle::Throttle;

/// Frames that wait to be written.
const MAX_QUEUED: usize = 256;
/// Bytes kept of one frame.
pub(crate) const MAX_FRAME_BYTES: usize = 16 << 10;

/// One undecodable frame.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    pub received_at: Timestamp,
    pub protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    pub reason: &'static str,
    pub error: String,
    /// Bytes that the frame had.
    pub length: usize,
    /// The first [`MAX_FRAME_BYTES`] of them.
    pub hex: String,
}

impl Entry {
    pub(crate) fn new(received_at: Timestamp, protocol: &'static str, error: &DecodeError, frame: &[u8]) -> Self {
        Self::of(received_at, protocol, error.reason(), error.to_string(), frame)
    }

    /// One that the gateway itself gave up.
    pub(crate) fn of(
        received_at: Timestamp,
        protocol: &'static str,
        reason: &'static str,
        error: String,
        frame: &[u8],
    ) -> Self {
        let hex = hex::encode(frame.get(..MAX_FRAME_BYTES).unwrap_or(frame));
        Self { received_at, protocol, peer: None, topic: None, device: None, reason, error, length: frame.len(), hex }
    }
}

/// Undecodable frames in a bounded folder, written by a thread of its own.
#[derive(Debug)]
pub(crate) struct Quarantine {
    entries: Option<mpsc::Sender<Entry>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Quarantine {
    /// Opens the folder; without settings, frames are only counted.
    pub(crate) fn open(settings: Option<&QuarantineSettings>) -> io::Result<Self> {
        let Some(settings) = settings else { return Ok(Self { entries: None, writer: Mutex::new(None) }) };
        let mut files = Files::open(settings)?;
        let (entries, mut receiver) = mpsc::channel(MAX_QUEUED);
        let writer = std::thread::Builder::new().name("quarantine".into()).spawn(move || {
            while let Some(entry) = receiver.blocking_recv() {
                files.write(&entry);
                while let Ok(entry) = receiver.try_recv() {
                    files.write(&entry);
                }
                files.flush();
            }
        })?;
        Ok(Self { entries: Some(entries), writer: Mutex::new(Some(writer)) })
    }

    /// Keeps a frame, or counts it where there is no room.
    pub(crate) fn keep(&self, entry: Entry) {
        if let Some(entries) = &self.entries
            && entries.try_send(entry).is_err()
        {
            metrics::counter!("marshrut_gateway_quarantine_dropped_total").increment(1);
        }
    }
}

/// Waits until all is written.
impl Drop for Quarantine {
    fn drop(&mut self) {
        self.entries = None;
        let writer = self.writer.get_mut().map(Option::take).unwrap_or_default();
        if let Some(writer) = writer {
            let _ = writer.join();
        }
    }
}

struct Files {
    settings: QuarantineSettings,
    current: BufWriter<File>,
    bytes: u64,
    complaints: Throttle,
}

impl Files {
    fn open(settings: &QuarantineSettings) -> io::Result<Self> {
        std::fs::create_dir_all(&settings.folder)?;
        let (current, bytes) = open_file(&file_name(&settings.folder, 0))?;
        Ok(Self { settings: settings.clone(), current, bytes, complaints: Throttle::new() })
    }

    fn write(&mut self, entry: &Entry) {
        let written = serde_json::to_vec(entry).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            if self.bytes > 0 && self.bytes + line.len() as u64 > self.settings.max_file_bytes {
                self.rotate()?;
            }
            self.bytes += line.len() as u64;
            self.current.write_all(&line)
        });
        self.check(written);
    }

    fn flush(&mut self) {
        let flushed = self.current.flush();
        self.check(flushed);
    }

    fn check(&self, result: io::Result<()>) {
        if let Err(error) = result {
            metrics::counter!("marshrut_gateway_quarantine_dropped_total").increment(1);
            if let Some(suppressed) = self.complaints.pass() {
                let folder = self.settings.folder.display();
                tracing::warn!(%error, suppressed, "cannot write to the quarantine `{folder}`; check its disk");
            }
        }
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.current.flush()?;
        for number in (0..self.settings.max_files.saturating_sub(1)).rev() {
            let from = file_name(&self.settings.folder, number);
            if from.try_exists()? {
                std::fs::rename(from, file_name(&self.settings.folder, number + 1))?;
            }
        }
        let path = file_name(&self.settings.folder, 0);
        if path.try_exists()? {
            std::fs::remove_file(&path)?; // one file only is kept
        }
        (self.current, self.bytes) = open_file(&path)?;
        Ok(())
    }
}

fn file_name(folder: &Path, number: usize) -> PathBuf {
    match number {
        0 => folder.join("quarantine.jsonl"),
        _ => folder.join(format!("quarantine.{number}.jsonl")),
    }
}

/// Frames hold device ids and drivers' cards: only the service's own user may read them.
fn open_file(path: &Path) -> io::Result<(BufWriter<File>, u64)> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    let bytes = file.metadata()?.len();
    Ok((BufWriter::new(file), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_readable_lines_in_a_bounded_number_of_files() {
        let folder = tempfile::tempdir().unwrap();
        let settings = QuarantineSettings { folder: folder.path().join("q"), max_file_bytes: 2_000, max_files: 3 };
        let error = DecodeError::Crc { stated: 1, computed: 2 };
        let entry = |n: u8| Entry::new(Timestamp::from_secs(5), "teltonika", &error, &[n; 400]);
        let mut files = Files::open(&settings).unwrap();
        (0..20).for_each(|n| files.write(&entry(n)));
        files.flush();

        let mut names: Vec<_> = std::fs::read_dir(&settings.folder).unwrap().map(|e| e.unwrap().path()).collect();
        names.sort();
        assert_eq!(names.len(), 3);
        for name in &names {
            assert!(name.metadata().unwrap().len() <= 2_000);
        }
        let newest = std::fs::read_to_string(settings.folder.join("quarantine.jsonl")).unwrap();
        let last: serde_json::Value = serde_json::from_str(newest.lines().last().unwrap()).unwrap();
        assert_eq!(last["reason"], "crc");
        assert_eq!(last["protocol"], "teltonika");
        assert_eq!(last["received_at"], "1970-01-01T00:00:05Z");
        assert_eq!(last["hex"], hex::encode([19; 400]));
    }

    #[test]
    fn closing_writes_what_is_queued_and_opening_goes_on_in_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let settings = QuarantineSettings::in_folder(folder.path());
        for round in 1..=2 {
            let quarantine = Quarantine::open(Some(&settings)).unwrap();
            let error = DecodeError::Format("x");
            quarantine.keep(Entry::new(Timestamp::from_secs(5), "teltonika", &error, &vec![0; MAX_FRAME_BYTES + 1]));
            drop(quarantine);
            let text = std::fs::read_to_string(folder.path().join("quarantine.jsonl")).unwrap();
            assert_eq!(text.lines().count(), round);
            let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
            assert_eq!(line["length"], MAX_FRAME_BYTES + 1);
            assert_eq!(line["hex"].as_str().unwrap().len(), MAX_FRAME_BYTES * 2);
        }
    }
}

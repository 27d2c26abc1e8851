//! A durable, ordered log of reports on local disk: the point of acknowledgement.
//!
//! Many sessions append at once; one writer thread owns the file. It takes whatever has
//! queued up, writes it as one *group*, makes it durable with one sync, and only then
//! resolves everyone who waits. The more load, the larger the groups: the disk's sync sets
//! the pace, not the number of connections.
//!
//! ```text
//! session ─submit─▶ bounded queue ─▶ writer: encode group ▶ commit (one sync) ─▶ receipts, head
//!                                                                │
//!                               live, history, forwarding ◀─read─┘  each from its own position
//! ```
//!
//! Reports are numbered from 1 in the order of their appending; the number is a
//! [`Position`]. Readers go from position to position and are told of the durable head by a
//! [`tokio::sync::watch`] channel. A reader that must not lose anything registers a
//! *cursor*: retention never removes what lies after the lowest cursor.
//!
//! Storage is [`redb`](https://docs.rs/redb): one crash-safe copy-on-write file. The folder is
//! locked against a second process, also while the file is opened anew. A group is one value under the position of its first report,
//! with a checksum of its own, so that damage is found when it is read.
//!
//! When a write fails, nobody is told that it succeeded. The journal refuses appends, looks
//! every second whether the disk takes something again, and then goes on: it opens the file
//! anew and first writes once more all that was written since the last good sync, for the kernel
//! may have dropped pages that it could not write, and show them all the same.
//!
//! A file that is not as it was written is put aside, and what can be read of it goes into a new
//! one. Readers go on there; what is missing is counted and logged.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! # use model::{DeviceId, Fix, FixBatch, LatLon, Report, Timestamp, VehicleId};
//! # let folder = tempfile::tempdir().unwrap();
//! # let mut batch = FixBatch::default();
//! # batch.push(Fix::at(Timestamp::from_secs(1), LatLon::new(48.85, 37.6).unwrap()));
//! # let report = Report { device: DeviceId::new("1").unwrap(), vehicle: VehicleId::new("1").unwrap(),
//! #     protocol: "teltonika".into(), received_at: Timestamp::from_secs(2), batch };
//! use journal::{Journal, Options, Position};
//!
//! let journal = Journal::open(folder.path(), Options::default())?;
//! let position = journal.append(report).await?; // durable from here on
//! assert_eq!(position, Position(1));
//! assert_eq!(journal.read(Position::START, 100)?.len(), 1);
//! journal.close().await?;
//! # Ok::<(), journal::JournalError>(()) }).unwrap();
//! ```

mod disk;
mod error;
mod framing;
mod group;
mod handle;
mod lock;
mod options;
mod receipt;
mod salvage;
mod shared;
mod storage;
mod trim;
mod writer;

pub use error::JournalError;
pub use framing::{framed, framed_bytes, push_framed};
pub use handle::Journal;
pub use options::{MAX_CURSOR_NAME_BYTES, MAX_CURSORS, MAX_REPORT_BYTES, Most, Options};
pub use receipt::Receipt;

/// The number of one report, counted from 1 in the order of appending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// Before the first report.
    pub const START: Self = Self(0);
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

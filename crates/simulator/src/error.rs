//! What can go wrong.

use std::path::{Path, PathBuf};

use crate::tracker::MAX_TRACKERS;

/// Why a recording could not be opened or a fleet could not set out.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// A file could not be read or written.
    #[error("{}: {source}; check that it exists and may be read and written", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A recorded file breaks off or is not CSV, so that no row after this line can be trusted.
    #[error("{} cannot be read past line {line}: {reason}; fetch or unpack it again", path.display())]
    Broken {
        /// Which.
        path: PathBuf,
        /// The last line that could be read, counted from 1.
        line: u64,
        /// What the reader said.
        reason: String,
    },
    /// A folder without positions.
    #[error("{} holds neither positions.csv.gz nor positions.csv; name the folder of a recorded day", path.display())]
    NoPositions {
        /// The folder.
        path: PathBuf,
    },
    /// A column that must be there is not.
    #[error("{} has no column `{column}`; its header must name vehicle_id,time,lat,lon", path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The missing column.
        column: &'static str,
    },
    /// Not one usable row.
    #[error("{} has no usable row ({skipped} skipped); the first: {}", path.display(), first.as_deref().unwrap_or("the file is empty"))]
    NoRows {
        /// The file.
        path: PathBuf,
        /// Rows that were skipped.
        skipped: u64,
        /// Why the first of them was.
        first: Option<String>,
    },
    /// More vehicles than one process is to play.
    #[error("{0} vehicles are more than the {MAX_TRACKERS} that one simulator plays; start several")]
    TooManyTrackers(usize),
    /// A protocol that the simulator cannot speak.
    #[error("the simulator does not speak `{protocol}`; it speaks {}", spoken().join(", "))]
    NoEncoder {
        /// The protocol's name.
        protocol: String,
    },
    /// Nowhere to send a protocol's frames to.
    #[error("vehicles speak {0}, but no address was given for it; name one")]
    NoTarget(&'static str),
    /// A schedule from which no day can be driven.
    #[error("{0}")]
    Schedule(String),
}

/// Names of the protocols that it speaks.
fn spoken() -> Vec<&'static str> {
    protocols::REGISTRY.iter().filter(|p| p.encoder.is_some()).map(|p| p.name).collect()
}

impl SimulatorError {
    pub(crate) fn file(path: &Path, source: std::io::Error) -> Self {
        Self::File { path: path.to_path_buf(), source }
    }
}

//! What can keep the gateway from starting.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What can keep the gateway from starting.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// No such protocol.
    #[error("listener protocol `{name}` is not known; use one of: {known}")]
    UnknownProtocol {
        /// As configured.
        name: String,
        /// All there are.
        known: String,
    },
    /// The protocol has no datagrams.
    #[error("{0} is not spoken over UDP; listen for it on TCP")]
    NoDatagrams(&'static str),
    /// The port cannot be had.
    #[error("cannot listen for {protocol} on {address}: {reason}; choose another port or stop what uses it")]
    Bind {
        /// The protocol.
        protocol: String,
        /// As configured.
        address: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
    /// The quarantine cannot be written.
    #[error("cannot keep undecodable frames in `{folder}`: {reason}; give a folder that this user may write to")]
    Quarantine {
        /// As configured.
        folder: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// A broker's settings cannot work.
    #[error("MQTT source {broker}: {reason}")]
    Mqtt {
        /// Host and port.
        broker: String,
        /// What is wrong and what to do.
        reason: String,
    },
}

/// Why a device list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The file cannot be read.
    #[error("device list `{path}` cannot be read: {reason}; check its path and permissions")]
    Read {
        /// As configured.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// A column is missing.
    #[error("device list `{name}` has no column `{column}`; its first line must be `device_id,vehicle_id`")]
    Column {
        /// The file.
        name: String,
        /// The column.
        column: &'static str,
    },
    /// Lines that say nothing or contradict each other.
    #[error("device list `{name}`: {}{}; mend these lines", .lines.join("; "), and_more(*.more))]
    Lines {
        /// The file.
        name: String,
        /// What is wrong, with line numbers; the first ten of them.
        lines: Vec<String>,
        /// How many more are wrong.
        more: usize,
    },
}

fn and_more(more: usize) -> String {
    if more == 0 { String::new() } else { format!("; and {more} more") }
}

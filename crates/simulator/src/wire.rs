//! How trackers speak: the simulator's view of the encoders in `protocols`.
//!
//! One line in [`TONGUES`] a protocol. All of them work stop-and-wait: one frame, then its
//! answer, which says how many of its records were taken.

use model::{DeviceId, FixBatch};
use protocols::{teltonika, wialon_ips};

/// Teltonika Codec 8 Extended over TCP.
pub const TELTONIKA: &str = "teltonika";
/// Wialon IPS 2 over TCP.
pub const WIALON_IPS: &str = "wialon-ips";

/// What a tracker of one protocol says and understands.
pub(crate) struct Tongue {
    /// Its name in the registry of `protocols`.
    pub(crate) name: &'static str,
    /// Most records that one frame may hold.
    pub(crate) most_records: usize,
    /// The bytes that introduce the device.
    pub(crate) login: fn(&DeviceId) -> Vec<u8>,
    /// Whether the answer to the login lets the device in; `None` while it is not complete.
    pub(crate) accepted: fn(&[u8]) -> Option<bool>,
    /// The bytes of a frame with these fixes.
    pub(crate) frame: fn(&FixBatch) -> Vec<u8>,
    /// How many records the answer to a frame acknowledges; `None` while it is not complete.
    pub(crate) acknowledged: fn(&[u8]) -> Option<usize>,
}

/// The protocols that the simulator speaks.
pub(crate) static TONGUES: &[Tongue] = &[
    Tongue {
        name: TELTONIKA,
        most_records: 200,
        login: teltonika::encode::login,
        accepted: teltonika::encode::accepted,
        frame: teltonika::encode::frame,
        acknowledged: teltonika::encode::acknowledged,
    },
    Tongue {
        name: WIALON_IPS,
        most_records: 100,
        login: wialon_ips::encode::login,
        accepted: wialon_ips::encode::accepted,
        frame: wialon_ips::encode::data,
        acknowledged: wialon_ips::encode::acknowledged,
    },
];

/// The tongue of a protocol however its name is spelt, where there is one.
pub(crate) fn by_name(name: &str) -> Option<&'static Tongue> {
    let name = protocols::by_name(name)?.name;
    TONGUES.iter().find(|t| t.name == name)
}

/// Names of the protocols that the simulator speaks.
pub fn names() -> Vec<&'static str> {
    TONGUES.iter().map(|t| t.name).collect()
}

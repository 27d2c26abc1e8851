//! What may be set.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use protocols::Protocol;
use protocols::payload::Payload;

use crate::GatewayError;

/// Everything that the gateway is told.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where trackers connect.
    pub listeners: Vec<Listener>,
    /// Where trackers send datagrams.
    pub datagrams: Vec<Listener>,
    /// Brokers to subscribe at.
    pub mqtt: Vec<MqttSource>,
    /// Bounds on connections.
    pub limits: Limits,
    /// Where undecodable frames are kept; `None`: they are only counted.
    pub quarantine: Option<QuarantineSettings>,
}

/// One TCP or UDP port.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Name of the protocol in the registry of `protocols`.
    pub protocol: String,
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
}

impl Listener {
    pub(crate) fn protocol(&self) -> Result<&'static Protocol, GatewayError> {
        protocols::by_name(&self.protocol).ok_or_else(|| GatewayError::UnknownProtocol {
            known: protocols::names().collect::<Vec<_>>().join(", "),
            name: self.protocol.clone(),
        })
    }

    pub(crate) fn failed(&self, reason: io::Error) -> GatewayError {
        GatewayError::Bind { protocol: self.protocol.clone(), address: self.address, reason }
    }
}

/// Bounds on connections.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most connections at once, over all listeners. More are closed as they come.
    pub max_connections: usize,
    /// Most connections at once from one IP address, or one /64 of IPv6. Generous, for a mobile
    /// operator has many trackers behind one address. 0: as many as there are. As many senders of
    /// datagrams from there each UDP port remembers besides; more make it forget one of them.
    pub max_per_address: u32,
    /// Most senders of datagrams that each UDP port remembers. More make it forget whoever has been
    /// silent for longest.
    pub max_datagram_sessions: usize,
    /// From the connection to the device's name.
    pub login_timeout: Duration,
    /// From the first byte of a message to its last: who sends a byte a minute is cut off.
    pub frame_timeout: Duration,
    /// From one message to the next.
    pub idle_timeout: Duration,
    /// The same by protocol, for those that are heard more often or less often than others.
    pub idle_timeouts: BTreeMap<&'static str, Duration>,
    /// For the tracker to take a reply.
    pub write_timeout: Duration,
    /// For sessions to journal and answer what they have read, once the gateway stops.
    pub drain_timeout: Duration,
    /// Most messages of one connection, or one broker, that wait for the journal.
    pub max_in_flight: usize,
    /// Undecodable messages in a row after which a connection is closed.
    pub max_errors_in_a_row: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 131_072,
            max_per_address: 20_000,
            max_datagram_sessions: 20_000,
            login_timeout: Duration::from_secs(30),
            frame_timeout: Duration::from_mins(1),
            idle_timeout: Duration::from_mins(30),
            idle_timeouts: BTreeMap::new(),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
            max_in_flight: 64,
            max_errors_in_a_row: 32,
        }
    }
}

impl Limits {
    /// How long a sender of this protocol may be silent.
    pub(crate) fn idle_timeout_of(&self, protocol: &str) -> Duration {
        self.idle_timeouts.get(protocol).copied().unwrap_or(self.idle_timeout)
    }
}

/// Where undecodable frames are kept, and how many.
#[derive(Clone, Debug)]
pub struct QuarantineSettings {
    /// The folder; made when it is missing.
    pub folder: PathBuf,
    /// A file is put aside when it is this large.
    pub max_file_bytes: u64,
    /// Files kept, the current one among them.
    pub max_files: usize,
}

impl QuarantineSettings {
    /// Four files of 16 MiB.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), max_file_bytes: 16 << 20, max_files: 4 }
    }
}

/// A broker that passes on what trackers say.
#[derive(Clone)]
pub struct MqttSource {
    /// Host name or address.
    pub host: String,
    /// TCP port, usually 1883, with TLS 8883.
    pub port: u16,
    /// The broker keeps unacknowledged messages under this name; another gateway at the same
    /// broker needs another.
    pub client_id: String,
    /// Name for the broker.
    pub username: Option<String>,
    /// Password for the broker.
    pub password: Option<String>,
    /// Topic filters, such as `trackers/+/fix`. The first `+` stands for the device's id
    /// where [`MqttSource::device_in_topic`] is set.
    pub topics: Vec<String>,
    /// The first `+` of the filter is the device's id. It goes before what the payload says.
    pub device_in_topic: bool,
    /// What the payloads are.
    pub format: Payload,
    /// Encrypts the connection.
    pub tls: Option<MqttTls>,
    /// How often the connection is checked.
    pub keep_alive: Duration,
    /// Longest wait between two attempts to connect.
    pub max_backoff: Duration,
}

/// How the broker proves who it is.
#[derive(Clone, Debug, Default)]
pub struct MqttTls {
    /// PEM file of the authority that signed the broker's certificate; `None`: those that
    /// the system trusts.
    pub ca_file: Option<PathBuf>,
}

impl MqttSource {
    /// A broker without TLS, name or password; the device is named in the topic, payloads are
    /// plain JSON.
    pub fn new(host: impl Into<String>, port: u16, topic: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port,
            client_id: "marshrut".to_owned(),
            username: None,
            password: None,
            topics: vec![topic.into()],
            device_in_topic: true,
            format: Payload::default(),
            tls: None,
            keep_alive: Duration::from_secs(30),
            max_backoff: Duration::from_secs(30),
        }
    }
}

impl fmt::Debug for MqttSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttSource")
            .field("broker", &format_args!("{}:{}", self.host, self.port))
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "secret"))
            .field("topics", &self.topics)
            .field("device_in_topic", &self.device_in_topic)
            .field("format", &self.format.name())
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

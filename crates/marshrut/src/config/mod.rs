//! The configuration: one TOML file, every key also by environment variable.

mod depot;
mod example;
mod keys;
mod load;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

pub use depot::{Depot, read as read_depots};
pub use example::example;
pub use load::load;

use keys::settings;

settings! {
    /// The city, as riders read it.
    city: City {
        /// Name of the city or the operator, shown on the map.
        name: String = String::new(),
        /// The same in English, where it differs.
        name_en: String = String::new(),
    }

    /// Where things lie.
    data: Data {
        /// Folder of the journal, the embedded store and the quarantine.
        folder: PathBuf = PathBuf::from("data"),
        /// The city's GTFS: a zip file or a folder.
        gtfs: PathBuf = PathBuf::from("gtfs.zip"),
        /// Devices of the fleet, CSV with the columns device_id,vehicle_id. Empty: none are
        /// known, and each vehicle gets a pseudonym. Read again at SIGHUP.
        devices: PathBuf = PathBuf::new(),
        /// Refuse trackers that the list of devices does not name.
        allow_list: bool = false,
    }

    /// Trackers in.
    gateway: Gateway {
        /// Address to listen on, by protocol, such as { teltonika = "0.0.0.0:5027" }. Empty: each protocol
        /// at its usual port, and `auto`, which takes any of them, at 5000; `marshrut check` lists them.
        listen: BTreeMap<String, SocketAddr> = BTreeMap::new(),
        /// Take datagrams at the same addresses, from protocols that are spoken over UDP too.
        udp: bool = true,
        /// MQTT brokers to read from: a list of tables [[gateway.mqtt]] with url, topic, client_id,
        /// username, password, ca_file and the format of the payloads: `json`, `flespi`, `hfp`,
        /// `owntracks`, `teltonika-json`, or `mapped`, where fields say where each lies in any JSON, such as
        /// { device = "id", time = "at", lat = "gps.lat", lon = "gps.lon", ignition = "io.0" }.
        mqtt: Vec<Mqtt> = Vec::new(),
        /// Most connections at once, over all listeners. Each is an open file: the limit of the system is
        /// raised as far as it may be, and `marshrut check` says where that is not enough.
        max_connections: usize = 131_072,
        /// Most connections at once from one IP address, or one /64 of IPv6; 0: no limit. Mobile operators
        /// have many trackers behind one address, and a proxy has them all. Each UDP port remembers as many
        /// senders from there besides; one more makes it forget the one of them that is silent for longest.
        max_per_address: u32 = 20_000,
        /// Seconds without a message after which a connection is closed.
        idle_timeout_s: u64 = 600,
        /// The same by protocol, such as { gt06 = 900, osmand = 60 }.
        idle_timeouts_s: BTreeMap<String, u64> = BTreeMap::new(),
        /// Seconds within which a connection must say who it is.
        login_timeout_s: u64 = 30,
        /// Most megabytes of undecodable frames to keep.
        quarantine_megabytes: u64 = 64,
    }

    /// The log of what was acknowledged.
    journal: Journal {
        /// About the most milliseconds from a record's arrival to its acknowledgement, while the disk keeps up.
        ack_within_ms: u64 = 20,
        /// Hours to keep what the store already has.
        retention_hours: u64 = 72,
        /// Most gigabytes to keep of what the store already has.
        max_gigabytes: u64 = 16,
        /// Keep to both limits also where the store does not have it yet: what is dropped is counted and
        /// logged as an error, and the service says that it is not ready. Otherwise all is kept until the
        /// disk is full, and then no tracker is acknowledged.
        may_drop_unread: bool = false,
    }

    /// Between more than one machine: NATS with JetStream. Roles other than `all` need it.
    nats: Nats {
        /// `nats://host:4222`, several with commas between them. Empty: none.
        url: String = String::new(),
        /// When a tracker is told that a gateway has its records: `journal`, when they are on the gateway's
        /// own disk; `stream`, when NATS has confirmed them too, without which nothing is acknowledged.
        ack: Acknowledge = Acknowledge::Journal,
        /// This host's name among the others. Empty: its host name and a random number kept in the data folder.
        name: String = String::new(),
        /// First part of the subjects' names; installations that share a server each have their own.
        prefix: String = "marshrut".to_owned(),
        /// On how many servers of a cluster each message lies.
        replicas: usize = 1,
        /// Hours that messages are kept there; longer than workers are ever away.
        retention_hours: u64 = 72,
    }

    /// From fixes to trips.
    pipeline: Pipeline {
        /// Threads that match; 0: as many as there are cores.
        shards: usize = 0,
        /// Minutes of the journal that are read again at start, so that vehicles keep their trips.
        warm_up_minutes: u64 = 30,
    }

    /// What helps to tell which trip a vehicle is on.
    matching: Matching {
        /// Who drives what, CSV with vehicle_id and any of route_id, block_id, trip_id, from, until (instants).
        /// Evidence, not truth: a vehicle that drives along another route is taken for what it does. Empty:
        /// nothing is known beforehand. Read again at SIGHUP.
        assignments: PathBuf = PathBuf::new(),
        /// Depots, where a vehicle that stands is out of service: a list of tables [[matching.depots]] with
        /// lat, lon, radius_m and, for people, a name.
        depots: Vec<Depot> = Vec::new(),
    }

    /// Where fixes and stop visits are kept.
    store: Store {
        /// `postgres://user:password@host/database` with PostGIS, or `sqlite:///path/to/file.db`.
        /// Empty: SQLite in the data folder.
        url: String = String::new(),
    }

    /// Pages, feeds and API.
    web: Web {
        /// Address to listen on.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)),
        /// MapLibre style address for the ground under the lines. Empty: a plain ground.
        style: String = String::new(),
        /// Credit line for that ground.
        attribution: String = String::new(),
        /// Most clients of live events at once.
        max_live_clients: usize = 10_000,
    }

    /// What may leave. Read again at SIGHUP.
    gate: Gate {
        /// `live`, `delayed` or `off`.
        mode: GateMode = GateMode::Live,
        /// Minutes of delay when delayed.
        minutes: u32 = 10,
        /// Why, in words for the public.
        reason: String = String::new(),
    }

    /// What counts as on time.
    punctuality: Punctuality {
        /// More seconds than these before the timetable are early.
        early_s: u32 = 60,
        /// More seconds than these after the timetable are late.
        late_s: u32 = 300,
    }

    /// A recorded day played again: the service then runs on that day's time.
    replay: Replay {
        /// Recorded instant to begin at, such as 2026-01-16T19:31:00Z. Empty: real time.
        start: String = String::new(),
        /// Real instant at which that one is reached. Empty: when the program starts.
        real_start: String = String::new(),
        /// Recorded seconds a real second.
        speed: f64 = 1.0,
    }

    /// What the program says of itself.
    log: Log {
        /// `error`, `warn`, `info`, `debug`, or a filter such as `info,gateway=debug`.
        level: String = "info".to_owned(),
    }
}

/// Every protocol at its usual port.
fn usual_listeners() -> BTreeMap<String, SocketAddr> {
    let all = protocols::REGISTRY.iter().chain([&protocols::AUTO]);
    all.map(|p| (p.name.to_owned(), SocketAddr::from(([0, 0, 0, 0], p.default_port)))).collect()
}

/// How the gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GateMode {
    /// Everything, at once.
    Live,
    /// Everything, some minutes later.
    Delayed,
    /// Nothing.
    Off,
}

/// What a tracker's records must have reached before they are acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Acknowledge {
    /// The gateway's own disk.
    Journal,
    /// The stream as well.
    Stream,
}

/// A broker to read fixes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mqtt {
    /// `mqtt://host:1883` or `mqtts://host:8883`.
    pub url: String,
    /// Topic filter; the first level that holds `+` names the device, but for formats that name it themselves.
    pub topic: String,
    /// How the broker knows this client; it keeps the session under this name.
    pub client_id: String,
    /// User name; empty: none.
    pub username: String,
    /// Password.
    pub password: String,
    /// PEM file of the authority to trust for `mqtts`; empty: the system's.
    pub ca_file: PathBuf,
    /// What the payloads are: a name of `protocols::PAYLOADS`, or `mapped`.
    pub format: String,
    /// Where each field lies, for the format `mapped`.
    pub fields: BTreeMap<String, String>,
}

impl Default for Mqtt {
    fn default() -> Self {
        Self {
            url: "mqtt://127.0.0.1:1883".to_owned(),
            topic: "trackers/+".to_owned(),
            client_id: "marshrut".to_owned(),
            username: String::new(),
            password: String::new(),
            ca_file: PathBuf::new(),
            format: "json".to_owned(),
            fields: BTreeMap::new(),
        }
    }
}

impl Mqtt {
    fn source(&self) -> anyhow::Result<gateway::MqttSource> {
        let (host, port, tls) = broker(&self.url)?;
        let filled = |text: &String| (!text.is_empty()).then(|| text.clone());
        let ca_file = (!self.ca_file.as_os_str().is_empty()).then(|| self.ca_file.clone());
        let fields = self.fields.iter().map(|(field, path)| (field.as_str(), path.as_str()));
        let format = protocols::payload::Payload::new(&self.format, fields)
            .map_err(|error| anyhow::anyhow!("gateway.mqtt.format: {error}"))?;
        Ok(gateway::MqttSource {
            client_id: self.client_id.clone(),
            username: filled(&self.username),
            password: filled(&self.password),
            device_in_topic: format.device_in_topic() && self.topic.split('/').any(|level| level == "+"),
            format,
            tls: tls.then_some(gateway::MqttTls { ca_file }),
            ..gateway::MqttSource::new(host, port, self.topic.clone())
        })
    }
}

impl Config {
    /// The store's address, with the default filled in.
    pub fn store_url(&self) -> String {
        if self.store.url.is_empty() {
            format!("sqlite://{}", absolute(&self.data.folder).join("marshrut.db").display())
        } else {
            self.store.url.clone()
        }
    }

    /// Where the stream is.
    pub fn stream_settings(&self) -> anyhow::Result<stream::Settings> {
        let nats = &self.nats;
        anyhow::ensure!(!nats.url.is_empty(), "nats.url is not set; roles other than `all` meet at a NATS server");
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        anyhow::ensure!(
            !nats.prefix.is_empty() && nats.prefix.chars().all(plain),
            "nats.prefix `{}` must be letters, digits, - and _",
            nats.prefix
        );
        Ok(stream::Settings {
            url: nats.url.clone(),
            prefix: nats.prefix.clone(),
            replicas: nats.replicas,
            retention: Duration::from_secs(nats.retention_hours.saturating_mul(3600)),
        })
    }

    /// What the gateway is told.
    pub fn gateway_settings(&self) -> anyhow::Result<gateway::Settings> {
        let seconds = Duration::from_secs;
        let (mut listeners, mut datagrams) = (Vec::new(), Vec::new());
        let usual = if self.gateway.listen.is_empty() { usual_listeners() } else { BTreeMap::new() };
        for (name, address) in self.gateway.listen.iter().chain(&usual) {
            let protocol = protocol("gateway.listen", name)?;
            let listener = gateway::Listener { protocol: name.clone(), address: *address };
            if self.gateway.udp && protocol.datagrams.is_some() {
                datagrams.push(listener.clone());
            }
            listeners.push(listener);
        }
        let quarantine = gateway::QuarantineSettings::in_folder(self.data.folder.join("quarantine"));
        let file_bytes = (self.gateway.quarantine_megabytes << 20) / quarantine.max_files.max(1) as u64;
        Ok(gateway::Settings {
            listeners,
            datagrams,
            mqtt: self.gateway.mqtt.iter().map(Mqtt::source).collect::<anyhow::Result<_>>()?,
            limits: gateway::Limits {
                max_connections: self.gateway.max_connections,
                max_per_address: self.gateway.max_per_address,
                idle_timeout: seconds(self.gateway.idle_timeout_s),
                idle_timeouts: self.idle_timeouts()?,
                login_timeout: seconds(self.gateway.login_timeout_s),
                ..gateway::Limits::default()
            },
            quarantine: (file_bytes > 0)
                .then_some(gateway::QuarantineSettings { max_file_bytes: file_bytes, ..quarantine }),
        })
    }

    /// How fixes are matched.
    pub fn parameters(&self) -> anyhow::Result<matching::Parameters> {
        let depots = self.matching.depots.iter().map(Depot::circle).collect::<anyhow::Result<_>>()?;
        Ok(matching::Parameters { depots, ..matching::Parameters::default() })
    }

    /// What is known of the vehicles' duties beforehand.
    pub fn assignments(&self, network: &network::Network) -> anyhow::Result<matching::Priors> {
        let path = &self.matching.assignments;
        if path.as_os_str().is_empty() { Ok(matching::Priors::new()) } else { crate::assignments::read(path, network) }
    }

    fn idle_timeouts(&self) -> anyhow::Result<BTreeMap<&'static str, Duration>> {
        let timeouts = self.gateway.idle_timeouts_s.iter();
        timeouts
            .map(|(name, s)| Ok((protocol("gateway.idle_timeouts_s", name)?.name, Duration::from_secs(*s))))
            .collect()
    }

    /// What the gate is to let through.
    pub fn gate_policy(&self) -> model::GatePolicy {
        let reason = self.gate.reason.clone();
        match self.gate.mode {
            GateMode::Live => model::GatePolicy::Live,
            GateMode::Delayed => model::GatePolicy::Delayed { minutes: self.gate.minutes, reason },
            GateMode::Off => model::GatePolicy::Off { reason },
        }
    }
}

/// The protocol that a key names.
fn protocol(key: &str, name: &str) -> anyhow::Result<&'static protocols::Protocol> {
    protocols::by_name(name).with_context(|| {
        let names: Vec<_> = protocols::names().collect();
        format!("{key}: `{name}` is no protocol; there are {}", names.join(", "))
    })
}

/// Where a broker is: host, port, and whether to encrypt.
fn broker(url: &str) -> anyhow::Result<(String, u16, bool)> {
    let odd = || anyhow::anyhow!("gateway.mqtt.url `{url}` must be like mqtt://host:1883 or mqtts://host:8883");
    let (scheme, rest) = url.split_once("://").ok_or_else(odd)?;
    let (tls, default_port) = match scheme {
        "mqtt" => (false, 1883),
        "mqtts" => (true, 8883),
        _ => return Err(odd()),
    };
    let rest = rest.trim_end_matches('/');
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| odd())?),
        None => (rest, default_port),
    };
    if host.is_empty() { Err(odd()) } else { Ok((host.to_owned(), port, tls)) }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> anyhow::Result<gateway::MqttSource> {
        toml::from_str::<Mqtt>(text).unwrap().source()
    }

    #[test]
    fn payloads_are_plain_json_unless_a_format_is_named() {
        let source_of = |text: &str| source(text).unwrap();
        let plain = source_of("");
        assert_eq!((plain.format.name(), plain.device_in_topic), ("json", true));
        let phones = source_of("format = \"owntracks\"\ntopic = \"owntracks/+/+\"");
        assert_eq!((phones.format.name(), phones.device_in_topic), ("owntracks", false));
        let fields = "format = \"mapped\"\nfields = { time = \"at\", lat = \"gps.lat\", lon = \"gps.lon\" }";
        let mapped = source_of(fields);
        assert_eq!((mapped.format.name(), mapped.device_in_topic), ("mapped", true));
    }

    #[test]
    fn protocols_have_idle_timeouts_of_their_own() {
        let settings = |text: &str| toml::from_str::<Config>(text).unwrap().gateway_settings();
        let limits = settings("[gateway]\nidle_timeouts_s = { GT06 = 900 }").unwrap().limits;
        assert_eq!(limits.idle_timeouts, BTreeMap::from([("gt06", Duration::from_mins(15))]));
        let error = settings("[gateway]\nidle_timeouts_s = { gt07 = 900 }").unwrap_err().to_string();
        assert!(error.contains("idle_timeouts_s: `gt07`") && error.contains(" gt06,"), "{error}");
    }

    #[test]
    fn a_format_that_there_is_not_is_refused_with_those_that_there_are() {
        let error = |text: &str| source(text).unwrap_err().to_string();
        let unknown = error("format = \"xml\"");
        assert!(
            unknown.starts_with("gateway.mqtt.format") && unknown.contains("owntracks, teltonika-json, mapped"),
            "{unknown}"
        );
        let field = error("format = \"mapped\"\nfields = { time = \"at\", latt = \"x\" }");
        assert!(field.contains("`latt`") && field.contains("odometer_m"), "{field}");
    }
}

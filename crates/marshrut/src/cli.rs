//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use model::{ServiceDate, Timestamp};

/// Trackers in; live passenger information and open data out.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What it can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Everything in one process on embedded storage, with a recorded day played by virtual trackers.
    Demo(DemoArgs),
    /// The service.
    Serve(ServeArgs),
    /// Decodes frames: hex, one frame a line on standard input, all lines one connection.
    Decode(DecodeArgs),
    /// A load of virtual trackers.
    Simulate(SimulateArgs),
    /// Plays a recorded day to a running gateway, or straight into matching.
    Replay(ReplayArgs),
    /// Matches recorded positions to a timetable, offline.
    Match(MatchArgs),
    /// Writes a day's data sets.
    Export(ExportArgs),
    /// Says what is wrong with the configuration and its surroundings, and how to mend it.
    Check(CheckArgs),
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub struct ConfigArg {
    /// Configuration file; `marshrut.toml` where it is there.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `marshrut check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArg,
    /// Print a configuration file with every setting, its meaning and its default, and stop.
    #[arg(long)]
    pub example: bool,
}

/// `marshrut demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Port of the map.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Recorded seconds a real second.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// Folder of a recorded day: gtfs.zip or gtfs/, and positions.csv[.gz]. Without it: Sloviansk, illustrative.
    #[arg(long, value_name = "FOLDER")]
    pub day: Option<PathBuf>,
    /// Recorded instant to begin at; without it, where the recording is busiest.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub from: Option<Timestamp>,
    /// Folder for the journal and the store, kept afterwards; without it, one that is removed at the end.
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
}

/// `marshrut serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArg,
    /// Which part of the service this process is.
    #[arg(long, value_enum, default_value_t = Role::All)]
    pub role: Role,
}

/// Parts of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// All in one.
    All,
    /// Trackers in: the journal, and from there to NATS.
    Gateway,
    /// From NATS to the store: matches a share of the vehicles.
    Worker,
    /// From NATS to riders: feeds, API and map.
    Web,
}

/// How to print what was decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a message.
    Json,
    /// A table for reading.
    Table,
}

/// `marshrut decode`.
#[derive(Debug, Args)]
pub struct DecodeArgs {
    /// The protocol's name; `auto` recognises it.
    #[arg(long, value_parser = protocol)]
    pub protocol: &'static protocols::Protocol,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub format: Format,
    /// Device to assume where the frames hold no login.
    #[arg(long)]
    pub device: Option<String>,
    /// Take each line for a datagram.
    #[arg(long)]
    pub udp: bool,
}

/// `marshrut simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Gateway to send to.
    #[arg(long, value_name = "HOST:PORT")]
    pub to: String,
    /// The protocol's name.
    #[arg(long, value_parser = protocol)]
    pub protocol: &'static protocols::Protocol,
    /// How many trackers.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub vehicles: u32,
    /// Fixes a second of each.
    #[arg(long, value_name = "HZ", default_value_t = 0.1, value_parser = speed)]
    pub rate: f64,
    /// How long.
    #[arg(long, value_name = "S", default_value_t = 60)]
    pub seconds: u64,
    /// Records in one frame: a tracker waits until it has so many.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=50))]
    pub records_per_frame: u8,
    /// Out of reach for so many seconds after three times as many in reach; what gathered is then sent at once.
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub burst: Option<u64>,
    /// Share of frames that are sent a second time though they were acknowledged.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub duplicates: f64,
    /// Share of frames after which the connection is dropped and made anew.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub reconnects: f64,
    /// Share of frames beside which a stranger connects and sends noise.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub garbage: f64,
    /// Every so many seconds all of them lose their connections in one instant and come back at once.
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub storm: Option<u64>,
    /// Database of the service (`postgres://…` or `sqlite://…`): afterwards looks whether all that was
    /// acknowledged is there, each record once. Or where its pages are (`http://…`): by its counters,
    /// while nobody else sends. They tell of a loss, but not whether what is stored beyond what was
    /// acknowledged is stored twice or had its answer lost.
    #[arg(long, value_name = "DATABASE_URL|API")]
    pub verify: Option<String>,
}

/// `marshrut replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Recorded positions, CSV or CSV.gz.
    #[arg(long, value_name = "FILE")]
    pub positions: PathBuf,
    /// Recorded seconds a real second, or `max`.
    #[arg(long, default_value = "1", value_parser = replay_speed)]
    pub speed: ReplaySpeed,
    /// Timetable, zip or folder; without --to the recording goes straight into matching.
    #[arg(long, value_name = "ZIP", required_unless_present_any = ["to", "write_devices"])]
    pub gtfs: Option<PathBuf>,
    /// Gateway port: `HOST:PORT` for Teltonika trackers, or `PROTOCOL=HOST:PORT`, repeated for
    /// a mixed fleet.
    #[arg(long, value_name = "[PROTOCOL=]HOST:PORT")]
    pub to: Vec<String>,
    /// First recorded instant to play.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub from: Option<Timestamp>,
    /// Play what was recorded before this instant.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub until: Option<Timestamp>,
    /// Write the list of devices that the gateway needs (device_id,vehicle_id) and stop.
    #[arg(long, value_name = "FILE")]
    pub write_devices: Option<PathBuf>,
    /// Append every acknowledged fix (vehicle_id,time) to this file.
    #[arg(long, value_name = "FILE")]
    pub acknowledged: Option<PathBuf>,
}

/// How fast to play.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ReplaySpeed {
    /// So many recorded seconds a real second.
    Times(f64),
    /// As fast as the gateway acknowledges.
    Max,
}

/// `marshrut match`.
#[derive(Debug, Args)]
pub struct MatchArgs {
    /// GTFS, zip or folder.
    #[arg(long, value_name = "ZIP")]
    pub gtfs: PathBuf,
    /// Recorded positions, CSV or CSV.gz.
    #[arg(long, value_name = "FILE")]
    pub positions: PathBuf,
    /// Where to write the matched fixes, CSV.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Where to write the stop visits, CSV.
    #[arg(long, value_name = "FILE")]
    pub stop_visits: Option<PathBuf>,
    /// What is known of the vehicles' duties beforehand, CSV: vehicle_id and any of route_id,
    /// block_id, trip_id, from, until (instants such as 2026-01-16T19:31:00Z).
    #[arg(long, value_name = "FILE")]
    pub priors: Option<PathBuf>,
    /// Where vehicles are kept, CSV: lat, lon and, if you like, radius_m and name.
    #[arg(long, value_name = "FILE")]
    pub depots: Option<PathBuf>,
    /// Write what is said of each fix the moment it comes in, as riders are shown it, instead of
    /// what the whole day tells.
    #[arg(long)]
    pub live: bool,
}

/// `marshrut export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArg,
    /// Service day, such as 2026-01-16.
    #[arg(long, value_parser = date)]
    pub date: ServiceDate,
    /// Folder to write to; made where it is missing.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(v) if v.is_finite() && v > 0.0 => Ok(v),
        _ => Err("must be a number above 0".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(v) if (0.0..=1.0).contains(&v) => Ok(v),
        _ => Err("must be a share from 0 to 1".to_owned()),
    }
}

fn replay_speed(text: &str) -> Result<ReplaySpeed, String> {
    if text == "max" { Ok(ReplaySpeed::Max) } else { speed(text).map(ReplaySpeed::Times) }
}

fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "is no instant; write it as 2026-01-16T19:31:00Z".to_owned())
}

fn date(text: &str) -> Result<ServiceDate, String> {
    ServiceDate::parse(text).ok_or_else(|| "is no date; write it as 2026-01-16".to_owned())
}

fn protocol(text: &str) -> Result<&'static protocols::Protocol, String> {
    protocols::by_name(text).ok_or_else(|| {
        let names: Vec<_> = protocols::names().collect();
        format!("is no protocol known here; there are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn nonsense_is_a_usage_error() {
        for args in [
            vec!["marshrut", "export", "--date", "2026-13-01", "--out", "x"],
            vec!["marshrut", "demo", "--speed", "0"],
            vec!["marshrut", "demo", "--speed", "nan"],
            vec!["marshrut", "decode", "--protocol", "telepathy"],
            vec!["marshrut", "simulate", "--to", "a:1", "--protocol", "teltonika", "--vehicles", "0"],
        ] {
            assert_eq!(Cli::try_parse_from(&args).unwrap_err().exit_code(), 2, "{args:?}");
        }
    }
}

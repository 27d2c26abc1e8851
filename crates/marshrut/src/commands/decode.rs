//! `marshrut decode`: frames in hex, messages out.

use std::io::{BufRead, BufWriter, Write};

use anyhow::Context as _;
use model::{DeviceId, Timestamp};
use protocols::{Decoder, Kind, Message, Step};

use crate::cli::{DecodeArgs, Format};

/// Most bytes of a connection that may wait for the rest of a frame.
const MAX_PENDING: usize = 1 << 20;

/// Reads standard input to its end. Lines are one connection: a frame may span several.
pub fn run(args: &DecodeArgs) -> anyhow::Result<()> {
    let stdin = std::io::stdin().lock();
    let out = BufWriter::new(std::io::stdout().lock());
    decode(args, stdin, out)
}

/// A message and the protocol it was recognised as, where that was asked.
type Said = (Message, Option<&'static str>);

fn decode(args: &DecodeArgs, input: impl BufRead, mut out: impl Write) -> anyhow::Result<()> {
    let device = args.device.as_deref().map(DeviceId::new).transpose().context("--device")?;
    let now = Timestamp::from(jiff::Timestamp::now());
    let start = |make: fn() -> Box<dyn Decoder>| {
        let mut decoder = make();
        decoder.now(now);
        if let Some(device) = &device {
            decoder.identify(device);
        }
        decoder
    };
    let name = args.protocol.name;
    anyhow::ensure!(!args.udp || args.protocol.datagrams.is_some(), "{name} is not spoken over UDP; leave out --udp");
    let mut decoder = start(args.protocol.decoder);
    if args.format == Format::Table {
        writeln!(
            out,
            "{:>6}  {:<9}  {:<17}  {:<24}  {:>11}  {:>11}  {:>6}",
            "frame", "kind", "device", "time", "lat", "lon", "m/s"
        )?;
    }
    let mut pending = Vec::new();
    for (index, line) in input.lines().enumerate() {
        let line = line.context("cannot read standard input")?;
        let frame = index + 1;
        let bytes = hex::decode(line.trim())
            .with_context(|| format!("line {frame} is not hex; give one frame a line, two digits a byte"))?;
        let begins = pending.is_empty();
        pending.extend_from_slice(&bytes);
        let (mut said, at) = if args.udp { (Vec::new(), 0) } else { stream(decoder.as_mut(), &pending) };
        pending.drain(..at);
        // A line that makes no sense in a connection may be a datagram, where those look otherwise.
        if let Some(make) = args.protocol.datagrams
            && (args.udp || (begins && (!pending.is_empty() || said.iter().any(|(m, _)| is_error(m)))))
        {
            let datagram = datagram(start(make).as_mut(), &bytes);
            let is_whole = datagram.iter().all(|(message, _)| !is_error(message)) && !datagram.is_empty();
            if args.udp || is_whole {
                anyhow::ensure!(!datagram.is_empty() || bytes.is_empty(), "line {frame} is no whole datagram");
                said = datagram;
                pending.clear();
            }
        }
        for (message, protocol) in &said {
            print(args.format, frame, message, *protocol, &mut out)?;
        }
        anyhow::ensure!(pending.len() <= MAX_PENDING, "line {frame}: {} bytes and still no frame", pending.len());
    }
    if !pending.is_empty() {
        out.flush()?;
        anyhow::bail!(
            "the last {} bytes are no whole frame: {}",
            pending.len(),
            hex::encode(pending.get(..32).unwrap_or(&pending))
        );
    }
    out.flush().context("cannot write to standard output")
}

fn is_error(message: &Message) -> bool {
    matches!(message.kind, Kind::Error(_))
}

/// The messages that the bytes of a connection begin with, and how many bytes they took.
fn stream(decoder: &mut dyn Decoder, bytes: &[u8]) -> (Vec<Said>, usize) {
    let (mut said, mut at) = (Vec::new(), 0);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        // A text frame may have lost its line end; a binary one may go on in the next line.
        let step = match decoder.decode(rest) {
            Step::Need => decoder.decode_last(rest),
            step @ Step::Took { .. } => step,
        };
        let Step::Took { consumed, message } = step else { break };
        at += consumed.clamp(1, rest.len());
        said.push((message, decoder.protocol()));
    }
    (said, at)
}

/// All messages of a datagram; none where it is not whole.
fn datagram(decoder: &mut dyn Decoder, bytes: &[u8]) -> Vec<Said> {
    let (mut said, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let Step::Took { consumed, message } = decoder.decode_last(rest) else { return Vec::new() };
        rest = rest.get(consumed.max(1)..).unwrap_or_default();
        said.push((message, decoder.protocol()));
    }
    said
}

fn print(
    format: Format,
    frame: usize,
    message: &Message,
    protocol: Option<&str>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if format == Format::Json {
        let mut json = protocols::json::message(frame, message);
        if let (Some(protocol), Some(object)) = (protocol, json.as_object_mut()) {
            object.insert("protocol".into(), protocol.into());
        }
        return Ok(writeln!(out, "{json}")?);
    }
    let device = message.device.as_ref().map_or("", DeviceId::as_str);
    let kind = message.kind.name();
    let batch = match &message.kind {
        Kind::Fixes(batch) => batch,
        Kind::Error(error) => return Ok(writeln!(out, "{frame:>6}  {kind:<9}  {device:<17}  {error}")?),
        _ => return Ok(writeln!(out, "{frame:>6}  {kind:<9}  {device:<17}")?),
    };
    for fix in &batch.fixes {
        let place = fix
            .position
            .map_or_else(|| format!("{:>11}  {:>11}", "-", "-"), |p| format!("{:>11.6}  {:>11.6}", p.lat(), p.lon()));
        let speed = fix.speed_mps.map_or_else(|| "-".to_owned(), |s| format!("{s:.1}"));
        writeln!(out, "{frame:>6}  {kind:<9}  {device:<17}  {:<24}  {place}  {speed:>6}", fix.time.to_string())?;
    }
    Ok(())
}

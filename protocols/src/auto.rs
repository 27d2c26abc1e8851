//! One port for all: the protocol is recognised from the first bytes of the connection.
//!
//! Protocols that [`Likeness::No`] to what has come are out. One that is certain, or the only
//! one left that is likely, takes the connection over. Where several remain, those that can
//! read a whole message stand against each other; where none can yet, more bytes are waited
//! for, up to [`MAX_PROBE`].

use model::{DeviceId, Timestamp};

use crate::{DecodeError, Decoder, Kind, Likeness, Message, Protocol, REGISTRY, Step};

/// Bytes after which the most likely protocol is taken, or the connection given up.
pub const MAX_PROBE: usize = 4096;

const UNKNOWN: DecodeError = DecodeError::Framing("the first bytes are those of no protocol known here");

/// The decoder of a connection of any protocol.
#[derive(Default)]
pub struct Auto {
    chosen: Option<(&'static Protocol, Box<dyn Decoder>)>,
    device: Option<DeviceId>,
    now: Option<Timestamp>,
    datagrams: bool,
}

impl Auto {
    /// For datagrams: each protocol reads them as it reads datagrams.
    pub fn datagrams() -> Self {
        Self { datagrams: true, ..Self::default() }
    }

    fn start(&self, protocol: &Protocol) -> Option<Box<dyn Decoder>> {
        let make = if self.datagrams { protocol.datagrams? } else { protocol.decoder };
        let mut decoder = make();
        if let Some(device) = &self.device {
            decoder.identify(device);
        }
        if let Some(now) = self.now {
            decoder.now(now);
        }
        Some(decoder)
    }

    /// The protocol that these bytes begin, once that is clear.
    fn recognise(&self, input: &[u8], last: bool) -> Option<&'static Protocol> {
        let mut candidates: Vec<(Likeness, &'static Protocol)> = REGISTRY
            .iter()
            .filter(|p| !self.datagrams || p.datagrams.is_some())
            .map(|p| ((p.likeness)(input), p))
            .filter(|(likeness, _)| *likeness > Likeness::No)
            .collect();
        candidates.sort_by_key(|(likeness, _)| std::cmp::Reverse(*likeness));
        match candidates.as_slice() {
            [] => return None,
            [(Likeness::Certain, only), (Likeness::No | Likeness::Possible | Likeness::Likely, _), ..]
            | [(Likeness::Certain | Likeness::Likely, only)] => return Some(only),
            _ => {}
        }
        let end = last || input.len() >= MAX_PROBE;
        let read = candidates.iter().max_by_key(|(likeness, p)| {
            let order = std::cmp::Reverse(REGISTRY.iter().position(|r| r.name == p.name));
            (self.reads(p, input, end), *likeness, order)
        });
        match read {
            Some((_, protocol)) if self.reads(protocol, input, end) > Reading::Nothing => Some(protocol),
            _ if end => candidates.iter().find(|(likeness, _)| *likeness > Likeness::Possible).map(|(_, p)| *p),
            _ => None,
        }
    }

    /// How well a protocol reads what has come.
    fn reads(&self, protocol: &Protocol, input: &[u8], last: bool) -> Reading {
        let Some(mut decoder) = self.start(protocol) else { return Reading::Nothing };
        match if last { decoder.decode_last(input) } else { decoder.decode(input) } {
            Step::Need => Reading::Nothing,
            Step::Took { message, .. } => match message.kind {
                Kind::Error(_) => Reading::Nothing,
                _ if message.defect.is_some() => Reading::Defect,
                Kind::Ignored => Reading::Ignored,
                Kind::Fixes(_) | Kind::Login | Kind::Heartbeat | Kind::Event => Reading::Whole,
            },
        }
    }

    fn step(&mut self, input: &[u8], last: bool) -> Step {
        if self.chosen.is_none() && !input.is_empty() {
            let Some(protocol) = self.recognise(input, last) else {
                let none_left = REGISTRY.iter().all(|p| (p.likeness)(input) == Likeness::No);
                return if none_left || last || input.len() >= MAX_PROBE {
                    Message::new(Kind::Error(UNKNOWN), self.device.as_ref()).took(input.len())
                } else {
                    Step::Need
                };
            };
            self.chosen = self.start(protocol).map(|decoder| (protocol, decoder));
        }
        match &mut self.chosen {
            Some((_, decoder)) if last => decoder.decode_last(input),
            Some((_, decoder)) => decoder.decode(input),
            None => Step::Need,
        }
    }
}

/// How well a protocol reads a message; more is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reading {
    Nothing,
    Ignored,
    Defect,
    Whole,
}

impl Decoder for Auto {
    fn decode(&mut self, input: &[u8]) -> Step {
        self.step(input, false)
    }

    fn decode_last(&mut self, input: &[u8]) -> Step {
        self.step(input, true)
    }

    fn identify(&mut self, device: &DeviceId) {
        self.device = Some(device.clone());
        if let Some((_, decoder)) = &mut self.chosen {
            decoder.identify(device);
        }
    }

    fn now(&mut self, now: Timestamp) {
        self.now = Some(now);
        if let Some((_, decoder)) = &mut self.chosen {
            decoder.now(now);
        }
    }

    fn protocol(&self) -> Option<&'static str> {
        self.chosen.as_ref().map(|(protocol, _)| protocol.name)
    }
}

//! What TCP sessions, datagrams and MQTT sources have in common: from a decoded message to the journal.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use journal::{Journal, JournalError, Receipt};
use model::{Clock, DeviceId, FixBatch, MAX_REPORT_FIXES, Report, Timestamp, VehicleId};
use protocols::DecodeError;

use crate::clock;
use crate::connected::Connected;
use crate::meters::Meters;
use crate::quarantine::{Entry, Quarantine};
use crate::throttle::Throttle;
use crate::{Admission, Limits, Registry};

/// One for the whole gateway.
pub(crate) struct Intake {
    journal: Journal,
    registry: Arc<ArcSwap<Registry>>,
    clock: Clock,
    quarantine: Quarantine,
    pub limits: Limits,
    refusals: Throttle,
    errors: Throttle,
    pub failures: Throttle,
    pub connected: Arc<Connected>,
}

/// A device that was admitted, and by which registry.
#[derive(Debug)]
pub(crate) struct Identity {
    pub device: DeviceId,
    vehicle: VehicleId,
    registry: Arc<Registry>,
}

/// What is wrong with a report that is too much for the journal; `None` for other errors.
pub(crate) fn out_of_bounds(error: &JournalError) -> Option<DecodeError> {
    match *error {
        JournalError::TooLarge(found) => {
            Some(DecodeError::Length { what: "report", found, limit: journal::MAX_REPORT_BYTES })
        }
        JournalError::TooMany(found) => {
            Some(DecodeError::Count { what: "most fixes of a report", stated: MAX_REPORT_FIXES, found })
        }
        _ => None,
    }
}

impl Intake {
    pub(crate) fn new(
        journal: Journal,
        registry: Arc<ArcSwap<Registry>>,
        clock: Clock,
        quarantine: Quarantine,
        limits: Limits,
    ) -> Self {
        let (refusals, errors, failures) = (Throttle::new(), Throttle::new(), Throttle::new());
        Self { journal, registry, clock, quarantine, limits, refusals, errors, failures, connected: Arc::default() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Who a device is to the registry; `known` is kept while both are the same.
    /// `None`: refused, counted and logged.
    pub(crate) fn identify(
        &self,
        protocol: &'static str,
        peer: &dyn fmt::Display,
        device: &DeviceId,
        known: Option<Identity>,
    ) -> Option<Identity> {
        let registry = self.registry.load();
        if let Some(known) = known
            && known.device == *device
            && Arc::ptr_eq(&known.registry, &registry)
        {
            return Some(known);
        }
        match registry.admit(device) {
            Admission::Vehicle(vehicle) => {
                Some(Identity { device: device.clone(), vehicle, registry: Arc::clone(&registry) })
            }
            Admission::NotListed => {
                metrics::counter!("marshrut_gateway_refused_total", "protocol" => protocol, "reason" => "not_listed")
                    .increment(1);
                if let Some(suppressed) = self.refusals.pass() {
                    tracing::warn!(
                        protocol, %device, %peer, suppressed,
                        "refused a device that is not in the device list; add it, or switch the allow-list off"
                    );
                }
                None
            }
        }
    }

    /// Puts fixes in the journal's queue, waiting while that is full.
    pub(crate) fn submit(
        &self,
        meters: &Meters,
        identity: &Identity,
        mut batch: FixBatch,
    ) -> impl Future<Output = Result<Receipt, JournalError>> + Send + use<'_> {
        let received_at = self.clock.now();
        meters.fixes.increment(batch.fixes.len() as u64);
        let wrong = clock::check(&mut batch, received_at);
        if wrong > 0 {
            meters.clock_wrong.increment(wrong as u64);
        }
        let report = Report {
            device: identity.device.clone(),
            vehicle: identity.vehicle.clone(),
            protocol: meters.protocol.into(),
            received_at,
            batch,
        };
        self.journal.submit(&report)
    }

    /// Counts, keeps and at times logs what could not be decoded.
    pub(crate) fn undecodable(&self, entry: Entry) {
        let (protocol, reason) = (entry.protocol, entry.reason);
        metrics::counter!("marshrut_gateway_errors_total", "protocol" => protocol, "reason" => reason).increment(1);
        if let Some(suppressed) = self.errors.pass() {
            let peer = entry.peer.map(|p| p.to_string()).or_else(|| entry.topic.clone()).unwrap_or_default();
            let device = entry.device.as_ref().map_or("", DeviceId::as_str);
            tracing::warn!(protocol, reason, peer, device, suppressed, "{}", entry.error);
        }
        self.quarantine.keep(entry);
    }

    /// Logs at times that the journal did not take a report.
    pub(crate) fn not_journaled(&self, protocol: &'static str, error: &JournalError) {
        metrics::counter!("marshrut_gateway_not_journaled_total", "protocol" => protocol).increment(1);
        if let Some(suppressed) = self.failures.pass() {
            tracing::error!(protocol, suppressed, "not acknowledged, the sender keeps its records: {error}");
        }
    }
}

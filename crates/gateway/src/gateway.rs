//! Start and stop of the whole.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use journal::Journal;
use model::Clock;
use tokio::net::UdpSocket;
use tokio::time::{Duration, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::intake::Intake;
use crate::listener::{Acceptor, bind};
use crate::meters::Meters;
use crate::mqtt::Source;
use crate::open_files::OpenFiles;
use crate::places::Places;
use crate::quarantine::Quarantine;
use crate::throttle::Throttle;
use crate::udp::Datagrams;
use crate::{GatewayError, Registry, Settings};

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    addresses: Vec<(String, SocketAddr)>,
    datagram_addresses: Vec<(String, SocketAddr)>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    abort: CancellationToken,
    drain_timeout: Duration,
}

/// Opens all ports, and when that has worked, runs until `shutdown` is cancelled. Brokers
/// need not be there yet. A new registry put in `registry` holds from the next message on.
pub async fn serve(
    settings: Settings,
    registry: Arc<ArcSwap<Registry>>,
    journal: Journal,
    clock: Clock,
    shutdown: CancellationToken,
) -> Result<Gateway, GatewayError> {
    let Settings { listeners, datagrams, mqtt, limits, quarantine } = settings;
    let mut bound = Vec::with_capacity(listeners.len());
    for listener in &listeners {
        let protocol = listener.protocol()?;
        let socket = bind(listener.address).map_err(|reason| listener.failed(reason))?;
        let address = socket.local_addr().map_err(|reason| listener.failed(reason))?;
        bound.push((protocol, socket, address));
    }
    let mut bound_datagrams = Vec::with_capacity(datagrams.len());
    for listener in &datagrams {
        let protocol = listener.protocol()?;
        let socket = UdpSocket::bind(listener.address).await.map_err(|reason| listener.failed(reason))?;
        let address = socket.local_addr().map_err(|reason| listener.failed(reason))?;
        bound_datagrams.push((protocol, socket, address));
    }
    let sources = mqtt.into_iter().map(Source::new).collect::<Result<Vec<_>, _>>()?;
    let folder = quarantine.as_ref().map(|q| q.folder.clone()).unwrap_or_default();
    let quarantine =
        Quarantine::open(quarantine.as_ref()).map_err(|reason| GatewayError::Quarantine { folder, reason })?;

    let open_files = OpenFiles::raise();
    if let Some(shortfall) = open_files.shortfall(limits.max_connections) {
        tracing::warn!("{shortfall}");
    }
    let places = Arc::new(Places::new(open_files.connections(limits.max_connections), limits.max_per_address));
    let drain_timeout = limits.drain_timeout;
    let intake = Arc::new(Intake::new(journal, registry, clock, quarantine, limits));
    let (complaints, crowding) = (Arc::new(Throttle::new()), Arc::new(Throttle::new()));
    let (tasks, abort) = (TaskTracker::new(), CancellationToken::new());
    let mut addresses = Vec::with_capacity(bound.len());
    for (protocol, socket, address) in bound {
        tracing::info!(protocol = protocol.name, %address, "listening for trackers");
        addresses.push((protocol.name.to_owned(), address));
        let acceptor = Acceptor {
            protocol,
            meters: Meters::of(protocol.name),
            socket,
            intake: Arc::clone(&intake),
            places: Arc::clone(&places),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
            abort: abort.clone(),
            complaints: Arc::clone(&complaints),
            crowding: Arc::clone(&crowding),
        };
        tasks.spawn(acceptor.run());
    }
    let mut datagram_addresses = Vec::with_capacity(bound_datagrams.len());
    for (protocol, socket, address) in bound_datagrams {
        let port = Datagrams::new(protocol, socket, Arc::clone(&intake));
        let port = port.ok_or(GatewayError::NoDatagrams(protocol.name))?;
        tracing::info!(protocol = protocol.name, %address, "listening for trackers' datagrams");
        datagram_addresses.push((protocol.name.to_owned(), address));
        let (shutdown, abort) = (shutdown.clone(), abort.clone());
        tasks.spawn(async move { abort.run_until_cancelled(port.run(shutdown)).await });
    }
    for source in sources {
        let (intake, shutdown, abort) = (Arc::clone(&intake), shutdown.clone(), abort.clone());
        tasks.spawn(async move { abort.run_until_cancelled(source.run(intake, shutdown)).await });
    }
    Ok(Gateway { addresses, datagram_addresses, tasks, shutdown, abort, drain_timeout })
}

impl Gateway {
    /// What is listened on: each protocol's name and address, with the port that was taken.
    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.addresses
    }

    /// The same for datagrams.
    pub fn datagram_addresses(&self) -> &[(String, SocketAddr)] {
        &self.datagram_addresses
    }

    /// Waits for the token to be cancelled and for all connections to end: what was read is
    /// journaled and answered. Those that take longer than the drain time-out are cut off;
    /// what they were not answered for, their trackers send again.
    pub async fn stopped(self) {
        self.shutdown.cancelled().await;
        self.tasks.close();
        if timeout(self.drain_timeout, self.tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.tasks.len(), "cut off connections that did not drain in time");
            self.abort.cancel();
            self.tasks.wait().await;
        }
    }
}

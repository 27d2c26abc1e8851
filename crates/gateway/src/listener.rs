//! One TCP port: accepts, within the limits, and gives each connection its session.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use protocols::Protocol;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::intake::Intake;
use crate::meters::Meters;
use crate::places::{NoPlace, Places};
use crate::session::{End, Session};
use crate::throttle::Throttle;

/// Connections that the kernel holds until they are accepted: a whole fleet may come back at
/// once after an outage.
const BACKLOG: u32 = 4096;
/// Pause after accepting failed, which is for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Silence after which the kernel asks whether the peer is there, how often it then asks, and
/// how many answers it may miss: half-open connections end after two minutes.
fn keepalive() -> TcpKeepalive {
    const SILENCE: Duration = Duration::from_mins(1);
    const EVERY: Duration = Duration::from_secs(20);
    const MISSED: u32 = 3;
    TcpKeepalive::new().with_time(SILENCE).with_interval(EVERY).with_retries(MISSED)
}

/// Opens a port.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    #[cfg(unix)]
    socket.set_reuseaddr(true)?; // or a restart would wait for the old connections' TIME_WAIT
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// One TCP port for one protocol.
pub(crate) struct Acceptor {
    pub protocol: &'static Protocol,
    pub meters: Arc<Meters>,
    pub socket: TcpListener,
    pub intake: Arc<Intake>,
    /// One for each connection, over all listeners.
    pub places: Arc<Places>,
    pub tasks: TaskTracker,
    /// Ends sessions after what they have read.
    pub shutdown: CancellationToken,
    /// Ends sessions at once.
    pub abort: CancellationToken,
    pub complaints: Arc<Throttle>,
    /// One address must not keep other complaints out of the log.
    pub crowding: Arc<Throttle>,
}

impl Acceptor {
    /// Accepts until the gateway stops.
    pub(crate) async fn run(self) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer),
                // This one connection has gone again.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
                Err(error) => {
                    metrics::counter!("marshrut_gateway_accept_errors_total", "protocol" => self.protocol.name)
                        .increment(1);
                    if let Some(suppressed) = self.complaints.pass() {
                        let protocol = self.protocol.name;
                        tracing::error!(protocol, %error, suppressed, "cannot accept connections; raise the limit of open files");
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Starts a session, or closes the connection where there are enough.
    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let protocol = self.protocol.name;
        let place = match self.places.take(peer.ip()) {
            Ok(place) => place,
            Err(why) => return self.turn_away(peer, why),
        };
        metrics::counter!("marshrut_gateway_connections_total", "protocol" => protocol).increment(1);
        let gauge = metrics::gauge!("marshrut_gateway_connections", "protocol" => protocol);
        gauge.increment(1.0);
        // Replies are a few bytes and are waited for.
        let _ = stream.set_nodelay(true);
        // A tracker that lost its network says nothing; the kernel finds out.
        let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive());
        let (shutdown, abort, finish) = (self.shutdown.clone(), self.abort.clone(), self.shutdown.child_token());
        let meters = Arc::clone(&self.meters);
        let session = Session::new(Arc::clone(&self.intake), (self.protocol, meters), (stream, peer), finish);
        self.tasks.spawn(async move {
            // By reference, or there would be room for it twice.
            let run = pin!(session.run());
            let end = match abort.run_until_cancelled(run).await {
                Some(End::Shutdown) if !shutdown.is_cancelled() => Some(End::Replaced),
                end => end,
            };
            let reason = end.map_or("aborted", End::reason);
            metrics::counter!("marshrut_gateway_closed_total", "protocol" => protocol, "reason" => reason).increment(1);
            tracing::debug!(protocol, %peer, reason, "connection closed");
            gauge.decrement(1.0);
            drop(place);
        });
    }

    /// Counts a connection that there is no place for, and at times logs it.
    fn turn_away(&self, peer: SocketAddr, why: NoPlace) {
        let protocol = self.protocol.name;
        let (reason, complaints) = match why {
            NoPlace::Full => ("full", &self.complaints),
            NoPlace::Address => ("address", &self.crowding),
        };
        metrics::counter!("marshrut_gateway_closed_total", "protocol" => protocol, "reason" => reason).increment(1);
        let Some(suppressed) = complaints.pass() else { return };
        let advice = match why {
            NoPlace::Full => "there are as many as allowed; raise gateway.max_connections",
            NoPlace::Address => {
                "its address has as many as one may have; if that is a proxy or an operator's, raise gateway.max_per_address"
            }
        };
        tracing::warn!(protocol, %peer, suppressed, "closed a connection: {advice}");
    }
}

//! One TCP port: accepts, within the limits, and gives each connection its session.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use protocols::Protocol;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::intake::Intake;
use crate::meters::Meters;
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
    /// One permit a connection, over all listeners.
    pub slots: Arc<Semaphore>,
    pub tasks: TaskTracker,
    /// Ends sessions after what they have read.
    pub shutdown: CancellationToken,
    /// Ends sessions at once.
    pub abort: CancellationToken,
    pub complaints: Arc<Throttle>,
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
                Err(error) => {
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
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            metrics::counter!("marshrut_gateway_closed_total", "protocol" => protocol, "reason" => "full").increment(1);
            if let Some(suppressed) = self.complaints.pass() {
                tracing::warn!(protocol, %peer, suppressed, "closed a connection: there are as many as allowed; raise max_connections");
            }
            return;
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
            let end = match abort.run_until_cancelled(session.run()).await {
                Some(End::Shutdown) if !shutdown.is_cancelled() => Some(End::Replaced),
                end => end,
            };
            let reason = end.map_or("aborted", End::reason);
            metrics::counter!("marshrut_gateway_closed_total", "protocol" => protocol, "reason" => reason).increment(1);
            tracing::debug!(protocol, %peer, reason, "connection closed");
            gauge.decrement(1.0);
            drop(slot);
        });
    }
}

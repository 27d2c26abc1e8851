//! What is measured: our gateway with its journal, and a server that does nothing.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use gateway::{Gateway, Limits, Listener, Registry, Settings};
use journal::{Journal, Options};
use model::{Clock, PseudonymKey, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::load::{LOGIN, Load, Outcome};

const BUFFER: usize = 64 << 10;

/// A server with a runtime of its own.
pub struct Server {
    runtime: Runtime,
    /// Where it listens.
    pub address: SocketAddr,
    /// Ours, with what it writes.
    ours: Option<(Gateway, Journal, CancellationToken, tempfile::TempDir)>,
}

impl Server {
    /// Reads, counts and answers four bytes a frame.
    pub fn sink(frame: usize) -> Self {
        let runtime = runtime();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(swallow(stream, frame));
            }
        });
        Self { runtime, address, ours: None }
    }

    /// The gateway with a journal in this folder.
    pub fn gateway(folder: &Path) -> Self {
        let runtime = runtime();
        let folder = tempfile::tempdir_in(folder).unwrap();
        let started = runtime.block_on(async {
            let journal = Journal::open(folder.path(), Options::default()).unwrap();
            let listener = Listener { protocol: "teltonika".into(), address: SocketAddr::from(([127, 0, 0, 1], 0)) };
            let limits = Limits { max_connections: 200_000, ..Limits::default() };
            let settings = Settings { listeners: vec![listener], limits, ..Settings::default() };
            let registry = Arc::new(ArcSwap::from_pointee(Registry::open(PseudonymKey::new([7; 16]))));
            let (stop, clock) = (CancellationToken::new(), Clock::new(|| Timestamp::from_secs(1_763_000_000)));
            let gateway = gateway::serve(settings, registry, journal.clone(), clock, stop.clone()).await.unwrap();
            (gateway, journal, stop)
        });
        let (gateway, journal, stop) = started;
        let address = gateway.addresses()[0].1;
        Self { runtime, address, ours: Some((gateway, journal, stop, folder)) }
    }

    /// What trackers get from it in so much time.
    pub fn under(self, load: &Load, time: Duration) -> Outcome {
        let outcome = load.run(self.address, time);
        if let Some((gateway, journal, stop, _folder)) = self.ours {
            self.runtime.block_on(async {
                stop.cancel();
                gateway.stopped().await;
                journal.close().await.unwrap();
            });
        }
        self.runtime.shutdown_timeout(Duration::from_secs(10));
        outcome
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

async fn swallow(mut stream: TcpStream, frame: usize) {
    let mut buffer = vec![0; BUFFER];
    let mut login = [0; LOGIN];
    if stream.read_exact(&mut login).await.is_err() || stream.write_all(&[1]).await.is_err() {
        return;
    }
    let mut swallowed = 0;
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        swallowed += read;
        while swallowed >= frame {
            swallowed -= frame;
            if stream.write_all(&[0, 0, 0, 1]).await.is_err() {
                return;
            }
        }
    }
}

//! What real fleets do to a gateway besides behaving.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::drive::Rng;
use crate::tally::Tally;

/// Most noise of one connection, bytes.
const MAX_NOISE: usize = 2048;
/// How long a connection that sent noise waits to be closed.
const NOISE_TIMEOUT: Duration = Duration::from_secs(2);

/// How often trackers misbehave, each as a share of frames from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mischief {
    /// An acknowledged frame is sent a second time.
    pub duplicates: f64,
    /// After a frame the connection is dropped and made anew.
    pub reconnects: f64,
    /// Beside a frame somebody connects and sends noise.
    pub garbage: f64,
}

/// One tracker's share of it.
pub(crate) struct Imp {
    mischief: Mischief,
    rng: Rng,
}

impl Imp {
    pub(crate) fn new(mischief: Mischief, name: &str) -> Self {
        Self { mischief, rng: Rng::new(0).fork(name) }
    }

    pub(crate) fn sends_twice(&mut self) -> bool {
        self.rng.chance(self.mischief.duplicates)
    }

    pub(crate) fn hangs_up(&mut self) -> bool {
        self.rng.chance(self.mischief.reconnects)
    }

    /// Sends noise over a connection of its own, if it is in the mood, and waits until the
    /// gateway has had enough of it.
    pub(crate) async fn make_noise(&mut self, address: SocketAddr, tally: &Tally) {
        if !self.rng.chance(self.mischief.garbage) {
            return;
        }
        let bytes: Vec<u8> = (0..MAX_NOISE / 8).flat_map(|_| self.rng.next().to_le_bytes()).collect();
        let noise = async {
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all(&bytes).await?;
            stream.shutdown().await?;
            let mut answer = [0u8; 256];
            while stream.read(&mut answer).await? > 0 {}
            Ok::<_, std::io::Error>(())
        };
        // However it ends: noise is owed no answer.
        drop(timeout(NOISE_TIMEOUT, noise).await);
        tally.garbage.fetch_add(1, Relaxed);
    }
}

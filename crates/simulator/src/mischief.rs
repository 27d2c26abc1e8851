//! What real fleets do to a gateway besides behaving.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

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
    /// So often all of them lose their connections in the same instant and come back at once,
    /// as when a gateway or a mobile network starts again.
    pub storm: Option<Duration>,
}

/// One tracker's share of it.
pub(crate) struct Imp {
    mischief: Mischief,
    rng: Rng,
    storm: Option<Instant>,
}

impl Imp {
    /// Storms are counted from `start`, which all of a fleet have in common.
    pub(crate) fn new(mischief: Mischief, name: &str, start: Instant) -> Self {
        let storm = mischief.storm.filter(|every| !every.is_zero()).and_then(|every| start.checked_add(every));
        Self { mischief, rng: Rng::new(0).fork(name), storm }
    }

    /// When the next storm is.
    pub(crate) const fn storm(&self) -> Option<Instant> {
        self.storm
    }

    /// Whether a storm has come that this tracker has not seen yet.
    pub(crate) fn is_hit(&mut self, now: Instant) -> bool {
        let Some((storm, every)) = self.storm.zip(self.mischief.storm).filter(|(storm, _)| *storm <= now) else {
            return false;
        };
        let missed = now.duration_since(storm).as_nanos() / every.as_nanos().max(1) + 1;
        self.storm = u32::try_from(missed).ok().and_then(|n| every.checked_mul(n)).and_then(|d| storm.checked_add(d));
        true
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

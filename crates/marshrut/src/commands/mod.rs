//! One file a command.

pub mod check;
pub mod decode;
pub mod demo;
pub mod export;
pub mod matching;
pub mod replay;
pub mod serve;
pub mod simulate;
pub mod verify;

use simulator::Recording;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Says which rows of a recording could not be used.
pub fn say_skips(recording: &Recording) {
    let skips = recording.skips();
    if skips.count > 0 {
        tracing::warn!("{}: {} rows skipped", recording.positions_path().display(), skips.count);
        for reason in &skips.first {
            tracing::warn!("  {reason}");
        }
    }
}

/// Ends when the process is asked to end.
pub async fn interrupted() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            // Without the handler the signal ends the process by itself.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// A token that is pulled when the process is asked to end.
pub fn cancelled_by_signal() -> CancellationToken {
    let token = CancellationToken::new();
    let pulled = token.clone();
    tokio::spawn(async move {
        interrupted().await;
        pulled.cancel();
    });
    token
}

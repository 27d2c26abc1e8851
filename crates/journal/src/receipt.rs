//! The answer about one submitted report.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::{oneshot, watch};

use crate::{JournalError, Position};

/// Who is told what became of a report.
pub(crate) type Waiter = oneshot::Sender<Result<Position, JournalError>>;

/// The promise of an answer about one submitted report.
pub struct Receipt(Answer);

enum Answer {
    /// Once it is on stable storage.
    Durable(oneshot::Receiver<Result<Position, JournalError>>),
    /// Once a forwarder has passed it as well.
    Forwarded(Pin<Box<dyn Future<Output = Result<Position, JournalError>> + Send + Sync>>),
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Receipt")
    }
}

impl Receipt {
    /// Of what the writer answers and, where a forwarder is waited for, of how far that has got.
    pub(crate) fn of(
        durable: oneshot::Receiver<Result<Position, JournalError>>,
        acknowledge_after: Option<watch::Receiver<Position>>,
    ) -> Self {
        Self(match acknowledge_after {
            None => Answer::Durable(durable),
            Some(upto) => Answer::Forwarded(Box::pin(forwarded(durable, upto))),
        })
    }

    /// Waits until the report is on stable storage, or is not going to be.
    pub async fn durable(self) -> Result<Position, JournalError> {
        self.await
    }
}

/// Resolves like [`Receipt::durable`].
impl Future for Receipt {
    type Output = Result<Position, JournalError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Answer::Durable(answer) => {
                Pin::new(answer).poll(context).map(|answer| answer.unwrap_or_else(|_| Err(writer_gone())))
            }
            Answer::Forwarded(answer) => answer.as_mut().poll(context),
        }
    }
}

/// Waits for the disk and then for the forwarder.
async fn forwarded(
    durable: oneshot::Receiver<Result<Position, JournalError>>,
    mut upto: watch::Receiver<Position>,
) -> Result<Position, JournalError> {
    let position = durable.await.unwrap_or_else(|_| Err(writer_gone()))?;
    upto.wait_for(|upto| *upto >= position).await.map_err(|_| JournalError::Closed)?;
    Ok(position)
}

pub(crate) fn writer_gone() -> JournalError {
    JournalError::Failed("its writer has stopped; see the log and restart".into())
}

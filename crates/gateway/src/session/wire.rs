//! What a session does with its socket and with replies that wait for their turn.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;

use bytes::BytesMut;
use journal::{JournalError, Receipt};
use protocols::Reply;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, timeout};

use crate::meters::Meters;

/// Bytes asked of the socket at once.
const READ_BYTES: usize = 4 << 10;

/// A reply that waits for its turn.
pub(super) enum Owed {
    /// Nothing to keep: it goes out when those before it have.
    Reply(Reply),
    /// It goes out when the report is durable.
    Journaled { receipt: Receipt, reply: Reply, fixes: u64, read: Instant },
}

/// Reads once, 0 at the end of the stream. Takes memory only when there is something to read.
pub(super) async fn read(stream: &mut TcpStream, input: &mut BytesMut) -> io::Result<usize> {
    stream.readable().await?;
    input.reserve(READ_BYTES);
    // This, unlike a try, knows a socket that gave less than it was asked for to be empty.
    stream.read_buf(input).await
}

/// Writes all; at once where the socket has room, as it has for replies of a few bytes.
pub(super) async fn write(stream: &mut TcpStream, output: &[u8], patience: Duration) -> bool {
    let written = stream.try_write(output).unwrap_or(0);
    match output.get(written..) {
        None | Some([]) => true,
        Some(rest) => matches!(timeout(patience, stream.write_all(rest)).await, Ok(Ok(()))),
    }
}

/// Moves replies that are due, in order, to the output; waits for the first when there is
/// none. Gives the number of fixes that they acknowledge. Dropped before it is ready, it has
/// moved nothing.
pub(super) async fn settle(
    owed: &mut VecDeque<Owed>,
    output: &mut Vec<u8>,
    meters: &Meters,
) -> Result<u64, JournalError> {
    let (mut moved, mut acknowledged) = (false, 0);
    poll_fn(|context| {
        while let Some(next) = owed.front_mut() {
            match next {
                Owed::Reply(reply) => output.extend_from_slice(reply),
                Owed::Journaled { receipt, reply, fixes, read } => match Pin::new(receipt).poll(context) {
                    Poll::Ready(Ok(_)) => {
                        output.extend_from_slice(reply);
                        acknowledged += *fixes;
                        meters.durable(read.elapsed());
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending if moved => break,
                    Poll::Pending => return Poll::Pending,
                },
            }
            moved = true;
            owed.pop_front();
        }
        Poll::Ready(Ok(acknowledged))
    })
    .await
}

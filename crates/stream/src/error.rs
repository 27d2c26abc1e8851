//! What can go wrong with the stream.

/// Why the stream could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// An address that is none.
    #[error("nats.url `{url}`: {reason}; write nats://host:4222, several with commas between them")]
    Url {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No server, or one that does not do it now: the same call may succeed later.
    #[error("NATS: {what} ({reason}); is the server running with JetStream, and is nats.url right?")]
    Unavailable {
        /// What was tried.
        what: &'static str,
        /// What the client says.
        reason: String,
    },
    /// A message larger than the server takes: it has to be made anew, in parts.
    #[error("a message of {bytes} bytes is more than the NATS server takes ({most}); raise its max_payload")]
    TooLarge {
        /// The message.
        bytes: usize,
        /// The server's limit.
        most: usize,
    },
    /// A message that no gateway has written.
    #[error("message {sequence} of the stream is damaged ({reason}); was it written by a newer marshrut?")]
    Damaged {
        /// Which one.
        sequence: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The journal could not be read.
    #[error("the forwarder cannot go on: {0}")]
    Journal(#[from] journal::JournalError),
    /// Told to stop before everything was forwarded.
    #[error("stopped with reports not forwarded yet; the next start goes on from them")]
    Stopped,
}

impl StreamError {
    pub(crate) fn unavailable(what: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Unavailable { what, reason: reason.to_string() }
    }
}

//! How connections end.

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The tracker closed it.
    Peer,
    /// The socket failed, or the tracker did not take its replies.
    Io,
    /// The device is not wanted.
    Refused,
    /// Records came before anyone said whose they are.
    Nobody,
    /// It is no longer known where a message starts, or there were too many errors.
    Undecodable,
    /// The device did not say who it is.
    LoginTimeout,
    /// A message was begun and not finished.
    FrameTimeout,
    /// Nothing came.
    IdleTimeout,
    /// The journal takes nothing.
    Journal,
    /// The device has logged in on another connection.
    Replaced,
    /// The gateway stops.
    Shutdown,
}

impl End {
    /// Its label in the counters.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Io => "io",
            Self::Refused => "refused",
            Self::Nobody => "nobody",
            Self::Undecodable => "undecodable",
            Self::LoginTimeout => "login_timeout",
            Self::FrameTimeout => "frame_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::Journal => "journal",
            Self::Replaced => "replaced",
            Self::Shutdown => "shutdown",
        }
    }
}

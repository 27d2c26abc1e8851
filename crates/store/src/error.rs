//! What can go wrong with a database, by what can be done about it.

use sqlx::Error as Sqlx;

use crate::url::Shown;

/// Why the store could not do what was asked. Messages never hold the URL's password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL is none that a store can be opened by.
    #[error("{url}: {reason}; write postgres://user:password@host/database or sqlite:///path/to/file.db")]
    Url {
        /// The URL.
        url: Shown,
        /// What is wrong with it.
        reason: String,
    },
    /// Not there, starting, stopping, overloaded or cut off: the same call may succeed later.
    #[error("{url}: not reachable ({reason}); is the database running, and are host and port right?")]
    Unreachable {
        /// The database.
        url: Shown,
        /// What happened.
        reason: String,
    },
    /// The login is refused, or may not do what it has to.
    #[error("{url}: {reason}; {advice}")]
    Denied {
        /// The database.
        url: Shown,
        /// What was refused.
        reason: String,
        /// What to do.
        advice: String,
    },
    /// The database can not serve as a store: no such database, no PostGIS, made by a newer
    /// version, no SQLite file, damaged.
    #[error("{url}: {reason}; {advice}")]
    Unusable {
        /// The database.
        url: Shown,
        /// What is wrong.
        reason: String,
        /// What to do.
        advice: String,
    },
    /// No room left on the database's disk. Nothing of the transaction was kept.
    #[error("{url}: disk full ({reason}); make room, the store goes on by itself")]
    Full {
        /// The database.
        url: Shown,
        /// The database's words.
        reason: String,
    },
    /// A commit for a position before the one that is already committed. Nothing was written.
    #[error(
        "journal position {upto} lies before {committed}, which is committed already; \
         read on from there, or look for a second process that fills the same store"
    )]
    Stale {
        /// What the store has.
        committed: u64,
        /// What was to be committed.
        upto: u64,
    },
    /// A commit for shards that another worker has taken over. Nothing was written.
    #[error("shards {shards:?} have another owner now; read them anew if they are to come back")]
    Fenced {
        /// Which ones.
        shards: Vec<u16>,
    },
    /// A row that no marshrut writes.
    #[error("{url}: table {table} holds a {column} that is none ({reason}); mend or delete the row")]
    Damaged {
        /// The database.
        url: Shown,
        /// The table.
        table: &'static str,
        /// The column.
        column: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Anything else that the database says.
    #[error("{url}: table {table}: {reason}; see the database's log")]
    Query {
        /// The database.
        url: Shown,
        /// The table that it was about.
        table: &'static str,
        /// The database's words.
        reason: String,
    },
}

impl StoreError {
    /// Whether the same call may succeed later with nothing changed but the database's state.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Full { .. })
    }

    /// Sorts what `sqlx` says of `table` of the database at `url`.
    pub(crate) fn of(url: &Shown, table: &'static str, error: &Sqlx) -> Self {
        let (url, reason) = (url.clone(), error.to_string());
        match error {
            Sqlx::Database(database) => {
                let code = database.code().unwrap_or_default();
                let reason = database.message().to_owned();
                match code.parse::<i32>() {
                    Ok(number) if code.len() < 5 => sqlite(url, table, number, reason),
                    _ => postgres(url, table, &code, reason),
                }
            }
            Sqlx::Configuration(_) => Self::Url { url, reason },
            Sqlx::Io(_) | Sqlx::PoolTimedOut | Sqlx::PoolClosed | Sqlx::WorkerCrashed | Sqlx::Protocol(_) => {
                Self::Unreachable { url, reason }
            }
            Sqlx::Tls(_) => Self::Denied {
                url,
                reason: format!("no TLS connection ({reason})"),
                advice: "check the server's certificate, or set sslmode in the URL".to_owned(),
            },
            Sqlx::ColumnDecode { index, source } => {
                Self::Damaged { url, table, column: index.trim_matches('"').to_owned(), reason: source.to_string() }
            }
            _ => Self::Query { url, table, reason },
        }
    }
}

/// By SQLSTATE (PostgreSQL manual, appendix A).
fn postgres(url: Shown, table: &'static str, code: &str, reason: String) -> StoreError {
    match code {
        "28P01" | "28000" => StoreError::Denied {
            url,
            reason,
            advice: "check user and password in the URL, and pg_hba.conf on the server".to_owned(),
        },
        "42501" => StoreError::Denied {
            url,
            reason,
            advice: format!("give the user that right on {table}, or make it the owner of schema marshrut"),
        },
        "3D000" => StoreError::Unusable { url, reason, advice: "create it with createdb".to_owned() },
        "25006" => StoreError::Denied {
            url,
            reason,
            advice: "the server is a read-only standby; connect to the primary".to_owned(),
        },
        "53100" => StoreError::Full { url, reason },
        "57P01" | "57P02" | "57P03" | "53300" | "57014" | "40001" | "40P01" => StoreError::Unreachable { url, reason },
        _ if code.starts_with("08") => StoreError::Unreachable { url, reason },
        _ => StoreError::Query { url, table, reason },
    }
}

/// By SQLite's result code, the primary part of which is the lowest byte (sqlite.org/rescode.html).
fn sqlite(url: Shown, table: &'static str, code: i32, reason: String) -> StoreError {
    match code & 0xff {
        5 | 6 => StoreError::Unreachable { url, reason: format!("{reason}: another process is writing to it") },
        8 | 3 | 23 => StoreError::Denied {
            url,
            reason,
            advice: "make the file and its folder writable for the user that marshrut runs as".to_owned(),
        },
        14 => StoreError::Denied {
            url,
            reason,
            advice: "make sure that its folder exists and is writable for the user that marshrut runs as".to_owned(),
        },
        13 => StoreError::Full { url, reason },
        11 => StoreError::Unusable {
            url,
            reason,
            advice: "restore the file from a backup, or move it away: what the journal still holds is taken in anew"
                .to_owned(),
        },
        26 => {
            StoreError::Unusable { url, reason, advice: "give the path of a new file or of a SQLite file".to_owned() }
        }
        _ => StoreError::Query { url, table, reason },
    }
}

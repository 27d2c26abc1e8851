//! PostGIS and SQLite behind one small trait.
//!
//! The history stage hands over a [`Batch`] of rows together with the
//! journal's position up to which they reach; the store writes both in one transaction:
//!
//! ```text
//! journal ──reports──▶ matching ──rows, corrections, position──▶ Store::commit ──▶ fixes, stop_visits, progress
//!                                                                Store::fixes_of ──▶ datasets
//! ```
//!
//! After a crash the reader goes on from [`Store::position`]. What it hands over a second
//! time is recognised twice: by the position, and each fix by its key (device, time, content).
//!
//! | | PostGIS | SQLite |
//! | --- | --- | --- |
//! | fixes | binary `COPY`; those that may be there already by way of a temporary table and `INSERT … ON CONFLICT DO NOTHING` | multi-row inserts |
//! | places | `geometry(Point, 4326)` | two columns |
//! | durability | the server's own setting | WAL with `synchronous = FULL`: a committed position is on the disk, so the journal may forget what lies before it |
//!
//! A row is written once, but for what the live matcher said of its fix: a [`Correction`] replaces
//! that, in the transaction of the position with which it became certain.
//!
//! The trait's two sides keep one behaviour: the same test suite runs over both.

mod attributes;
mod cells;
mod error;
mod matched;
mod page;
mod postgis;
mod row;
mod shards;
mod sqlite;
mod time;
mod url;

use std::sync::Arc;

use async_trait::async_trait;
use model::{ServiceDate, Timestamp};

pub use error::StoreError;
pub use row::{Batch, Correction, FixKey, FixRow, LiveMatch, VisitKey, VisitRow};
pub use shards::Claim;
pub use url::Shown;

/// What a commit did with its fixes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Fixes that are new.
    pub inserted: u64,
    /// Fixes that the store had already, or that were twice in the batch.
    pub duplicates: u64,
}

/// What keeps the history.
#[async_trait]
pub trait Store: Send + Sync {
    /// The journal's position up to which everything is committed; 0 at first.
    async fn position(&self) -> Result<u64, StoreError>;

    /// Writes rows and position in one transaction: all or nothing.
    ///
    /// A commit for the very position that is committed writes nothing and counts all its
    /// fixes as duplicates: that is the retry of a commit whose answer was lost. One for an
    /// earlier position is [`StoreError::Stale`].
    async fn commit(&self, batch: &Batch, upto: u64) -> Result<Committed, StoreError>;

    /// Takes shards of the stream over: each gets a new epoch, and from now on commits under
    /// its older ones are refused.
    async fn claim_shards(&self, shards: &[u16]) -> Result<Vec<Claim>, StoreError>;

    /// Writes rows and how far each of their shards has thereby got in one transaction: all
    /// or nothing. [`StoreError::Fenced`] where another worker has taken one of them over.
    async fn commit_shards(&self, batch: &Batch, upto: &[Claim]) -> Result<Committed, StoreError>;

    /// At most `limit` fixes with `from ≤ time < until`, ordered by vehicle, time, content
    /// hash (as a signed number) and device; those after `after`, where it is given. Fewer
    /// than `limit` means that there are no more.
    async fn fixes_of(
        &self,
        from: Timestamp,
        until: Timestamp,
        after: Option<&FixKey>,
        limit: usize,
    ) -> Result<Vec<FixRow>, StoreError>;

    /// At most `limit` stop visits of a service day as the live matcher saw them, ordered by
    /// trip, vehicle, run and stop sequence; those after `after`, where it is given.
    async fn visits_of(
        &self,
        day: ServiceDate,
        after: Option<&VisitKey>,
        limit: usize,
    ) -> Result<Vec<VisitRow>, StoreError>;

    /// The UTC dates on which there is at least one fix, in order.
    async fn days(&self) -> Result<Vec<ServiceDate>, StoreError>;

    /// Whether it can be read from and written to now.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Closes its connections. What was committed is safe without it.
    async fn close(&self);
}

/// Opens the store at `postgres://…` or `sqlite:///path/to/file.db` and brings its tables up
/// to date. A SQLite file and its folder are created where they are missing.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    let shown = Shown::new(url);
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("postgres" | "postgresql") => Ok(Arc::new(postgis::Postgis::open(url, shown).await?)),
        Some("sqlite") => Ok(Arc::new(sqlite::Sqlite::open(url, shown).await?)),
        Some(other) => Err(StoreError::Url { url: shown, reason: format!("`{other}:` is no database known here") }),
        None => Err(StoreError::Url { url: shown, reason: "this is no database URL".to_owned() }),
    }
}

/// What is to be said of tables that this version's migrations do not lead to.
fn newer(url: &Shown, error: &sqlx::migrate::MigrateError) -> StoreError {
    StoreError::Unusable {
        url: url.clone(),
        reason: format!("the tables are not those of this version ({error})"),
        advice: "a newer marshrut has used this database: run that version, or give this one another database"
            .to_owned(),
    }
}

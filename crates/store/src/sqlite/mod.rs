//! The store in one SQLite file: nothing to install, enough for a city on one host.
//!
//! The file is written in WAL mode, so readers do not wait for a commit, with
//! `synchronous = FULL`: one sync a batch, which is little, and in return a position that
//! [`Store::position`] tells is on the disk. With `NORMAL` a power cut could take the last
//! commits back, rows and position together, after the journal has already forgotten them.

mod read;
mod write;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use model::{ServiceDate, Timestamp};
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use crate::page::{self, Window};
use crate::{Batch, Claim, Committed, FixKey, FixRow, Shown, Store, StoreError, VisitKey, VisitRow};

/// How long to wait for another process's lock on the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_mins(1);
/// Connections for reading.
const READERS: u32 = 4;
/// Memory that each connection may use for pages, in SQLite's unit of −1 KiB.
const CACHE: &str = "-16384";

/// Fixes and stop visits in one file.
pub(crate) struct Sqlite {
    url: Shown,
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Sqlite {
    pub(crate) async fn open(url: &str, shown: Shown) -> Result<Self, StoreError> {
        let options: SqliteConnectOptions = url.parse().map_err(|e| StoreError::of(&shown, "", &e))?;
        let path = options.get_filename().to_owned();
        // Each connection would have a memory of its own.
        if url.contains(":memory:") || url.contains("mode=memory") || path.as_os_str().is_empty() {
            return Err(StoreError::Url { url: shown, reason: "the path of a file is missing".to_owned() });
        }
        create_folder(&path, &shown)?;
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("cache_size", CACHE);
        let pool = |connections| SqlitePoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT);
        let writer = pool(1).connect_with(options.clone()).await.map_err(|e| StoreError::of(&shown, "", &e))?;
        sqlx::migrate!("migrations/sqlite").run(&writer).await.map_err(|e| migration_error(&shown, &e))?;
        let readers = pool(READERS).connect_lazy_with(options);
        Ok(Self { url: shown, writer, readers })
    }

    fn one_process(&self) -> StoreError {
        StoreError::Unusable {
            url: self.url.clone(),
            reason: "several workers cannot fill one SQLite file".to_owned(),
            advice: "set store.url to a PostGIS database".to_owned(),
        }
    }

    fn error(&self, table: &'static str) -> impl Fn(sqlx::Error) -> StoreError + '_ {
        move |error| StoreError::of(&self.url, table, &error)
    }
}

fn create_folder(path: &Path, url: &Shown) -> Result<(), StoreError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|e| StoreError::Denied {
        url: url.clone(),
        reason: format!("folder {} cannot be created ({e})", folder.display()),
        advice: "choose another path, or give the user that marshrut runs as the right to write there".to_owned(),
    })
}

fn migration_error(url: &Shown, error: &MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => StoreError::of(url, "_sqlx_migrations", e),
        other => crate::newer(url, other),
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn position(&self) -> Result<u64, StoreError> {
        self.read_position().await
    }

    async fn commit(&self, batch: &Batch, upto: u64) -> Result<Committed, StoreError> {
        let started = std::time::Instant::now();
        let committed = self.write(batch, upto).await?;
        metrics::histogram!("marshrut_store_commit_seconds").record(started.elapsed().as_secs_f64());
        Ok(committed)
    }

    async fn claim_shards(&self, _: &[u16]) -> Result<Vec<Claim>, StoreError> {
        Err(self.one_process())
    }

    async fn commit_shards(&self, _: &Batch, _: &[Claim]) -> Result<Committed, StoreError> {
        Err(self.one_process())
    }

    async fn fixes_of(
        &self,
        from: Timestamp,
        until: Timestamp,
        after: Option<&FixKey>,
        limit: usize,
    ) -> Result<Vec<FixRow>, StoreError> {
        page::fixes(self, Window { from, until }, after, limit).await
    }

    async fn visits_of(
        &self,
        day: ServiceDate,
        after: Option<&VisitKey>,
        limit: usize,
    ) -> Result<Vec<VisitRow>, StoreError> {
        self.read_visits(day, after, limit).await
    }

    async fn days(&self) -> Result<Vec<ServiceDate>, StoreError> {
        self.read_days().await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.read_position().await.map(|_| ())
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

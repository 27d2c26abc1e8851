//! The store on PostgreSQL with PostGIS.

mod copy;
mod known;
mod read;
mod setup;
mod shards;
mod types;
mod write;

use std::time::Duration;

use async_trait::async_trait;
use model::{ServiceDate, Timestamp};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use known::Keeper;
use write::Guard;

use crate::page::{self, Window};
use crate::{Batch, Claim, Committed, FixKey, FixRow, Shown, Store, StoreError, VisitKey, VisitRow};

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest that one commit or one page may take: past it, the connection is taken for dead.
const OPERATION_TIMEOUT: Duration = Duration::from_mins(2);
/// Longest that the readiness check may take.
const READY_TIMEOUT: Duration = Duration::from_secs(3);
/// Connections for reading. Writing has one of its own, prepared for it.
const READERS: u32 = 4;

/// Fixes and stop visits in schema `marshrut` of a PostgreSQL database.
pub(crate) struct Postgis {
    url: Shown,
    writer: PgPool,
    known: Keeper,
    readers: PgPool,
}

impl Postgis {
    pub(crate) async fn open(url: &str, shown: Shown) -> Result<Self, StoreError> {
        let options: PgConnectOptions = url.parse().map_err(|e| StoreError::of(&shown, "", &e))?;
        let options = options.application_name("marshrut");
        setup::run(&options, &shown).await?;
        let writer = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT_TIMEOUT)
            .after_connect(|connection, _| Box::pin(write::prepare(connection)))
            .connect_lazy_with(options.clone());
        let readers =
            PgPoolOptions::new().max_connections(READERS).acquire_timeout(CONNECT_TIMEOUT).connect_lazy_with(options);
        Ok(Self { url: shown, writer, known: Keeper::default(), readers })
    }

    fn error(&self, table: &'static str) -> impl Fn(sqlx::Error) -> StoreError + '_ {
        move |error| StoreError::of(&self.url, table, &error)
    }

    /// Gives up on a server that neither answers nor hangs up.
    async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            Err(StoreError::Unreachable { url: self.url.clone(), reason: format!("no answer within {limit:?}") })
        })
    }
}

#[async_trait]
impl Store for Postgis {
    async fn position(&self) -> Result<u64, StoreError> {
        self.within(OPERATION_TIMEOUT, self.read_position()).await
    }

    async fn commit(&self, batch: &Batch, upto: u64) -> Result<Committed, StoreError> {
        let started = std::time::Instant::now();
        let committed = self.within(OPERATION_TIMEOUT, self.write(batch, Guard::Position(upto))).await?;
        metrics::histogram!("marshrut_store_commit_seconds").record(started.elapsed().as_secs_f64());
        Ok(committed)
    }

    async fn claim_shards(&self, shards: &[u16]) -> Result<Vec<Claim>, StoreError> {
        self.within(OPERATION_TIMEOUT, self.write_claims(shards)).await
    }

    async fn commit_shards(&self, batch: &Batch, upto: &[Claim]) -> Result<Committed, StoreError> {
        let started = std::time::Instant::now();
        let committed = self.within(OPERATION_TIMEOUT, self.write(batch, Guard::Shards(upto))).await?;
        metrics::histogram!("marshrut_store_commit_seconds").record(started.elapsed().as_secs_f64());
        Ok(committed)
    }

    async fn fixes_of(
        &self,
        from: Timestamp,
        until: Timestamp,
        after: Option<&FixKey>,
        limit: usize,
    ) -> Result<Vec<FixRow>, StoreError> {
        self.within(OPERATION_TIMEOUT, page::fixes(self, Window { from, until }, after, limit)).await
    }

    async fn visits_of(
        &self,
        day: ServiceDate,
        after: Option<&VisitKey>,
        limit: usize,
    ) -> Result<Vec<VisitRow>, StoreError> {
        self.within(OPERATION_TIMEOUT, self.read_visits(day, after, limit)).await
    }

    async fn days(&self) -> Result<Vec<ServiceDate>, StoreError> {
        self.within(OPERATION_TIMEOUT, self.read_days()).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.within(READY_TIMEOUT, self.check()).await
    }

    async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}

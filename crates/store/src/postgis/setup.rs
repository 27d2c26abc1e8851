//! The first connection: is this a database to work with, and are its tables up to date.

use sqlx::migrate::MigrateError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

use super::CONNECT_TIMEOUT;
use crate::{Shown, StoreError};

const HAS_POSTGIS: &str = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'postgis')";
const HAS_SCHEMA: &str = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'marshrut')";

/// Connects outside the pools, which would try a refused connection again and again and
/// then say no more than that it took too long.
pub(super) async fn run(options: &PgConnectOptions, url: &Shown) -> Result<(), StoreError> {
    let connect = tokio::time::timeout(CONNECT_TIMEOUT, options.connect());
    let Ok(connected) = connect.await else {
        let reason = format!("no answer within {CONNECT_TIMEOUT:?}");
        return Err(StoreError::Unreachable { url: url.clone(), reason });
    };
    let mut connection = connected.map_err(|e| StoreError::of(url, "", &e))?;
    ensure_postgis(&mut connection, url).await?;
    migrate(&mut connection, url).await?;
    // The work is done; a server that hangs up first takes nothing away.
    let _ = connection.close().await;
    Ok(())
}

async fn ensure_postgis(connection: &mut PgConnection, url: &Shown) -> Result<(), StoreError> {
    let error = |e| StoreError::of(url, "pg_extension", &e);
    if sqlx::query_scalar(HAS_POSTGIS).fetch_one(&mut *connection).await.map_err(error)? {
        return Ok(());
    }
    match sqlx::query("CREATE EXTENSION IF NOT EXISTS postgis").execute(connection).await {
        Ok(_) => Ok(()),
        Err(sqlx::Error::Database(e)) => Err(StoreError::Unusable {
            url: url.clone(),
            reason: format!("the database has no PostGIS and it could not be added ({})", e.message()),
            advice: "install the server's package postgis and have a superuser run CREATE EXTENSION postgis in it"
                .to_owned(),
        }),
        Err(other) => Err(error(other)),
    }
}

async fn migrate(connection: &mut PgConnection, url: &Shown) -> Result<(), StoreError> {
    let mut migrator = sqlx::migrate!("migrations/postgis");
    // In the schema and not in `public`, where PostgreSQL 15 lets ordinary users create nothing.
    migrator.dangerous_set_table_name("marshrut.migrations");
    let has_schema: bool = sqlx::query_scalar(HAS_SCHEMA)
        .fetch_one(&mut *connection)
        .await
        .map_err(|e| StoreError::of(url, "pg_namespace", &e))?;
    // Asked for only where it is missing: even IF NOT EXISTS needs the right to create it.
    if !has_schema {
        migrator.create_schema("marshrut");
    }
    migrator.run_direct(None, connection, false).await.map_err(|e| migration_error(url, &e))
}

fn migration_error(url: &Shown, error: &MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => {
            let code = e.as_database_error().and_then(|e| e.code().map(std::borrow::Cow::into_owned));
            if code.as_deref() == Some("42704") {
                return StoreError::Unusable {
                    url: url.clone(),
                    reason: format!("PostGIS is in a schema that is not on the search path ({e})"),
                    advice: "run ALTER DATABASE … SET search_path with the schema of PostGIS added".to_owned(),
                };
            }
            StoreError::of(url, "marshrut.migrations", e)
        }
        other => crate::newer(url, other),
    }
}

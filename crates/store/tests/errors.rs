//! What an administrator reads when a database is not as it should be.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test")]

mod support;

use store::StoreError;
use support::{PASSWORD, Postgis};

async fn error_of(url: &str) -> (StoreError, String) {
    let Err(error) = store::open(url).await else { panic!("{url} opened") };
    let text = error.to_string();
    assert!(!text.contains("p%40ss") && !text.contains(PASSWORD) && !text.contains("secret"), "{text}");
    (error, text)
}

#[tokio::test]
async fn a_url_that_is_none_says_how_one_looks() {
    for url in ["", "nonsense", "mysql://u:secret@h/d", "sqlite::memory:", "postgres://u:secret@h:port/d"] {
        let (error, text) = error_of(url).await;
        assert!(matches!(error, StoreError::Url { .. }) && text.contains("sqlite:///path"), "{url}: {text}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_may_come_later() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (error, text) = error_of(&format!("postgres://bus:secret@127.0.0.1:{port}/city")).await;
    assert!(error.is_transient() && text.contains(&port.to_string()) && text.contains("bus:***"), "{text}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let notes = "not a database at all\n".repeat(1000);
    std::fs::write(&path, &notes).unwrap();
    let (error, text) = error_of(&format!("sqlite://{}", path.display())).await;
    assert!(matches!(error, StoreError::Unusable { .. }) && text.contains("notes.txt"), "{text}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), notes);

    // A file where a folder should be; root may write anywhere, so rights are not tried here.
    let (error, text) = error_of(&format!("sqlite://{}/store.db", path.display())).await;
    assert!(matches!(error, StoreError::Denied { .. }) && text.contains("folder"), "{text}");
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/store.db", folder.path().display());
    store::open(&url).await.unwrap().close().await;
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations SELECT 999, 'future', installed_on, success, checksum, 0 FROM _sqlx_migrations",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    let (error, text) = error_of(&url).await;
    assert!(matches!(error, StoreError::Unusable { .. }) && text.contains("newer"), "{text}");
}

/// All that needs a server of its own, in one start of it.
#[tokio::test]
async fn a_server_that_refuses_says_what_to_do() {
    let Some(server) = Postgis::start() else { return };
    let url = server.database();

    if server.port != 0 {
        let (error, text) = error_of(&url.replace("p%40ss", "secret")).await;
        assert!(matches!(error, StoreError::Denied { .. }) && text.contains("password"), "{text}");
    }
    let (error, text) = error_of(&server.url_of("no_such_city")).await;
    assert!(matches!(error, StoreError::Unusable { .. }) && text.contains("createdb"), "{text}");

    // An ordinary user in a database without PostGIS, then with it, then with no right to the schema.
    server.psql("", "DROP ROLE IF EXISTS marshrut_guest; CREATE ROLE marshrut_guest LOGIN PASSWORD 'secret'");
    let login = url.find("://").unwrap() + 3..url.rfind('@').unwrap();
    let mut guest = url.clone();
    guest.replace_range(login, "marshrut_guest:secret");
    let (error, text) = error_of(&guest).await;
    assert!(matches!(error, StoreError::Unusable { .. }) && text.contains("CREATE EXTENSION postgis"), "{text}");
    server.psql(&url, "CREATE EXTENSION postgis");
    let (error, text) = error_of(&guest).await;
    assert!(matches!(error, StoreError::Denied { .. }), "{text}");

    // With a schema of its own it needs no more.
    server.psql(&url, "CREATE SCHEMA marshrut AUTHORIZATION marshrut_guest");
    let store = store::open(&guest).await.unwrap();
    assert_eq!(store.position().await.unwrap(), 0);
    store.ready().await.unwrap();

    // Geometry is real geometry.
    let kind = "SELECT type || ' ' || srid FROM geometry_columns WHERE f_table_schema = 'marshrut'";
    assert_eq!(server.psql(&url, kind), "POINT 4326");

    // Rights taken away while it runs: named with the table.
    server.psql(
        &url,
        "ALTER TABLE marshrut.progress OWNER TO CURRENT_USER; REVOKE ALL ON marshrut.progress FROM marshrut_guest",
    );
    let error = store.commit(&store::Batch::default(), 1).await.unwrap_err();
    assert!(matches!(error, StoreError::Denied { .. }) && error.to_string().contains("marshrut.progress"), "{error}");
    store.close().await;
    server.psql("", "DROP DATABASE IF EXISTS no_such_city");
}

/// The server goes away and comes back: errors that say to wait, then work goes on.
#[tokio::test]
async fn connections_cut_by_the_server_are_made_anew() {
    let Some(server) = Postgis::start() else { return };
    let url = server.database();
    let store = store::open(&url).await.unwrap();
    store.commit(&store::Batch::default(), 1).await.unwrap();
    let name = url.rsplit('/').next().unwrap().split('?').next().unwrap();
    server.psql("", &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
    if let Err(error) = store.commit(&store::Batch::default(), 2).await {
        assert!(error.is_transient(), "{error}");
        store.commit(&store::Batch::default(), 2).await.unwrap();
    }
    assert_eq!(store.position().await.unwrap(), 2);
}

//! The city's GTFS: read for matching, and as the zip that the feeds refer to.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use network::Network;
use zip::write::SimpleFileOptions;

/// Findings of a feed that are said one by one; of the rest, how many there are.
const SAID_FINDINGS: usize = 8;

/// A feed that was read.
pub struct Schedule {
    /// What it says, compiled.
    pub network: Arc<Network>,
    /// The same feed as a zip file.
    pub zip: Bytes,
}

/// Reads the feed at `path`, a zip file or a folder, and logs what is odd about it.
pub async fn read(path: &Path) -> anyhow::Result<Schedule> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || {
        let network = compile(&path)?;
        Ok(Schedule { network: Arc::new(network), zip: zipped(&path)?.into() })
    })
    .await?
}

/// Compiles the feed at `path` and logs what is odd about it.
pub fn compile(path: &Path) -> anyhow::Result<Network> {
    if !path.exists() {
        bail!("there is no GTFS at {}; set data.gtfs to the city's zip file or folder", path.display());
    }
    let (network, findings) = network::load(path)?;
    for finding in findings.iter().take(SAID_FINDINGS) {
        tracing::warn!("{}: {finding}", path.display());
    }
    if findings.len() > SAID_FINDINGS {
        let rest = findings.len() - SAID_FINDINGS;
        tracing::warn!("{}: and {rest} more; `marshrut check` lists them all", path.display());
    }
    Ok(network)
}

fn zipped(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path.is_dir() {
        zip_folder(path).with_context(|| format!("cannot zip the GTFS folder {}", path.display()))
    } else {
        std::fs::read(path).with_context(|| format!("cannot read the GTFS {}", path.display()))
    }
}

/// The folder's .txt files in one zip, the same bytes for the same files.
fn zip_folder(folder: &Path) -> anyhow::Result<Vec<u8>> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|e| e == "txt"));
    files.sort();
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    // No time stamps: the archive is to depend on nothing but the files' contents.
    let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        zip.start_file(name, options)?;
        zip.write_all(&std::fs::read(&file)?)?;
    }
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_the_same_zip_each_time_and_only_its_tables() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("stops.txt"), "stop_id\nA\n").unwrap();
        std::fs::write(folder.path().join("agency.txt"), "agency_name\nМіськтранс\n").unwrap();
        std::fs::write(folder.path().join("README.md"), "not a table").unwrap();
        let bytes = zipped(folder.path()).unwrap();
        assert_eq!(bytes, zipped(folder.path()).unwrap());
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        assert_eq!(archive.file_names().collect::<Vec<_>>(), ["agency.txt", "stops.txt"]);
        let text = std::io::read_to_string(archive.by_name("agency.txt").unwrap()).unwrap();
        assert_eq!(text, "agency_name\nМіськтранс\n");
    }

    #[test]
    fn a_missing_feed_says_what_to_set() {
        let error = compile(Path::new("/nowhere/gtfs.zip")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/gtfs.zip") && error.contains("data.gtfs"), "{error}");
    }
}

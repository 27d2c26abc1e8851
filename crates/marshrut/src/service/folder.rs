//! What lies in the data folder besides journal and store: who the devices are, who this host is.

use std::path::Path;

use anyhow::{Context as _, bail};
use gateway::Registry;
use model::PseudonymKey;

use crate::config::Config;

/// What tells this host from the others: `nats.name`, or its host name with a random number that
/// is made at its first start.
pub fn host(config: &Config) -> anyhow::Result<String> {
    if !config.nats.name.is_empty() {
        return Ok(config.nats.name.clone());
    }
    let path = config.data.folder.join("host.id");
    match std::fs::read_to_string(&path) {
        Ok(text) if !text.is_empty() => Ok(text),
        Ok(_) => bail!("{} is empty; remove it, or set nats.name", path.display()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
            let mut random = [0; 8];
            getrandom::fill(&mut random).map_err(|e| anyhow::anyhow!("the system gives no random numbers: {e}"))?;
            let id = format!("{}-{}", name.trim(), hex::encode(random));
            write_secret(&path, id.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
            Ok(id)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Makes the data folder and makes sure that it can be written.
pub fn prepare(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| {
        format!("cannot make the data folder {}; set data.folder to one that can be written", folder.display())
    })?;
    let probe = folder.join(".writable");
    std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)).with_context(|| {
        format!("cannot write to the data folder {}; give this user the right to, or set data.folder", folder.display())
    })
}

/// The devices of the fleet, and the key for the pseudonyms of all others.
pub fn registry(config: &Config) -> anyhow::Result<Registry> {
    let key = pseudonym_key(&config.data.folder)?;
    if config.data.devices.as_os_str().is_empty() {
        if config.data.allow_list {
            bail!("data.allow_list is set but data.devices names no list of devices; nobody could connect");
        }
        return Ok(Registry::open(key));
    }
    Ok(Registry::from_csv(&config.data.devices, config.data.allow_list, key)?)
}

/// The secret of this installation, made at its first start.
fn pseudonym_key(folder: &Path) -> anyhow::Result<PseudonymKey> {
    let path = folder.join("pseudonym.key");
    match std::fs::read(&path) {
        Ok(bytes) => {
            let key = <[u8; 16]>::try_from(bytes.as_slice());
            let key = key.with_context(|| format!("{} is damaged: it must hold 16 bytes", path.display()))?;
            Ok(PseudonymKey::new(key))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut key = [0; 16];
            getrandom::fill(&mut key).map_err(|e| anyhow::anyhow!("the system gives no random numbers: {e}"))?;
            write_secret(&path, &key).with_context(|| format!("cannot write {}", path.display()))?;
            Ok(PseudonymKey::new(key))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn write_secret(path: &Path, key: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(key)?;
    file.sync_all()
}
